"""What keeps verifiers from seeing one key record everywhere, in sentences that say what to do."""

from __future__ import annotations

from avowal.dkim.key import KeyRecordFault, read_record
from avowal.keys.observation import Observation
from avowal.keys.slips import slip


def publishes(record: str | None, wanted: str) -> bool:
    """Whether a record publishes the public key of another one, p= and k= alike.

    An empty p= revokes the key of every type (RFC 6376 §3.6.1).
    """
    if record is None:
        return False
    ours, theirs = read_record(_octets(wanted)), read_record(_octets(record))
    if isinstance(ours, KeyRecordFault) or isinstance(theirs, KeyRecordFault):
        return False
    if ours.revoked and theirs.revoked:
        return True
    return (ours.key_type, ours.key_text) == (theirs.key_type, theirs.key_text)


def differences(observation: Observation, wanted: str) -> tuple[str, ...]:
    """Say what keeps verifiers from seeing the record `wanted` everywhere; empty for nothing.

    Each sentence names the server, what it shows and, where that is known, what to do.
    """
    sentences = list(observation.problems)
    for sight in observation.sights:
        if sight.problem is not None:
            sentences.append(f"{sight.server}: {sight.problem}")
        elif sight.record is None:
            sentences.append(f"{sight.server}: has no record at {observation.name}")
        elif not publishes(sight.record, wanted):
            sentences.append(f"{sight.server}: {_what_is_wrong(sight.record, wanted)}")
    if not any(sight.authoritative for sight in observation.sights) and not sentences:
        sentences.append(f"{observation.name}: no name server was found")
    return tuple(sentences)


def _what_is_wrong(record: str, wanted: str) -> str:
    made = slip(_octets(record))
    if made is not None:
        return made
    read = read_record(_octets(record))
    if isinstance(read, KeyRecordFault):
        return f"not a key record: {read}"
    if read.revoked:
        return "the key is revoked there: p= is empty"
    ours = read_record(_octets(wanted))
    if isinstance(ours, KeyRecordFault):
        return "another record"
    if ours.key_type != read.key_type:
        return f"k={read.key_type} where k={ours.key_type} belongs"
    return _of_keys(read.key_text, ours.key_text)


def _of_keys(shown: bytes, wanted: bytes) -> str:
    if wanted.startswith(shown):
        return (
            f"p= is cut after {len(shown)} of {len(wanted)} characters: the panel takes one "
            "string of 255; enter the record in parts"
        )
    if len(shown) == len(wanted):
        return "another public key: the record of another key pair was published"
    return f"p= has {len(shown)} characters, {len(wanted)} belong there"


def _octets(record: str) -> bytes:
    return record.encode("utf-8", "surrogateescape")
