"""One-line calls: verify, sign, seal, from octets or a file.

They read the clock and files, choose a resolver where none is given, and drive the core.
"""
