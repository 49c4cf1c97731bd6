"""From a configuration as written to a plan to work by; every mistake found on the way is told.

Keys come from a loader that is handed in, because nothing here opens files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, TypeVar

from avowal.arc.intent import SEALED_NAMES
from avowal.config.addresses import AddressPattern, AddressTable
from avowal.config.keys import KEY_SOURCES
from avowal.config.mistakes import closest
from avowal.config.model import Configuration, Key
from avowal.config.places import NOWHERE, Path, Places, dotted
from avowal.crypto.algorithms import signing_names
from avowal.dkim.intent import OVERSIGNED_NAMES, UNSUITABLE_NAMES, Intent, lower_names
from avowal.errors import IntentError, KeyMaterialError
from avowal.examine.findings import Receiver
from avowal.flow import failure_drafts, failures, feedback
from avowal.flow.classes import ResultClass
from avowal.flow.plan import (
    AddressSets,
    KeyLoader,
    KeyUse,
    Plan,
    Rewriting,
    SigningRule,
)
from avowal.flow.policies import choice_of
from avowal.flow.tables import Sets
from avowal.lists.resign import Removal
from avowal.policy.assessment import Choice
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.existence import Existence
from avowal.reputation.opinions import Assessor

_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8
_ALL = "%"
T = TypeVar("T")


def compile_plan(
    configuration: Configuration,
    places: Places = NOWHERE,
    *,
    load: KeyLoader,
    generation: int = 0,
    assessor: Assessor | None = None,
    software: str = "avowal",
) -> Plan:
    """Compile a configuration.

    Raises `config.mistakes.Mistakes`, a ConfigError that holds every mistake.
    """
    compiler = _Compiler(configuration, places, load)
    plan = compiler.plan(generation, assessor, software)
    compiler.mistakes.raise_any()
    return plan


class _Compiler(Sets):
    """Compiles keys, rules and the form of signatures; what has a mistake is left out."""

    def __init__(self, configuration: Configuration, places: Places, load: KeyLoader) -> None:
        super().__init__(configuration, places)
        self.places = places
        self.load = load

    def plan(self, generation: int, assessor: Assessor | None, software: str) -> Plan:
        signing, actions = self.configuration.signing, self.configuration.actions
        if actions.bad_signature == "tempfail":
            self.mistakes.add(
                ("actions", "bad_signature"),
                "a broken signature must not be answered with a temporary refusal: it never mends"
                " (RFC 6376 §6.3)",
                "use accept, tag, quarantine, reject or discard",
            )
        if actions.security == "tempfail":
            self.mistakes.add(
                ("actions", "security"),
                "a message beyond a limit must not be answered with a temporary refusal: it never"
                " shrinks (RFC 3463 §3.4, 5.3.4)",
                "use accept, tag, quarantine, reject or discard",
            )
        for mistakes in (feedback.mistakes_in, failures.mistakes_in, failure_drafts.mistakes_in):
            for path, why, hint in mistakes(self.configuration):
                self.mistakes.add(path, why, hint)
        signed, oversigned = self.names()
        keys = self.keys(signed, oversigned)
        addresses = self.address_sets()
        self.domain_trees("aggregate", "excluded")  # read when reports are made
        return Plan(
            configuration=self.configuration,
            places=self.places,
            generation=generation,
            load=self.load,
            keys=keys,
            rules=self.rules(keys),
            resign_rules=self.resign_rules("to", keys),
            list_rules=self.resign_rules("sender", keys),
            sealing=self.sealing(keys),
            addresses=addresses,
            hosts=self.host_sets(),
            receiver=self.receiver(addresses),
            assessor=assessor,
            signed_names=signed,
            oversigned_names=oversigned,
            signed_set=oversigned.union(signed),
            rewriting=self.rewriting(),
            rewritten_names=frozenset(lower_names(signing.rewritten_names)) or frozenset(signed),
            actions={class_: getattr(actions, str(class_)) for class_ in ResultClass},
            failure_domains=self.domain_trees("failure_reports", "domains"),
            software=software,
        )

    def receiver(self, addresses: AddressSets) -> Receiver:
        trusted = addresses.trusted_sealers
        return Receiver(
            rules=self.verification_rules(),
            limits=self.limits(),
            choice=self.policy_choice(),
            trusts_sealer=(lambda domain: bool(trusted.find(b"", domain)))
            if len(trusted)
            else None,
        )

    def policy_choice(self) -> Choice:
        wanted = self.configuration.policies
        return choice_of(
            wanted.generations,
            wanted.deciding,
            dmarc=DmarcRules(existence=Existence(wanted.nonexistent)),
            atps=wanted.atps,
            certifiers=self.domains("policies", "certifiers"),
        )

    # -- keys and rules ----------------------------------------------------------------

    def keys(self, signed: tuple[bytes, ...], oversigned: frozenset[bytes]) -> dict[str, KeyUse]:
        uses = {}
        for name, entry in self.configuration.keys.items():
            use = self.key(name, entry)
            if use is not None:
                self.try_intent(use, signed, oversigned)
                uses[name] = use
        return uses

    def key(self, name: str, entry: Key) -> KeyUse | None:
        path: Path = ("keys", name)
        sources = [s for s in KEY_SOURCES if getattr(entry, s) is not None]
        if len(sources) != 1:
            given = " and ".join(sources) or "none"
            known = f"{', '.join(KEY_SOURCES[:-1])} and {KEY_SOURCES[-1]}"
            self.mistakes.add(path, f"exactly one of {known}, not {given}")
            return None
        if entry.algorithm is not None and entry.algorithm not in signing_names():
            known = ", ".join(signing_names())
            why = f"{entry.algorithm!r} is no algorithm to sign with: {known}"
            self.mistakes.add((*path, "algorithm"), why)
            return None
        domain = None
        if entry.domain is not None and entry.domain != _ALL:
            domain = self.named((*path, "domain"), entry.domain)
            if domain is None:
                return None
        loaded = None
        if domain is not None or "%" not in (entry.file or ""):
            try:
                loaded = self.load(name, entry, None)
            except KeyMaterialError as error:
                at_password = error.source == entry.password_file
                self.mistakes.add(
                    (*path, "password_file" if at_password else sources[0]), str(error)
                )
                return None
            if entry.algorithm is not None and loaded.algorithm != entry.algorithm:
                why = f"the key is for {loaded.algorithm}, not {entry.algorithm}"
                self.mistakes.add((*path, "algorithm"), why)
        return KeyUse(
            name=name, entry=entry, domain=domain, loaded=loaded, place=self.places.near(path)
        )

    def try_intent(
        self, use: KeyUse, signed: tuple[bytes, ...], oversigned: frozenset[bytes]
    ) -> None:
        """Ask once at start what would be refused for every message."""
        if use.loaded is None:
            self.named(("keys", use.name, "selector"), use.entry.selector)
            return
        intent = Intent(
            domain=use.domain.text if use.domain else "example.com",
            selector=use.entry.selector,
            key=use.loaded,
            names=signed,
            oversigned=oversigned,
        )
        try:
            intent.checked()
        except IntentError as error:
            self.mistakes.add(("keys", use.name), str(error))

    def rules(self, keys: dict[str, KeyUse]) -> AddressTable[SigningRule]:
        written = self.configuration.signing.rules
        if not written:
            return AddressTable(self.own_domains(keys))
        rows = []
        for number, rule in enumerate(written):
            path = ("signing", "rules", number)
            uses = self.uses((*path, "keys"), rule.keys, keys)
            made = SigningRule(
                pattern=rule.author,
                keys=uses,
                identity=rule.identity,
                option=dotted(path),
                place=self.places.near((*path, "from")),
            )
            rows += self.patterns((*path, "from"), rule.author, made)
        return AddressTable(rows)

    def own_domains(self, keys: dict[str, KeyUse]) -> Iterable[tuple[AddressPattern, SigningRule]]:
        """Make the rules for a configuration without any: each key signs for its domain."""
        again = {name for rule in self.configuration.signing.resign for name in rule.keys}
        by_domain: dict[str, list[KeyUse]] = {}
        for name, use in keys.items():
            if use.domain is None and name not in again:
                self.mistakes.add(
                    ("keys", name),
                    "a key without a domain signs only where a rule says so",
                    "add domain, or a rule in signing.rules that names the key",
                )
            elif use.domain is not None:
                by_domain.setdefault(use.domain.ascii, []).append(use)
        for domain, uses in by_domain.items():
            made = SigningRule(
                pattern=domain,
                keys=tuple(uses),
                identity=None,
                option=f"keys.{uses[0].name}",
                place=uses[0].place,
            )
            yield from self.patterns(("keys", uses[0].name, "domain"), domain, made)

    def resign_rules(
        self, by: Literal["to", "sender"], keys: dict[str, KeyUse]
    ) -> AddressTable[SigningRule]:
        """Return the rules that go by recipient, or those that go by envelope sender."""
        rows = []
        for number, rule in enumerate(self.configuration.signing.resign):
            path = ("signing", "resign", number)
            pattern = rule.to if by == "to" else rule.sender
            if by == "to" and (pattern is None) == (rule.sender is None):
                self.mistakes.add(path, "exactly one of to and sender says which mail is meant")
            if by == "sender" and pattern is not None and rule.remove == "broken":
                self.mistakes.add(
                    (*path, "remove"),
                    "what a list sends is not verified here, so nobody knows what is broken",
                    "use none or all",
                )
            if pattern is None:
                continue
            made = SigningRule(
                pattern=pattern,
                keys=self.uses((*path, "keys"), rule.keys, keys),
                identity=None,
                option=dotted(path),
                place=self.places.near((*path, by)),
                removal=Removal(rule.remove),
            )
            rows += [(p, made) for p in self.pattern((*path, by), pattern)]
        return AddressTable(rows)

    def sealing(self, keys: dict[str, KeyUse]) -> Intent | None:
        """Return how messages are sealed, None where they are not."""
        name, path = self.configuration.arc.seal, ("arc", "seal")
        use = None if name is None else next(iter(self.uses(path, (name,), keys)), None)
        if use is None:
            return None
        if use.domain is None or use.loaded is None:
            self.mistakes.add(path, f"key {name} has no domain to seal for", "give it a domain")
            return None
        return Intent(
            domain=use.domain.text,
            selector=use.entry.selector,
            key=use.loaded,
            names=SEALED_NAMES,
        )

    def uses(
        self, path: Path, names: tuple[str, ...], keys: dict[str, KeyUse]
    ) -> tuple[KeyUse, ...]:
        for number, name in enumerate(names):
            if name not in self.configuration.keys:
                hint = closest(name, self.configuration.keys) or "the table keys has no such entry"
                self.mistakes.add((*path, number), f"there is no key {name}", hint)
        return tuple(keys[name] for name in names if name in keys)

    def patterns(self, path: Path, text: str, value: T) -> list[tuple[AddressPattern, T]]:
        """Read a pattern; with `subdomains` one for a domain also covers what is below."""
        found = [(pattern, value) for pattern in self.pattern(path, text)]
        if self.configuration.signing.subdomains:
            for pattern, _ in found[:1]:
                if pattern.whole is None and pattern.domain[:1] not in {"*", "."}:
                    found.append((AddressPattern(pattern.local, f".{pattern.domain}"), value))
        return found

    # -- signatures --------------------------------------------------------------------

    def names(self) -> tuple[tuple[bytes, ...], frozenset[bytes]]:
        """Return the names to sign and to oversign, without the omitted ones."""
        signing = self.configuration.signing
        for option in ("signed_names", "oversigned_names", "omitted_names"):
            names: tuple[str, ...] = getattr(signing, option) or ()
            for number, name in enumerate(names):
                path = ("signing", option, number)
                if _FIELD_NAME.fullmatch(name) is None:
                    self.mistakes.add(path, f"{name!r} is no name of a header field")
                elif name.lower().encode() in UNSUITABLE_NAMES and option != "omitted_names":
                    why = f"{name} changes in transit and cannot be signed (RFC 6376 §5.4.1)"
                    self.mistakes.add(path, why)
        signed, omitted = lower_names(signing.signed_names), lower_names(signing.omitted_names)
        if b"from" in omitted or b"from" not in signed:
            option = "omitted_names" if b"from" in omitted else "signed_names"
            self.mistakes.add(("signing", option), "From must be signed (RFC 6376 §5.4)")
        oversigned = OVERSIGNED_NAMES.intersection(signed)
        if signing.oversigned_names is not None:
            oversigned = frozenset(lower_names(signing.oversigned_names))
        unwanted = UNSUITABLE_NAMES.union(omitted)
        return tuple(name for name in signed if name not in unwanted), oversigned - unwanted

    def rewriting(self) -> Rewriting | None:
        changes: list[tuple[re.Pattern[bytes], bytes]] = []
        for number, rewrite in enumerate(self.configuration.signing.rewrites):
            try:
                pattern = re.compile(rewrite.pattern.encode())
            except re.error as error:
                path = ("signing", "rewrites", number, "pattern")
                self.mistakes.add(path, f"no regular expression: {error}")
            else:
                changes.append((pattern, _literal(rewrite.replacement)))
        if not changes:
            return None

        def rewritten(value: bytes) -> bytes:
            for pattern, replacement in changes:
                value = pattern.sub(replacement, value)
            return value

        return rewritten


def _literal(text: str) -> bytes:
    """Return a replacement that stands as written: no references to groups."""
    return text.encode().replace(b"\\", b"\\\\")
