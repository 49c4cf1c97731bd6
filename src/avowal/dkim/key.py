"""Key records: what stands at a selector (RFC 6376 §3.6.1), and whom it serves (§6.1.2).

Reading a record judges its syntax only; whether its key serves a certain signature is
asked of `usable_key`.

Deliberate: a line break that is no fold is read as white space and noted in `line_breaks`
(docs/design/decisions/0008-line-breaks-in-key-records.md); rules may refuse it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, Protocol

from avowal.crypto.algorithms import ALGORITHMS, Algorithm
from avowal.crypto.publickey import PublicKey, PublicKeyFault
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Problem, Rules
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome
from avowal.names import DomainName, Identity, Selector, key_name
from avowal.taglist import (
    FWS,
    TagList,
    TagListFault,
    colon_list,
    first_bare_break,
    from_base64,
)
from avowal.valueclass import value

VERSION = b"DKIM1"
_BREAK_TO_SPACE = bytes.maketrans(b"\r\n", b"  ")
_REGISTERED = frozenset("vhknpstg")  # g= is historic: known, never enforced by default
_TOO_LONG = "a record longer than any key needs"
_MAX_EXPONENT = 1 << 32  # RFC 6376 §8.13; every real key has 65537, a few 3
UNASKED = Answer(outcome=Outcome.FAILED)
# What is said of the message or of the answer, whatever the key: no further record changes it.
SETTLED = frozenset((
    Reason.BODY_LENGTH, Reason.BODY_HASH, Reason.UNSIGNED_CONTENT, Reason.KEY_UNPROTECTED,
    Reason.HISTORIC_ALGORITHM, Reason.HISTORIC_PROTOCOL, Reason.ADDED_FIELD, Reason.REPEATED_FIELD,
))  # fmt: skip


class KeyRecordFault(SyntaxFault):
    """Octets that are no key record."""


class ForeignRecord(KeyRecordFault):
    """A record of another version: it is discarded, as if it were not there (§3.6.1 v=)."""


@value
class KeyRecord:
    """One key record; absent tags are None, or their default where the RFC gives one.

    `key_text` is p= without white space, still in base64 and empty when the key is
    `revoked`; `hashes` None allows all; `line_breaks` says that some are no folds.
    `testing` is t=y; with `forbids_subdomains`, t=s, i= must stay at d= itself (§3.6.1 t=).
    """

    octets: bytes
    key_type: str = "rsa"
    key_text: bytes
    line_breaks: bool = False
    hashes: tuple[str, ...] | None = None
    services: tuple[str, ...] = ("*",)
    flags: tuple[str, ...] = ()
    revoked: bool = False
    testing: bool = False
    forbids_subdomains: bool = False
    notes: bytes | None = None
    granularity: bytes | None = None
    version: str | None = None
    other_tags: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def parse(cls, octets: bytes, *, limits: Limits = DEFAULT) -> KeyRecord:
        """Read a record.  Raises KeyRecordFault."""
        if len(octets) > limits.key_record_octets:
            raise KeyRecordFault(limits.key_record_octets, _TOO_LONG)
        return cls._parsed(octets, limits.tags)

    @classmethod
    def _parsed(cls, octets: bytes, most: int) -> KeyRecord:
        breaks = b"\r" in octets or b"\n" in octets
        line_breaks = breaks and first_bare_break(octets) is not None
        tags = _tags(octets.translate(_BREAK_TO_SPACE) if line_breaks else octets, most)
        values = tags.values
        text = values.get("p")
        if text is None:
            raise KeyRecordFault(0, "there is no p=")
        flags = _words(values["t"]) if "t" in values else ()
        key_text = text.translate(None, FWS)
        return cls(
            octets=octets,
            version=_word(values["v"]) if "v" in values else None,
            key_type=_word(values["k"]) if "k" in values else "rsa",
            key_text=key_text,
            line_breaks=line_breaks,
            hashes=_words(values["h"]) if "h" in values else None,
            services=_words(values["s"]) if "s" in values else ("*",),
            flags=flags,
            revoked=not key_text,
            testing="y" in flags,
            forbids_subdomains="s" in flags,
            notes=values.get("n"),
            granularity=values.get("g"),
            other_tags=tuple([one for one in values.items() if one[0] not in _REGISTERED]),
        )

    def serves(self, service: str) -> bool:
        """Whether the key is meant for a service such as email or tlsrpt (§3.6.1 s=)."""
        return "*" in self.services or service in self.services

    def covers(self, local_part: bytes) -> bool:
        """Whether g= fits a local part; an empty g= fits none (RFC 4871 §3.6.1 g=)."""
        if self.granularity is None:
            return True
        return bool(self.granularity) and fits_granularity(self.granularity, local_part)

    def problem_for(self, algorithm: Algorithm, service: str) -> Reason | None:
        """Return why this key cannot serve a signature, in the order of RFC 6376 §6.1.2."""
        if not self.serves(service):
            return Reason.KEY_SERVICE
        if self.hashes is not None and algorithm.hash_name not in self.hashes:
            return Reason.KEY_HASH
        if self.revoked:
            return Reason.KEY_REVOKED
        if self.key_type != algorithm.key_type:
            return Reason.KEY_ALGORITHM
        return None

    def public_key(self, algorithm: Algorithm) -> PublicKey:
        """Return the key itself.  Raises PublicKeyFault."""
        if self.revoked:
            raise PublicKeyFault(0, "revoked")
        return _public_key(algorithm, self.key_text)


def fits_granularity(pattern: bytes, local_part: bytes) -> bool:
    """Match a g= pattern, in which one * stands for anything (RFC 4871 §3.6.1 g=)."""
    before, star, after = pattern.partition(b"*")
    if not star:
        return local_part == pattern
    fits = local_part.startswith(before) and local_part.endswith(after)
    return fits and len(local_part) >= len(before) + len(after)


@lru_cache(maxsize=1024)
def _public_key(algorithm: Algorithm, key_text: bytes) -> PublicKey:
    try:
        octets = from_base64(key_text)
    except SyntaxFault as fault:
        raise PublicKeyFault(0, f"p= is {fault.why}") from None
    return algorithm.load_public(octets)


def read_record(octets: bytes, limits: Limits = DEFAULT) -> KeyRecord | KeyRecordFault:
    """Read a record, remembering the last thousand: a fault is a value here."""
    if len(octets) <= limits.key_record_octets:
        return _remembered(octets, limits.tags)
    return KeyRecordFault(limits.key_record_octets, _TOO_LONG)


@lru_cache(maxsize=1024)
def _remembered(octets: bytes, tags: int) -> KeyRecord | KeyRecordFault:
    """Remember by what the reading depends on: whole `Limits` are slow to compare."""
    try:
        return KeyRecord._parsed(octets, tags)
    except KeyRecordFault as fault:
        return fault


def _tags(octets: bytes, most: int) -> TagList:
    try:
        tags = TagList.parse(octets, most=most)
    except TagListFault as fault:
        raise KeyRecordFault(fault.offset, fault.why) from None
    version = tags.tag("v")
    if version is not None and version.value != VERSION:
        raise ForeignRecord(version.start, "v= is not DKIM1")  # compared as octets, §3.6.1 v=
    if version is not None and next(iter(tags.values)) != "v":
        raise KeyRecordFault(version.start, "v= is not the first tag")
    return tags


def _word(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _words(value: bytes) -> tuple[str, ...]:
    return tuple([_word(element) for element in colon_list(value)])


# -- whom a key serves ---------------------------------------------------------------------------


class Unusable(NamedTuple):
    """Why a signature has no key; `record` is None where octets are no record."""

    problem: Problem
    record: KeyRecord | None


class Signed(Protocol):
    """What a key has to fit: a signature of any field."""

    @property
    def algorithm(self) -> str: ...
    @property
    def selector(self) -> Selector: ...
    @property
    def domain(self) -> DomainName: ...
    @property
    def auid(self) -> Identity: ...


def no_records(name: str, answer: Answer, limits: Limits) -> Problem | None:
    """Return why an answer holds no key record that is tried; None when there are some."""
    if answer.outcome is Outcome.FAILED:
        return Reason.KEY_UNAVAILABLE, answer.failure.value if answer.failure else None
    if not answer.records[: limits.key_records]:
        return Reason.NO_KEY, f"{name}: {answer.outcome.value}"
    return None


def no_record(name: str, fault: KeyRecordFault) -> Problem:
    """Return why octets at a name are no key record.

    A foreign v= is discarded (RFC 6376 §3.6.1): where nothing else stands there is no key
    (§6.1.2 step 3).
    """
    if isinstance(fault, ForeignRecord):
        return Reason.NO_KEY, f"{name}: a record of something else, {fault}"
    return Reason.KEY_SYNTAX, str(fault)


def weight_of(reason: Reason | None) -> int:
    """Return how much a verdict says when a name has several records: foreign TXT says least."""
    order = (Reason.NO_KEY, Reason.KEY_SYNTAX)
    return order.index(reason) if reason in order else len(order)


def usable_key(
    octets: bytes, signed: Signed, rules: Rules, limits: Limits
) -> tuple[KeyRecord, PublicKey] | Unusable:
    """Return the record and the key that stand where a signature's key does, or what is wrong."""
    record = accepted_record(octets, signed, rules, limits)
    if isinstance(record, Unusable):
        return record
    key = _usable(record, signed, rules)
    return (record, key) if isinstance(key, PublicKey) else Unusable(key, record)


