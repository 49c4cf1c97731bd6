"""Compiling the lists of a configuration: hosts, addresses, domains, rules of verification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

from avowal.config.addresses import AddressPattern, AddressTable
from avowal.config.hosts import HostEntry, HostSet
from avowal.config.mistakes import Collector
from avowal.config.model import Configuration
from avowal.config.options import Entries
from avowal.config.places import Path, Places
from avowal.config.schema import lists
from avowal.config.toml import Loaded
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
        sets = {path: self.table(path, texts) for path, texts in self.listed("addresses")}
        return AddressSets(
            exempt_domains=sets["origin", "exempt_domains"],
            unsigned_recipients=sets["signing", "unsigned_recipients"],
            body_length_recipients=sets["signing", "body_length_recipients"],
            atps_domains=sets["signing", "atps_domains"],
            trusted_signers=sets["verifying", "trusted_signers"],
            must_be_signed=sets["verifying", "must_be_signed"],
            sealed_recipients=sets["arc", "recipients"],
            trusted_sealers=sets["arc", "trusted_sealers"],
        )

    def listed(self, kind: Entries) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
        """Yield the lists whose option declares entries of a kind."""
        for table, name in lists(kind):
            yield (table, name), self.texts(table, name)

    def texts(self, table: str, name: str) -> tuple[str, ...]:
        """Return the entries of a list."""
        texts: tuple[str, ...] = attrgetter(f"{table}.{name}")(self.configuration)
        return texts

    def table(self, path: Path, texts: tuple[str, ...]) -> AddressTable[int]:
        return AddressTable(
            (pattern, number)
            for number, text in enumerate(texts)
            for pattern in self.pattern((*path, number), text)
        )

    def host_sets(self) -> HostSets:
        sets = {path: self.hosts(path, texts) for path, texts in self.listed("hosts")}
        return HostSets(
            internal_hosts=sets["origin", "internal_hosts"],
            external_ignore=sets["origin", "external_ignore"],
            ignored_hosts=sets["origin", "ignored_hosts"],
            trusted_hosts=sets["results", "trusted_hosts"],
        )

    def hosts(self, path: Path, texts: tuple[str, ...]) -> HostSet:
        return HostSet(
            [
                entry
                for number, text in enumerate(texts)
                for entry in self.read((*path, number), text, HostEntry.parse)
            ]
        )

    def domains(self, table: str, name: str) -> tuple[DomainName, ...]:
        texts = enumerate(self.texts(table, name))
        found = (self.named((table, name, number), text) for number, text in texts)
        return tuple(domain for domain in found if domain is not None)

    def domain_trees(self, table: str, name: str) -> tuple[DomainName, ...]:
        """Return domains that are meant with all below them, which a leading dot may say too."""
        texts = enumerate(self.texts(table, name))
        found = (self.named((table, name, number), text.strip(".")) for number, text in texts)
        return tuple(domain for domain in found if domain is not None)

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
        if wanted.accept_drafts is not None:
            changes["read_domainkeys"] = wanted.accept_drafts
        changes["accept_unprotected_key"] = wanted.unprotected_key == "accept"
        refused = self.domains("verifying", "unacceptable_domains")
        changes["unacceptable_domains"] = frozenset(name.ascii for name in refused)
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


def read_trees(loaded: Loaded, table: str, name: str) -> tuple[DomainName, ...]:
    """Return domains that are meant with all below them.  Raises ConfigError."""
    sets = Sets(loaded.configuration, loaded.places)
    found = sets.domain_trees(table, name)
    sets.mistakes.raise_any()
    return found


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
    "honor_granularity": "honor_granularity",
    "accept_testing": "accept_testing",
}
