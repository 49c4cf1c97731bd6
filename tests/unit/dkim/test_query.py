"""Asking for keys: a registry of methods."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft

from avowal import verify
from avowal.dkim.query import by_type, dns_txt, register_query, unregister_query
from avowal.testing import Zone, message

RECORD = ZONE[KEY_NAME]
STRINGS = bytes([len(RECORD)]) + RECORD.encode()
UNKNOWN = f"\\# {len(STRINGS)} {STRINGS.hex()}".encode()  # RFC 3597 §5


@pytest.fixture
def own_type() -> Iterator[None]:
    register_query("dns/own", by_type("TYPE65400"))
    yield
    unregister_query("dns/own")


def results(zone: Zone, query: str) -> list[str]:
    octets = craft(message(), tags={"q": query})
    return [str(verdict.result) for verdict in verify(octets, zone, now=SIGNED_AT)]


def asked(zone: Zone) -> list[str]:
    return [question.type for question in zone.asked]


@pytest.mark.usefixtures("own_type")
def test_a_type_of_its_own_is_asked_first() -> None:
    zone = Zone({KEY_NAME: {"TYPE65400": [UNKNOWN]}})
    assert results(zone, "dns/own") == ["pass"]
    assert asked(zone) == ["TYPE65400"]


@pytest.mark.usefixtures("own_type")
def test_txt_is_asked_where_the_type_is_missing() -> None:
    zone = Zone({KEY_NAME: RECORD})
    assert results(zone, "dns/own") == ["pass"]
    assert asked(zone) == ["TYPE65400", "TXT"]


@pytest.mark.usefixtures("own_type")
def test_a_name_that_is_not_there_is_not_asked_again() -> None:
    zone = Zone({})
    assert results(zone, "dns/own") == ["permerror"]
    assert asked(zone) == ["TYPE65400"]


@pytest.mark.usefixtures("own_type")
def test_methods_are_tried_in_the_order_of_the_signature() -> None:
    zone = Zone({KEY_NAME: RECORD})
    assert results(zone, "other/x:dns/txt:dns/own") == ["pass"]
    assert asked(zone) == ["TXT"]


def test_an_unregistered_method_is_passed_over() -> None:
    zone = Zone({KEY_NAME: RECORD})
    assert results(zone, "http/x:dns/txt:dns/own") == ["pass"]
    assert results(zone, "http/x:dns/own") == ["neutral"]
    assert asked(zone) == ["TXT"]


def test_a_method_that_is_named_often_is_tried_once() -> None:
    zone = Zone({})
    assert results(zone, ":".join(["dns/txt"] * 50)) == ["permerror"]
    assert asked(zone) == ["TXT"]


@pytest.fixture
def txt_replaced() -> Iterator[None]:
    register_query("dns/txt", by_type("TYPE65400"))
    yield
    register_query("dns/txt", dns_txt)


@pytest.mark.usefixtures("txt_replaced")
def test_the_built_in_method_may_be_replaced() -> None:
    zone = Zone({KEY_NAME: {"TYPE65400": [UNKNOWN]}})
    assert results(zone, "dns/txt") == ["pass"]
    assert asked(zone) == ["TYPE65400"]
