"""Which signatures of a message the search for keys looks at, and what they may have signed."""

from __future__ import annotations

import hashlib

import pytest
from tests.crafting import SIGNED_AT, craft

from avowal.dkim.hashing import header_data
from avowal.keys.samples import samples_of
from avowal.limits import Limits
from avowal.message import Header, split
from avowal.testing import ED25519, RSA_2048, message


def read(octets: bytes, *, limits: Limits | None = None) -> list[tuple[str, int]]:
    head, body = split(octets)
    found = samples_of(Header.parse(head), (body,), limits=limits or Limits())
    return [(signature.domain.ascii, len(sample.digests)) for signature, sample in found]


SIGNED = craft(message(), RSA_2048)


def test_an_intact_signature_is_a_sample() -> None:
    assert read(SIGNED) == [("example.com", 1)]


def test_the_first_digest_is_what_was_signed() -> None:
    head, body = split(SIGNED)
    header = Header.parse(head)
    ((signature, sample),) = samples_of(header, (body,))
    data = header_data(header, signature.signed_names, "relaxed", signature.unsigned_field, place=0)
    assert sample.digests == (hashlib.sha256(data).digest(),)


def test_its_time_is_that_of_the_signature() -> None:
    head, body = split(SIGNED)
    ((_, sample),) = samples_of(Header.parse(head), (body,))
    assert sample.when == SIGNED_AT


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(message(), id="no signature"),
        pytest.param(SIGNED + b"more\r\n", id="a changed body"),
        pytest.param(craft(message(), ED25519), id="Ed25519"),
        pytest.param(craft(message(), RSA_2048, tags={"l": "5"}), id="l="),
        pytest.param(craft(message(), RSA_2048, tags={"h": "from:from:"}), id="bad syntax"),
        pytest.param(craft(message(), RSA_2048, tags={"c": "x/relaxed"}), id="unknown form"),
    ],
)
def test_what_is_no_sample(octets: bytes) -> None:
    assert read(octets) == []


def test_a_header_beyond_the_limits_has_none() -> None:
    assert read(SIGNED, limits=Limits(header_fields=3)) == []


def test_no_more_signatures_are_read_than_a_verifier_reads() -> None:
    twice = craft(SIGNED, RSA_2048, signed=message())
    assert len(read(twice, limits=Limits(signatures_parsed=1))) == 1


NAMES = "from:to:subject:date:sender:list-id"


@pytest.mark.parametrize("field", ["Sender: list@example.org", "List-Id: <list.example.org>"])
def test_fields_that_a_list_may_have_added_are_also_taken_as_absent(field: str) -> None:
    signed = craft(message(), RSA_2048, tags={"h": NAMES})
    passed_on = field.encode() + b"\r\n" + signed
    head, body = split(passed_on)
    ((_, sample),) = samples_of(Header.parse(head), (body,))
    head, body = split(signed)
    ((_, intact),) = samples_of(Header.parse(head), (body,))
    assert sample.digests[0] == intact.digests[0]
    assert len(sample.digests) == 2
