"""The DMARC policy record, tag by tag (RFC 9989 §4.7, §4.8)."""

from __future__ import annotations

import contextlib
import time

import pytest

from avowal.limits import Limits
from avowal.policy.dmarc.record import DmarcRecord, DmarcRecordFault, Policy

NONE, QUARANTINE, REJECT = Policy.NONE, Policy.QUARANTINE, Policy.REJECT


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"v=DMARC2; p=none", id="another-version"),
        pytest.param(b"v=dmarc1; p=none", id="version-in-another-case"),
        pytest.param(b"v=DMARC1; p=none; P=reject", id="tag-twice-in-another-case"),
        pytest.param(b"p=none; v=DMARC1", id="version-not-first"),
        pytest.param(b"v=DMARC1x; p=none", id="longer-version"),
        pytest.param(b"v=DMARC1 p=none", id="no-separator"),
        pytest.param(b"v=DMARC1; p=none; p=reject", id="tag-twice"),
        pytest.param(b"v=spf1 -all", id="another-record"),
    ],
)
def test_what_does_not_begin_with_the_version_is_no_record(octets: bytes) -> None:
    with pytest.raises(DmarcRecordFault):
        DmarcRecord.parse(octets)


@pytest.mark.parametrize(
    ("octets", "field", "value"),
    [
        pytest.param(b"v=DMARC1; p=reject", "p", REJECT, id="p"),
        pytest.param(b"v=DMARC1;p=Quarantine", "p", QUARANTINE, id="words-ignore-case"),
        # RFC 9989 §4.8, RFC 5234 §2.3: only the value of the version is exact
        pytest.param(b"V=DMARC1; p=reject", "p", REJECT, id="version-name-ignores-case"),
        pytest.param(b"v=DMARC1; P=reject", "p", REJECT, id="names-ignore-case"),
        pytest.param(b"v = DMARC1 ; p = none ;", "p", NONE, id="spaces"),
        pytest.param(b"v=DMARC1; rua=mailto:a@b.example; p=none", "p", NONE, id="any-order"),
        pytest.param(b"v=DMARC1; p=none; sp=reject", "sp", REJECT, id="sp"),
        pytest.param(b"v=DMARC1; p=none; np=reject", "np", REJECT, id="np"),
        pytest.param(b"v=DMARC1; p=none", "adkim", "r", id="adkim-default"),
        pytest.param(b"v=DMARC1; p=none; adkim=s", "adkim", "s", id="adkim"),
        pytest.param(b"v=DMARC1; p=none; adkim=x", "adkim", "r", id="adkim-invalid-is-default"),
        pytest.param(b"v=DMARC1; p=none; aspf=s", "aspf", "s", id="aspf"),
        pytest.param(b"v=DMARC1; p=none", "fo", ("0",), id="fo-default"),
        pytest.param(b"v=DMARC1; p=none; fo=1:d:s", "fo", ("1", "d", "s"), id="fo-list"),
        pytest.param(b"v=DMARC1; p=none; fo=1:x", "fo", ("1",), id="fo-unknown-option"),
        pytest.param(b"v=DMARC1; p=none", "psd", "u", id="psd-default"),
        pytest.param(b"v=DMARC1; p=none; psd=y", "psd", "y", id="psd"),
        pytest.param(b"v=DMARC1; p=none; t=y", "testing", True, id="t"),
        pytest.param(b"v=DMARC1; p=none; t=x", "testing", False, id="t-invalid-is-default"),
        pytest.param(b"v=DMARC1; p=none; pct=20", "pct", 20, id="pct-of-7489"),
        pytest.param(b"v=DMARC1; p=none; pct=200", "pct", None, id="pct-out-of-range"),
        pytest.param(b"v=DMARC1; p=none; ri=3600", "ri", 3600, id="ri-of-7489"),
        pytest.param(b"v=DMARC1; p=none; rf=afrf", "rf", ("afrf",), id="rf-of-7489"),
        pytest.param(b"v=DMARC1; p=none; x=y", "other_tags", (("x", b"y"),), id="unknown-tag"),
    ],
)
def test_a_tag_is_read(octets: bytes, field: str, value: object) -> None:
    assert getattr(DmarcRecord.parse(octets), field) == value


