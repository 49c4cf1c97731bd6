"""DomainKeys (RFC 4870), for archives: decoded, checked, reported.

What DKIM replaced is verified here because an archive asks whether it would have
verified then.  A DomainKeys signature that fits reads `historic-protocol`, a policy
result, unless the rules accept drafts: SHA-1 authenticates nobody today (RFC 8301).
Signatures of the DKIM drafts are read by `Signature.parse(drafts=True)`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as with_default
from typing import TypeAlias

from avowal.canonical import (
    DOMAINKEYS_BODY_FORMS,
    DOMAINKEYS_HEADER_FORMS,
    BodyForm,
    Octets,
    Sink,
)
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.crypto.publickey import PublicKeyFault
from avowal.dkim import rules as rules_module
from avowal.dkim.key import KeyRecordFault, fits_granularity, no_record, read_record
from avowal.dkim.query import dns_txt
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Steps, together
from avowal.message import CRLF, Field, Header
from avowal.names import DomainName, NameFault, Selector, key_name
from avowal.taglist import TagList, TagListFault, colon_list, from_base64, without_fws
from avowal.text import printable

FIELD_NAME = b"domainkey-signature"
DomainKeysAnswers: TypeAlias = Mapping[str, Answer]
_ALGORITHM = ALGORITHMS["rsa-sha1"]  # the only one there was, RFC 4870 §3.3 a=
_ADDRESS = re.compile(rb"([^\s<>(),;:@\"]*)@([A-Za-z0-9._\x80-\xff-]+)")


def _new_hash() -> hashlib._Hash:
    return HASHES[_ALGORITHM.hash_name]()


class _Refused(Exception):
    """A signature that is settled: its reason and detail."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason, detail)
        self.problem = reason, detail


@dataclass(slots=True)
class _Candidate:
    place: int
    field: Field
    tags: TagList | None = None
    signature: bytes = b""
    names: tuple[Selector, DomainName] | None = None
    listed: list[bytes] | None = None
    sender: tuple[bytes, DomainName] | None = None
    problem: tuple[Reason, str | None] | None = None
    hash: hashlib._Hash = with_default(default_factory=_new_hash)
    canonicalizer: BodyForm | None = None


