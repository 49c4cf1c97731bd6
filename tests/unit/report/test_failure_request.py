"""Which failures an owner asks about: fo= over what was found (RFC 9989 §4.7, RFC 9991 §2)."""

from __future__ import annotations

import pytest

from avowal.dkim.reasons import Reason
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.message import Field
from avowal.names import DomainName
from avowal.policy.dmarc.record import DmarcRecord, Policy
from avowal.policy.dmarc.result import Alignment, DomainEvaluation
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.result import PolicyResult
from avowal.report.failure_request import FailureRequest, failure_request

OWN = DomainName.parse(b"example.org")


def signature(domain: str = "example.org", reason: Reason | None = None) -> Verification:
    field = Field.of(
        f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s1; h=from; bh=AAAA; b=AAAA".encode()
    )
    return Verification(field=field, place=0, signature=Signature.parse(field), reason=reason)


def asked(
    tags: str, *, dkim: bool = False, spf: bool = False,
    signatures: tuple[Verification, ...] = (), envelope: str = "none",
    result: PolicyResult | None = None,
) -> FailureRequest | None:  # fmt: skip
    aligned = [name for name, passed in (("dkim", dkim), ("spf", spf)) if passed]
    found = DomainEvaluation(
        domain=OWN,
        result=result or (PolicyResult.PASS if aligned else PolicyResult.FAIL),
        policy=Policy.NONE,
        record=DmarcRecord.parse(f"v=DMARC1; p=none; {tags}".encode()),
        record_domain="example.org",
        organizational_domain="example.org",
        alignments=tuple(
            Alignment(mechanism="dkim" if name == "dkim" else "spf", domain=OWN, mode="r",
                      aligned=True)
            for name in aligned
        ),
    )  # fmt: skip
    return failure_request(found, signatures, EnvelopeResult(domain=OWN, result=envelope))


RUF = "ruf=mailto:f@example.org"
BROKEN = signature(reason=Reason.BODY_HASH)
FOREIGN = signature("other.example", reason=Reason.SIGNATURE)


@pytest.mark.parametrize(
    ("fo", "found", "failure", "unaligned"),
    [
        pytest.param("", {}, "dmarc", ("dkim", "spf"), id="default-all-failed"),
        pytest.param("fo=0", {"spf": True}, None, (), id="0-one-passed"),
        pytest.param("fo=1", {"spf": True}, "dmarc", ("dkim",), id="1-one-failed"),
        pytest.param("fo=1", {"dkim": True, "spf": True}, None, (), id="1-all-passed"),
        pytest.param(
            "fo=d", {"spf": True, "signatures": (BROKEN,)}, "bodyhash", ("dkim",), id="d-broken"
        ),
        pytest.param(
            "fo=d", {"dkim": True, "spf": True, "signatures": (FOREIGN,)}, "signature", (),
            id="d-whatever-its-alignment",
        ),
        pytest.param("fo=d", {"signatures": (signature(),)}, None, (), id="d-none-failed"),
        pytest.param("fo=s", {"envelope": "fail"}, "spf", ("dkim", "spf"), id="s-failed"),
        pytest.param("fo=s", {"envelope": "softfail"}, "spf", ("dkim", "spf"), id="s-softfail"),
        pytest.param("fo=s", {"envelope": "pass"}, None, (), id="s-passed"),
        pytest.param(
            "fo=0:d:s", {"signatures": (BROKEN,), "envelope": "fail"}, "dmarc", ("dkim", "spf"),
            id="one-report-that-of-dmarc",
        ),
    ],
)  # fmt: skip
def test_what_is_asked_about_is_reported(
    fo: str, found: dict[str, object], failure: str | None, unaligned: tuple[str, ...]
) -> None:
    request = asked(f"{RUF}; {fo}", **found)  # type: ignore[arg-type]
    told = None if request is None else (request.failure, request.unaligned)
    assert told == (None if failure is None else (failure, unaligned))


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param("fo=1", id="no-ruf"),
        pytest.param(f"{RUF}; psd=y", id="psd-y"),
        pytest.param("ruf=https://example.org/", id="no-mail-address"),
    ],
)
def test_a_record_that_may_not_ask_gets_nothing(tags: str) -> None:
    assert asked(tags) is None


@pytest.mark.parametrize("result", [PolicyResult.TEMPERROR, PolicyResult.PERMERROR])
def test_what_is_not_known_is_no_failure(result: PolicyResult) -> None:
    assert asked(RUF, result=result) is None


def test_the_aligned_signature_is_the_one_that_is_named() -> None:
    """RFC 9991 §3: DKIM-Domain, -Identity and -Selector of an aligned identifier."""
    request = asked(RUF, signatures=(FOREIGN, BROKEN))
    assert request is not None
    assert request.signature is BROKEN
    request = asked(RUF, signatures=(FOREIGN,))
    assert request is not None
    assert request.signature is None
