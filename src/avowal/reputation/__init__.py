"""The identity assessor (RFC 6376 §2.7, RFC 7070): what is thought of whoever answers for mail.

Only validated identifiers are asked about: d= (and i=) of a signature that verified, the
domain that SPF passed.  `opinions` has the values and the protocol, `reputon`, `repute`,
`dnswl` and `table` are where opinions come from, `display` tells a reader who answers for
a message.  What is done with an opinion is left to `flow`; databases are `stores`' business.
"""
