"""Sign with RSA and Ed25519 side by side (RFC 8463): receivers take the one they know."""

from pathlib import Path
from tempfile import TemporaryDirectory

import avowal
from avowal.testing import message

rsa = avowal.generate_key("rsa", bits=2048)
ed25519 = avowal.generate_key("ed25519")
zone = {
    "r1._domainkey.example.com": avowal.record_text(rsa),
    "e1._domainkey.example.com": avowal.record_text(ed25519),
}

with TemporaryDirectory() as folder:  # keys live in files that nobody else can read
    avowal.write_key(Path(folder, "r1.pem"), rsa)
    avowal.write_key(Path(folder, "e1.pem"), ed25519)
    intents = [
        avowal.Intent(
            domain="example.com",
            selector=selector,
            key=avowal.load_key(Path(folder, f"{selector}.pem")),
        )
        for selector in ("e1", "r1")
    ]

octets = avowal.sign(message(), *intents) + message()
for verdict in avowal.verify(octets, zone):
    assert verdict.signature is not None
    print(verdict.result, verdict.signature.algorithm)
    assert verdict.passed
