"""Key records: what stands at a selector (RFC 6376 §3.6.1).

Reading a record judges its syntax only; whether it serves a certain signature is
asked of `problem_for`.

Deliberate: a line break that is no fold is read as white space and noted in `line_breaks`
(docs/design/decisions/0008-line-breaks-in-key-records.md); rules may refuse it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from avowal.crypto.algorithms import Algorithm
from avowal.crypto.publickey import PublicKey, PublicKeyFault
from avowal.dkim.reasons import Reason
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.taglist import (
    TagList,
    TagListFault,
    colon_list,
    first_bare_break,
    from_base64,
    without_fws,
)
from avowal.valueclass import value

VERSION = b"DKIM1"
_BREAK_TO_SPACE = bytes.maketrans(b"\r\n", b"  ")
_REGISTERED = frozenset("vhknpstg")  # g= is historic: known, never enforced by default


class KeyRecordFault(SyntaxFault):
    """Octets that are no key record."""


class ForeignRecord(KeyRecordFault):
    """A record of another version: it is discarded, as if it were not there (§3.6.1 v=)."""


@value
class KeyRecord:
    """One key record; absent tags are None, or their default where the RFC gives one.

    `key_text` is p= without white space, still in base64 and empty when the key is
    revoked; `hashes` None allows all; `line_breaks` says that some are no folds.
    """

    octets: bytes
    key_type: str = "rsa"
    key_text: bytes
    line_breaks: bool = False
    hashes: tuple[str, ...] | None = None
    services: tuple[str, ...] = ("*",)
    flags: tuple[str, ...] = ()
    notes: bytes | None = None
    granularity: bytes | None = None
    version: str | None = None
    other_tags: tuple[tuple[str, bytes], ...] = ()

    @classmethod
    def parse(cls, octets: bytes, *, limits: Limits = DEFAULT) -> KeyRecord:
        """Read a record.  Raises KeyRecordFault."""
        if len(octets) > limits.key_record_octets:
            raise KeyRecordFault(limits.key_record_octets, "a record longer than any key needs")
        line_breaks = first_bare_break(octets) is not None
        tags = _tags(octets.translate(_BREAK_TO_SPACE) if line_breaks else octets, limits)
        version = tags.get("v")
        return cls(
            octets=octets,
            version=None if version is None else version.decode(),
            key_type=_word(tags.get("k"), "rsa"),
            key_text=_key_text(tags),
            line_breaks=line_breaks,
            hashes=None if (h := tags.get("h")) is None else _words(h),
            services=("*",) if (s := tags.get("s")) is None else _words(s),
            flags=() if (t := tags.get("t")) is None else _words(t),
            notes=tags.get("n"),
            granularity=tags.get("g"),
            other_tags=tuple((t.name, t.value) for t in tags if t.name not in _REGISTERED),
        )

    @property
    def revoked(self) -> bool:
        """Whether p= is empty (RFC 6376 §3.6.1 p=)."""
        return not self.key_text

    @property
    def testing(self) -> bool:
        """Whether the domain is testing: t=y (RFC 6376 §3.6.1 t=)."""
        return "y" in self.flags

    @property
    def forbids_subdomains(self) -> bool:
        """Whether i= must stay at d= itself: t=s (RFC 6376 §3.6.1 t=)."""
        return "s" in self.flags

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
    return _record_or_fault(octets, limits)


@lru_cache(maxsize=1024)
def _remembered(octets: bytes, tags: int) -> KeyRecord | KeyRecordFault:
    """Remember by what the reading depends on: whole `Limits` are slow to compare."""
    limits = replace(DEFAULT, key_record_octets=len(octets), tags=tags)
    return _record_or_fault(octets, limits)


def _record_or_fault(octets: bytes, limits: Limits) -> KeyRecord | KeyRecordFault:
    try:
        return KeyRecord.parse(octets, limits=limits)
    except KeyRecordFault as fault:
        return fault


def _tags(octets: bytes, limits: Limits) -> TagList:
    try:
        tags = TagList.parse(octets, most=limits.tags)
    except TagListFault as fault:
        raise KeyRecordFault(fault.offset, fault.why) from None
    version = tags.tag("v")
    if version is not None and version.value != VERSION:
        raise ForeignRecord(version.start, "v= is not DKIM1")  # compared as octets, §3.6.1 v=
    if version is not None and next(iter(tags)).name != "v":
        raise KeyRecordFault(version.start, "v= is not the first tag")
    return tags


def _key_text(tags: TagList) -> bytes:
    text = tags.get("p")
    if text is None:
        raise KeyRecordFault(0, "there is no p=")
    return without_fws(text)


def _word(value: bytes | None, default: str) -> str:
    return default if value is None else value.decode("utf-8", "backslashreplace")


def _words(value: bytes) -> tuple[str, ...]:
    return tuple(_word(element, "") for element in colon_list(value))
