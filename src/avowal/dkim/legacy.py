"""DomainKeys (RFC 4870), for archives: decoded, checked, reported.

What DKIM replaced is verified here because an archive asks whether it would have
verified then.  A DomainKeys signature that fits reads `historic-protocol`, a policy
result, unless the rules accept drafts: SHA-1 authenticates nobody today (RFC 8301).
Signatures of the DKIM drafts are read by `Signature.parse(drafts=True)`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from avowal.canonical import (
    DOMAINKEYS_BODY_FORMS,
    DOMAINKEYS_HEADER_FORMS,
    BodyForm,
    Octets,
    Sink,
)
from avowal.crypto.algorithms import HASHES
from avowal.crypto.publickey import PublicKey
from avowal.dkim import acceptance
from avowal.dkim import rules as rules_module
from avowal.dkim.acceptance import Admission, Circumstances, Keys, Place
from avowal.dkim.domainkey_field import ALGORITHM, FIELD_NAME, DomainKeySignature
from avowal.dkim.hashing import fan
from avowal.dkim.key import (
    KeyRecord,
    Unusable,
    accepted_key,
    accepted_record,
    fits_granularity,
)
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Problem, Rules
from avowal.dkim.signature import QUERY_DNS_TXT, SignatureFault, read_tags
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import asked, by_records
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Steps
from avowal.message import CRLF, Field, Header
from avowal.taglist import TagList

if TYPE_CHECKING:
    import hashlib

_METHODS = (QUERY_DNS_TXT,)


class _Candidate:
    """One signature on its way to a verdict."""

    __slots__ = ("digest", "field", "hash", "key_place", "place", "problem", "signature", "tags")

    def __init__(self, place: int, field: Field) -> None:
        self.place = place
        self.field = field
        self.tags: TagList | None = None
        self.signature: DomainKeySignature | None = None
        self.problem: Problem | None = None
        self.key_place: Place | None = None  # where the key is asked for, once admitted
        self.hash: hashlib._Hash | None = None  # of the signed fields, then of the body
        self.digest = b""


class DomainKeysVerifier:
    """Verifies the DomainKey-Signature fields of one message; used like `Verifier`."""

    __slots__ = ("_candidates", "_circumstances", "_forms", "_limits", "_rules")

    def __init__(
        self, header: Header, *, rules: Rules = rules_module.DEFAULT, limits: Limits = DEFAULT
    ) -> None:
        self._rules = rules
        self._limits = limits
        self._circumstances = Circumstances(header, rules, None)
        # Of a header beyond a limit `Verifier` speaks; nothing is verified in part.
        whole = header.excess(limits) is None
        places = header.positions.get(FIELD_NAME, ()) if whole else ()
        self._candidates = [self._read(header, place, n) for n, place in enumerate(places)]
        self._forms = self._admit(header)

    def keys(self) -> Steps[Keys]:
        """Ask for all keys in one round."""
        wanted = {
            candidate.key_place: candidate.signature
            for candidate in self._candidates
            if candidate.key_place is not None and candidate.signature is not None
        }
        return (yield from asked(wanted)) if wanted else {}

    @property
    def wants_body(self) -> bool:
        """Whether any signature is left that the body matters for."""
        return bool(self._forms)

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        for form in self._forms:
            form.feed(chunk)
        return self.wants_body

    def finish(self, keys: Keys) -> tuple[Verification, ...]:
        """End the body and return one verdict per DomainKey-Signature field.

        The tags stand in `salvage`: `signature` is for DKIM's own.
        """
        for form in self._forms:
            form.finish()
        return tuple([self._verdict(candidate, keys) for candidate in self._candidates])

    # -- before the body ---------------------------------------------------------------

    def _read(self, header: Header, place: int, count: int) -> _Candidate:
        candidate = _Candidate(place, header[place])
        if count >= self._limits.signatures_checked:
            candidate.problem = Reason.TOO_MANY_SIGNATURES, None
            return candidate
        try:
            candidate.tags = read_tags(candidate.field, self._limits)
            candidate.signature = DomainKeySignature.of_tags(
                header, place, candidate.tags, self._limits
            )
        except SignatureFault as fault:
            candidate.problem = fault.reason, str(fault)
            if candidate.tags is None and fault.reason is not Reason.TOO_LARGE:
                candidate.tags = TagList.salvage(candidate.field.value)
        return candidate

    def _admit(self, header: Header) -> tuple[BodyForm, ...]:
        """Admit what needs only its key, its fields hashed; return the forms of the body."""
        admission = Admission(self._limits)
        sinks: dict[str, list[Sink]] = {}
        for candidate in self._candidates:
            signature = candidate.signature
            if signature is None:
                continue
            candidate.key_place, candidate.problem = admission.admit(
                acceptance.DOMAINKEYS_BEFORE_KEY, signature, _METHODS, self._circumstances
            )
            if candidate.key_place is None:
                continue
            candidate.hash = HASHES[ALGORITHM.hash_name](_signed_lines(header, signature))
            sinks.setdefault(signature.form, []).append(candidate.hash.update)
        return tuple(
            [DOMAINKEYS_BODY_FORMS[form](_AfterSeparator(fan(s))) for form, s in sinks.items()]
        )

    # -- behind the body ---------------------------------------------------------------

    def _verdict(self, candidate: _Candidate, keys: Keys) -> Verification:
        signature, place = candidate.signature, candidate.key_place
        if signature is None or place is None or candidate.hash is None:
            return _verification(candidate, candidate.problem)
        candidate.digest = candidate.hash.digest()
        without = partial(_verification, candidate)

        def judge(answer: Answer, octets: bytes) -> Verification:
            return without(self._with_record(candidate, signature, answer, octets))

        return by_records(keys, place, self._limits, judge, without)

    def _with_record(
        self, candidate: _Candidate, signature: DomainKeySignature, answer: Answer, octets: bytes
    ) -> Problem | None:
        record = accepted_record(octets, signature, self._rules, self._limits)
        if isinstance(record, Unusable):
            return record.problem
        key = _usable(record, signature, self._rules)
        if not isinstance(key, PublicKey):
            return key
        if not ALGORITHM.verify(key, signature.signature, candidate.digest):
            return Reason.SIGNATURE, None
        return acceptance.unacceptable(
            acceptance.DOMAINKEYS_AFTER_MATCH,
            signature,
            self._circumstances,
            record,
            answer,
        )


def _usable(record: KeyRecord, signature: DomainKeySignature, rules: Rules) -> PublicKey | Problem:
    """Return the key of a record, which has no h= and no s= here (RFC 4870 §3.2.3)."""
    if record.revoked:
        return Reason.KEY_REVOKED, None
    if record.key_type != ALGORITHM.key_type:
        return Reason.KEY_ALGORITHM, None
    sender = signature.auid.local_part
    if record.granularity and not fits_granularity(record.granularity, sender):
        return Reason.KEY_GRANULARITY, None  # an empty g= fits all
    return accepted_key(record, ALGORITHM, rules)


def _verification(candidate: _Candidate, problem: Problem | None) -> Verification:
    reason, detail = problem or (None, None)
    return Verification(
        field=candidate.field,
        place=candidate.place,
        salvage=candidate.tags,
        reason=reason,
        detail=detail,
    )


def _signed_lines(header: Header, signature: DomainKeySignature) -> bytes:
    canonical = DOMAINKEYS_HEADER_FORMS[signature.form]
    return b"".join([canonical(*header[place]) + CRLF for place in signature.places])


class _AfterSeparator:
    """Puts the line between header and body into the hash before the first line of a body.

    A body of empty lines only counts as none, and so does the separator (RFC 4870 §3.4.2.1).
    """

    __slots__ = ("_sink", "_started")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._started = False

    def __call__(self, octets: Octets) -> None:
        if not self._started:
            self._started = True
            self._sink(CRLF)
        self._sink(octets)
