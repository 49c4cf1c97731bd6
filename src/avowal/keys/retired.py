"""Retired keys of an archive, for explanations: what may have made a signature once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from avowal.crypto.algorithms import of_key_type
from avowal.crypto.publickey import PublicKeyFault
from avowal.diagnose.keys_at_hand import KeyAtHand, RetiredKeys
from avowal.dkim.key import KeyRecord, KeyRecordFault
from avowal.keys.archive import KeyArchive, KeySource
from avowal.names import DomainName, Selector, key_name

_WORDS = {KeySource.DNS: "archive", KeySource.RECOVERED: "recovered"}


def retired_keys(archive: KeyArchive) -> RetiredKeys:
    """Return what gives the keys of an archive at a selector, those that DNS once showed first."""

    def keys(domain: DomainName, selector: Selector) -> Sequence[KeyAtHand]:
        found = []
        for one in archive.at(key_name(selector, domain)):
            with suppress(KeyRecordFault, PublicKeyFault):
                record = KeyRecord.parse(one.record.encode())
                algorithm = of_key_type(record.key_type)
                if algorithm is not None:
                    found.append(KeyAtHand(record.public_key(algorithm), _WORDS[one.source]))
        return sorted(found, key=lambda one: one.source != "archive")

    return keys
