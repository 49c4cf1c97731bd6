"""One key record as a verifier reads it, and the one thing that keeps it from being used."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from avowal.crypto.algorithms import ALGORITHMS, Algorithm, of_key_type
from avowal.crypto.publickey import PublicKey
from avowal.dkim.key import KeyRecord, KeyRecordFault, read_record
from avowal.errors import SyntaxFault
from avowal.keys.slips import EXPOSED, exposed, slip_of
from avowal.taglist import TagList, from_base64, without_fws
from avowal.text import printable

_MAY_BE_CUT = frozenset(("no-key-record", "unreadable-key"))


class Trouble(NamedTuple):
    """Why a record cannot be used: the code of a rule, and what is wrong in words."""

    code: str
    what: str


class Reading(NamedTuple):
    """A record: as far as it could be read, its key, and what is wrong with how it is written."""

    record: KeyRecord | None = None
    algorithm: Algorithm | None = None
    key: PublicKey | None = None
    trouble: Trouble | None = None

    @property
    def is_live(self) -> bool:
        """Whether it publishes a key that verifiers use."""
        return self.key is not None and self.trouble is None


@lru_cache(maxsize=1024)
def reading_of(octets: bytes) -> Reading:
    """Read a record.  Raises nothing."""
    reading = _read(octets)
    if exposed(octets):
        return reading._replace(trouble=Trouble("private-key", EXPOSED))
    if reading.trouble is None:
        return reading
    slip = slip_of(octets)
    if slip is not None:
        return reading._replace(trouble=Trouble(slip.code, slip.sentence))
    cut = _cut(octets) if reading.trouble.code in _MAY_BE_CUT else None
    return reading if cut is None else reading._replace(trouble=Trouble("cut", cut))


def _read(octets: bytes) -> Reading:
    record = read_record(octets)
    if isinstance(record, KeyRecordFault):
        return Reading(trouble=Trouble("no-key-record", f"not a key record: {record}"))
    if record.revoked:
        return Reading(record=record)
    algorithm = of_key_type(record.key_type)
    if algorithm is None:
        what = f"k={printable(record.key_type, most=40)}: no type of key that is known"
        return Reading(record=record, trouble=Trouble("unknown-type", what))
    try:
        key = record.public_key(algorithm)
    except SyntaxFault as fault:
        other = _other_type(record, algorithm)
        if other is not None:
            what = f"k={algorithm.key_type}, but p= holds a key of type {other}"
            return Reading(record, algorithm, trouble=Trouble("wrong-type", what))
        what = f"p= holds no key: {printable(fault.why)}"
        return Reading(record, algorithm, trouble=Trouble("unreadable-key", what))
    if key.form not in algorithm.key_forms:
        what = f"the key is wrapped in {key.form}, verifiers expect {algorithm.key_forms[0]}"
        return Reading(record, algorithm, key, Trouble("wrapped-key", what))
    return Reading(record, algorithm, key)


def _other_type(record: KeyRecord, algorithm: Algorithm) -> str | None:
    """Return the type of key that p= holds instead of that of k=."""
    for other in ALGORITHMS.values():
        if other.key_type != algorithm.key_type:
            try:
                record.public_key(other)
            except SyntaxFault:
                continue
            return other.key_type
    return None


def _cut(octets: bytes) -> str | None:
    """Say how much of a key is there whose DER tells of more (RFC 5280 §4.1.2.7)."""
    text = without_fws(TagList.salvage(octets).get("p") or b"").rstrip(b"=")
    whole = text[: len(text) // 4 * 4]
    try:
        there = from_base64(whole)
    except SyntaxFault:
        return None
    wanted = _length_of_der(there)
    if wanted is None or len(there) >= wanted:
        return None
    return f"p= is cut: {len(there)} of {wanted} octets of the key are there"


def _length_of_der(octets: bytes) -> int | None:
    """Return how long a SEQUENCE says that it is, its own beginning included."""
    if len(octets) < 4 or octets[0] != 0x30:
        return None
    if octets[1] < 0x80:
        return 2 + octets[1]
    count = octets[1] & 0x7F
    if not 0 < count <= 2:
        return None
    return 2 + count + int.from_bytes(octets[2 : 2 + count], "big")
