"""Mistakes that only show when the options are taken together, and where they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avowal.config.mistakes import Mistakes

Make = Callable[[str], Any]

KEY = '[keys.main]\ndomain = "example.com"\nselector = "ed"\ninline = "ed"\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "why"),
    [
        pytest.param(
            '[keys.a]\nselector = "s"\ndomain = "example.com"\n', 1, "keys.a",
            "exactly one of file, inline, credential and private, not none",
            id="key-without-a-source",
        ),
        pytest.param(
            '[keys.a]\nselector = "s"\ninline = "ed"\nfile = "x"\n', 1, "keys.a",
            "not file and inline", id="key-with-two-sources",
        ),
        pytest.param(
            '[keys.a]\nselector = "s"\ndomain = "example.com"\ninline = "zz"\n', 4,
            "keys.a.inline", "no such key", id="key-that-cannot-be-loaded",
        ),
        pytest.param(
            '[keys.a]\nselector = "s"\ndomain = "exa mple.com"\ninline = "ed"\n', 3,
            "keys.a.domain", "is no domain", id="key-with-a-bad-domain",
        ),
        pytest.param(
            '[keys.a]\nselector = "s"\ndomain = "com"\ninline = "ed"\n', 1, "keys.a",
            "single label", id="key-with-a-single-label",
        ),
        pytest.param(
            '[keys.a]\nselector = "s"\ninline = "ed"\n', 1, "keys.a",
            "a key without a domain signs only where a rule says so", id="key-for-nobody",
        ),
        pytest.param(
            KEY + 'algorithm = "rsa-sha256"\n', 5, "keys.main.algorithm",
            "the key is for ed25519-sha256, not rsa-sha256", id="key-of-another-algorithm",
        ),
        pytest.param(
            KEY + '[[signing.rules]]\nfrom = "a.example"\nkeys = ["mian"]\n', 7,
            "signing.rules[1].keys[1]", "there is no key mian", id="rule-with-an-unknown-key",
        ),
        pytest.param(
            KEY + '[[signing.rules]]\nfrom = "@"\nkeys = ["main"]\n', 6,
            "signing.rules[1].from", "no pattern", id="rule-with-a-bad-pattern",
        ),
        pytest.param(
            '[origin]\ninternal_hosts = [\n "10.0.0.0/8",\n "10.0.0.0/99",\n]\n', 4,
            "origin.internal_hosts[2]", "is no address or network", id="bad-network",
        ),
        pytest.param(
            '[verifying]\nmust_be_signed = ["@"]\n', 2, "verifying.must_be_signed[1]",
            "no pattern", id="bad-domain-list",
        ),
        pytest.param(
            '[verifying]\nunacceptable_domains = ["a..b"]\n', 2,
            "verifying.unacceptable_domains[1]", "is no domain", id="bad-unacceptable-domain",
        ),
        pytest.param(
            '[signing]\nsigned_names = ["From", "Sub ject"]\n', 2, "signing.signed_names[2]",
            "no name of a header field", id="bad-field-name",
        ),
        pytest.param(
            '[signing]\nsigned_names = ["From", "Received"]\n', 2, "signing.signed_names[2]",
            "changes in transit", id="field-that-changes",
        ),
        pytest.param(
            '[signing]\nsigned_names = ["To"]\n', 2, "signing.signed_names", "From must be signed",
            id="from-left-out",
        ),
        pytest.param(
            '[signing]\nomitted_names = ["From"]\n', 2, "signing.omitted_names",
            "From must be signed", id="from-omitted",
        ),
        pytest.param(
            '[[signing.rewrites]]\npattern = "("\nreplacement = ""\n', 2,
            "signing.rewrites[1].pattern", "no regular expression", id="bad-expression",
        ),
        pytest.param(
            '[actions]\nbad_signature = "tempfail"\n', 2, "actions.bad_signature",
            "must not be answered with a temporary refusal", id="tempfail-for-a-broken-signature",
        ),
        pytest.param(
            '[[signing.resign]]\nto = "l@x.example"\nkeys = ["q"]\n', 3,
            "signing.resign[1].keys[1]", "there is no key q", id="unknown-key-for-a-list",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_line(
    site: Make, text: str, line: int, key: str, why: str
) -> None:
    with pytest.raises(Mistakes) as caught:
        site(text)
    error = caught.value
    assert (error.file, error.line, error.key) == ("avowal.toml", line, key)
    assert why in error.why


def test_a_mistyped_key_is_guessed(site: Make) -> None:
    with pytest.raises(Mistakes) as caught:
        site(KEY + '[[signing.rules]]\nfrom = "a.example"\nkeys = ["mian"]\n')
    assert caught.value.hint == "did you mean main?"


def test_all_mistakes_are_told_at_once(site: Make) -> None:
    with pytest.raises(Mistakes) as caught:
        site('[origin]\ninternal_hosts = ["/"]\n[keys.a]\nselector = "s"\n[verifying]\n'
             'trusted_signers = ["@"]\n')  # fmt: skip
    assert [one.line for one in caught.value.each] == [2, 3, 6]


def test_the_default_configuration_has_no_mistakes(site: Make) -> None:
    plan = site("").plan
    assert len(plan.rules) == 0
    assert b"from" in plan.oversigned_names


def test_a_key_for_the_authors_of_many_domains_needs_a_selector_that_is_a_name(site: Make) -> None:
    """Its file is read when a message needs it; what can be told at the start is told then."""
    text = '[keys.any]\nselector = "not a name"\nfile = "%.pem"\n'
    with pytest.raises(Mistakes, match=r"keys\.any\.selector"):
        site(text + '[[signing.rules]]\nfrom = "*"\nkeys = ["any"]\n')


def test_a_key_for_the_recipients_of_many_domains_needs_no_rule_for_authors(site: Make) -> None:
    text = '[keys.any]\nselector = "s"\nfile = "%.pem"\n'
    plan = site(text + '[[signing.resign]]\nto = "*"\nkeys = ["any"]\n').plan
    assert len(plan.resign_rules) == 1
