"""Records to publish."""

from __future__ import annotations

import pytest

from avowal.crypto.signing import PrivateKey
from avowal.dkim.key import KeyRecord
from avowal.keys.records import record_text, zone_line
from avowal.lookup import Question
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_2048, Zone

NAMES = DomainName.parse(b"s1"), DomainName.parse(b"example.com")


def test_a_record_says_version_type_and_key() -> None:
    assert record_text(ED25519).startswith("v=DKIM1; k=ed25519; p=")


def test_ed25519_is_published_as_44_characters() -> None:
    assert len(record_text(ED25519).partition("p=")[2]) == 44


def test_every_list_is_written_when_asked_for() -> None:
    text = record_text(ED25519, services=["email"], flags=["s"], hashes=["sha256"], notes="x")
    record = KeyRecord.parse(text.encode())
    assert (record.services, record.flags, record.hashes) == (("email",), ("s",), ("sha256",))
    assert record.notes == b"x"


def test_granularity_is_never_published() -> None:
    assert "g=" not in record_text(RSA_2048).partition("p=")[0]


@pytest.mark.parametrize("key", [RSA_2048, ED25519], ids=repr)
def test_a_zone_file_gives_the_record_back(key: PrivateKey) -> None:
    text = record_text(key)
    zone = Zone.from_zone_file(zone_line(*NAMES, text) + "\n", origin="example.com.")
    (answer,) = zone.resolve((Question("s1._domainkey.example.com"),))
    assert answer.records == (text.encode(),)


def test_strings_are_split_at_255_octets() -> None:
    line = zone_line(*NAMES, record_text(RSA_2048))
    strings = line.split('"')[1::2]
    assert [len(string) <= 255 for string in strings] == [True, True]


def test_quotes_backslashes_and_8_bit_are_escaped() -> None:
    assert '"a\\"b\\\\c\\195\\188"' in zone_line(*NAMES, 'a"b\\cü')
