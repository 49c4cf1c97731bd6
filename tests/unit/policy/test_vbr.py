"""Vouch By Reference (RFC 5518)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evidence import Counting, by, name, sent, signed

from avowal.limits import Limits
from avowal.lookup import Question, run
from avowal.message import Header
from avowal.policy import vbr
from avowal.policy.result import PolicyResult
from avowal.policy.vbr import Info
from avowal.testing import Zone

INFO = "md=bank.example; mc=transaction; mv=a.example:b.example;"
AT = "bank.example._vouch.b.example"
TRUSTED = (name("b.example"), name("c.example"))
PASSED = signed("bank.example")


def header(*infos: str) -> Header:
    lines = "".join(f"VBR-Info: {info}\r\n" for info in infos)
    return Header.parse(f"{lines}From: a@bank.example\r\n".encode())


def result(
    zone: dict[str, Any],
    *infos: str,
    signatures: tuple[Any, ...] = (PASSED,),
    envelope: Any = None,
) -> PolicyResult:
    return run(vbr.evaluate(header(*infos), signatures, envelope, TRUSTED), Zone(zone)).result


@pytest.mark.parametrize(
    ("value", "readable"),
    [
        pytest.param("mv=b.example; mc=all; md=bank.example", True, id="any-order"),
        pytest.param("MD=bank.example; MC=ALL; MV=b.example;", True, id="case"),
        pytest.param("md=bank.example;\r\n mc=all;\r\n mv=b.example", True, id="folds"),
        pytest.param("md=bank.example; mc=all; mv=b.example; x=y", True, id="others-ignored"),
        pytest.param("mc=all; mv=b.example", False, id="no-md"),
        pytest.param("md=bank.example; mv=b.example", False, id="no-mc"),
        pytest.param("md=bank.example; mc=all", False, id="no-mv"),
        pytest.param("md=bank.example; mc=ads; mv=b.example", False, id="unknown-type"),
        pytest.param("md=ban k.example; mc=all; mv=b.example", False, id="inner-space"),
        pytest.param("md=bank.example; mc=all; mv=b.example:", False, id="empty-certifier"),
    ],
)
def test_the_three_elements_are_needed(value: str, readable: bool) -> None:
    assert (Info.parse(value.encode()) is not None) is readable


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param("transaction", PolicyResult.PASS, id="the-type"),
        pytest.param("all", PolicyResult.PASS, id="all"),
        pytest.param("list transaction", PolicyResult.PASS, id="among-others"),
        pytest.param("list", PolicyResult.FAIL, id="another-type"),
        pytest.param("Transaction", PolicyResult.FAIL, id="not-lower-case"),
        pytest.param("transaction, list", PolicyResult.FAIL, id="not-words"),
        pytest.param("v=spf1 -all", PolicyResult.FAIL, id="wildcard-of-something-else"),
        pytest.param(["all", "all"], PolicyResult.PERMERROR, id="two-records"),
        pytest.param("NXDOMAIN", PolicyResult.FAIL, id="nxdomain"),
        pytest.param("TIMEOUT", PolicyResult.TEMPERROR, id="timeout"),
    ],
)
def test_the_certifiers_words_decide(record: object, expected: PolicyResult) -> None:
    assert result({AT: record}, INFO) is expected


def test_only_trusted_certifiers_are_asked() -> None:
    counting = Counting(Zone({"bank.example._vouch.a.example": "all", AT: "list"}))
    found = run(vbr.evaluate(header(INFO), [PASSED], None, TRUSTED), counting)
    assert (found.result, counting.questions) == (PolicyResult.FAIL, [Question(AT)])


@pytest.mark.parametrize(
    ("signature", "envelope", "expected"),
    [
        pytest.param(signed("bank.example"), None, PolicyResult.PASS, id="d"),
        pytest.param(
            signed("bank.example", i="@x.bank.example"), None, PolicyResult.NONE, id="i-counts"
        ),
        pytest.param(signed("example", i="@bank.example"), None, PolicyResult.PASS, id="i-equals"),
        pytest.param(signed("bank.example", "fail"), None, PolicyResult.NONE, id="broken"),
        pytest.param(signed("other.example"), None, PolicyResult.NONE, id="another-signer"),
        pytest.param(signed("other.example"), sent("bank.example"), PolicyResult.PASS, id="spf"),
        pytest.param(
            signed("o.example"), sent("bank.example", "fail"), PolicyResult.NONE, id="spf-fail"
        ),
    ],
)
def test_the_vouched_domain_has_to_be_authenticated(
    signature: object, envelope: object, expected: PolicyResult
) -> None:
    assert result({AT: "all"}, INFO, signatures=(signature,), envelope=envelope) is expected


def test_fields_with_different_types_fail() -> None:
    assert result({AT: "all"}, INFO, INFO.replace("transaction", "list")) is PolicyResult.FAIL


def test_without_a_field_there_is_nothing_to_say() -> None:
    assert result({AT: "all"}) is PolicyResult.NONE


def test_fields_and_questions_are_capped() -> None:
    infos = [f"md=bank.example; mc=all; mv={n}.example:{n}x.example" for n in "abcdefghijk"]
    trusted = [name(f"{n}{x}.example") for n in "abcdefghijk" for x in ("", "x")]
    counting = Counting(Zone({}))
    limits = Limits(vbr_fields=4, vbr_questions=5)
    run(vbr.evaluate(header(*infos), [PASSED], None, trusted, limits=limits), counting)
    assert len(counting.questions) == 5


def test_the_decisive_voucher_gives_domain_and_certifier() -> None:
    found = run(vbr.evaluate(header(INFO), [PASSED], None, TRUSTED), Zone({AT: "all"})).decisive
    assert found is not None
    assert (found.domain.ascii, found.certifier.ascii) == ("bank.example", "b.example")


def test_a_signature_that_leaves_the_field_out_is_pointed_out() -> None:
    signature = signed("bank.example", signed_names=(b"from", b"subject"))
    found = run(vbr.evaluate(header(INFO), [signature], None, TRUSTED), Zone({AT: "all"}))
    assert any(step.detail == "does not cover VBR-Info" for step in found.trace)


def test_a_field_we_write_is_read_back() -> None:
    info = Info(domain=name("bank.example"), content="list", certifiers=TRUSTED)
    assert Info.parse(info.field().value) == info


def test_authors_need_not_be_the_vouched_domain() -> None:
    assert by("a@bank.example").complete
    assert result({AT: "all"}, INFO) is PolicyResult.PASS
