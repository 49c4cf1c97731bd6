"""Which keys sign for whom: the tables `keys`, `signing.rules`, `signing.resign` and `arc.seal`.

Every mistake found in them is told; a key or rule that has one is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

from avowal.arc.intent import SEALED_NAMES
from avowal.config.addresses import AddressPattern, AddressTable
from avowal.config.keys import KEY_SOURCES
from avowal.config.mistakes import closest
from avowal.config.model import Configuration, Key
from avowal.config.places import Path, Places, dotted
from avowal.crypto.algorithms import signing_names
from avowal.dkim.intent import Intent
from avowal.errors import IntentError, KeyMaterialError
from avowal.flow.plan import KeyLoader, KeyUse, SigningRule
from avowal.flow.tables import Sets
from avowal.lists.resign import Removal

_ALL = "%"
T = TypeVar("T")


class SigningTables(Sets):
    """Compiles keys and the rules that name them."""

    def __init__(self, configuration: Configuration, places: Places, load: KeyLoader) -> None:
        super().__init__(configuration, places)
        self.places = places
        self.load = load

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