class DomainKeysVerifier:
    """Verifies the DomainKey-Signature fields of one message; used like `Verifier`."""

    __slots__ = ("_candidates", "_header", "_limits", "_rules")

    def __init__(
        self, header: Header, *, rules: Rules = rules_module.DEFAULT, limits: Limits = DEFAULT
    ) -> None:
        self._header = header
        self._rules = rules
        self._limits = limits
        # Of a header beyond a limit `Verifier` speaks; nothing is verified in part.
        whole = header.excess(limits) is None
        places = header.positions.get(FIELD_NAME, ()) if whole else ()
        self._candidates = [self._read(place, count) for count, place in enumerate(places)]

    def keys(self) -> Steps[DomainKeysAnswers]:
        """Ask for all keys in one round."""
        wanted = {key_name(*c.names): c.names for c in self._candidates if c.names is not None}
        answers = yield from together(*[dns_txt(*names) for names in wanted.values()])
        return dict(zip(wanted, answers, strict=True))

    @property
    def wants_body(self) -> bool:
        """Whether any signature is left that the body matters for."""
        return any(candidate.problem is None for candidate in self._candidates)

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        for candidate in self._candidates:
            if candidate.canonicalizer is not None:
                candidate.canonicalizer.feed(chunk)
        return self.wants_body

    def finish(self, keys: DomainKeysAnswers) -> tuple[Verification, ...]:
        """End the body and return one verdict per DomainKey-Signature field.

        The tags stand in `salvage`: `signature` is for DKIM's own.
        """
        verdicts = []
        for candidate in self._candidates:
            if candidate.problem is None:
                try:
                    self._check(candidate, keys)
                except _Refused as refused:
                    candidate.problem = refused.problem
            reason, detail = candidate.problem or (None, None)
            verdicts.append(
                Verification(
                    field=candidate.field,
                    place=candidate.place,
                    salvage=candidate.tags,
                    reason=reason,
                    detail=detail,
                )
            )
        return tuple(verdicts)

    def _read(self, place: int, count: int) -> _Candidate:
        candidate = _Candidate(place, self._header[place])
        try:
            if count >= self._limits.signatures_checked:
                raise _Refused(Reason.TOO_MANY_SIGNATURES)
            self._begin(candidate)
        except _Refused as refused:
            candidate.problem = refused.problem
        return candidate

    def _begin(self, candidate: _Candidate) -> None:
        """Read the tags (RFC 4870 §3.3) and put the signed header lines into the hash."""
        if len(candidate.field.raw) > self._limits.signature_field_octets:
            raise _Refused(Reason.TOO_LARGE)
        try:
            tags = TagList.parse(candidate.field.value, most=self._limits.tags)
        except TagListFault as fault:
            candidate.tags = TagList.salvage(candidate.field.value)
            raise _Refused(Reason.SYNTAX, str(fault)) from None
        candidate.tags = tags
        required = {name: tags.get(name) for name in ("b", "c", "d", "s")}
        for name, value in required.items():
            if value is None:
                raise _Refused(Reason.MISSING_TAG, f"there is no {name}=")
        if tags.get("a") not in (None, b"rsa-sha1"):
            raise _Refused(Reason.ALGORITHM)
        form = printable(tags.get("c") or b"")
        if form not in DOMAINKEYS_BODY_FORMS:
            raise _Refused(Reason.CANONICALIZATION, f"c={form}")
        if tags.get("q") not in (None, b"dns"):
            raise _Refused(Reason.QUERY)
        try:
            candidate.signature = from_base64(without_fws(tags.get("b") or b""))
            domain = DomainName.parse(tags.get("d") or b"")
            candidate.names = DomainName.parse(tags.get("s") or b""), domain
        except SyntaxFault as fault:
            raise _Refused(Reason.SYNTAX, str(fault)) from None
        listed = tags.get("h")
        candidate.listed = None if listed is None else colon_list(listed.lower())
        candidate.sender = self._sender(candidate)
        if candidate.sender is None or not candidate.sender[1].is_within(domain):
            raise _Refused(Reason.DOMAIN_MISMATCH, "the sender's domain is not within d=")
        candidate.hash.update(self._signed_lines(candidate, form))
        candidate.canonicalizer = DOMAINKEYS_BODY_FORMS[form](
            _AfterSeparator(candidate.hash.update)
        )

    def _sender(self, candidate: _Candidate) -> tuple[bytes, DomainName] | None:
        """The address of Sender, else of From, among the signed fields (RFC 4870 §3.3, §3.7.3)."""
        for name in (b"sender", b"from"):
            for place in self._signed_places(candidate):
                if self._header.names[place] != name:
                    continue
                value = self._header[place].value
                addresses = _ADDRESS.findall(value.rpartition(b"<")[2])
                if addresses:
                    try:
                        return addresses[0][0], DomainName.parse(addresses[0][1])
                    except NameFault:
                        return None
        return None

    def _signed_places(self, candidate: _Candidate) -> list[int]:
        """The fields below the signature: all, or those of h= in its order (RFC 4870 §3.3 h=)."""
        below = range(candidate.place + 1, len(self._header))
        if candidate.listed is None:
            return list(below)
        positions = self._header.positions
        return [
            place
            for name in dict.fromkeys(candidate.listed)
            for place in positions.get(name, ())
            if place in below
        ]

    def _signed_lines(self, candidate: _Candidate, form: str) -> bytes:
        canonical = DOMAINKEYS_HEADER_FORMS[form]
        lines: list[bytes] = []
        for place in self._signed_places(candidate):
            lines += (canonical(*self._header[place]), CRLF)
        return b"".join(lines)

    def _check(self, candidate: _Candidate, keys: Mapping[str, Answer]) -> None:
        assert candidate.names and candidate.canonicalizer  # noqa: S101 - read without a problem
        answer = keys[key_name(*candidate.names)]
        if answer.outcome is Outcome.FAILED:
            raise _Refused(Reason.KEY_UNAVAILABLE)
        if not answer.records:
            raise _Refused(Reason.NO_KEY)
        record = read_record(answer.records[0], self._limits)
        if isinstance(record, KeyRecordFault):
            raise _Refused(*no_record(key_name(*candidate.names), record))
        if record.revoked:
            raise _Refused(Reason.KEY_REVOKED)
        if record.key_type != _ALGORITHM.key_type:
            raise _Refused(Reason.KEY_ALGORITHM)
        if record.granularity and not _within(record.granularity, candidate.sender):
            raise _Refused(Reason.KEY_GRANULARITY)
        try:
            key = record.public_key(_ALGORITHM)
        except PublicKeyFault as fault:
            raise _Refused(Reason.KEY_SYNTAX, fault.why) from None
        if key.bits > self._rules.max_rsa_bits:
            raise _Refused(Reason.KEY_TOO_LONG, f"{key.bits} bits")
        candidate.canonicalizer.finish()
        if not _ALGORITHM.verify(key, candidate.signature, candidate.hash.digest()):
            raise _Refused(Reason.SIGNATURE)
        if not self._rules.accept_drafts:
            raise _Refused(Reason.HISTORIC_PROTOCOL, "DomainKeys, RFC 4870")


def _within(granularity: bytes, sender: tuple[bytes, DomainName] | None) -> bool:
    """Match g= with the sender's local part (RFC 4870 §3.2.3); an empty g= fits all."""
    return sender is not None and fits_granularity(granularity, sender[0])


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
