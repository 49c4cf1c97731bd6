"""Which record applies, and which domain is the organization's (RFC 9989 §4.10)."""

from __future__ import annotations

import pytest
from tests.evidence import Counting, name

from avowal.lookup import Question, run
from avowal.policy.dmarc.discovery import (
    Discovered,
    Explorer,
    Walk,
    discover_by_suffixes,
    discover_by_walk,
    tree,
)
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.existence import Existence
from avowal.policy.memory import Failed
from avowal.testing import Zone

SUFFIXES = public_suffix_list(["com", "uk", "co.uk", "example"])
P = "v=DMARC1; p=reject"
HOST = {"A": ["192.0.2.1"]}
LONG = "a.b.c.d.e.f.g.h.i.j.mail.example.com"


def organization(zone: dict[str, object], start: str) -> str:
    walk = run(Explorer().walk(name(start)), Zone(zone))
    assert isinstance(walk, Walk)
    return walk.organizational_domain


def discovered(
    zone: dict[str, object], domain: str, existence: Existence = Existence.NO_NAME
) -> tuple[str | None, str, str | None]:
    found = run(discover_by_walk(Explorer(), name(domain), existence), Zone(zone))
    assert isinstance(found, Discovered)
    return found.record_domain, found.tag, None if found.policy is None else found.policy.value


def test_the_walk_of_a_long_name_asks_the_eight_names_of_the_rfc() -> None:
    assert tree(LONG) == (
        LONG,
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    )


@pytest.mark.parametrize(
    ("domain", "count"),
    [
        pytest.param("com", 1, id="one-label"),
        pytest.param("a.mail.example.com", 4, id="four"),
        pytest.param("a.b.c.d.e.f.example.com", 8, id="eight-labels"),
        pytest.param("a.b.c.d.e.f.g.example.com", 8, id="nine-labels"),
        pytest.param(".".join("a" * 120), 8, id="many"),
    ],
)
def test_no_walk_asks_more_than_eight_names(domain: str, count: int) -> None:
    assert len(tree(domain)) == count
    counting = Counting(Zone({}))
    run(discover_by_walk(Explorer(), name(domain), Existence.NO_NAME), counting)
    assert len(counting.questions) == count


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        pytest.param(
            {"_dmarc.mail.example.com": P, "_dmarc.example.com": P},
            "a.mail.example.com",
            "example.com",
            id="fewest-labels",
        ),
        pytest.param(
            {"_dmarc.mail.example.com": f"{P}; psd=n", "_dmarc.example.com": P},
            "a.mail.example.com",
            "mail.example.com",
            id="psd-n-ends-the-walk",
        ),
        pytest.param(
            {"_dmarc.com": f"{P}; psd=y"}, "a.mail.example.com", "example.com", id="below-the-psd"
        ),
        pytest.param({}, "a.mail.example.com", "a.mail.example.com", id="no-record-at-all"),
        pytest.param(
            {"_dmarc.example.com": f"{P}; psd=y"}, "example.com", "example.com", id="psd-at-start"
        ),
        pytest.param(
            {"_dmarc.example.com": [P, P], "_dmarc.mail.example.com": P},
            "a.mail.example.com",
            "mail.example.com",
            id="several-records-are-none",
        ),
        pytest.param(
            {"_dmarc.example.com": [P, "v=spf1 -all"]},
            "a.example.com",
            "example.com",
            id="foreign-record-beside",
        ),
    ],
)
def test_the_organizational_domain(zone: dict[str, object], start: str, expected: str) -> None:
    assert organization(zone, start) == expected


@pytest.mark.parametrize(
    ("zone", "domain", "expected"),
    [
        pytest.param(
            {"_dmarc.a.example.com": "v=DMARC1; p=none; sp=reject", "_dmarc.example.com": P},
            "a.example.com",
            ("a.example.com", "p", "none"),
            id="own-record-wins-with-p",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; sp=reject", "a.example.com": HOST},
            "a.example.com",
            ("example.com", "sp", "reject"),
            id="sp-of-the-organization",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; sp=none; np=reject"},
            "ghost.example.com",
            ("example.com", "np", "reject"),
            id="np-for-a-name-that-does-not-exist",
        ),
        pytest.param(
            {"_dmarc.example.com": P}, "ghost.example.com", ("example.com", "p", "reject"), id="p"
        ),
        pytest.param(
            {"_dmarc.uk": "v=DMARC1; p=none; sp=quarantine; psd=y", "example.uk": {"MX": ["1 mx"]}},
            "example.uk",
            ("uk", "sp", "quarantine"),
            id="public-suffix-domain",
        ),
        pytest.param({}, "a.example.com", (None, "p", None), id="nothing"),
        pytest.param(
            {"_dmarc.a.example.com": [P, P], "_dmarc.example.com": "v=DMARC1; p=quarantine"},
            "a.example.com",
            ("example.com", "p", "quarantine"),
            id="several-own-records-are-none",
        ),
        pytest.param(
            {"_dmarc.a.b.example.com": "v=DMARC1; sp=none", "_dmarc.example.com": P},
            "a.b.example.com",
            (None, "p", None),
            id="own-record-without-policy-is-none-at-all",
        ),
    ],
)
def test_the_policy_that_applies(
    zone: dict[str, object], domain: str, expected: tuple[str | None, str, str | None]
) -> None:
    assert discovered(zone, domain) == expected


