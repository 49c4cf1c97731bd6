"""Compiling the lists of a configuration: hosts, addresses, domains, rules of verification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from avowal.config.addresses import AddressPattern, AddressTable
from avowal.config.hosts import HostEntry, HostSet
from avowal.config.mistakes import Collector
from avowal.config.model import Configuration
from avowal.config.places import Path, Places
from avowal.dkim import rules as dkim_rules
from avowal.dkim.intent import lower_names
from avowal.dkim.rules import Rules
from avowal.errors import SyntaxFault
from avowal.flow.plan import AddressSets, HostSets
from avowal.limits import DEFAULT, Limits
from avowal.names import DomainName, NameFault

T = TypeVar("T")


class Sets:
    """Compiles list by list; an entry with a mistake is noted and left out."""

    def __init__(self, configuration: Configuration, places: Places) -> None:
        self.configuration = configuration
        self.mistakes = Collector(places)

    def pattern(self, path: Path, text: str) -> list[AddressPattern]:
        return self.read(path, text, AddressPattern.parse)

    def read(self, path: Path, text: str, parse: Callable[[str], T]) -> list[T]:
        try:
            return [parse(text)]
        except SyntaxFault as fault:
            self.mistakes.add(path, fault.why)
            return []

    def named(self, path: Path, text: str) -> DomainName | None:
        try:
            return DomainName.parse(text.encode())
        except NameFault as fault:
            self.mistakes.add(path, f"{text!r} is no domain: {fault.why}")
            return None

    def address_sets(self) -> AddressSets:
        signing, verifying = self.configuration.signing, self.configuration.verifying
        arc = self.configuration.arc
        return AddressSets(
            exempt_domains=self.table(
                ("origin", "exempt_domains"), self.configuration.origin.exempt_domains
            ),
            unsigned_recipients=self.table(
                ("signing", "unsigned_recipients"), signing.unsigned_recipients
            ),
            body_length_recipients=self.table(
                ("signing", "body_length_recipients"), signing.body_length_recipients
            ),
            atps_domains=self.table(("signing", "atps_domains"), signing.atps_domains),
            trusted_signers=self.table(("verifying", "trusted_signers"), verifying.trusted_signers),
            must_be_signed=self.table(("verifying", "must_be_signed"), verifying.must_be_signed),
            sealed_recipients=self.table(("arc", "recipients"), arc.recipients),
            trusted_sealers=self.table(("arc", "trusted_sealers"), arc.trusted_sealers),
        )

    def table(self, path: Path, texts: tuple[str, ...]) -> AddressTable[int]:
        return AddressTable(
            (pattern, number)
            for number, text in enumerate(texts)
            for pattern in self.pattern((*path, number), text)
        )

    def host_sets(self) -> HostSets:
        origin, results = self.configuration.origin, self.configuration.results
        return HostSets(
            internal_hosts=self.hosts(("origin", "internal_hosts"), origin.internal_hosts),
            external_ignore=self.hosts(("origin", "external_ignore"), origin.external_ignore),
            ignored_hosts=self.hosts(("origin", "ignored_hosts"), origin.ignored_hosts),
            trusted_hosts=self.hosts(("results", "trusted_hosts"), results.trusted_hosts),
        )

    def hosts(self, path: Path, texts: tuple[str, ...]) -> HostSet:
        return HostSet(
            [
                entry
                for number, text in enumerate(texts)
                for entry in self.read((*path, number), text, HostEntry.parse)
            ]
        )

    # -- verification ------------------------------------------------------------------

    def verification_rules(self) -> Rules:
        wanted = self.configuration.verifying
        changes = {
            rule: getattr(wanted, option)
            for option, rule in _RULES.items()
            if getattr(wanted, option) is not None
        }
        if wanted.required_fields is not None:
            changes["required_fields"] = frozenset(lower_names(wanted.required_fields))
        changes["accept_unprotected_key"] = wanted.unprotected_key == "accept"
        found = (
            self.named(("verifying", "unacceptable_domains", number), text)
            for number, text in enumerate(wanted.unacceptable_domains)
        )
        changes["unacceptable_domains"] = frozenset(name.ascii for name in found if name)
        return dkim_rules.PROFILES[wanted.profile].but(**changes)

    def limits(self) -> Limits:
        wanted, dns = self.configuration.limits, self.configuration.dns
        return replace(
            DEFAULT,
            header_octets=wanted.header_octets,
            header_fields=wanted.header_fields,
            signatures_checked=self.configuration.verifying.max_signatures,
            dns_questions=dns.questions,
            dns_seconds=dns.timeout,
        )


_RULES = {
    "min_key_bits": "min_rsa_bits",
    "max_key_bits": "max_rsa_bits",
    "clock_skew": "clock_skew",
    "max_age": "max_age",
    "accept_unsigned_content": "accept_unsigned_content",
    "min_signed_octets": "min_signed_octets",
    "min_signed_percent": "min_signed_percent",
    "max_unsigned_octets": "max_unsigned_octets",
    "accept_historic": "accept_historic",
    "accept_drafts": "accept_drafts",
    "accept_testing": "accept_testing",
}
