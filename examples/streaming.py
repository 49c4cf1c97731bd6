"""Verify and sign while the body still arrives, in constant memory: no I/O of its own."""

import time
from collections.abc import Iterator

import avowal
from avowal.testing import ED25519, Zone, message, record_for

zone = Zone({"s1._domainkey.example.com": record_for(ED25519)})


def body() -> Iterator[bytes]:
    for _ in range(1000):
        yield b"a line of the body, as it comes over the wire\r\n"


header = avowal.Header.parse(message().partition(b"\r\n\r\n")[0])
now = int(time.time())

signer = avowal.Signer(
    header, [avowal.Intent(domain="example.com", selector="s1", key=ED25519)], now=now
)
for chunk in body():
    signer.feed(chunk)
(field,) = signer.finish()

verifier = avowal.Verifier(avowal.Header.of([field, *header]), now=now)
keys = avowal.run(verifier.keys(), zone)  # DNS, while the body arrives; arun() awaits
for chunk in body():
    if not verifier.feed(chunk):
        break  # no signature needs more of it
(verdict,) = verifier.finish(keys)
print(verdict.result, verdict.domain)
assert verdict.passed
