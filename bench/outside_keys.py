"""What a signature costs by a key outside the process: a token (SoftHSM2) and a signer.

    python bench/outside_keys.py 'pkcs11:token=…' 'signer:/run/…?key=…' file:/etc/dkim/s1.pem

Signatures in a second, one after the other, and by `asign` as many at a time as a key has
threads; and how long the event loop had to wait for its turn meanwhile, at most.
"""

from __future__ import annotations

import asyncio
import sys
import time

from avowal.crypto.signing import AsyncSigningKey, SigningKey
from avowal.stored_keys import open_private

DIGEST = bytes(range(32))
SECONDS = 2.0


def one_after_the_other(key: SigningKey) -> float:
    made, until = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        key.sign(DIGEST)
        made += 1
    return made / SECONDS


async def at_once(key: AsyncSigningKey) -> tuple[float, float]:
    made, longest, until = 0, 0.0, time.perf_counter() + SECONDS

    async def signing() -> None:
        nonlocal made
        while time.perf_counter() < until:
            await key.asign(DIGEST)
            made += 1

    tasks = [asyncio.create_task(signing()) for _ in range(16)]
    before = time.perf_counter()
    while before < until:
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    await asyncio.gather(*tasks)
    return made / SECONDS, longest * 1000


def main() -> None:
    for uri in sys.argv[1:]:
        key = open_private(uri)
        print(uri.partition("?")[0], key.algorithm)
        if isinstance(key, SigningKey):
            print(f"  {one_after_the_other(key):8.0f} signatures a second, one after the other")
        if isinstance(key, AsyncSigningKey):
            rate, longest = asyncio.run(at_once(key))
            print(f"  {rate:8.0f} a second at once; the loop waited {longest:.1f} ms at most")


if __name__ == "__main__":
    main()
