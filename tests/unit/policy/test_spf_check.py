"""check_host() beyond the suites: temperror everywhere, limits, rounds, EAI, laws."""

from __future__ import annotations

import itertools
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.lookup import NO_NAME, Answer, Failure, Question, run
from avowal.policy.spf import SpfLimits, SpfRequest, SpfResult, SpfWord, check_host, check_identity
from avowal.testing import Zone

CLIENT = ip_address("192.0.2.1")


def result_of(
    record: str, others: dict[str, Any] | None = None, *, explain: bool = False, **request: Any
) -> SpfResult:
    zone = Zone({"example.com": record, **(others or {})})
    values = {"client": CLIENT, "mail_from": b"user@example.com", **request}
    return run(check_identity(SpfRequest(**values), explain=explain), zone)


@pytest.mark.parametrize(
    ("record", "others"),
    [
        pytest.param("v=spf1 a -all", {"example.com": {"A": Failure.TIMEOUT}}, id="a"),
        pytest.param("v=spf1 mx -all", {"example.com": {"MX": Failure.SERVER_FAILURE}}, id="mx"),
        pytest.param(
            "v=spf1 mx -all",
            {"example.com": {"MX": ["10 mx.example.com"]}, "mx.example.com": {"A": "TIMEOUT"}},
            id="an exchange of mx",
        ),
        pytest.param("v=spf1 exists:x.example -all", {"x.example": Failure.REFUSED}, id="exists"),
        pytest.param("v=spf1 include:x.example", {"x.example": Failure.TIMEOUT}, id="include"),
        pytest.param("v=spf1 redirect=x.example", {"x.example": Failure.TIMEOUT}, id="redirect"),
    ],
)
def test_a_failed_lookup_is_temperror_and_never_a_weaker_result(
    record: str, others: dict[str, Any]
) -> None:
    own = others.pop("example.com", {})
    others = {"example.com": {"TXT": record, **own}, **others}
    result = run(
        check_identity(SpfRequest(client=CLIENT, mail_from=b"u@example.com")), Zone(others)
    )
    assert result.word is SpfWord.TEMPERROR
    assert result.problem


def test_a_failed_lookup_of_the_record_is_temperror() -> None:
    zone = Zone({"example.com": Failure.TIMEOUT})
    request = SpfRequest(client=CLIENT, mail_from=b"u@example.com")
    assert run(check_identity(request), zone).word is SpfWord.TEMPERROR


def test_a_failed_reverse_lookup_only_leaves_ptr_unmatched() -> None:
    """RFC 7208 §5.5: the mechanism fails to match."""
    result = result_of("v=spf1 ptr -all", {"1.2.0.192.in-addr.arpa": Failure.TIMEOUT})
    assert result.word is SpfWord.FAIL


@pytest.mark.parametrize(
    ("scope", "mail_from", "helo", "domain"),
    [
        ("mfrom", b"user@example.com", b"mx.example.net", "example.com"),
        ("helo", b"", b"mx.example.net", "mx.example.net"),
    ],
)
def test_helo_is_checked_for_a_null_reverse_path(
    scope: str, mail_from: bytes, helo: bytes, domain: str
) -> None:
    result = result_of("v=spf1 -all", mail_from=mail_from, helo=helo)
    assert (result.scope, result.domain and result.domain.ascii) == (scope, domain)


@pytest.mark.parametrize(
    "name", [b"[192.0.2.1]", b"localhost", b"", b"a..example", b"x" * 64 + b".example", b"\xff.de"]
)
def test_what_is_no_domain_name_gives_none(name: bytes) -> None:
    request = SpfRequest(client=CLIENT, helo=name)
    result = run(check_host(request, "helo"), Zone({}))
    assert (result.word, result.domain) == (SpfWord.NONE, None)


def test_ipv4_in_ipv6_clothes_is_ipv4() -> None:
    result = result_of("v=spf1 ip4:192.0.2.1 -all", client=ip_address("::ffff:192.0.2.1"))
    assert result.word is SpfWord.PASS


def test_a_u_label_is_asked_for_as_an_a_label() -> None:
    """RFC 8616 §4."""
    zone = Zone({"xn--bcher-kva.example": "v=spf1 exists:%{d} -all"})
    request = SpfRequest(client=CLIENT, mail_from="a@bücher.example".encode())
    run(check_identity(request), zone)
    assert {question.name for question in zone.asked} == {"xn--bcher-kva.example"}


@pytest.mark.parametrize("macro", ["%{s}", "%{l}"])
def test_terms_with_a_local_part_beyond_ascii_match_nothing(macro: str) -> None:
    """RFC 8616 §4."""
    others = {"*.x.example": {"A": "127.0.0.2"}}
    result = result_of(
        f"v=spf1 exists:{macro}.x.example -all", others, mail_from="ü@example.com".encode()
    )
    assert result.word is SpfWord.FAIL


