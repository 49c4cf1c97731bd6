"""The decision tables: client, authentication, service, author, role, recipient."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from avowal.config.addresses import AddressPattern, AddressTable
from avowal.flow.actions import FlowDisposition
from avowal.flow.trace import Topic
from avowal.keys.sightings import Sighting
from avowal.keys.watch import WatchedKey
from avowal.testing import ED25519, message

Make = Callable[[str], Any]

SITE = """\
[origin]
internal_hosts = ["127.0.0.1", "10.0.0.0/8", "!10.9.0.0/16", ".internal.example"]
daemon_names = ["ORIGINATING"]
macros = {"{trusted}" = ["yes", "1"], mark = []}
ignored_hosts = ["10.7.7.7"]
exempt_domains = ["exempt.example"]
external_ignore = ["192.0.2.9"]

[keys.main]
domain = "example.com"
selector = "ed"
inline = "ed"

[keys.second]
domain = "example.com"
selector = "rsa"
inline = "rsa"

[[signing.rules]]
from = "ceo@example.com"
keys = ["second"]

[[signing.rules]]
from = "example.com"
keys = ["main", "second"]

[signing]
unsigned_recipients = ["printer.example"]
"""
OURS, THEIRS = "alice@example.com", "mallory@example.net"
INSIDE, OUTSIDE = "10.0.0.1", "192.0.2.1"


@pytest.mark.parametrize(
    ("sender", "more", "word", "rule"),
    [
        pytest.param(OURS, {"client": INSIDE}, "sign", "signing.rules[2]", id="internal-client"),
        pytest.param(OURS, {}, "sign", "signing.rules[2]", id="local-client"),
        pytest.param(
            OURS, {"client": OUTSIDE}, "verify", "origin.internal_hosts", id="external-client"
        ),
        pytest.param(
            OURS, {"client": "10.9.0.1"}, "verify", "origin.internal_hosts", id="excluded-client"
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "client_name": "a.internal.example"}, "sign",
            "signing.rules[2]", id="client-by-name",
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "auth": "alice"}, "sign", "signing.rules[2]",
            id="authenticated",
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "daemon_name": "ORIGINATING"}, "sign", "signing.rules[2]",
            id="submission-service",
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "daemon_name": "MTA"}, "verify", "origin.internal_hosts",
            id="other-service",
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "macros": {"trusted": b"1"}}, "sign", "signing.rules[2]",
            id="macro-with-a-value",
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "macros": {"trusted": b"no"}}, "verify",
            "origin.internal_hosts", id="macro-with-another-value",
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "macros": {"mark": b""}}, "sign", "signing.rules[2]",
            id="macro-with-any-value",
        ),
        pytest.param(
            THEIRS, {"client": INSIDE}, "verify", "signing.rules", id="internal-without-a-rule"
        ),
        pytest.param(
            THEIRS, {"client": OUTSIDE, "auth": "alice"}, "verify", "signing.rules",
            id="authenticated-without-a-rule",
        ),
        pytest.param(
            THEIRS, {"client": OUTSIDE}, "verify", "origin.internal_hosts", id="stranger"
        ),
        pytest.param(
            "ceo@example.com", {"client": INSIDE}, "sign", "signing.rules[1]", id="per-user-rule"
        ),
        pytest.param(
            "a@sub.example.com", {"client": INSIDE}, "verify", "signing.rules",
            id="subdomain-is-another-domain",
        ),
        pytest.param(
            OURS, {"client": INSIDE, "role": "verify"}, "verify", "mode", id="verifying-listener"
        ),
        pytest.param(
            OURS, {"client": OUTSIDE, "role": "sign"}, "none", "origin.internal_hosts",
            id="signing-listener-and-a-stranger",
        ),
        pytest.param(
            OURS, {"client": INSIDE, "role": "sign"}, "sign", "signing.rules[2]",
            id="signing-listener",
        ),
        pytest.param(
            OURS, {"client": "10.7.7.7"}, "none", "origin.ignored_hosts", id="ignored-client"
        ),
        pytest.param(
            "a@exempt.example", {"client": OUTSIDE}, "none", "origin.exempt_domains",
            id="exempt-author",
        ),
        pytest.param(
            "a@exempt.example, ceo@bank.example", {"client": OUTSIDE}, "verify",
            "origin.internal_hosts", id="exempt-author-beside-another",
        ),
        pytest.param(
            "a@exempt.example, ceo@b\x00ank.example", {"client": OUTSIDE}, "verify",
            "origin.internal_hosts", id="exempt-author-beside-one-that-cannot-be-read",
        ),
        pytest.param(
            OURS, {"client": INSIDE, "recipients": (b"a@example.net", b"lpr@Printer.Example")},
            "verify", "signing.unsigned_recipients", id="recipient-without-signatures",
        ),
        pytest.param(
            OURS, {"client": INSIDE, "recipients": (b"a@example.net",), "more_recipients": True},
            "verify", "signing.unsigned_recipients", id="more-recipients-than-are-kept",
        ),
    ],
)  # fmt: skip
def test_who_is_signed_for_and_who_is_verified(
    site: Make, sender: str, more: dict[str, Any], word: str, rule: str
) -> None:
    treatment = site(SITE).treatment(message(From=sender), **more)
    assert treatment.word == word
    [decided] = [s for s in treatment.steps if s.topic is Topic.SIGN and s.decided]
    assert decided.rule == rule


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        pytest.param("header_octets = 1024", "limits.header_octets", id="octets"),
        pytest.param("header_fields = 20", "limits.header_fields", id="fields"),
    ],
)
def test_a_header_beyond_a_limit_is_verified_and_not_signed(
    site: Make, limits: str, rule: str
) -> None:
    octets = b"X-Junk: junk junk junk\r\n" * 50 + message(From=OURS)
    treatment = site(f"{SITE}\n[limits]\n{limits}\n").treatment(octets, client=INSIDE)
    assert treatment.word == "verify"
    [decided] = [s for s in treatment.steps if s.topic is Topic.SIGN and s.decided]
    assert decided.rule == rule


@pytest.mark.parametrize(
    ("more", "why"),
    [
        pytest.param(
            {"client": OUTSIDE},
            "not signed: 192.0.2.1 is not in internal_hosts, avowal.toml line 2",
            id="external",
        ),
        pytest.param(
            {"client": "10.9.0.1"},
            "not signed: 10.9.0.1 is taken out of internal_hosts, avowal.toml line 2",
            id="excluded",
        ),
        pytest.param(
            {"client": OUTSIDE, "auth": "alice"},
            "signed: the client authenticated as alice (PLAIN); signing.rules[2] (example.com) "
            "signs for alice@example.com with main, second, avowal.toml line 24",
            id="authenticated",
        ),
        pytest.param(
            {"client": INSIDE, "recipients": (b"x@printer.example",)},
            "not signed: x@printer.example is in unsigned_recipients, avowal.toml line 28",
            id="recipient",
        ),
        pytest.param(
            {"client": INSIDE, "role": "verify"},
            "not signed: this listener only verifies",
            id="listener",
        ),
    ],
)
def test_the_deciding_rule_is_named_with_its_line(
    site: Make, more: dict[str, Any], why: str
) -> None:
    assert site(SITE).treatment(message(From=OURS), **more).why == why


@pytest.mark.parametrize(
    ("sender", "client", "impostor"),
    [
        pytest.param(OURS, OUTSIDE, True, id="a-stranger-as-one-of-ours"),
        pytest.param(OURS, "192.0.2.9", False, id="an-expected-one"),
        pytest.param(THEIRS, OUTSIDE, False, id="a-stranger-as-a-stranger"),
        pytest.param(OURS, INSIDE, False, id="one-of-ours"),
    ],
)
def test_strangers_in_our_name_are_marked(
    site: Make, sender: str, client: str, impostor: bool
) -> None:
    assert site(SITE).treatment(message(From=sender), client=client).impostor is impostor


def test_every_rule_that_was_looked_at_stands_in_the_trace(site: Make) -> None:
    steps = site(SITE).treatment(message(From=OURS), client=OUTSIDE).steps
    assert [(str(s.topic), s.rule, s.matched) for s in steps] == [
        ("ours", "origin.authenticated", False),
        ("ours", "origin.internal_hosts", False),
        ("ours", "origin.daemon_names", False),
        ("ours", "origin.macros", False),
        ("sign", "origin.internal_hosts", False),
        ("verify", "mode", True),
    ]


ONE_KEY = '[keys.main]\ndomain = "example.com"\nselector = "ed"\ninline = "ed"\n'


@pytest.mark.parametrize(
    ("author", "options", "signs"),
    [
        pytest.param({"From": OURS}, "", True, id="from"),
        pytest.param({"From": [OURS, THEIRS]}, "", False, id="two-from-fields"),
        pytest.param({"From": [OURS, OURS]}, "", False, id="the-same-from-twice"),
        pytest.param(
            {"From": [OURS, THEIRS]}, "[signing]\naccept_malformed = true\n", True,
            id="two-from-fields-accepted",
        ),
        pytest.param({"From": None}, "", False, id="no-from"),
        pytest.param({"From": "nobody"}, "", False, id="no-address"),
        pytest.param({"From": f"{THEIRS}, {OURS}"}, "", True, id="one-of-two-authors"),
        pytest.param({"From": f'"{OURS}" <{THEIRS}>'}, "", False, id="ours-in-the-display-name"),
        pytest.param({"From": "Ünï <alice@EXAMPLE.com>"}, "", True, id="case-and-8-bit"),
        pytest.param({"From": "a@badexample.com"}, "", False, id="labels-not-letters"),
        pytest.param({"From": "a@sub.example.com"}, "", False, id="subdomain"),
        pytest.param(
            {"From": "a@sub.example.com"}, "[signing]\nsubdomains = true\n", True,
            id="subdomain-covered",
        ),
        pytest.param(
            {"From": THEIRS, "Sender": OURS}, '[signing]\nauthor_fields = ["Sender", "From"]\n',
            True, id="another-field",
        ),
        pytest.param(
            {"From": OURS}, '[signing]\nauthor_fields = ["Sender", "From"]\n', True,
            id="another-field-that-is-absent",
        ),
        pytest.param(
            {"From": THEIRS}, '[signing]\nauthor_macro = "{login}"\n', True, id="macro"
        ),
        pytest.param(
            {"From": "x"}, f'[signing]\ndefault_author = "{OURS}"\n', True, id="default"
        ),
    ],
)  # fmt: skip
def test_the_author_decides_about_the_rule(
    site: Make, author: dict[str, Any], options: str, signs: bool
) -> None:
    treatment = site(ONE_KEY + options).treatment(
        message(**author), macros={"login": OURS.encode()}
    )
    assert treatment.sign is signs


RULES = """\
[keys.a]
domain = "example.com"
selector = "ed"
inline = "ed"
[keys.b]
domain = "example.org"
selector = "ed"
inline = "ed"
[[signing.rules]]
from = "*"
keys = ["b"]
[[signing.rules]]
from = "example.com"
keys = ["a", "b"]
[signing]
"""


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        pytest.param("", ["b"], id="first-in-the-table"),
        pytest.param('order = "specific"\n', ["a", "b"], id="most-specific"),
        pytest.param("every_match = true\n", ["b", "a", "b"], id="every-match"),
        pytest.param("require_author_domain = true\n", ["a"], id="only-keys-of-the-author"),
    ],
)
def test_the_options_choose_among_matching_rules(site: Make, options: str, keys: list[str]) -> None:
    matches = site(RULES + options).treatment(message(From=OURS)).matches
    assert [key.name for match in matches for key in match.keys] == keys


def test_without_rules_all_keys_of_the_authors_domain_sign(site: Make) -> None:
    text = ONE_KEY + '[keys.x]\ndomain = "example.com"\nselector = "rsa"\ninline = "rsa"\n'
    text += '[keys.y]\ndomain = "example.org"\nselector = "ed"\ninline = "ed"\n'
    [match] = site(text).treatment(message(From=OURS)).matches
    assert [key.name for key in match.keys] == ["main", "x"]


def test_without_keys_nothing_is_signed(site: Make) -> None:
    assert site("").treatment(message()).why == "not signed: no keys are configured"


RESIGN = ONE_KEY + '[[signing.resign]]\nto = "list@example.com"\nkeys = ["main"]\n'


def test_mail_to_a_list_is_verified_and_signed_again(site: Make) -> None:
    treatment = site(RESIGN).treatment(
        message(From=THEIRS), client=OUTSIDE, recipients=(b"list@example.com",)
    )
    assert (treatment.word, treatment.resign) == ("both", True)


def test_a_signing_listener_cannot_sign_again_what_it_may_not_verify(site: Make) -> None:
    treatment = site(RESIGN).treatment(
        message(From=THEIRS), client=OUTSIDE, recipients=(b"list@example.com",), role="sign"
    )
    assert treatment.word == "none"


@pytest.mark.parametrize(
    ("when", "why"),
    [
        pytest.param(
            -1,
            "not signed: DNS does not show key main yet, avowal.toml line 1",
            id="not-published",
        ),
        pytest.param(
            1,
            "signed: a local client is in internal_hosts; keys.main (example.com) signs for "
            "alice@example.com with main, avowal.toml line 1",
            id="published",
        ),
        pytest.param(
            0,
            "signed: a local client is in internal_hosts; keys.main (example.com) signs for "
            "alice@example.com with main, avowal.toml line 1",
            id="not known",
        ),
    ],
)
def test_a_key_that_is_withheld_does_not_sign(site: Make, when: int, why: str) -> None:
    assert seen(site(ONE_KEY), when).treatment(message()).why == why


@pytest.mark.parametrize(
    ("when", "deferred"), [(0, True), (1, False), (-1, False)], ids=["unknown", "shown", "missing"]
)
def test_where_it_is_not_known_whether_a_key_may_sign_a_message_may_be_deferred(
    site: Make, when: int, deferred: bool
) -> None:
    text = ONE_KEY + '[signing]\npublication_unknown = "defer"\n'
    made = seen(site(text), when)
    assert (made.treatment(message()).deferred is not None) is deferred
    actions = made.actions(message(body=b"\r\nbody\r\n"))
    assert (actions.disposition is FlowDisposition.TEMPFAIL) is deferred
    assert actions.record.unsigned == (None if when >= 0 else "signing.require_published")


def seen(made: Any, when: int) -> Any:
    """Return a site with its one key seen in DNS at a time, or missing (negative)."""
    [use] = made.plan.keys.values()
    [rule] = made.plan.rules.find(b"a", use.domain)
    sighting = Sighting()
    sighting.when = when
    watched = replace(use, loaded=WatchedKey(ED25519, sighting, strict=True))
    rules = AddressTable([(AddressPattern.parse("example.com"), replace(rule, keys=(watched,)))])
    return replace(made, plan=replace(made.plan, rules=rules))


def test_a_plan_that_was_replaced_is_let_go_with_what_it_remembered(
    site: Callable[[str], Any],
) -> None:
    """A reload makes a new plan: a memory beside it would keep the keys of the old one."""
    replaced = site(SITE)
    replaced.treatment(message(), client=INSIDE)
    alive = weakref.ref(replaced.plan.signed_set)
    del replaced
    gc.collect()
    assert alive() is None


def test_so_many_clients_are_remembered_only(site: Callable[[str], Any]) -> None:
    made = site(SITE)
    for number in range(1030):
        made.treatment(message(), client=f"192.0.2.{number % 250}", daemon_name=f"s{number}")
    assert 0 < len(made.plan.origins) <= 1024
