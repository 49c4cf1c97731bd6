"""A text where a collection of texts belongs is refused, never taken for its letters.

One row for each public parameter that would iterate it; so with octets, and with members of
the other kind, which would fit nothing and go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avowal import authres
from avowal.authres.identifiers import Identifiers
from avowal.authres.model import AuthenticationResults
from avowal.dkim.intent import Intent, lower_names
from avowal.dkim.rules import Rules
from avowal.dns.dnspython import DnsResolver
from avowal.errors import UsageError
from avowal.keys.records import record_text
from avowal.lookup import run
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy import adsp, publish, vbr
from avowal.policy.assessment import Choice
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.quickstart import configuration, keys
from avowal.testing import ED25519, Zone

HEADER = Header.parse(b"Authentication-Results: x; dkim=pass\r\nFrom: a@example.com")
AUTHORS = Authors.of(HEADER)
ZONE = Zone({})
DOMAIN = DomainName.parse(b"example.com")


def intent(**options: Any) -> Any:
    return Intent(domain="example.com", selector="s", key=ED25519, **options).checked()


# name, how it is called, members of the right kind
OF_TEXT: list[tuple[str, Callable[[Any], Any]]] = [
    ("authres.read(trusted=)", lambda ids: authres.read(HEADER, trusted=ids)),
    ("authres.forged(ids)", lambda ids: authres.forged(HEADER, ids)),
    ("authres.forged(admitted=)", lambda ids: authres.forged(HEADER, {"x"}, admitted=ids)),
    ("authres.write(agreed=)", lambda m: authres.write(AuthenticationResults("x"), agreed=m)),
    ("Identifiers", Identifiers),
    ("Rules.unacceptable_domains", lambda names: Rules(unacceptable_domains=names)),
    ("record_text(services=)", lambda words: record_text(ED25519, services=words)),
    ("record_text(flags=)", lambda words: record_text(ED25519, flags=words)),
    ("record_text(hashes=)", lambda words: record_text(ED25519, hashes=words)),
    ("DnsResolver(nameservers)", DnsResolver),
    ("public_suffix_list(rules)", public_suffix_list),
    ("Wish.aggregate_to", lambda to: publish.dmarc(DOMAIN, publish.Wish(aggregate_to=to))),
    ("Wish.failures_to", lambda to: publish.dmarc(DOMAIN, publish.Wish(failures_to=to))),
    ("quickstart.keys(domains)", lambda names: keys(names, "nowhere")),
    ("quickstart.configuration(sockets=)", lambda s: configuration((), sockets=s)),
    ("quickstart.configuration(servers=)", lambda s: configuration((), servers=s)),
]
OF_OCTETS: list[tuple[str, Callable[[Any], Any]]] = [
    ("Intent.names", lambda names: intent(names=names)),
    ("Intent.oversigned", lambda names: intent(oversigned=names)),
    ("Rules.required_fields", lambda names: Rules(required_fields=names)),
    ("Rules.sole_fields", lambda names: Rules(sole_fields=names)),
]
OF_DOMAINS: list[tuple[str, Callable[[Any], Any]]] = [
    ("adsp.evaluate(authorized=)", lambda d: run(adsp.evaluate(AUTHORS, authorized=d), ZONE)),
    ("vbr.evaluate(certifiers)", lambda d: run(vbr.evaluate(HEADER, (), None, d), ZONE)),
    ("Choice.certifiers", lambda domains: Choice(certifiers=domains)),
    ("Choice.third_parties", lambda domains: Choice(third_parties=domains)),
]
CALLS = [pytest.param(call, id=name) for name, call in (*OF_TEXT, *OF_OCTETS, *OF_DOMAINS)]


@pytest.mark.parametrize("lone", ["mx.example.org", b"from", "x", b"", 7], ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_a_lone_one_is_refused(call: Callable[[Any], Any], lone: Any) -> None:
    with pytest.raises(UsageError, match="a collection of"):
        call(lone)


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in OF_TEXT])
def test_octets_among_texts_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(UsageError, match="is no text"):
        call(("127.0.0.1", b"octets"))


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in OF_OCTETS])
def test_texts_among_octets_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(UsageError, match="is no octets"):
        call((b"from", "subject"))


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in OF_DOMAINS])
def test_texts_among_domains_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(UsageError, match="is no DomainName"):
        call((DOMAIN, "example.org"))


@pytest.mark.parametrize("lone", ["from:to", b"from:to"], ids=repr)
@pytest.mark.parametrize("call", [lower_names, HEADER.select], ids=["lower_names", "select"])
def test_names_of_fields_are_not_one_name(call: Callable[[Any], Any], lone: Any) -> None:
    with pytest.raises(UsageError, match="a collection of"):
        call(lone)


@pytest.mark.parametrize("make", [list, tuple, set, frozenset, iter])
def test_any_collection_or_iterator_is_taken(make: Callable[[Any], Any]) -> None:
    assert "mx.example.org" in Identifiers(make(["mx.example.org"]))
