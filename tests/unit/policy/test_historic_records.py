"""The policies before DMARC: records that are written, spellings that are read as meant."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.evidence import by, name

from avowal.errors import UsageError
from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.policy import adsp, domainkeys, ssp, ssp2007
from avowal.policy.lint import lint
from avowal.policy.practice_record import WordRecord
from avowal.policy.publish import historic
from avowal.policy.survey import survey
from avowal.policy.symbols import SymbolRecord
from avowal.testing import Zone

EXAMPLE = name("example.com")
AT = "_policy._domainkey.example.com"


@pytest.mark.parametrize(
    ("given", "at", "text"),
    [
        pytest.param({"symbol": "!"}, AT, "o=!", id="ssp-2005"),
        pytest.param({"symbol": "exclusive"}, AT, "o=!", id="ssp-2005-by-name"),
        pytest.param({"symbol": ".", "testing": True}, AT, "o=.; t=y", id="testing"),
        pytest.param(
            {"practices": "strict"}, "_ssp._domainkey.example.com", "dkim=strict", id="ssp-2007"
        ),
        pytest.param(
            {"adsp_practices": "discardable"}, "_adsp._domainkey.example.com", "dkim=discardable",
            id="adsp",
        ),
    ],
)  # fmt: skip
def test_each_record_stands_at_its_name_and_says_that_it_is_historic(
    given: dict[str, str], at: str, text: str
) -> None:
    (record,) = historic(EXAMPLE, **given)  # type: ignore[arg-type]
    assert (record.name, record.text) == (at, text)
    assert record.why.startswith("historic, ")


def test_every_symbol_and_word_that_is_written_is_read_back() -> None:
    for symbol in ssp.SYMBOLS:
        (record,) = historic(EXAMPLE, symbol=symbol)
        read = SymbolRecord.parse(record.text.encode(), ssp.SYMBOLS)
        assert read is not None
        assert (read.symbol, read.problem, read.spelling) == (symbol, None, None)
    for era, option in ((ssp2007, "practices"), (adsp, "adsp_practices")):
        for word in era.WORDS:
            (record,) = historic(EXAMPLE, **{option: word})  # type: ignore[arg-type]
            written = WordRecord.parse(record.text.encode(), era.WORDS)
            assert written is not None
            assert (written.practices, written.problem) == (word, None)


@pytest.mark.parametrize("user", ["alice", "Bob.Smith", "a+b"])
@pytest.mark.parametrize("symbol", "~-!.?")
def test_a_user_s_record_is_found_by_who_evaluates_the_user_s_mail(user: str, symbol: str) -> None:
    records = historic(EXAMPLE, symbol="^", users={user: symbol})
    zone = Zone({record.name: record.text for record in records})
    found = run(ssp.evaluate(Authors.parse(f"{user}@example.com".encode())), zone)
    assert found.standing is ssp.decide(symbol, first_party=False, third_party=False, testing=False)
    assert found.decisive is not None
    assert (found.decisive.record_name, found.decisive.practice) == (records[1].name, symbol)
    assert records[1].why == f"of {user}@example.com"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            {"symbol": "!", "users": {"alice": "~"}}, "only o=^", id="domain-speaks-itself"
        ),
        pytest.param({"users": {"alice": "~"}}, "only o=^", id="no-record-of-the-domain"),
        pytest.param({"symbol": "^", "users": {"alice": "^"}}, "o=^: write one of", id="again"),
        pytest.param({"symbol": "^", "users": {"a b": "~"}}, "no DNS name", id="a-blank"),
        pytest.param({"symbol": "^", "users": {"a..b": "~"}}, "no DNS name", id="an-empty-label"),
        pytest.param({"symbol": "^", "users": {"\u00e9": "~"}}, "no DNS name", id="not-ascii"),
        pytest.param(
            {"symbol": "^", "users": {"a." * 120 + "a": "~"}}, "no DNS name", id="too-long"
        ),
    ],
)
def test_a_record_that_nobody_would_ask_for_is_not_written(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        historic(EXAMPLE, **given)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"symbol": "–"}, id="a-dash-that-is-no-symbol"),
        pytest.param({"symbol": ""}, id="no-symbol"),
        pytest.param({"practices": "all; t=y"}, id="more-than-a-word"),
        pytest.param({"adsp_practices": "strict"}, id="a-word-of-another-era"),
        pytest.param({"adsp_practices": "all", "testing": True}, id="adsp-has-no-testing"),
    ],
)
def test_what_its_readers_would_not_know_is_not_written(given: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        historic(EXAMPLE, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "symbol"),
    [
        pytest.param("o=–", "-", id="an-en-dash-as-on-slides"),
        pytest.param("o=—; r=a@example.com", "-", id="an-em-dash"),
        pytest.param("o=−", "-", id="a-minus-sign"),
        pytest.param("v=1; o=!", "!", id="a-version-in-front"),
        pytest.param("v=DKIM1; o=-", "-", id="the-version-of-keys"),
        pytest.param("dkim=strict", "!", id="strict-in-words"),
        pytest.param("dkim=all; t=y", "-", id="all-in-words"),
        pytest.param("dkim=unknown", "~", id="unknown-in-words"),
    ],
)
def test_a_spelling_is_read_as_meant_and_named(record: str, symbol: str) -> None:
    read = SymbolRecord.parse(record.encode(), ssp.SYMBOLS)
    assert read is not None
    assert (read.symbol, read.problem) == (symbol, None)
    assert read.spelling is not None
    zone = Zone({AT: record, "example.com": "v=spf1 -all"})
    found = run(lint(run(survey(EXAMPLE), zone)), zone)
    assert "spelled-otherwise" in [one.code for one in found if one.place == AT]


def test_the_spelling_stands_in_the_trace_and_beside_the_symbol_that_decided() -> None:
    found = run(ssp.evaluate(by("joe@example.com")), Zone({AT: "o=–"}))
    assert found.decisive is not None
    assert found.decisive.why == "o=- (written o=–) and signed by nobody"
    assert any(f"o=– of {AT} means that" in str(step) for step in found.trace)


@pytest.mark.parametrize(
    "record",
    [
        pytest.param("v=spf1 -all", id="spf"),
        pytest.param("v=DMARC1; o=-", id="dmarc"),
        pytest.param("v=DKIM1; p=; o=-", id="a-key"),
        pytest.param("v=DKIM1; k=rsa; n=note", id="a-key-without-p"),
        pytest.param("v=1; n=note", id="a-version-alone"),
    ],
)
def test_what_belongs_to_others_is_no_policy(record: str) -> None:
    assert SymbolRecord.parse(record.encode(), ssp.SYMBOLS) is None


def test_the_policy_of_domainkeys_has_no_words() -> None:
    assert SymbolRecord.parse(b"dkim=all", domainkeys.SYMBOLS) is None


@pytest.mark.parametrize(
    ("at", "record", "code"),
    [
        pytest.param(AT, "o=x", "unknown-symbol", id="no-symbol"),
        pytest.param(AT, "dkim=never", "unknown-symbol", id="no-word-of-2007"),
        pytest.param("_domainkey.example.com", "o=!", "unknown-symbol", id="domainkeys"),
        pytest.param("_adsp._domainkey.example.com", "dkim=strict", "unknown-word", id="adsp"),
        pytest.param(
            "_adsp._domainkey.example.com", "v=1; dkim=all", "unreadable-practices", id="not-first"
        ),
        pytest.param(
            "_ssp._domainkey.example.com", "DKIM=all", "unreadable-practices", id="upper-case"
        ),
    ],
)
def test_what_nobody_can_read_is_named(at: str, record: str, code: str) -> None:
    zone = Zone({at: record, "example.com": "v=spf1 -all"})
    found = run(lint(run(survey(EXAMPLE), zone)), zone)
    assert code in [one.code for one in found if one.place == at]
