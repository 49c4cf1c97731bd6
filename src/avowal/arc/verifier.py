"""Validating the chain of one message (RFC 8617 §5.2).

::

    verifier = ArcVerifier(header, now=now)
    keys = run(verifier.keys(), resolver)     # all keys of all sets in one round
    for chunk in body: verifier.feed(chunk)   # one pass for all sets of equal form
    verdict = verifier.finish(keys)

Together with DKIM the body passes once: give both verifiers the same `BodyHasher`, feed
and end it yourself.  Nothing here raises for any octets and any answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from avowal.arc.chain import ArcSet, Chain
from avowal.arc.fields import Seal
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.arc.verdict import ChainVerification, SealVerification
from avowal.canonical import Octets, relaxed_field
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.dkim import acceptance
from avowal.dkim import rules as rules_module
from avowal.dkim.acceptance import Admission, Circumstances, Keys, Place
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.key import Unusable, usable_key
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Problem, Rules
from avowal.dkim.signature import QUERY_DNS_TXT, Signature
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier, asked, by_records
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Steps, together
from avowal.message import CRLF, Field, Header

if TYPE_CHECKING:
    import hashlib

_METHODS = (QUERY_DNS_TXT,)


@dataclass(frozen=True, slots=True)
class ArcKeys:
    """The answers to all questions: for message signatures and for seals."""

    signatures: Keys
    seals: Keys


class _Candidate(NamedTuple):
    """A seal on its way to a verdict: where its key is asked for, or why it is not."""

    seal: Seal
    key_place: Place | None
    problem: Problem | None


class ArcVerifier:
    """Validates the chain of one message, its body streaming through once.

    `now` is the time of receipt in Unix seconds; None leaves times unchecked.  A `hasher`
    that others use too is fed and ended by whoever made it.
    """

    __slots__ = ("_circumstances", "_limits", "_seals", "_signatures", "chain")

    def __init__(
        self,
        header: Header,
        *,
        now: int | None,
        rules: Rules = rules_module.DEFAULT,
        limits: Limits = DEFAULT,
        hasher: BodyHasher | None = None,
    ) -> None:
        self.chain = Chain.of(header, limits=limits)
        """What the message carries; its structure is judged before any key is asked for."""
        self._circumstances = Circumstances(header, rules, now)
        most = len(self.chain.sets)
        self._limits = replace(limits, signatures_checked=most, key_names=limits.arc_key_names)
        self._seals = self._admitted()
        given = _signatures(self.chain)
        self._signatures = Verifier(
            header, now=now, rules=rules, limits=self._limits, hasher=hasher, given=given
        )

    @property
    def wants_body(self) -> bool:
        """Whether the body matters: whether there is a chain that has not failed yet."""
        return self._signatures.wants_body

    def keys(self) -> Steps[ArcKeys]:
        """Ask for the keys of all sets in one round; equal questions once (§9.2)."""
        wanted = {one.key_place: one.seal for one in self._seals if one.key_place is not None}
        if not wanted:
            return ArcKeys((yield from self._signatures.keys()), {})
        return ArcKeys(*(yield from together(self._signatures.keys(), asked(wanted))))

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter (milter SKIP)."""
        return self._signatures.feed(chunk)

    def finish(self, keys: ArcKeys) -> ChainVerification:
        """End the body and return the verdict."""
        verdicts = self._signatures.finish(keys.signatures)
        chain = self.chain
        if chain.absent:
            return ChainVerification(chain=chain, status=ChainStatus.NONE)
        if chain.reason is not None:
            return _failed(chain, chain.reason, chain.detail)
        signatures, oldest_pass = self._by_instance(verdicts)
        seals = self._seal_verdicts(keys.seals)
        if oldest_pass is None:  # step 4
            newest = chain.sets[-1].signature
            why = newest.fault or signatures[0].explanation
            return _failed(
                chain, ChainReason.MESSAGE_SIGNATURE, why, signatures=signatures, seals=seals
            )
        broken = next((verdict for verdict in seals if verdict.reason is not None), None)
        if broken is not None:  # step 6
            why = f"instance {broken.seal.instance}: {broken.explanation}"
            return _failed(
                chain,
                ChainReason.SEAL,
                why,
                signatures=signatures,
                seals=seals,
                oldest_pass=oldest_pass,
            )
        return ChainVerification(
            chain=chain,
            status=ChainStatus.PASS,
            message_signatures=signatures,
            seals=seals,
            oldest_pass=oldest_pass,
        )

    def _admitted(self) -> tuple[_Candidate, ...]:
        """Judge the seals, the newest first, as far as that needs no key."""
        admission = Admission(self._limits)
        seals = [arc_set.seal for arc_set in reversed(self.chain.sets)]
        checks, circumstances = acceptance.SEAL_BEFORE_KEY, self._circumstances
        return tuple(
            [_Candidate(s, *admission.admit(checks, s, _METHODS, circumstances)) for s in seals]
        )

    def _by_instance(
        self, verdicts: tuple[Verification, ...]
    ) -> tuple[tuple[Verification, ...], int | None]:
        """Step 5: the verdicts from the newest down, and what oldest-pass comes to."""
        waiting = iter(verdicts)
        shown: list[Verification] = []
        failing = 0  # the highest instance whose message signature fails
        for arc_set in reversed(self.chain.sets):
            passed = False
            if arc_set.signature.signature is not None:
                shown.append(next(waiting))
                passed = shown[-1].passed
            if not failing and not passed:
                failing = arc_set.instance
        if failing == self.chain.highest:
            return tuple(shown), None
        return tuple(shown), failing + 1 if failing else 0

    def _seal_verdicts(self, keys: Keys) -> tuple[SealVerification, ...]:
        """Step 6: the verdicts on the seals from the newest down."""
        digests = dict(seal_digests(self.chain.sets))
        return tuple([self._seal(one, digests[one.seal.instance], keys) for one in self._seals])

    def _seal(self, candidate: _Candidate, digest: bytes | None, keys: Keys) -> SealVerification:
        seal, place = candidate.seal, candidate.key_place
        if place is None or digest is None:
            return _verdict(seal, candidate.problem or (Reason.ALGORITHM, f"a={seal.algorithm}"))
        return by_records(
            keys, place, self._limits,
            partial(self._with_record, seal, digest), partial(_verdict, seal),
        )  # fmt: skip

    def _with_record(
        self, seal: Seal, digest: bytes, answer: Answer, octets: bytes
    ) -> SealVerification:
        circumstances = self._circumstances
        found = usable_key(octets, seal, circumstances.rules, self._limits)
        if isinstance(found, Unusable):
            return _verdict(seal, found.problem)
        record, key = found
        problem: Problem | None = Reason.SIGNATURE, None
        if ALGORITHMS[seal.algorithm].verify(key, seal.signature, digest):
            problem = acceptance.unacceptable(
                acceptance.SEAL_AFTER_MATCH, seal, circumstances, record, answer
            )
        return _verdict(seal, problem, key.bits)


