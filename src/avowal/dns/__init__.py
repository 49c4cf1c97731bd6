"""What answers questions to DNS: real servers, zones in memory, recordings, and decorators.

`dnspython.DnsResolver` asks name servers, `zone.Zone` answers from a mapping or zone file,
`recorder` keeps answers and replays them; `cache.Cached` and `limits.Limited` wrap any of
them.  All of them serve `lookup.Resolver` and `lookup.AsyncResolver`.  What the answers
mean is for the packages that ask.  The only one that imports dnspython, and only where it
is needed: a zone from a mapping does not load it.
"""
