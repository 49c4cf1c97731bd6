"""ARC, the Authenticated Received Chain (RFC 8617): Experimental, on its way to Historic.

Read here to interoperate with the seals that large providers still write, and to study
messages that carry them.
"""
