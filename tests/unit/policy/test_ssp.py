"""The Sender Signing Policy of 2005: every symbol, every kind of signature, t=y."""

from __future__ import annotations

import itertools

import pytest
from tests.evidence import Counting, by, signed

from avowal.limits import Limits
from avowal.lookup import Question, run
from avowal.policy import ssp
from avowal.policy.practices import Standing
from avowal.policy.symbols import SymbolRecord
from avowal.testing import Zone

AT = "_policy._domainkey.example.com"
A, N, S = Standing.ACCEPT, Standing.NEUTRAL, Standing.SUSPICIOUS

# standards: the author signed, only others did, nobody did, the author's signature is broken
EXPECTED = {
    "~": (A, A, N, N),
    "-": (A, A, S, S),
    "!": (A, S, S, S),
    ".": (S, S, S, S),
    "?": (A, N, N, N),
    "^": (A, A, N, N),  # without a record of the user the domain's default holds
}
SIGNATURES = {
    "first-party": (signed("example.com"),),
    "third-party": (signed("list.example"),),
    "none": (),
    "broken": (signed("example.com", "fail"),),
}
TABLE = [
    pytest.param(symbol, party, testing, id=f"{symbol}-{party}-{'testing' if testing else 'live'}")
    for symbol, party, testing in itertools.product(EXPECTED, SIGNATURES, (False, True))
]


def standing(
    zone: dict[str, object], *parties: object, author: str = "joe@example.com"
) -> Standing:
    rules = ssp.SspRules(always_ask=True)
    return run(ssp.evaluate(by(author), parties, rules=rules), Zone(zone)).standing


@pytest.mark.parametrize(("symbol", "party", "testing"), TABLE)
def test_each_symbol_decides_by_who_signed(symbol: str, party: str, testing: bool) -> None:
    record = f"o={symbol}; t=y" if testing else f"o={symbol}"
    expected = EXPECTED[symbol][list(SIGNATURES).index(party)]
    if testing and expected is S:
        expected = N
    assert standing({AT: record}, *SIGNATURES[party]) is expected


def test_a_valid_signature_of_the_author_needs_no_question() -> None:
    counting = Counting(Zone({AT: "o=."}))
    found = run(ssp.evaluate(by("joe@example.com"), [signed("example.com")]), counting)
    assert (found.standing, counting.rounds) == (A, [])


@pytest.mark.parametrize(
    ("identity", "first"),
    [
        pytest.param(None, True, id="default-identity"),
        pytest.param("joe@example.com", True, id="the-author"),
        pytest.param("ann@example.com", False, id="another-user"),
        pytest.param("@sub.example.com", False, id="subdomain"),
        pytest.param("@EXAMPLE.com", True, id="case-of-domain"),
    ],
)
def test_the_identity_makes_a_signature_first_party(identity: str | None, first: bool) -> None:
    found = standing({AT: "o=!"}, signed("example.com", i=identity))
    assert (found is A) is first


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param("", N, id="empty"),
        pytest.param("o=", N, id="empty-tag"),
        pytest.param("o=--", N, id="longer-than-one"),
        pytest.param("o=x", N, id="unknown-symbol"),
        pytest.param("n=hello", N, id="no-symbol"),
        pytest.param("o=-; o=-", N, id="tag-twice"),
        pytest.param("o=-; t=y|s", N, id="flags-by-bar"),
        pytest.param("o=-; t=s:y", N, id="flags-by-colon"),
        pytest.param("o = - ; r=abuse@example.com; n=a note", S, id="spaces-and-other-tags"),
        pytest.param(["o=-", "o=-"], N, id="two-records"),
        pytest.param(["o=-", "v=spf1 -all"], S, id="foreign-record-beside"),
        pytest.param(["v=DMARC1; o=-"], N, id="record-of-something-else"),
    ],
)
def test_a_record_without_a_clear_symbol_is_neutral(record: object, expected: Standing) -> None:
    assert standing({AT: record}) is expected


@pytest.mark.parametrize(
    ("zone", "author", "expected"),
    [
        pytest.param({AT: "o=-"}, "joe@a.b.example.com", S, id="two-levels-up"),
        pytest.param(
            {AT: "o=-", "_policy._domainkey.b.example.com": "o=~"},
            "joe@a.b.example.com",
            N,
            id="the-nearest-decides",
        ),
        pytest.param({AT: "o=."}, "joe@a.example.com", N, id="never-sends-is-said-of-itself"),
        pytest.param(
            {AT: "o=-", "_policy._domainkey.b.example.com": "o=."},
            "joe@a.b.example.com",
            N,
            id="never-sends-ends-the-search",
        ),
        pytest.param({"_policy._domainkey.com": "o=-"}, "joe@example.com", N, id="never-the-tld"),
    ],
)
def test_without_a_record_the_nearest_parent_speaks(
    zone: dict[str, object], author: str, expected: Standing
) -> None:
    assert standing(zone, author=author) is expected