def seal_digests(sets: tuple[ArcSet, ...]) -> Iterator[tuple[int, bytes | None]]:
    """Yield for each instance the digest its seal signs (§5.1.1); None for an unknown a=.

    What came before is hashed once, however long the chain is.
    """
    before: dict[str, hashlib._Hash] = {}
    hashed = {arc_set.seal.algorithm for arc_set in sets}
    for name in {ALGORITHMS[a].hash_name for a in hashed if a in ALGORITHMS}:
        before[name] = HASHES[name]()
    for arc_set in sets:
        own = canonical((arc_set.results.field, arc_set.signature.field))
        for running in before.values():
            running.update(own)
        algorithm = ALGORITHMS.get(arc_set.seal.algorithm)
        if algorithm is None:
            yield arc_set.instance, None
        else:
            ended = before[algorithm.hash_name].copy()
            ended.update(relaxed_field(*arc_set.seal.unsigned_field))
            yield arc_set.instance, ended.digest()
        sealed = canonical((arc_set.seal.field,))
        for running in before.values():
            running.update(sealed)


def canonical(fields: tuple[Field, ...]) -> bytes:
    """Return fields in relaxed form, each with its CRLF: the only form seals know (§4.1.3)."""
    return b"".join([relaxed_field(*field) + CRLF for field in fields])


def _signatures(chain: Chain) -> list[tuple[int, Signature]]:
    """Return the message signatures that could be read, newest first."""
    newest_first = [arc_set.signature for arc_set in reversed(chain.sets)]
    return [(own.place, own.signature) for own in newest_first if own.signature is not None]


def _verdict(seal: Seal, problem: Problem | None, bits: int | None = None) -> SealVerification:
    reason, detail = problem or (None, None)
    return SealVerification(seal=seal, reason=reason, detail=detail, key_bits=bits)


def _failed(
    chain: Chain,
    reason: ChainReason,
    detail: str | None,
    *,
    signatures: tuple[Verification, ...] = (),
    seals: tuple[SealVerification, ...] = (),
    oldest_pass: int | None = None,
) -> ChainVerification:
    return ChainVerification(
        chain=chain,
        status=ChainStatus.FAIL,
        reason=reason,
        detail=detail,
        message_signatures=signatures,
        seals=seals,
        oldest_pass=oldest_pass,
    )
