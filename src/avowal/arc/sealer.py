"""Sealing one message: the ARC set of this hop (RFC 8617 §5.1).

::

    sealer = Sealer(header, intent, verification, results, now=now)
    for chunk in body: sealer.feed(chunk)      # the message as it will be sent: seal last
    fields = sealer.finish()                   # or: await sealer.afinish(); put them on top

or step by step, for a key that lives elsewhere: ``prepare()`` gives the unsigned message
signature, ``seal(field)`` with its completed field the unsigned seal, ``fields(field)``
the set.  Both fields are read back and verified before they are let go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from avowal.arc.fields import (
    MOST_INSTANCES,
    SEAL_NAME,
    SIGNATURE_NAME,
    Seal,
    read_field,
    read_message_signature,
)
from avowal.arc.intent import checked, refuse_contradiction
from avowal.arc.layout import FOLDED, SetLayout
from avowal.arc.reasons import ChainReason, ChainStatus, Refusal, SealRefused
from avowal.arc.verdict import ChainVerification
from avowal.arc.verifier import canonical
from avowal.authres.model import AuthenticationResults
from avowal.canonical import Octets, relaxed_field
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.dkim.hashing import BodyHash, BodyHasher, header_data
from avowal.dkim.intent import Intent
from avowal.dkim.layout import Tags
from avowal.dkim.signature import read_tags
from avowal.dkim.signer import refuse_beyond, refuse_malformed
from avowal.dkim.unsigned import ReadBack, SigningSteps, Unsigned, adrive_keys, drive_keys
from avowal.errors import StateError
from avowal.message import Field, Header

SealedSet: TypeAlias = tuple[Field, Field, Field]
"""Seal, message signature and results: the order they stand in on top of the message."""

_WRITTEN_NAMES = {
    SIGNATURE_NAME: b"ARC-Message-Signature",
    SEAL_NAME: b"ARC-Seal",
}


def refusal_of(verification: ChainVerification, *, mark_failed: bool = False) -> Refusal | None:
    """Return why a message with such a chain is not sealed; None when it may be.

    With `mark_failed` a chain that this hop found broken gets a last set with cv=fail
    (§5.1.2).  Deliberate: by default nothing is added, since no validator will ever look
    behind such a seal.
    """
    if verification.chain.marked_failed:
        return Refusal.MARKED_FAILED
    chain = verification.chain
    if chain.highest >= MOST_INSTANCES or chain.reason is ChainReason.TOO_MANY_SETS:
        return Refusal.FULL
    unread = chain.reason is ChainReason.TOO_LARGE  # its highest instance is not known
    if verification.status is ChainStatus.FAIL and (unread or not mark_failed):
        return Refusal.BROKEN
    return None


def register_body(hasher: BodyHasher, intent: Intent) -> BodyHash:
    """Ask a hasher for the body hash of a set, before the body is fed.  Raises IntentError."""
    hash_name = ALGORITHMS[checked(intent).intent.key.algorithm].hash_name
    return hasher.register(intent.body_canon, hash_name, None)


class Sealer:
    """Makes the ARC set of one message, its body streaming through once.

    `header` is the message's as it will be sent, signatures included; `verification` is
    the verdict on the chain as it arrived, `results` all results of this administrative
    unit (§4.1.1), arc among them or not.  `intent` says with which names and key;
    `SEALED_NAMES` are the fields to cover.  `now` is the time of sealing in Unix seconds.

    Raises SealRefused where `refusal_of` says so, IntentError for an intent that cannot
    be carried out.
    """

    __slots__ = (
        "_body", "_checked", "_hasher", "_header", "_instance", "_layout", "_now", "_own_hasher",
        "_results", "_signature", "_state", "_status", "_verification",
    )  # fmt: skip

    def __init__(
        self,
        header: Header,
        intent: Intent,
        verification: ChainVerification,
        results: AuthenticationResults,
        *,
        now: int,
        mark_failed: bool = False,
        accept_malformed: bool = False,
        layout: SetLayout = FOLDED,
        hasher: BodyHasher | None = None,
    ) -> None:
        refusal = refusal_of(verification, mark_failed=mark_failed)
        if refusal is not None:
            raise SealRefused(refusal, verification.detail)
        refuse_beyond(header)
        if not accept_malformed:
            refuse_malformed(header)
        self._header = header
        self._checked = checked(intent).for_message(header)
        self._verification = verification
        self._now = now
        self._layout = layout
        self._status = verification.status
        self._instance = verification.chain.highest + 1
        refuse_contradiction(results, self._status)
        self._results = layout.results(results, self._instance)
        self._own_hasher = hasher is None
        self._hasher = BodyHasher() if hasher is None else hasher
        self._body = register_body(self._hasher, intent)
        self._signature: Field | None = None
        self._state = "body"

    @property
    def instance(self) -> int:
        """The instance of the new set (§5.1 step 3)."""
        return self._instance

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body, in wire form."""
        self._enter("body", "body")
        self._hasher.feed(chunk)

    def prepare(self) -> Unsigned:
        """End the body and return the message signature that is left to sign."""
        self._enter("body", "signature")
        if self._own_hasher:
            self._hasher.finish()
        intent = self._checked.intent
        names = self._layout.signed_names(self._header, intent.names, intent.oversigned)
        lowered = tuple([name.lower() for name in names])

        def data(own: Field) -> bytes:
            return header_data(self._header, lowered, intent.header_canon, own)

        def read_back(field: Field) -> ReadBack:
            read = read_message_signature(field, read_tags(field))
            signed = header_data(
                self._header, read.signed_names, read.header_canon, read.unsigned_field
            )
            return ReadBack(read.algorithm, read.signature, signed)

        return self._unsigned(SIGNATURE_NAME, self._signature_tags(names), data, read_back)

    def seal(self, signature: Field) -> Unsigned:
        """Take the finished message signature; return the seal that is left to sign."""
        self._enter("signature", "seal")
        self._signature = signature
        before = self._before()

        def data(own: Field) -> bytes:
            return before + relaxed_field(*own)

        def read_back(field: Field) -> ReadBack:
            read = read_field(field, -1)
            assert isinstance(read, Seal)  # noqa: S101 - for the checker: the name says so
            return ReadBack(read.algorithm, read.signature, data(read.unsigned_field))

        return self._unsigned(SEAL_NAME, self._seal_tags(), data, read_back)

    def fields(self, seal: Field) -> SealedSet:
        """Take the finished seal; return the set."""
        self._enter("seal", "done")
        assert self._signature is not None  # noqa: S101 - the state says so
        return seal, self._signature, self._results

    def sealing(self) -> SigningSteps[SealedSet]:
        """End the body and make the set, for `drive_keys` or `adrive_keys`."""
        wanted = self.prepare()
        (made,) = yield (wanted,)
        wanted = self.seal(wanted.complete(made).field)
        (made,) = yield (wanted,)
        return self.fields(wanted.complete(made).field)

    def finish(self) -> SealedSet:
        """Sign both with the key: seal, message signature, results."""
        return drive_keys(self.sealing())

    async def afinish(self) -> SealedSet:
        """Do the same with a key that may answer asynchronously."""
        return await adrive_keys(self.sealing())

    def _enter(self, expected: str, following: str) -> None:
        if self._state != expected:
            raise StateError(f"the sealer expects the {self._state} now")
        self._state = following

    @property
    def _hash_name(self) -> str:
        return ALGORITHMS[self._checked.intent.key.algorithm].hash_name

    def _before(self) -> bytes:
        """What the seal signs besides itself (§5.1.1); the own set only when broken (§5.1.2)."""
        sets = () if self._status is ChainStatus.FAIL else self._verification.chain.sets
        earlier = [canonical((s.results.field, s.signature.field, s.seal.field)) for s in sets]
        assert self._signature is not None  # noqa: S101 - the state says so
        return b"".join((*earlier, canonical((self._results, self._signature))))

    def _signature_tags(self, names: tuple[bytes, ...]) -> Iterator[tuple[str, Sequence[bytes]]]:
        """Yield the tags of ARC-Message-Signature (§4.1.2), b= last and empty."""
        intent = self._checked.intent
        yield "i", (b"%d" % self._instance,)
        yield "a", (intent.key.algorithm.encode(),)
        yield "c", (f"{intent.header_canon}/{intent.body_canon}".encode(),)
        yield from self._common_tags()
        yield "h", [(b":" if at else b"") + name for at, name in enumerate(names)]
        yield "bh", (base64.b64encode(self._body.digest),)
        yield "b", (b"",)

    def _seal_tags(self) -> Iterator[tuple[str, Sequence[bytes]]]:
        """Yield the tags of ARC-Seal (§4.1.3), b= last and empty."""
        yield "i", (b"%d" % self._instance,)
        yield "a", (self._checked.intent.key.algorithm.encode(),)
        yield "cv", (str(self._status).encode(),)
        yield from self._common_tags()
        yield "b", (b"",)

    def _common_tags(self) -> Iterator[tuple[str, Sequence[bytes]]]:
        yield "d", (self._checked.domain.text.encode(),)
        yield "s", (self._checked.selector.text.encode(),)
        yield "t", (b"%d" % self._now,)

    def _unsigned(
        self,
        name: bytes,
        tags: Tags,
        data: Callable[[Field], bytes],
        read_back: Callable[[Field], ReadBack],
    ) -> Unsigned:
        key = self._checked.intent.key
        written = _WRITTEN_NAMES[name]
        text, after, column = self._layout.unsigned(written, tags)
        digest = HASHES[self._hash_name](data(Field(text + after, len(written)))).digest()
        return Unsigned(
            domain=self._checked.domain.text,
            selector=self._checked.selector.text,
            text=text,
            after=after,
            colon=len(written),
            column=column,
            digest=digest,
            key=key,
            layout=self._layout,
            read_back=read_back,
        )
