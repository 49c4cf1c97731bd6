"""Authorized third-party signatures (RFC 6541)."""

from __future__ import annotations

import pytest
from tests.evidence import Counting, by, name, signed

from avowal.errors import UsageError
from avowal.limits import Limits
from avowal.lookup import Question, run
from avowal.policy import atps
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import PolicyResult
from avowal.testing import Zone

JOE = by("joe@example.com")
ONE = "QSP4I4D24CRHOPDZ3O3ZIU2KSGS3X6Z6._atps.example.com"
TWO = "ZTZGRRV3F45A4U6HLDKBF3ZCOW4V2AJX._atps.example.com"


def claim(
    signer: str, result: str = "pass", *, atps: str = "example.com", atpsh: str | None = "none"
) -> SignatureResult:
    return signed(signer, result, atps=name(atps), atpsh=atpsh)


@pytest.mark.parametrize(
    ("signer", "expected"),
    [
        pytest.param("one.example.net", ONE, id="one"),
        pytest.param("TWO.example.net", TWO, id="two"),
    ],
)
def test_the_names_of_the_rfcs_example(signer: str, expected: str) -> None:
    assert atps.query_name(name(signer), name("example.com"), "sha1") == expected


def test_base32_of_sha256_stands_without_padding() -> None:
    label = atps.query_name(name("one.example.net"), name("example.com")).partition(".")[0]
    assert (len(label), "=" in label) == (52, False)


def test_without_a_hash_the_domain_itself_is_asked_for() -> None:
    asked = atps.query_name(name("One.example.net"), name("example.com"), "none")
    assert asked == "one.example.net._atps.example.com"


def test_an_unknown_hash_cannot_be_published() -> None:
    with pytest.raises(UsageError, match="md5"):
        atps.query_name(name("a.example"), name("b.example"), "md5")


@pytest.mark.parametrize(
    ("signature", "record", "expected"),
    [
        pytest.param(claim("t.example"), "v=ATPS1", PolicyResult.PASS, id="authorized"),
        pytest.param(claim("t.example"), "v=ATPS1; d=T.example", PolicyResult.PASS, id="with-d"),
        pytest.param(claim("t.example"), "v=ATPS1; d=x.example", PolicyResult.FAIL, id="collision"),
        pytest.param(claim("t.example"), "v=ATPS2", PolicyResult.FAIL, id="other-version"),
        pytest.param(claim("t.example"), "d=t.example", PolicyResult.FAIL, id="no-version"),
        pytest.param(claim("t.example"), "v=ATPS1; d=-", PolicyResult.FAIL, id="d-is-no-name"),
        pytest.param(claim("t.example"), "not a list", PolicyResult.FAIL, id="no-tag-list"),
        pytest.param(claim("t.example"), ["x", "v=ATPS1"], PolicyResult.PASS, id="one-of-several"),
        pytest.param(claim("t.example"), "NXDOMAIN", PolicyResult.FAIL, id="nxdomain"),
        pytest.param(claim("t.example"), "NODATA", PolicyResult.FAIL, id="nodata"),
        pytest.param(claim("t.example"), "SERVFAIL", PolicyResult.TEMPERROR, id="servfail"),
        pytest.param(claim("t.example", "fail"), "v=ATPS1", PolicyResult.NONE, id="broken"),
        pytest.param(claim("t.example", atpsh="md5"), "v=ATPS1", PolicyResult.PERMERROR, id="hash"),
        pytest.param(
            claim("t.example", atpsh=None), "v=ATPS1", PolicyResult.PERMERROR, id="no-atpsh"
        ),
        pytest.param(
            claim("t.example", atps="o.example"), "v=ATPS1", PolicyResult.FAIL, id="not-from"
        ),
        pytest.param(
            claim("t.example", atps="EXAMPLE.com"), "v=ATPS1", PolicyResult.PASS, id="case"
        ),
        pytest.param(signed("t.example"), "v=ATPS1", PolicyResult.NONE, id="no-atps"),
    ],
)
def test_a_claim_is_judged(signature: object, record: object, expected: PolicyResult) -> None:
    zone = Zone({"t.example._atps.example.com": record, "t.example._atps.o.example": "v=ATPS1"})
    found = run(atps.evaluate(JOE, [signature]), zone)
    assert found.result is expected
    assert [d.ascii for d in found.authorized] == (
        ["example.com"] if expected is PolicyResult.PASS else []
    )


def test_one_authorization_suffices_though_another_question_failed() -> None:
    zone = Zone({"b.example._atps.example.com": "v=ATPS1"})
    counting = Counting(zone, fails=(Question("a.example._atps.example.com"),))
    found = run(atps.evaluate(JOE, [claim("a.example"), claim("b.example")]), counting)
    assert (found.result, len(counting.rounds)) == (PolicyResult.PASS, 1)


def test_the_number_of_questions_is_capped() -> None:
    signatures = [claim(f"s{n}.example") for n in range(30)]
    counting = Counting(Zone({}))
    run(atps.evaluate(JOE, signatures, limits=Limits(atps_signatures=4)), counting)
    assert len(counting.questions) == 4


def test_the_record_we_publish_authorizes() -> None:
    signer, author = name("t.example"), name("example.com")
    zone = Zone({atps.query_name(signer, author): atps.record(signer)})
    found = run(atps.evaluate(JOE, [claim("t.example", atpsh="sha256")]), zone)
    assert found.result is PolicyResult.PASS


def test_sha1_is_read_and_not_published() -> None:
    assert "sha1" in atps.HASHES
    assert atps.PUBLISHED == ("none", "sha256")


def _sha256(signer: str, *, pad: bool) -> str:
    found = atps.query_name(name(signer), name("example.com"))
    return atps.padded(found) if pad else found


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param({True: "v=ATPS1"}, PolicyResult.PASS, id="with padding, OpenDKIM"),
        pytest.param({False: "v=ATPS1"}, PolicyResult.PASS, id="without"),
        pytest.param({False: "v=ATPS1; d=x.example", True: "v=ATPS1"}, PolicyResult.FAIL,
                     id="what stands at the RFC's name counts"),
        pytest.param({True: "SERVFAIL"}, PolicyResult.TEMPERROR, id="no answer about the padded"),
        pytest.param({}, PolicyResult.FAIL, id="at neither"),
    ],
)  # fmt: skip
def test_a_name_with_padding_is_looked_up_second(
    records: dict[bool, str], expected: PolicyResult
) -> None:
    zone = Zone({_sha256("t.example", pad=pad): record for pad, record in records.items()})
    assert run(atps.evaluate(JOE, [claim("t.example", atpsh="sha256")]), zone).result is expected


def test_names_that_need_no_padding_are_asked_once() -> None:
    zone = Counting(Zone({}))
    run(atps.evaluate(JOE, [claim("one.example.net", atpsh="sha1"), claim("t.example")]), zone)
    assert [len(asked) for asked in zone.rounds] == [2]
