"""Retired keys of an archive explain what DNS no longer can."""

from __future__ import annotations

import avowal
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import KeyState
from avowal.keys.archive import ArchivedKey, KeyArchive, KeySource
from avowal.keys.retired import retired_keys
from avowal.message import Message
from avowal.testing import RSA_1024, RSA_2048, message, record_for


def archived(record: str, source: KeySource = KeySource.DNS) -> ArchivedKey:
    return ArchivedKey(domain="example.com", selector="s1", record=record, source=source)


def signed() -> bytes:
    octets = message()
    return avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets


def test_a_key_that_is_gone_from_dns_is_found_in_the_archive() -> None:
    octets = signed()
    archive = KeyArchive([archived(record_for(RSA_1024)), archived(record_for(RSA_2048))])
    (one,) = explain(
        Message.parse(octets), avowal.verify(octets, {}), retired=retired_keys(archive)
    )
    assert (one.key, one.key_source, one.explained) == (KeyState.PROVEN, "archive", True)
    assert not one.passed


def test_a_recovered_key_is_named_as_such() -> None:
    octets = signed()
    archive = KeyArchive([archived(record_for(RSA_2048), KeySource.RECOVERED)])
    (one,) = explain(
        Message.parse(octets), avowal.verify(octets, {}), retired=retired_keys(archive)
    )
    assert one.key_source == "recovered"


def test_records_that_hold_no_key_are_passed_over() -> None:
    archive = KeyArchive([archived("v=DKIM1; p="), archived("nonsense"), archived("v=DKIM1; p=x")])
    signature = avowal.verify(signed(), {})[0].signature
    assert signature is not None
    assert retired_keys(archive)(signature.domain, signature.selector) == []