@pytest.mark.parametrize(
    ("types", "existence", "tag"),
    [
        pytest.param({"A": ["192.0.2.1"]}, Existence.NO_NAME, "p", id="a-record"),
        # RFC 9989 §3.2.13, App. A.4: only NXDOMAIN does not exist
        pytest.param({"TXT": ["x"]}, Existence.NO_NAME, "p", id="nodata-exists"),
        pytest.param("NODATA", Existence.NO_NAME, "p", id="a-denial-by-nodata-exists"),
        # RFC 9824 §3: such an answer may also say that there is nothing at the name
        pytest.param("NODATA", Existence.NO_HOST, "np", id="a-denial-by-nodata-has-no-host"),
        pytest.param({"TXT": ["x"]}, Existence.NO_HOST, "np", id="nodata-has-no-host"),
        pytest.param({"MX": ["1 mx"]}, Existence.NO_HOST, "p", id="mx-is-a-host"),
        pytest.param({"AAAA": ["2001:db8::1"]}, Existence.NO_HOST, "p", id="aaaa-is-a-host"),
        pytest.param("NXDOMAIN", Existence.NO_NAME, "np", id="nxdomain"),
    ],
)
def test_when_a_name_exists(types: object, existence: Existence, tag: str) -> None:
    zone = {"_dmarc.example.com": "v=DMARC1; p=none; np=reject", "a.example.com": types}
    assert discovered(zone, "a.example.com", existence)[1] == tag


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(Question("_dmarc.a.example.com"), id="own-record"),
        pytest.param(Question("_dmarc.example.com"), id="organization"),
        pytest.param(Question("_dmarc.com"), id="top"),
        pytest.param(Question("a.example.com", "A"), id="existence"),
    ],
)
def test_no_answer_leaves_the_policy_unknown(failing: Question) -> None:
    zone = Zone({"_dmarc.example.com": "v=DMARC1; p=none; np=reject"})
    counting = Counting(zone, fails=(failing,))
    explorer = Explorer()
    found = run(discover_by_walk(explorer, name("a.example.com"), Existence.NO_NAME), counting)
    assert isinstance(found, Failed)


def test_a_failure_above_the_end_of_the_walk_does_not_matter() -> None:
    zone = Zone({"_dmarc.example.com": f"{P}; psd=n"})
    counting = Counting(zone, fails=(Question("_dmarc.com"),))
    found = run(discover_by_walk(Explorer(), name("a.example.com"), Existence.NO_NAME), counting)
    assert isinstance(found, Discovered)
    assert found.record_domain == "example.com"


@pytest.mark.parametrize(
    ("zone", "domain", "expected"),
    [
        pytest.param(
            {"_dmarc.example.co.uk": "v=DMARC1; p=none; sp=reject"},
            "a.b.example.co.uk",
            ("example.co.uk", "sp", "reject"),
            id="below-the-suffix",
        ),
        pytest.param(
            {"_dmarc.b.example.com": P}, "a.b.example.com", (None, "p", None), id="no-names-between"
        ),
        pytest.param(
            {"_dmarc.example.com": [P, P]}, "example.com", (None, "p", None), id="several-end-it"
        ),
        pytest.param(
            {"_dmarc.a.example.com": [P, P], "_dmarc.example.com": P},
            "a.example.com",
            (None, "p", None),
            id="several-own-end-it-too",
        ),
        pytest.param(
            {"_dmarc.example.com": "v=DMARC1; p=none; np=reject"},
            "ghost.example.com",
            ("example.com", "p", "none"),
            id="np-is-unknown-there",
        ),
    ],
)
def test_discovery_by_the_suffix_list(
    zone: dict[str, object], domain: str, expected: tuple[str | None, str, str | None]
) -> None:
    found = run(discover_by_suffixes(Explorer(), name(domain), SUFFIXES), Zone(zone))
    assert isinstance(found, Discovered)
    policy = None if found.policy is None else found.policy.value
    assert (found.record_domain, found.tag, policy) == expected
