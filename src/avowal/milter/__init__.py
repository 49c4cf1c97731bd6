"""The milter protocol, version 6: both ends of it without I/O, and the daemon on top.

The filter's end is `session.FilterSession`, the MTA's end `mta.MtaSession`.
"""
