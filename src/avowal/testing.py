"""Help for tests of programs that use avowal, and for its own.

``Zone({"s1._domainkey.example.com": "v=DKIM1; p=..."})`` stands in for DNS, synchronous and
asynchronous, without a socket.
"""

from __future__ import annotations

from avowal.dns.zone import Zone

__all__ = ["Zone"]