@pytest.mark.parametrize(
    ("octets", "usable"),
    [
        pytest.param(b"v=DMARC1; p=reject", REJECT, id="valid"),
        pytest.param(b"v=DMARC1", None, id="no-p-no-rua"),
        pytest.param(b"v=DMARC1; rua=mailto:a@b.example", NONE, id="no-p-but-rua"),
        pytest.param(b"v=DMARC1; p=bad; rua=mailto:a@b.example", NONE, id="bad-p-but-rua"),
        pytest.param(b"v=DMARC1; p=reject; sp=bad", None, id="bad-sp-no-rua"),
        pytest.param(b"v=DMARC1; p=reject; sp=bad; rua=mailto:a@b.example", NONE, id="bad-sp"),
        pytest.param(b"v=DMARC1; p=reject; np=bad; rua=mailto:a@b.example", NONE, id="bad-np"),
        pytest.param(b"v=DMARC1; p=bad; rua=nonsense", None, id="bad-rua-helps-nothing"),
    ],
)
def test_without_a_valid_policy_a_valid_rua_makes_it_none(
    octets: bytes, usable: Policy | None
) -> None:
    assert DmarcRecord.parse(octets).usable_policy is usable


@pytest.mark.parametrize(
    ("octets", "existing", "expected"),
    [
        pytest.param(b"v=DMARC1; p=reject", True, ("p", REJECT), id="p-alone"),
        pytest.param(b"v=DMARC1; p=reject; sp=none", True, ("sp", NONE), id="sp"),
        pytest.param(b"v=DMARC1; p=reject; sp=none", False, ("sp", NONE), id="np-falls-back-to-sp"),
        pytest.param(b"v=DMARC1; p=none; np=reject", True, ("p", NONE), id="np-only-for-ghosts"),
        pytest.param(b"v=DMARC1; p=none; np=reject", False, ("np", REJECT), id="np"),
    ],
)
def test_subdomains_get_np_then_sp_then_p(
    octets: bytes, existing: bool, expected: tuple[str, Policy]
) -> None:
    assert DmarcRecord.parse(octets).for_subdomains(existing=existing) == expected


@pytest.mark.parametrize(
    ("rua", "addresses"),
    [
        pytest.param(b"mailto:a@b.example", ["a@b.example"], id="one"),
        pytest.param(
            b"mailto:a@b.example , mailto:c@d.example", ["a@b.example", "c@d.example"], id="2"
        ),
        pytest.param(b"mailto:a%21b@c.example", ["a!b@c.example"], id="encoded"),
        pytest.param(b"MAILTO:a@b.example!10m", ["a@b.example"], id="size-means-nothing"),
        pytest.param(b"https://b.example/x, mailto:a@b.example", ["a@b.example"], id="https"),
        pytest.param(b"mailto:no-domain", [], id="no-address"),
    ],
)
def test_report_addresses(rua: bytes, addresses: list[str]) -> None:
    record = DmarcRecord.parse(b"v=DMARC1; p=none; rua=" + rua)
    assert [str(uri.address) for uri in record.rua if uri.address is not None] == addresses


def test_what_was_left_out_is_named() -> None:
    record = DmarcRecord.parse(b"v=DMARC1; p=none; adkim=x; ri=-1; stray")
    assert [problem.tag for problem in record.problems] == ["stray", "adkim", "ri"]


def test_tags_are_capped() -> None:
    octets = b"v=DMARC1; p=none" + b"; x=y" * 100
    with pytest.raises(DmarcRecordFault, match="more than"):
        DmarcRecord.parse(octets, limits=Limits(policy_tags=64))


@pytest.mark.parametrize("unit", [b";", b"x=;", b" ", b"p", b"rua=mailto:a@b.example,", b"%41"])
def test_time_grows_with_the_octets_whatever_they_are(unit: bytes) -> None:
    def seconds(octets: bytes) -> float:
        start = time.process_time()
        with contextlib.suppress(DmarcRecordFault):
            DmarcRecord.parse(octets)
        return time.process_time() - start

    size = 1 << 18
    harmless = seconds(b"v=DMARC1; p=none; rua=mailto:" + b"a" * size + b"@b.example")
    worst = seconds(b"v=DMARC1; rua=mailto:" + unit * (size // len(unit)))
    assert worst < 40 * max(harmless, 0.02)