def accepted_record(
    octets: bytes, signed: Signed, rules: Rules, limits: Limits
) -> KeyRecord | Unusable:
    """Return the record that octets hold, as far as the rules accept how it is written."""
    record = read_record(octets, limits)
    if isinstance(record, KeyRecordFault):
        return Unusable(no_record(key_name(signed.selector, signed.domain), record), None)
    if record.line_breaks and not rules.accept_key_line_breaks:
        return Unusable((Reason.KEY_SYNTAX, "a line break that is no fold"), record)
    return record


def _usable(record: KeyRecord, signed: Signed, rules: Rules) -> PublicKey | Problem:
    algorithm = ALGORITHMS[signed.algorithm]
    problem = record.problem_for(algorithm, rules.service)
    if problem is not None:
        return problem, None
    if rules.require_service and rules.service not in record.services:
        return Reason.KEY_SERVICE, f"s= does not name {rules.service}"
    if record.forbids_subdomains and not signed.auid.domain.same_as(signed.domain):
        return Reason.KEY_SUBDOMAIN, f"i={signed.auid}"
    if rules.honor_granularity and not record.covers(signed.auid.local_part):
        return Reason.KEY_GRANULARITY, None
    return accepted_key(record, algorithm, rules)


def accepted_key(record: KeyRecord, algorithm: Algorithm, rules: Rules) -> PublicKey | Problem:
    """Return the key of a record that is not revoked, as far as the rules accept it."""
    try:
        key = record.public_key(algorithm)
    except PublicKeyFault as fault:
        return Reason.KEY_SYNTAX, fault.why
    if key.form not in algorithm.key_forms and not rules.accept_ed25519_spki:
        return Reason.KEY_SYNTAX, f"the key is wrapped in {key.form}"
    if key.exponent is not None:
        if key.bits < rules.min_rsa_bits:
            return Reason.KEY_TOO_SHORT, f"{key.bits} bits"
        if key.bits > rules.max_rsa_bits:
            return Reason.KEY_TOO_LONG, f"{key.bits} bits"
        if key.exponent > _MAX_EXPONENT:
            return Reason.KEY_EXPONENT, f"{key.exponent.bit_length()} bits"
    return key
