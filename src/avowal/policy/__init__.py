"""How does this domain sign?  Every generation of the question, as flows without I/O.

`author` reads who wrote a message; `dmarc`, `adsp`, `ssp2007`, `ssp` are the practices a
domain published at one time or another, newest first; `atps` and `vbr` speak for third
parties; `spf` authenticates the envelope; `engine` asks several at once; `lint` and
`publish` are for the domain's own records.  What is done with a message is left to `flow`.
"""