def test_a_redirect_with_a_local_part_beyond_ascii_leads_nowhere() -> None:
    """RFC 8616 §4; without a matching term the result is neutral (RFC 7208 §4.7)."""
    result = result_of("v=spf1 redirect=%{l}.example", mail_from="ü@example.com".encode())
    assert result.word is SpfWord.NEUTRAL


def test_lookups_of_an_explanation_do_not_change_the_result() -> None:
    record = "v=spf1 exists:a.example exists:b.example -all exp=%{p}.example"
    assert result_of(record, explain=True).word is SpfWord.FAIL


def test_the_tenth_asking_term_is_the_last() -> None:
    record = "v=spf1 " + " ".join(f"exists:n{n}.example" for n in range(11)) + " -all"
    others = {f"n{n}.example": {"TXT": "x"} for n in range(11)}
    zone = Zone({"example.com": record, **others})
    request = SpfRequest(client=CLIENT, mail_from=b"u@example.com")
    result = run(check_identity(request, limits=SpfLimits(void_lookups=20)), zone)
    assert (result.word, result.terms) == (SpfWord.PERMERROR, 11)
    assert len(zone.asked) == 11  # the record, and ten terms


def test_a_record_that_includes_itself_ends() -> None:
    assert result_of("v=spf1 include:example.com").word is SpfWord.PERMERROR


def test_the_exchanges_of_mx_are_asked_for_in_one_round() -> None:
    flow = check_identity(SpfRequest(client=CLIENT, mail_from=b"u@example.com"))
    next(flow)
    flow.send((Answer.found(b"v=spf1 mx -all"),))
    asked = flow.send((Answer.found(b"20 b.example.", b"10 a.example."),))
    assert asked == (Question("a.example", "A"), Question("b.example", "A"))


def test_the_null_mx_names_nobody() -> None:
    """RFC 7505 §3."""
    result = result_of("v=spf1 mx -all", {"example.com": {"TXT": "v=spf1 mx -all", "MX": ["0 ."]}})
    assert (result.word, result.void_lookups) == (SpfWord.FAIL, 0)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("line\r\nX-Injected: 1", id="a line end"),
        pytest.param("%{x}", id="an unknown macro"),
        pytest.param("x" * 2000, id="too long for a reply"),
    ],
)
def test_an_explanation_that_is_unfit_for_a_reply_is_left_out(text: str) -> None:
    result = result_of("v=spf1 -all exp=why.example", {"why.example": [text]}, explain=True)
    assert (result.word, result.explanation) == (SpfWord.FAIL, None)


def test_the_trace_names_the_record_and_the_term_that_decided() -> None:
    result = result_of("v=spf1 include:x.example ~all", {"x.example": "v=spf1 ip4:192.0.2.0/30"})
    assert (result.word, result.term) == (SpfWord.PASS, "include:x.example")
    assert [str(step) for step in result.trace if step.action == "chose"] == [
        "spf: chose ip4:192.0.2.0/30: at x.example: pass",
        "spf: chose include:x.example: at example.com: pass",
    ]


class Cycle:
    """Answers each question with the next of some answers, again and again."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = itertools.cycle(answers)

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return tuple(next(self._answers) for _ in questions)


@given(record=st.binary(max_size=200), answers=st.lists(st.binary(max_size=40), max_size=3))
def test_no_octets_and_no_answers_make_it_raise(record: bytes, answers: list[bytes]) -> None:
    request = SpfRequest(client=CLIENT, mail_from=b"u@example.com", helo=record)
    resolver = Cycle(
        Answer.found(b"v=spf1 mx a ptr exists:%{p}.%{h} -all exp=a.b", record),
        Answer.found(b"v=spf1 " + record),
        Answer.found(*answers),
        NO_NAME,
    )
    assert run(check_identity(request, explain=True), resolver).word in SpfWord


@pytest.mark.parametrize(
    ("record", "request_", "word"),
    [
        pytest.param("v=spf1 a:" + "%{l}" * 16 + ".example ?all", {}, "neutral", id="16-macros"),
        pytest.param("v=spf1 a:" + "%{l}" * 17 + ".example ?all", {}, "permerror", id="17-macros"),
        pytest.param(
            "v=spf1 a:%{l}.example ?all",
            {"mail_from": b"a" * 320 + b"@example.com"},
            "neutral",
            id="a-long-local-part",
        ),
        pytest.param(
            "v=spf1 a:%{l}.example ?all",
            {"mail_from": b"a" * 321 + b"@example.com"},
            "permerror",
            id="a-longer-one",
        ),
        pytest.param(
            "v=spf1 a:x.example ?all",
            {"mail_from": b"a" * 60000 + b"@example.com"},
            "neutral",
            id="that-no-macro-asks-for",
        ),
        pytest.param("v=spf1 a:%{h}.example ?all", {"helo": b"h" * 999}, "permerror", id="helo"),
    ],
)
def test_beyond_the_limits_of_macros_is_permerror(
    record: str, request_: dict[str, Any], word: str
) -> None:
    result = result_of(record, {"*.example": {"A": ["192.0.2.9"]}}, **request_)
    assert result.word.value == word  # the limit refuses, it never cuts and goes on
