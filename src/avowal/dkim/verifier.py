"""Verifying the DKIM signatures of one message (RFC 6376 §6.1).

::

    verifier = Verifier(header, now=now)
    keys = run(verifier.keys(), resolver)      # or: await arun(verifier.keys(), resolver)
    for chunk in body: verifier.feed(chunk)    # while keys are still being asked for, if wanted
    verdicts = verifier.finish(keys)           # one Verification per field, in header order

Nothing here raises for any octets and any answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from avowal import lookup
from avowal.canonical import Octets
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.crypto.publickey import PublicKey
from avowal.dkim import acceptance
from avowal.dkim import key as key_records
from avowal.dkim import rules as rules_module
from avowal.dkim.acceptance import Admission, Circumstances, Keys, Place
from avowal.dkim.authors import Authors
from avowal.dkim.cautions import Cautions
from avowal.dkim.hashing import BodyHash, BodyHasher, before_body, signed_digest
from avowal.dkim.key import KeyRecord, Signed, Unusable, usable_key
from avowal.dkim.query import QUERY_METHODS, dns_txt, key_answer
from avowal.dkim.reasons import Caution, Reason
from avowal.dkim.rules import Problem, Rules
from avowal.dkim.signature import FIELD_NAME, QUERY_DNS_TXT, Signature, SignatureFault
from avowal.dkim.verification import Evidence, Judged, Verification, later
from avowal.errors import StateError
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Question, Resolver, Steps
from avowal.message import Field, Header
from avowal.taglist import TagList

J = TypeVar("J", bound=Judged)
_TXT_ALONE = (QUERY_DNS_TXT,)


class _Candidate:
    """One signature on its way to a verdict."""

    __slots__ = ("body", "digest", "field", "key_place", "place", "problem", "salvage", "signature")

    def __init__(self, place: int, field: Field, signature: Signature | None = None) -> None:
        self.place = place
        self.field = field
        self.signature = signature
        self.salvage: TagList | None = None
        self.problem: Problem | None = None
        self.key_place: Place | None = None  # where the key is asked for, once admitted
        self.body: BodyHash | None = None
        self.digest: bytes | None = None  # of the header data, once a key asked for it


class Verifier:
    """Verifies all DKIM signatures of one message, its body streaming through once.

    `now` is the time of receipt in Unix seconds; None leaves times unchecked.  A `hasher`
    that others use too is fed and ended by whoever made it.  `given` are signatures that are
    read already, with their places, the most important first: they are verified instead of
    the DKIM-Signature fields.  A header beyond `limits` has one verdict, or one for each given.
    """

    __slots__ = (
        "_candidates", "_cautions", "_circumstances", "_excess", "_finished", "_hasher", "_header",
        "_limits", "_own_hasher", "_rules", "_wanted",
    )  # fmt: skip

    def __init__(
        self,
        header: Header,
        *,
        now: int | None,
        rules: Rules = rules_module.DEFAULT,
        limits: Limits = DEFAULT,
        hasher: BodyHasher | None = None,
        given: Sequence[tuple[int, Signature]] | None = None,
    ) -> None:
        self._header = header
        self._rules = rules
        self._limits = limits
        self._own_hasher = hasher is None
        self._hasher = BodyHasher() if hasher is None else hasher
        self._finished = False
        self._cautions = Cautions(header, now)
        self._wanted: dict[Place, Signed] = {}  # whose keys are asked for, each place once
        self._excess = header.excess(limits)
        if self._excess is not None:  # nothing is verified in part
            self._candidates = [_Candidate(place, header[place]) for place, _ in given or ()]
            for candidate in self._candidates:
                candidate.problem = Reason.TOO_LARGE, str(self._excess)
        elif given is None:
            self._candidates = []
            for count, place in enumerate(header.places(FIELD_NAME)):
                self._candidates.append(self._read(place, count))
        else:
            self._candidates = [
                _Candidate(place, header[place], signature) for place, signature in given
            ]
        self._admit(now, in_order=given is not None)

    @property
    def wants_body(self) -> bool:
        """Whether any signature is left whose body hash matters."""
        return self._hasher.wanting

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The signatures that may come to pass: read, admitted, not verified yet."""
        admitted = (c.signature for c in self._candidates if c.key_place is not None)
        return tuple([signature for signature in admitted if signature is not None])

    def keys(self) -> Steps[Keys]:
        """Ask for all keys in one round; equal questions once."""
        return (yield from asked(self._wanted)) if self._wanted else {}

    def keys_from(
        self, resolver: Resolver, *, most: int | None = None, seconds: float | None = None
    ) -> Keys:
        """Do what `run` does with `keys()`, at once where they are asked for in one round."""
        questions = _one_round(self._wanted)
        if questions is None:
            return lookup.run(self.keys(), resolver, most=most, seconds=seconds)
        answers = lookup.answers_within(resolver, questions, most, seconds)
        return dict(zip(self._wanted, answers, strict=True))

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter (milter SKIP)."""
        if self._finished:
            raise StateError("the verifier is finished: make a new one for the next message")
        return self._hasher.feed(chunk)

    def finish(self, keys: Keys) -> tuple[Verification, ...]:
        """End the body and return one verdict per DKIM-Signature field, top to bottom."""
        if self._finished:
            raise StateError("the verifier is finished: make a new one for the next message")
        self._finished = True
        if self._own_hasher:
            self._hasher.finish()
        if self._excess is not None and not self._candidates:
            why = str(self._excess)
            return (
                Verification(field=Field(b"", -1), place=-1, reason=Reason.TOO_LARGE, detail=why),
            )
        return tuple([self._verdict(candidate, keys) for candidate in self._candidates])

    # -- before the body ---------------------------------------------------------------

    def _read(self, place: int, count: int) -> _Candidate:
        candidate = _Candidate(place, self._header[place])
        if count >= self._limits.signatures_parsed:
            candidate.problem = Reason.TOO_MANY_SIGNATURES, None
        else:
            try:
                candidate.signature = Signature.parse(
                    candidate.field, limits=self._limits, drafts=self._rules.accept_drafts
                )
            except SignatureFault as fault:
                candidate.problem = fault.reason, str(fault)
                if fault.reason is not Reason.TOO_LARGE:
                    candidate.salvage = TagList.salvage(candidate.field.value)
        return candidate

    def _admit(self, now: int | None, *, in_order: bool) -> None:
        """Apply the checks that need no key, then the limits, aligned signatures first."""
        readable = [(c, c.signature) for c in self._candidates if c.signature is not None]
        if len(readable) > 1 and not in_order:
            authors = Authors(self._header, self._limits)
            readable.sort(key=lambda pair: authors.distance(pair[1].domain))
        self._circumstances = Circumstances(self._header, self._rules, now)
        admission = Admission(self._limits)
        for candidate, signature in readable:
            candidate.key_place, candidate.problem = admission.admit(
                acceptance.BEFORE_KEY, signature, signature.query_methods, self._circumstances
            )
            if candidate.key_place is None:
                continue
            self._wanted[candidate.key_place] = signature
            length = None if self._rules.ignore_body_length else signature.body_length
            candidate.body = self._hasher.register(
                signature.body_canon,
                ALGORITHMS[signature.algorithm].hash_name,
                length,
                counted=length is not None and self._rules.limits_unsigned_content,
                before=None
                if signature.body_hash is not None
                else before_body(self._header, signature, candidate.place),
            )

    # -- behind the body ---------------------------------------------------------------

    def _verdict(self, candidate: _Candidate, keys: Keys) -> Verification:
        signature, key_place = candidate.signature, candidate.key_place
        if signature is None or key_place is None:
            return self._verification(candidate, candidate.problem)
        judge = partial(self._with_record, candidate, signature)
        return by_records(
            keys, key_place, self._limits, judge, partial(self._verification, candidate)
        )

    def _with_record(
        self, candidate: _Candidate, signature: Signature, answer: Answer, octets: bytes
    ) -> Verification:
        found = usable_key(octets, signature, self._rules, self._limits)
        if isinstance(found, Unusable):
            return self._verification(candidate, *found)
        record, key = found
        problem, evidence = self._match(candidate, signature, key, answer)
        if problem is None:
            problem = acceptance.unacceptable(
                acceptance.AFTER_MATCH, signature, self._circumstances, record, answer
            )
        warnings = later(self._cautions.of, signature, record, key, len(answer.records))
        return self._verification(candidate, problem, record, evidence, warnings)

    def _match(
        self, candidate: _Candidate, signature: Signature, key: PublicKey, answer: Answer
    ) -> tuple[Problem | None, Evidence]:
        """Compare hashes and signature (RFC 6376 §6.1.3)."""
        body = candidate.body
        assert body is not None  # noqa: S101 - registered when the candidate was admitted
        algorithm = ALGORITHMS[signature.algorithm]
        if candidate.digest is None:  # one for all records at its name
            at, new_hash = candidate.place, HASHES[algorithm.hash_name]
            candidate.digest = signed_digest(new_hash, self._header, signature, at, body)
        body_digest, body_octets = body.digest, body.count
        intact = algorithm.verify(key, signature.signature, candidate.digest)
        parted = signature.body_hash is not None  # the hashes of body and header
        evidence = Evidence(
            body_digest if parted else None, body_octets, intact if parted else None,
            key.bits, answer.secure,
        )  # fmt: skip
        problem: Problem | None = None
        if body.length is not None and body_octets is not None and body_octets < body.length:
            problem = Reason.BODY_LENGTH, f"{body_octets} octets, l={body.length}"
        elif signature.body_hash not in (None, body_digest):
            problem = Reason.BODY_HASH, None if intact else "the signed fields changed too"
        elif not intact:
            problem = Reason.SIGNATURE, None
        elif body.length is not None and body_octets is not None and body_octets > body.length:
            problem = acceptance.unsigned_content(self._rules, body.length, body_octets)
        return problem, evidence

    def _verification(
        self,
        candidate: _Candidate,
        problem: Problem | None,
        record: KeyRecord | None = None,
        evidence: Evidence | None = None,
        warnings: tuple[Caution, ...] | None = None,
    ) -> Verification:
        reason, detail = problem or (None, None)
        if warnings is None:
            warnings = later(self._cautions.of_header)
        return Verification(  # by place, which costs a third: in the order of the fields
            candidate.field, candidate.place, candidate.signature, candidate.salvage,
            record, reason, detail, warnings, evidence,
        )  # fmt: skip


def asked(wanted: Mapping[Place, Signed]) -> Steps[Keys]:
    """Ask for the keys of signatures in one round."""
    questions = _one_round(wanted)
    if questions is not None:
        answers = yield questions
    else:
        answers = yield from lookup.together(
            *[key_answer(at[0], one.selector, one.domain) for at, one in wanted.items()]
        )
    return dict(zip(wanted, answers, strict=True))


def _one_round(wanted: Mapping[Place, Signed]) -> tuple[Question, ...] | None:
    """Return the questions for keys that are all asked for by dns/txt itself, else None."""
    questions = []
    for methods, name in wanted:
        if methods != _TXT_ALONE or QUERY_METHODS.get(QUERY_DNS_TXT) is not dns_txt:
            return None
        questions.append(Question(name))
    return tuple(questions)


def by_records(
    keys: Keys, place: Place, limits: Limits,
    judge: Callable[[Answer, bytes], J], without: Callable[[Problem | None], J],
) -> J:  # fmt: skip
    """Judge by each record where a key is in turn, up to a cap (RFC 6376 §6.1.2 step 4).

    Returns the first pass, else the first of the verdicts that say most; what `without` makes
    of the reason where there is no record.
    """
    answer = keys.get(place, key_records.UNASKED)
    records = answer.records[: limits.key_records]
    if answer.outcome is Outcome.FAILED or not records:
        return without(key_records.no_records(place[1], answer, limits))
    said: J | None = None
    for octets in records:
        verdict = judge(answer, octets)
        if verdict.reason is None:
            return verdict
        weight = key_records.weight_of(verdict.reason)
        if said is None or key_records.weight_of(said.reason) < weight:
            said = verdict
        if verdict.reason in key_records.SETTLED:
            break
    assert said is not None  # noqa: S101 - there is at least one record
    return said