def test_the_search_upward_asks_a_fixed_number_of_names() -> None:
    counting = Counting(Zone({}))
    author = by("joe@" + ".".join("abcdefghijkl") + ".example.com")
    run(ssp.evaluate(author), counting)
    assert [len(batch) for batch in counting.rounds] == [1, 5]


@pytest.mark.parametrize(
    ("author", "user", "expected"),
    [
        pytest.param("joe@example.com", "joe", S, id="user-record"),
        pytest.param("Joe.Doe@example.com", "joe.doe", S, id="dots-and-case"),
        pytest.param("ann@example.com", "joe", N, id="no-record-of-the-user"),
        pytest.param('"a@b"@example.com', "a@b", N, id="sign-in-local-part"),
        pytest.param('"j o"@example.com', "j o", N, id="space"),
        pytest.param("*@example.com", "*", N, id="wildcard"),
        pytest.param('"a..b"@example.com', "a..b", N, id="empty-label"),
        pytest.param("x" * 64 + "@example.com", "x" * 64, N, id="label-too-long"),
        pytest.param("jörg@example.com", "jörg", N, id="not-ascii"),
    ],
)
def test_a_users_record_is_asked_for_where_it_can_be(
    author: str, user: str, expected: Standing
) -> None:
    zone: dict[str, object] = {AT: "o=^"}
    if expected is S:
        zone[f"{user}.{AT}"] = "o=-"
    counting = Counting(Zone(zone))
    assert run(ssp.evaluate(by(author)), counting).standing is expected
    assert all("@" not in q.name and " " not in q.name for q in counting.questions)


def test_a_testing_domain_stays_testing_whatever_the_user_says() -> None:
    assert standing({AT: "o=^; t=y", f"joe.{AT}": "o=!"}) is N


@pytest.mark.parametrize(
    ("failing", "author"),
    [
        pytest.param(AT, "joe@example.com", id="the-domain"),
        pytest.param(AT, "joe@sub.example.com", id="its-parent"),
        pytest.param(f"joe.{AT}", "joe@example.com", id="the-user"),
    ],
)
def test_no_answer_is_temperror_and_no_weaker_policy(failing: str, author: str) -> None:
    counting = Counting(Zone({AT: "o=^"}), fails=(Question(failing),))
    assert run(ssp.evaluate(by(author)), counting).standing is Standing.TEMPERROR


def test_the_worst_author_decides() -> None:
    zone = {AT: "o=~", "_policy._domainkey.bank.example": "o=!"}
    found = run(ssp.evaluate(by("joe@example.com, boss@bank.example")), Zone(zone))
    assert found.standing is S
    assert found.decisive is not None
    assert str(found.decisive.mailbox) == "boss@bank.example"


def test_an_author_who_cannot_be_read_is_no_way_around() -> None:
    found = run(ssp.evaluate(by("joe@-bad-"), [signed("example.com")]), Zone({}))
    assert found.standing is Standing.PERMERROR


def test_third_parties_count_only_where_they_are_acceptable() -> None:
    rules = ssp.SspRules(acceptable=lambda s: s.domain.ascii == "list.example")
    for signer, expected in (("list.example", A), ("evil.example", S)):
        flow = ssp.evaluate(by("joe@example.com"), [signed(signer)], rules=rules)
        assert run(flow, Zone({AT: "o=-"})).standing is expected


def test_the_other_tags_are_read() -> None:
    record = SymbolRecord.parse(b"o=!; r=abuse@example.com; n=A note; t=y; u=x", ssp.SYMBOLS)
    assert record is not None
    assert (record.symbol, record.reports_to, record.note) == ("!", b"abuse@example.com", b"A note")
    assert (record.testing, record.user_flags) == (True, b"x")


def test_the_trace_names_the_record_and_what_would_change_the_outcome() -> None:
    found = run(ssp.evaluate(by("joe@example.com")), Zone({AT: "o=-"}))
    steps = [(step.action, step.subject) for step in found.trace]
    assert ("found", AT) in steps
    assert ("would-change", "i=@example.com") in steps


def test_authors_beyond_the_limit_are_not_let_pass() -> None:
    authors = by("joe@example.com, ann@example.net, bob@example.org")
    found = run(ssp.evaluate(authors, limits=Limits(ssp_authors=2)), Zone({}))
    assert found.standing is Standing.PERMERROR
    found = run(ssp.evaluate(authors, limits=Limits(ssp_authors=3)), Zone({}))
    assert found.standing is not Standing.PERMERROR
