"""How does this domain sign?  Every generation of the question, as flows without I/O.

`dmarc`, `adsp`, `ssp2007`, `ssp` and `domainkeys` are the practices a domain published at one
time or another; `atps` and `vbr` speak for third parties; `spf` authenticates the envelope;
`engine` asks several at once and gives an `assessment`, `results` writes it down.  `survey`,
`described`, `lint` and `publish` are for what a domain itself publishes.  Who wrote a message
is read by `avowal.mailbox`; what is done with it is left to `flow`.
"""
