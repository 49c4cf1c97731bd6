"""Who may receive reports (RFC 9990 §4)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evidence import Counting, name

from avowal.lookup import Question, run
from avowal.policy.dmarc.destinations import Consent, destinations
from avowal.policy.dmarc.record import DmarcRecord
from avowal.testing import Zone

AT = "example.com._report._dmarc.reports.example.net"
OWN = {"_dmarc.example.com": "v=DMARC1; p=none"}


def found(zone: dict[str, Any], *uris: str) -> Any:
    record = DmarcRecord.parse(f"v=DMARC1; p=none; rua={','.join(uris)}".encode())
    return run(destinations(name("example.com"), record.rua), Zone(OWN | zone))


@pytest.mark.parametrize(
    ("zone", "uri", "consent"),
    [
        pytest.param({}, "mailto:a@example.com", Consent.OWN, id="the-domain"),
        pytest.param({}, "mailto:a@x.example.com", Consent.OWN, id="the-organization"),
        pytest.param({}, "mailto:a@reports.example.net", Consent.REFUSED, id="silent"),
        pytest.param({AT: "v=DMARC1"}, "mailto:a@reports.example.net", Consent.GIVEN, id="says-so"),
        pytest.param(
            {"*._report._dmarc.reports.example.net": "v=DMARC1;"},
            "mailto:a@reports.example.net",
            Consent.GIVEN,
            id="wildcard",
        ),
        pytest.param({AT: "hello"}, "mailto:a@reports.example.net", Consent.REFUSED, id="other"),
        pytest.param({AT: "SERVFAIL"}, "mailto:a@reports.example.net", Consent.UNKNOWN, id="fails"),
        pytest.param({}, "https://reports.example.net/", Consent.UNUSABLE, id="no-mailto"),
        pytest.param({}, "mailto:a@notexample.com", Consent.REFUSED, id="no-suffix-comparison"),
    ],
)
def test_a_foreign_address_has_to_agree(zone: dict[str, Any], uri: str, consent: Consent) -> None:
    assert [destination.consent for destination in found(zone, uri)] == [consent]


def test_the_destination_may_name_another_address_at_its_host() -> None:
    zone = {AT: "v=DMARC1; rua=mailto:b@reports.example.net"}
    (destination,) = found(zone, "mailto:a@reports.example.net")
    assert [str(uri.address) for uri in destination.uris] == ["b@reports.example.net"]


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param("mailto:b@victim.example", id="another-host"),
        pytest.param("mailto:b@reports.example.net,mailto:b@victim.example", id="one-of-two"),
    ],
)
def test_where_it_names_an_address_at_another_host_neither_gets_a_report(instead: str) -> None:
    """RFC 9990 §4, RFC 7489 §7.1: to "either the original or the override URI" MUST NOT."""
    (destination,) = found({AT: f"v=DMARC1; rua={instead}"}, "mailto:a@reports.example.net")
    assert (destination.consent, destination.uris) == (Consent.FOREIGN, ())


def test_all_addresses_are_asked_for_in_two_rounds() -> None:
    record = DmarcRecord.parse(b"v=DMARC1; p=none; rua=mailto:a@a.example,mailto:b@b.example")
    counting = Counting(Zone(OWN))
    run(destinations(name("example.com"), record.rua), counting)
    assert len(counting.rounds) == 2
    assert Question("example.com._report._dmarc.a.example") in counting.rounds[1]


def test_addresses_beyond_the_limit_get_no_reports() -> None:
    """RFC 7489 §6.2 leaves the number to the receiver: the first ones count."""
    uris = [f"mailto:a{n}@example.com" for n in range(21)]
    assert [str(one.uri.address) for one in found({}, *uris)] == [u[7:] for u in uris[:20]]
