"""What to do with one message, from its first header field to the answer to the MTA.

`plan` is the compiled configuration; `treatment` decides whether to sign or verify;
`inspection` runs the mechanisms over the message and returns a `FlowOutcome`; `decide` turns
it into `actions`; `trace` keeps why.  Nothing here does I/O: the faces (milter, proxy, and
`avowal why`) drive it and carry the actions out.
"""
