"""Signature fields on their way through the keys: what lacks only b=, and who fills it in.

Whatever signs (`Signer`, `avowal.arc.sealer.Sealer`, the sealers of the flow) is a generator
that yields what it wants signed and is sent the signatures; `drive_keys` and `adrive_keys` ask
the keys.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

from avowal.crypto.algorithms import ALGORITHMS, HASHES, own_public_key
from avowal.crypto.publickey import PublicKeyFault
from avowal.crypto.signing import (
    AnyKey,
    AsyncSigningKey,
    KnowsPublicKey,
    PrivateKey,
    SigningKey,
)
from avowal.dkim.layout import Folding
from avowal.dkim.signature import SignatureFault
from avowal.errors import AvowalError, IntentError, UsageError
from avowal.message import Field

T = TypeVar("T")


class ReadBack(NamedTuple):
    """What a verifier sees in a finished field: algorithm, signature, the octets it signs."""

    algorithm: str
    signature: bytes
    data: bytes


class Signed(NamedTuple):
    """A finished signature field, and what it says as d=, s= and a=."""

    field: Field
    domain: str
    selector: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A signature field that lacks only its b= value.

    `domain` and `selector` are what it says as d= and s=.  `text` is the field up to its empty
    b=, `after` what follows, `colon` where its colon stands, `digest` what the key has to sign.
    `read_back` reads the finished field as a verifier will; it raises SignatureFault.
    """

    domain: str
    selector: str
    text: bytes
    after: bytes = b""
    colon: int
    column: int
    digest: bytes
    key: AnyKey
    layout: Folding
    read_back: Callable[[Field], ReadBack]

    def complete(self, signature: bytes) -> Signed:
        """Return the finished field after checking it.  Raises IntentError."""
        folded = self.layout.base64(base64.b64encode(signature), self.column)
        field = Field(self.text + folded + self.after, self.colon)
        self._check(field)
        return Signed(field, self.domain, self.selector, self.key.algorithm)

    def _check(self, field: Field) -> None:
        """Read the field back as a verifier will, and verify it (design: self-check)."""
        name = field.raw[: field.colon].decode()
        try:
            read = self.read_back(field)
        except SignatureFault as fault:
            raise IntentError(name, f"our own reader refuses it: {fault}") from None
        algorithm = ALGORITHMS[read.algorithm]
        digest = HASHES[algorithm.hash_name](read.data).digest()
        if digest != self.digest:
            raise IntentError(name, "writer and reader disagree about what is signed")
        if isinstance(self.key, PrivateKey | KnowsPublicKey):
            try:
                public = own_public_key(algorithm, self.key.public_octets)
            except PublicKeyFault as fault:
                raise IntentError("b=", f"the key's public half is unusable: {fault}") from None
            if not algorithm.verify(public, read.signature, digest):
                raise IntentError("b=", "the key made a signature that does not verify")


SigningSteps: TypeAlias = Generator[tuple[Unsigned, ...], tuple[bytes, ...], T]
"""Yields what has to be signed, is sent the signatures; what a key raises is raised there."""


def drive_keys(signing: SigningSteps[T]) -> T:
    """Sign with keys that are at hand.  Raises UsageError for one that has to be waited for."""
    try:
        wanted = next(signing)
        while True:
            try:
                made = tuple([_signature(one) for one in wanted])
            except AvowalError as error:
                wanted = signing.throw(error)
            else:
                wanted = signing.send(made)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def adrive_keys(signing: SigningSteps[T]) -> T:
    """Do the same with keys of which some answer asynchronously."""
    try:
        wanted = next(signing)
        while True:
            try:
                made = tuple([await _asignature(one) for one in wanted])
            except AvowalError as error:
                wanted = signing.throw(error)
            else:
                wanted = signing.send(made)
    except StopIteration as stop:
        result: T = stop.value
        return result


def _signature(unsigned: Unsigned) -> bytes:
    key = unsigned.key
    if not isinstance(key, PrivateKey | SigningKey):  # a protocol is slow to ask: the usual first
        raise UsageError(f"the key of {unsigned.domain} has to be waited for: sign asynchronously")
    return key.sign(unsigned.digest)


async def _asignature(unsigned: Unsigned) -> bytes:
    key = unsigned.key
    if isinstance(key, AsyncSigningKey):
        return await key.asign(unsigned.digest)
    return _signature(unsigned)
