"""Mailing lists and forwarders (RFC 6377): what they change, and what they should do.

`edits` are exact edit scripts, `changes` says in the field's words what they amount to,
`author` rewrites From, `advice` tells a list what to do with a message, `resign` plans a
re-signer's work.  Verifying is left to `dkim`, sending to the faces.
"""
