"""DMARC verdicts: alignment, dispositions, several authors, both generations."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from tests.evidence import Counting, by, sent, signed

from avowal.errors import UsageError
from avowal.limits import Limits
from avowal.lookup import Question, run, together
from avowal.mailbox import Problem
from avowal.policy.dmarc.compare import differences
from avowal.policy.dmarc.discovery import Discovery
from avowal.policy.dmarc.evaluate import DmarcRules, evaluate
from avowal.policy.dmarc.record import Policy
from avowal.policy.dmarc.result import Evaluation, Override
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.result import PolicyResult
from avowal.testing import Zone

SUFFIXES = public_suffix_list(["com", "example"])
OLD = DmarcRules(discovery=Discovery.SUFFIX_LIST, suffixes=SUFFIXES)
REJECT = {"_dmarc.example.com": "v=DMARC1; p=reject"}
NONE = "v=DMARC1; p=none"
ENCODED = "=?utf-8?b?Ym9zc0BiYW5rLmNvbQ==?="
JOE = by("joe@example.com")


def verdict(
    zone: dict[str, object], *signatures: Any, envelope: Any = None, **more: Any
) -> Evaluation:
    author = more.pop("author", JOE)
    return run(evaluate(author, signatures, envelope, **more), Zone(zone))


@pytest.mark.parametrize(
    ("modes", "signature", "envelope", "passes"),
    [
        pytest.param("", signed("example.com"), None, True, id="dkim-equal"),
        pytest.param("", signed("sub.example.com"), None, True, id="dkim-relaxed-below"),
        pytest.param("adkim=s", signed("sub.example.com"), None, False, id="dkim-strict-below"),
        pytest.param("adkim=s", signed("EXAMPLE.com"), None, True, id="dkim-strict-equal"),
        pytest.param("", signed("example.com", "fail"), None, False, id="dkim-fail"),
        pytest.param("", signed("evil.com"), None, False, id="dkim-of-another"),
        pytest.param("", signed("notexample.com"), None, False, id="no-suffix-comparison"),
        pytest.param("", signed("com"), None, False, id="dkim-of-the-tld"),
        pytest.param("", None, sent("example.com"), True, id="spf-equal"),
        pytest.param("", None, sent("b.example.com"), True, id="spf-relaxed"),
        pytest.param("aspf=s", None, sent("b.example.com"), False, id="spf-strict"),
        pytest.param("", None, sent("example.com", "softfail"), False, id="spf-softfail"),
        pytest.param("", signed("evil.com"), sent("example.com"), True, id="one-suffices"),
    ],
)
def test_an_aligned_pass_is_needed(
    modes: str, signature: object, envelope: object, passes: bool
) -> None:
    signatures = () if signature is None else (signature,)
    zone = {"_dmarc.example.com": f"v=DMARC1; p=reject; {modes}"}
    found = verdict(zone, *signatures, envelope=envelope)
    assert (found.result is PolicyResult.PASS) is passes
    assert found.disposition is (Policy.NONE if passes else Policy.REJECT)


@pytest.mark.parametrize(
    ("zone", "author", "signer", "aligned"),
    [
        pytest.param(
            {"_dmarc.mail.example.com": "v=DMARC1; p=none; psd=n"},
            "joe@a.mail.example.com",
            "b.mail.example.com",
            True,
            id="both-below-psd-n",
        ),
        pytest.param(
            {"_dmarc.mail.example.com": f"{NONE}; psd=n", "_dmarc.example.com": NONE},
            "joe@a.mail.example.com",
            "example.com",
            False,
            id="psd-n-parts-departments",
        ),
        pytest.param(
            {"_dmarc.bank.example": f"{NONE}; psd=y", "_dmarc.giant.bank.example": NONE},
            "joe@giant.bank.example",
            "mega.bank.example",
            False,
            id="psd-y-parts-organizations",
        ),
        pytest.param(
            {"_dmarc.a.example.com": "v=DMARC1; p=none"},
            "joe@a.example.com",
            "example.com",
            False,
            id="own-record-only-makes-its-own-organization",
        ),
    ],
)
def test_the_walk_decides_who_belongs_together(
    zone: dict[str, object], author: str, signer: str, aligned: bool
) -> None:
    found = verdict(zone, signed(signer), author=by(author))
    assert found.decisive is not None
    assert found.decisive.dkim_aligned is aligned


@pytest.mark.parametrize(
    ("record", "rules", "disposition", "reason"),
    [
        pytest.param("p=none", DmarcRules(), Policy.NONE, None, id="none"),
        pytest.param("p=quarantine", DmarcRules(), Policy.QUARANTINE, None, id="quarantine"),
        pytest.param("p=reject", DmarcRules(), Policy.REJECT, None, id="reject"),
        pytest.param(
            "p=reject; t=y", DmarcRules(), Policy.QUARANTINE, "policy_test_mode", id="t-rej"
        ),
        pytest.param(
            "p=quarantine; t=y", DmarcRules(), Policy.NONE, "policy_test_mode", id="t-quar"
        ),
        pytest.param("p=none; t=y", DmarcRules(), Policy.NONE, None, id="t-none"),
        pytest.param("p=reject; pct=0", DmarcRules(), Policy.REJECT, None, id="pct-is-gone"),
        pytest.param("p=reject; pct=0", OLD, Policy.QUARANTINE, "sampled_out", id="pct-of-7489"),
        pytest.param("p=reject; t=y", OLD, Policy.REJECT, None, id="7489-knows-no-t"),
    ],
)
def test_the_disposition_and_its_reason(
    record: str, rules: DmarcRules, disposition: Policy, reason: str | None
) -> None:
    found = verdict({"_dmarc.example.com": f"v=DMARC1; {record}"}, rules=rules)
    assert (found.result, found.disposition) == (PolicyResult.FAIL, disposition)
    assert [r.type for r in found.reasons] == ([] if reason is None else [reason])


def test_without_a_record_dmarc_does_not_apply() -> None:
    found = verdict({}, signed("evil.com", "fail"))
    assert (found.result, found.disposition, found.policy) == (PolicyResult.NONE, Policy.NONE, None)


@pytest.mark.parametrize(
    ("signatures", "envelope", "fails", "result"),
    [
        pytest.param((), None, "_dmarc.example.com", PolicyResult.TEMPERROR, id="own-record"),
        pytest.param(
            (signed("s.example.com"),),
            None,
            "_dmarc.s.example.com",
            PolicyResult.TEMPERROR,
            id="walk",
        ),
        pytest.param(
            (signed("s.example.com"),), None, "_dmarc.com", PolicyResult.TEMPERROR, id="top"
        ),
        pytest.param(
            (signed("s.example.com"), signed("example.com")),
            None,
            "_dmarc.s.example.com",
            PolicyResult.PASS,
            id="another-identifier-passes",
        ),
        pytest.param(
            (signed("example.com", "temperror"),),
            None,
            None,
            PolicyResult.TEMPERROR,
            id="key-lookup",
        ),
        pytest.param(
            (signed("evil.com", "temperror"),), None, None, PolicyResult.FAIL, id="of-another"
        ),
        pytest.param((), sent("example.com", "temperror"), None, PolicyResult.TEMPERROR, id="spf"),
    ],
)
def test_no_answer_is_temperror_and_no_weaker_policy(
    signatures: tuple[object, ...], envelope: object, fails: str | None, result: PolicyResult
) -> None:
    questions = () if fails is None else (Question(fails),)
    counting = Counting(Zone(REJECT), fails=questions)
    assert run(evaluate(JOE, signatures, envelope), counting).result is result


@pytest.mark.parametrize(
    ("froms", "result", "disposition"),
    [
        pytest.param(("a@example.com",), PolicyResult.PASS, Policy.NONE, id="one"),
        pytest.param(
            ("a@example.com, b@bank.com",), PolicyResult.FAIL, Policy.REJECT, id="multi-from"
        ),
        pytest.param(
            ("a@example.com", "b@bank.com"), PolicyResult.FAIL, Policy.REJECT, id="two-fields"
        ),
        pytest.param(("b@bank.com", "a@example.com"), PolicyResult.FAIL, Policy.REJECT, id="order"),
        pytest.param(
            ("a@example.com, b@nobody.com",), PolicyResult.NONE, Policy.NONE, id="no-policy"
        ),
        pytest.param(
            ("a@example.com, b@-x-",), PolicyResult.PERMERROR, Policy.QUARANTINE, id="hidden"
        ),
        pytest.param((ENCODED,), PolicyResult.PERMERROR, Policy.QUARANTINE, id="encoded"),
        pytest.param(("G:;",), PolicyResult.PERMERROR, Policy.NONE, id="nobody"),
        pytest.param((), PolicyResult.PERMERROR, Policy.NONE, id="no-field"),
    ],
)
def test_the_strictest_author_decides(
    froms: tuple[str, ...], result: PolicyResult, disposition: Policy
) -> None:
    zone = REJECT | {"_dmarc.bank.com": "v=DMARC1; p=reject"}
    found = verdict(zone, signed("example.com"), author=by(*froms))
    assert (found.result, found.disposition) == (result, disposition)


def test_authors_beyond_the_limit_are_not_let_pass() -> None:
    many = ", ".join(f"a@d{n}.com" for n in range(30)) + ", b@bank.com"
    counting = Counting(Zone({"_dmarc.bank.com": "v=DMARC1; p=reject"}))
    found = run(evaluate(by(many)), counting)
    assert Problem.TOO_MANY in found.problems
    assert found.disposition is Policy.REJECT  # whoever was not asked may ask for it
    assert len(counting.questions) <= 21


def test_names_beyond_the_limit_are_walked_for_no_more() -> None:
    below = [signed(f"s{n}.example.com") for n in range(3)]
    found = verdict(REJECT, *below, limits=Limits(walked_identifiers=2))
    assert "1 further names" in [step.detail for step in found.trace]
    found = verdict(REJECT, *reversed(below), limits=Limits(walked_identifiers=3))
    assert "further names" not in str(found.trace)


def test_a_u_label_author_is_asked_for_by_its_a_label() -> None:
    zone = {"_dmarc.xn--bcher-kva.example": "v=DMARC1; p=reject"}
    found = verdict(zone, signed("xn--bcher-kva.example"), author=by("a@bücher.example"))
    assert found.result is PolicyResult.PASS


def test_equal_names_need_no_walk() -> None:
    counting = Counting(Zone(REJECT))
    run(evaluate(JOE, [signed("example.com")], sent("example.com")), counting)
    assert counting.questions == [Question("_dmarc.example.com")]


def test_signers_elsewhere_need_no_walk_of_their_own() -> None:
    counting = Counting(Zone(REJECT))
    run(evaluate(JOE, [signed("a.b.c.evil.org"), signed("x.evil.com")]), counting)
    asked = {question.name for question in counting.questions}
    assert asked == {"_dmarc.example.com", "_dmarc.com"}


def test_an_override_keeps_its_reason() -> None:
    found = verdict(REJECT).overridden(Override("mailing_list", "list.example", Policy.NONE))
    assert (found.result, found.disposition) == (PolicyResult.FAIL, Policy.NONE)
    assert found.reasons[-1].type == "mailing_list"


def test_the_trace_names_record_tag_alignment_and_what_would_change_it() -> None:
    zone = {"_dmarc.example.com": "v=DMARC1; p=reject; adkim=s"}
    found = verdict(zone, signed("sub.example.com"))
    steps = {(step.action, step.subject) for step in found.trace}
    assert {
        ("found", "_dmarc.example.com"),
        ("chose", "p= of _dmarc.example.com"),
        ("unaligned", "dkim sub.example.com"),
        ("would-change", "adkim=r"),
    } <= steps


def both_ways(zone: dict[str, object], author: str) -> tuple[Evaluation, Evaluation]:
    flows = [evaluate(by(author), [signed("example.com")], rules=r) for r in (OLD, DmarcRules())]
    old, new = run(together(*flows), Zone(zone))
    return old, new


def test_where_two_receivers_part_is_said() -> None:
    old, new = both_ways({"_dmarc.a.example.com": "v=DMARC1; p=reject"}, "joe@a.example.com")
    assert (old.result, new.result) == (PolicyResult.PASS, PolicyResult.FAIL)
    said = differences(old, new)
    assert "a.example.com: result is pass by RFC 7489, fail by RFC 9989" in said
    assert any("organization is example.com by RFC 7489" in line for line in said)


def test_receivers_that_agree_have_nothing_to_say() -> None:
    assert differences(*both_ways(REJECT, "joe@example.com")) == ()


def test_without_the_package_of_the_suffix_list_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "publicsuffixlist", None)
    with pytest.raises(UsageError, match=r"avowal\[psl\]"):
        public_suffix_list(["com"])
