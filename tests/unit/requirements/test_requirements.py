"""What large receivers ask of senders: the file, the checks, and facts out of mail and DNS."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import avowal
from avowal.calls.authenticate import authenticate
from avowal.dns.zone import Zone
from avowal.errors import UsageError
from avowal.lookup import run
from avowal.names import DomainName
from avowal.policy.survey import survey
from avowal.requirements import (
    MailFacts,
    PassingSignature,
    SenderFacts,
    chosen,
    judge,
    rule_file,
)
from avowal.requirements.checks import CHECKS
from avowal.requirements.facts import of_domain, of_message
from avowal.requirements.model import Requirement
from avowal.testing import RSA_1024, RSA_2048, record_for

RECEIVERS = rule_file().receivers
OWN_PAGES = {
    "gmail": "support.google.com",
    "yahoo": "senders.yahooinc.com",
    "microsoft": "techcommunity.microsoft.com",
}


# -- the file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECEIVERS)
def test_each_rule_stands_on_a_page_of_the_receiver_or_on_an_rfc_and_has_its_days(
    name: str,
) -> None:
    rules = RECEIVERS[name]
    for rule in rules.rules:
        host = urlsplit(rule.source or rules.source).hostname
        assert host in {OWN_PAGES[name], "www.rfc-editor.org"}, rule
        assert date.fromisoformat(rule.since or rules.since) <= date.fromisoformat(rules.seen), rule


def test_the_date_of_the_file_is_the_newest_day_on_which_a_page_was_read() -> None:
    assert rule_file().date == max(rules.seen for rules in RECEIVERS.values())


def test_each_rule_names_a_check_and_each_check_is_used() -> None:
    used = {rule.check for rules in RECEIVERS.values() for rule in rules.rules}
    assert used == set(CHECKS)


def test_receivers_are_chosen_by_name() -> None:
    assert chosen("yahoo, gmail") == ("yahoo", "gmail")
    assert chosen(None) == tuple(RECEIVERS)
    with pytest.raises(UsageError, match="hotmail: no receiver"):
        chosen("hotmail")


# -- the checks ------------------------------------------------------------------------------------


def signed(*, bits: int = 2048, aligned: bool = True, covers: bool = False) -> PassingSignature:
    return PassingSignature(
        domain="example.com", bits=bits, key_type="rsa", aligned=aligned, covers_unsubscribe=covers
    )


def mail(**known: object) -> SenderFacts:
    return SenderFacts(mail=MailFacts(**known))  # type: ignore[arg-type]


HTTPS = ("https://example.com/u",)


@pytest.mark.parametrize(
    ("check", "facts", "met"),
    [
        pytest.param("spf-and-dkim", SenderFacts(spf_record=True, keys=1), True, id="domain: both"),
        pytest.param("spf-and-dkim", SenderFacts(spf_record=True, keys=0), False, id="no keys"),
        pytest.param("spf-and-dkim", SenderFacts(spf_record=True), None, id="no selector"),
        pytest.param("spf-and-dkim", SenderFacts(spf_record=False), False, id="no SPF"),
        pytest.param("spf-or-dkim", SenderFacts(spf_record=True), True, id="one will do"),
        pytest.param("spf-or-dkim", SenderFacts(spf_record=False), None, id="the other unknown"),
        pytest.param("spf-and-dkim", mail(signatures=(signed(),), spf="pass"), True, id="mail"),
        pytest.param("spf-and-dkim", mail(signatures=(signed(),)), None, id="client unknown"),
        pytest.param("spf-and-dkim", mail(spf="pass"), False, id="unsigned"),
        pytest.param("dkim-pass", mail(temporary=True), None, id="DNS silent for the key"),
        pytest.param("spf-pass", mail(spf="temperror"), None, id="DNS silent for SPF"),
        pytest.param("spf-pass", mail(spf="softfail"), False, id="softfail"),
        pytest.param("dmarc-record", SenderFacts(dmarc_policy="none"), True, id="p=none"),
        pytest.param("dmarc-record", SenderFacts(dmarc_policy=""), False, id="no policy"),
        pytest.param("dmarc-record", SenderFacts(), None, id="policy unknown"),
        pytest.param("dmarc-reports", SenderFacts(dmarc_reports=False), False, id="no rua"),
        pytest.param("dmarc-pass", mail(dmarc="pass"), True, id="DMARC passes"),
        pytest.param("dmarc-pass", mail(dmarc="fail"), None, id="SPF might have passed"),
        pytest.param("dmarc-pass", mail(dmarc="fail", spf="fail"), False, id="DMARC fails"),
        pytest.param("alignment", mail(signatures=(signed(),)), True, id="DKIM aligned"),
        pytest.param("alignment", mail(spf="pass", spf_aligned=True), True, id="SPF aligned"),
        pytest.param("alignment", mail(signatures=(signed(aligned=False),)), None, id="perhaps"),
        pytest.param("alignment", mail(spf="pass"), False, id="neither aligned"),
        pytest.param(
            "both-aligned", mail(signatures=(signed(),), spf="pass", spf_aligned=True), True,
            id="both aligned",
        ),
        pytest.param(
            "both-aligned", mail(signatures=(signed(),), spf="pass"), False, id="DKIM alone"
        ),
        pytest.param("unsubscribe", mail(unsubscribe=("mailto:u@example.com",)), True, id="mailto"),
        pytest.param("unsubscribe", mail(unsubscribe=("http://example.com",)), False, id="http"),
        pytest.param(
            "one-click-post", mail(unsubscribe=HTTPS, one_click=True), True, id="one click"
        ),
        pytest.param("one-click-post", mail(unsubscribe=HTTPS), False, id="no -Post"),
        pytest.param(
            "one-click-post", mail(unsubscribe=("mailto:u@example.com",), one_click=True), False,
            id="no https",
        ),
        pytest.param("one-click-post", mail(), None, id="perhaps no marketing"),
        pytest.param(
            "one-click-post", SenderFacts(mail=MailFacts(), marketing=True), False, id="marketing"
        ),
        pytest.param(
            "one-click-signed",
            mail(unsubscribe=HTTPS, one_click=True, signatures=(signed(covers=True),)), True,
            id="under the signature",
        ),
        pytest.param(
            "one-click-signed", mail(unsubscribe=HTTPS, one_click=True, signatures=(signed(),)),
            False, id="not under it",
        ),
        pytest.param("one-author", mail(authors=2), False, id="two authors"),
        pytest.param("single-fields", mail(repeated=("Subject",)), False, id="two Subjects"),
        pytest.param("message-id", mail(message_id=False), False, id="no Message-ID"),
        pytest.param("look", SenderFacts(), None, id="for a person to look at"),
    ],
)  # fmt: skip
def test_a_check_says_met_missing_or_unknown(
    check: str, facts: SenderFacts, met: bool | None
) -> None:
    rule = next(r for rules in RECEIVERS.values() for r in rules.rules if r.check == check)
    assert CHECKS[check](facts, rule).met is met


@pytest.mark.parametrize("check", sorted(set(CHECKS) - {"look"}))
def test_where_nothing_is_known_nothing_is_said_to_be_missing(check: str) -> None:
    rule = next(r for rules in RECEIVERS.values() for r in rules.rules if r.check == check)
    assert CHECKS[check](SenderFacts(), rule).met is None


def of_gmail(check: str, *, level: str = "required") -> Requirement:
    rules = RECEIVERS["gmail"].rules
    return next(rule for rule in rules if (rule.check, rule.level.value) == (check, level))


@pytest.mark.parametrize(
    ("bits", "required", "recommended"),
    [(1024, True, False), (2048, True, True), (1023, False, False)],
)
def test_bits_are_held_against_the_number_in_the_file(
    bits: int, required: bool, recommended: bool
) -> None:
    facts = mail(signatures=(signed(bits=bits),))
    assert CHECKS["key-bits"](facts, of_gmail("key-bits")).met is required
    wished = of_gmail("key-bits", level="recommended")
    assert CHECKS["key-bits"](facts, wished).met is recommended


def test_nobody_else_is_to_name_gmail_in_from() -> None:
    rule = of_gmail("not-impersonated")
    ours = mail(author_domains=("gmail.com",), signatures=(signed(),))
    assert CHECKS["not-impersonated"](mail(author_domains=("gmail.com",)), rule).met is False
    assert CHECKS["not-impersonated"](ours, rule).met is True


# -- facts -----------------------------------------------------------------------------------------

ZONE = {
    "s1._domainkey.example.com": record_for(RSA_1024),
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.example.com": "v=DMARC1; p=none; rua=mailto:d@example.com",
}
MAIL = (
    b"From: A <a@example.com>\r\nTo: b@example.org\r\nSubject: offers\r\n"
    b"Date: Tue, 24 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
    b"List-Unsubscribe: <mailto:u@example.com>,\r\n <https://example.com/u>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nbuy\r\n"
)


def facts_of(octets: bytes, zone: dict[str, object] = ZONE, **known: str) -> SenderFacts:
    return of_message(authenticate(octets, zone, now=1_795_500_000, **known))  # type: ignore[arg-type]


def signed_mail(octets: bytes = MAIL) -> bytes:
    return (
        avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024, now=1_795_500_000)
        + octets
    )


def test_a_message_tells_all_that_is_asked_for() -> None:
    facts = facts_of(signed_mail(), client="192.0.2.1", mail_from="a@example.com")
    expected = PassingSignature(
        domain="example.com", bits=1024, key_type="rsa", aligned=True, covers_unsubscribe=True
    )
    assert facts == SenderFacts(
        dmarc_policy="none",
        dmarc_reports=True,
        mail=MailFacts(
            author_domains=("example.com",),
            authors=1,
            signatures=(expected,),
            spf="pass",
            spf_aligned=True,
            dmarc="pass",
            unsubscribe=("mailto:u@example.com", "https://example.com/u"),
            one_click=True,
        ),
    )
    missing = [one.rule.check for one in judge(facts, chosen(None)) if one.found.met is False]
    assert missing == ["key-bits"]  # 2048 are recommended


@pytest.mark.parametrize(
    ("octets", "attribute", "value"),
    [
        pytest.param(b"Subject: again\r\n" + MAIL, "repeated", ("Subject",), id="repeated"),
        pytest.param(MAIL.replace(b"<1@", b"<1 @"), "message_id", False, id="Message-ID"),
        pytest.param(MAIL.replace(b"<a@", b"<c@x.example>, <a@"), "authors", 2, id="authors"),
        pytest.param(MAIL.replace(b"=One", b"=Two"), "one_click", False, id="-Post"),
        pytest.param(MAIL, "signatures", (), id="unsigned"),
        pytest.param(b"no message at all", "authors", 0, id="no message"),
    ],
)
def test_what_is_wrong_with_a_message_is_a_fact(
    octets: bytes, attribute: str, value: object
) -> None:
    assert getattr(facts_of(octets).mail, attribute) == value


def test_a_signature_by_a_key_in_testing_counts_for_nothing() -> None:
    zone = {**ZONE, "s1._domainkey.example.com": record_for(RSA_1024) + "; t=y"}
    facts = facts_of(signed_mail(), zone)
    assert facts.mail is not None
    assert facts.mail.signatures == ()


def published(zone: dict[str, object]) -> SenderFacts:
    return of_domain(run(survey(DomainName.parse(b"example.com")), Zone(zone)))


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        pytest.param(
            ZONE, SenderFacts(spf_record=True, dmarc_policy="none", dmarc_reports=True), id="all"
        ),
        pytest.param(
            {"example.com": "v=spf1 a:"},
            SenderFacts(spf_record=False, dmarc_policy="", dmarc_reports=False),
            id="unreadable SPF, no DMARC",
        ),
        pytest.param(
            {"example.com": "TIMEOUT", "_dmarc.example.com": "SERVFAIL"},
            SenderFacts(),
            id="no answers",
        ),
    ],
)
def test_a_domain_tells_what_it_publishes(zone: dict[str, object], expected: SenderFacts) -> None:
    assert published(zone) == expected


def test_a_clean_sender_misses_nothing() -> None:
    zone = {**ZONE, "s1._domainkey.example.com": record_for(RSA_2048)}
    field = avowal.sign(MAIL, domain="example.com", selector="s1", key=RSA_2048, now=1_795_500_000)
    facts = facts_of(field + MAIL, zone, client="192.0.2.1", mail_from="a@example.com")
    assert [one for one in judge(facts, chosen(None)) if one.found.met is False] == []


def test_the_page_is_made_of_the_file() -> None:
    root = Path(__file__).parents[3]
    script = root / "scripts" / "requirements_reference.py"
    made = subprocess.run([sys.executable, str(script)], capture_output=True, check=True, text=True)
    page = root / "docs" / "reference" / "sender-requirements.md"
    assert page.read_text(encoding="utf-8") == made.stdout
