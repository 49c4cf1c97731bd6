"""The milter protocol, version 6: the filter's end of it without I/O, and the daemon on top.

The filter's end is `session.FilterSession`; the MTA's end is a part of the tests.
"""
