"""What signs whose mail, by opendkim.conf: KeyTable and SigningTable, or Domain and its one key.

Each row of ours is one that the filter would find; a row that it cannot be is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from avowal import paths
from avowal.crypto.algorithms import has_sizes
from avowal.crypto.signing import PrivateKey
from avowal.errors import KeyMaterialError, StoreError
from avowal.keys.opendkim import DataSet, KeyTable, SigningTable, TableKey
from avowal.names import DomainName, Identity, NameFault
from avowal.opendkim.confinement import confined
from avowal.opendkim.keyring import Keyring, keyring_of
from avowal.opendkim.settings import DefaultKey, Settings
from avowal.opendkim.translated_sets import (
    DATABASE,
    Members,
    author_pattern,
    domain_pattern,
    first_rows,
    rows_in,
)
from avowal.stores.datasets import PatternSet, Row, split_fields

_ANY = "author"  # the name of a key for whatever domain the author is of


class _Unsaid(Exception):
    """A row that the configuration of ours cannot say; the text says why."""


@dataclass(slots=True)
class SigningPart:
    """The tables `keys` and `signing.rules`, and what the options they are from became."""

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    patterned: bool = False
    words: str = ""

    def finish(self, words: str, made: Members) -> SigningPart:
        """Say what became of it; a key that no rule names would sign for its own domain."""
        self.words = made.words(words)
        if not self.rules:
            self.keys = {}
        return self


def signing_part(settings: Settings) -> SigningPart:
    """Translate what decides by which key a message is signed.  Raises nothing."""
    keys, table = settings.key_table, settings.signing_table
    if keys is not None and table is not None:
        return _Tables(settings, keys, table).part()
    if settings.default_key is not None and settings.domains is not None:
        return _single(settings, settings.default_key, settings.domains)
    return SigningPart(words="nothing: no mail is signed by it")


def _where(row: Row) -> str:
    return row.key if row.line is None else f"{row.key} (line {row.line})"


# -- KeyTable and SigningTable -------------------------------------------------------------


class _Tables:
    """The two tables on their way."""

    def __init__(self, settings: Settings, keys: KeyTable, table: SigningTable) -> None:
        self._settings = settings
        self._keys = keys
        self._data: DataSet = table.data
        self._keyring: Keyring = keyring_of(settings)
        self._made = SigningPart(patterned=isinstance(table.data, PatternSet))
        self._members = Members()
        self._tried: dict[str, str | None] = {}
        self._written: dict[str, str] = {}  # names of keys as they were first written

    def part(self) -> SigningPart:
        if rows_in(self._data) is None or rows_in(self._keys.data) is None:
            self._made.words = DATABASE
            return self._made
        with paths.Directories(self._settings.account.judge) as self._keyring.directories:
            self._take_rows()
        return self._made.finish("keys and signing.rules", self._members)

    def _take_rows(self) -> None:
        for row in first_rows(self._data):
            pattern = author_pattern(row.key, patterned=self._made.patterned)
            if pattern is None:
                self._members.unused.append(row.key)
                continue
            try:
                self._made.rules.append(self._rule(row, pattern))
            except _Unsaid as fault:
                self._members.lost.append(f"{_where(row)}: {fault}")

    def _rule(self, row: Row, pattern: str) -> dict[str, Any]:
        name, *rest = split_fields(row.value, 2)
        if name == "%":
            raise _Unsaid("a key name of % cannot be said, name the key")
        try:
            entry = self._keys.written(name)
        except (KeyMaterialError, StoreError) as fault:
            raise _Unsaid(str(fault)) from None
        if entry is None:
            raise _Unsaid(f"there is no key {name!r} in the KeyTable" if name else "names no key")
        identity = _identity(rest[0] if rest else "", entry.domain)
        key = self._key(entry)
        name = self._written.setdefault(name.lower(), name)
        self._made.keys.setdefault(name, key)
        rule = {"from": pattern, "keys": [name]}
        return rule if identity is None else rule | {"identity": identity}

    def _key(self, entry: TableKey) -> dict[str, Any]:
        key = entry.name.lower()
        if key not in self._tried:
            self._tried[key] = self._why_not(entry)
        why = self._tried[key]
        if why is not None:
            raise _Unsaid(why)
        inline = None if entry.inline is None else entry.inline.replace("\\n", "\n")
        found = {
            "domain": None if entry.domain == "%" else entry.domain,
            "selector": entry.selector,
            "file": self._confined(entry).path,
            "inline": inline,
            "algorithm": entry.algorithm or self._settings.algorithm,
        }
        return {option: value for option, value in found.items() if value is not None}

    def _confined(self, entry: TableKey) -> TableKey:
        """Return a key with its path seen from outside of ChangeRootDirectory."""
        if entry.path is None:
            return entry
        return replace(entry, path=confined(self._settings.conf, entry.path))

    def _why_not(self, entry: TableKey) -> str | None:
        """Return why a key cannot be said, or cannot sign, or None."""
        if entry.domain != "%":
            if "%" in (entry.path or ""):
                return f"key {entry.name}: a path with the author's domain for one domain"
            if (why := _no_domain(entry.domain)) is not None:
                return f"key {entry.name}: {why}"
        if "%" in (entry.path or ""):
            return None  # it depends on the author
        try:
            resolved = self._keys.key(entry.name, "example.com")
            assert resolved is not None  # noqa: S101 - it was found before
            return _too_short(self._settings, self._keyring.key(self._confined(resolved)))
        except KeyMaterialError as fault:
            return str(fault)


def _no_domain(text: str) -> str | None:
    try:
        single = "." not in DomainName.parse(text.encode("utf-8", "surrogateescape")).ascii
    except NameFault as fault:
        return f"{text!r} is no domain: {fault.why}"
    return f"{text!r} is a single label, for which nothing is signed" if single else None


def _too_short(settings: Settings, key: PrivateKey) -> str | None:
    least = settings.conf.integer("MinimumKeyBits")
    if has_sizes(key.algorithm) and key.bits < least:
        return f"a key of {key.bits} bits signs nothing by MinimumKeyBits {least}"
    return None


def _identity(written: str, domain: str) -> str | None:
    """Return i= as ours writes it; None where there is none that would be written.

    OpenDKIM leaves one out that is not within d= (so do we where that depends on the author).
    """
    if "@" not in written:
        return None
    if "%u" in written or "%a" in written:
        raise _Unsaid(f"an identity of {written!r}: %u and %a are others here")
    sample = written.replace("%", "example.com")
    try:
        named = Identity.parse(sample.encode("utf-8", "surrogateescape")).domain
    except NameFault as fault:
        raise _Unsaid(f"an identity of {written!r}: {fault.why}") from None
    if "%" in written or domain == "%":
        return written
    return written if named.is_within(DomainName.parse(domain.encode())) else None


# -- Domain, Selector and KeyFile ----------------------------------------------------------


def _single(settings: Settings, default: DefaultKey, domains: DataSet) -> SigningPart:
    """Translate the one key, for each domain in its set and, with SubDomains, for those below."""
    made, members = SigningPart(patterned=True), Members()
    words = "keys and signing.rules"
    if rows_in(domains) is None:
        made.words = DATABASE
        return made
    why = _too_short(settings, default.key)
    if why is not None:
        members.lost.append(why)
        return made.finish(words, members)
    below = []
    for row, domain in _domains(domains, members):
        if "*" in domain and "%" in default.path:
            members.lost.append(f"{_where(row)}: % in the file name stands for the author here")
            continue
        name = _ANY if "*" in domain else domain
        entry = {"selector": default.selector, "file": default.path}
        made.keys[name] = entry if name == _ANY else entry | {"domain": domain}
        made.rules.append({"from": domain, "keys": [name]})
        if settings.on("SubDomains") and name == _ANY and not row.key.startswith("*"):
            members.lost.append(f"{_where(row)}: domains below those it fits")
        elif name != _ANY:
            below.append(domain)
    if settings.on("SubDomains"):
        below.sort(key=lambda domain: -domain.count("."))
        made.rules += [{"from": f".{d}", "keys": [d], "identity": f"@{d}"} for d in below]
    return made.finish(words, members)


def _domains(domains: DataSet, members: Members) -> Iterator[tuple[Row, str]]:
    """Yield the rows for which something is signed, with their patterns."""
    patterned = isinstance(domains, PatternSet)
    for row in first_rows(domains):
        pattern = "*" if row.key == "*" else domain_pattern(row.key, patterned=patterned)
        if pattern is None:
            members.unused.append(row.key)
        elif "*" not in pattern and (why := _no_domain(pattern)) is not None:
            members.lost.append(f"{_where(row)}: {why}")
        else:
            yield row, pattern.lower()
