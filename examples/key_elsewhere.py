"""Sign with a key that is elsewhere: an HSM, or a service that answers over a network."""

import asyncio

import avowal
from avowal.testing import ED25519, RSA_2048, message, record_for


class Token:
    """A key in a PKCS#11 token: it is given the digest, and returns the signature."""

    algorithm = "rsa-sha256"

    def sign(self, digest: bytes, /) -> bytes:
        return RSA_2048.sign(digest)  # here: C_Sign with CKM_RSA_PKCS over the DigestInfo


class Service:
    """A key that answers over a network; `asign` does not block."""

    algorithm = "ed25519-sha256"

    async def asign(self, digest: bytes, /) -> bytes:
        await asyncio.sleep(0)  # here: the call of the service, on the digest as a raw message
        return ED25519.sign(digest)


zone = {
    "r1._domainkey.example.com": record_for(RSA_2048),
    "e1._domainkey.example.com": record_for(ED25519),
}


async def main() -> None:
    fields = await avowal.asign(
        message(),
        avowal.Intent(domain="example.com", selector="r1", key=Token()),
        avowal.Intent(domain="example.com", selector="e1", key=Service()),
    )
    verdicts = await avowal.averify(fields + message(), zone)
    print([str(verdict.result) for verdict in verdicts])
    assert all(verdict.passed for verdict in verdicts)


field = avowal.sign(message(), domain="example.com", selector="r1", key=Token())
assert all(verdict.passed for verdict in avowal.verify(field + message(), zone))
asyncio.run(main())
