"""What ``avowal keys doctor`` looks at: domains, zone files, configurations, and key stores.

A word that names a file is that file, anything else a domain.  Selectors come from the command
line, from the configuration, from the zone file and from own mail; they are never guessed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avowal import paths
from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus
from avowal.config import toml
from avowal.crypto.signing import PrivateKey
from avowal.dns.zone import Zone
from avowal.dns.zonefile import Names, read_zone
from avowal.errors import AvowalError, StoreError, UsageError
from avowal.key_files import KeyFiles
from avowal.key_imports import read_keys
from avowal.keys.doctor.survey import HeldKey, KeyUse
from avowal.keys.files import load_key
from avowal.keys.lifecycle import ManagedKey
from avowal.names import DomainName, NameFault, Selector

_MAX_FILE = 64 << 20  # octets of a zone file or a configuration
_LABEL = "._domainkey."
_STORE = "store:"
_ZONE = re.compile(rb"\s(?:TXT|CNAME)\s", re.IGNORECASE)


@dataclass(slots=True)
class Subject:
    """A domain to look at, what is known of it, and the zone file that answers for it."""

    domain: DomainName
    selectors: dict[str, Selector] = field(default_factory=dict)
    held: list[HeldKey] = field(default_factory=list)
    uses: tuple[KeyUse, ...] = ()
    managed: list[ManagedKey] = field(default_factory=list)
    zone: Zone | None = None
    file: str | None = None
    names: Names = field(default_factory=dict)

    def add(self, selector: Selector) -> None:
        """Have a selector looked at."""
        self.selectors.setdefault(selector.ascii, selector)


class Subjects:
    """All domains of a run, by name."""

    def __init__(self, origin: str | None = None) -> None:
        self._origin = origin
        self._found: dict[str, Subject] = {}
        self._open: list[tuple[str, str, toml.Loaded]] = []

    def __iter__(self) -> Iterator[Subject]:
        return iter(self._found.values())

    def of(self, domain: DomainName) -> Subject:
        """Return the subject of a domain."""
        return self._found.setdefault(domain.ascii, Subject(domain))

    def take(self, words: Sequence[str]) -> None:
        """Take what the command line names.  Raises AvowalError."""
        for word in words:
            if word.startswith(_STORE):
                self._take_store(word.removeprefix(_STORE))
            elif Path(word).is_file():
                self._take_file(word)
            elif "/" in word:
                raise UsageError(f"{word}: no such file")
            else:
                self.of(domain_name(word))
        self._take_open_keys()

    def _take_store(self, name: str) -> None:
        from avowal.cli.keystore import opened

        with opened(name) as store:
            for key in store.keys(None):
                subject = self.of(key.domain)
                subject.add(key.selector)
                subject.managed.append(key)

    def _take_file(self, path: str) -> None:
        try:
            octets = paths.read(path, _MAX_FILE)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from None
        if b"_domainkey" in octets.lower() and _ZONE.search(octets):
            self._take_zone(path, octets)
        elif _is_own(octets):
            self._take_own(path, toml.parse(octets, file=path))
        else:
            for one in read_keys(path):
                if one.domain is None or one.selector is None:
                    raise UsageError(f"{path}: a key alone: give it with --key, and its domain")
                key = load_key(one.path or (one.inline or "").encode(), require_safe=False)
                self.hold(one.domain, one.selector, key, one.place)

    def _take_zone(self, path: str, octets: bytes) -> None:
        names = read_zone(octets.decode("utf-8", "surrogateescape"), self._origin, path)
        zone = Zone(names)
        for name in names:
            before, label, domain = name.partition(_LABEL)
            if not label or before.startswith("*"):
                continue
            try:
                subject, selector = self.of(_name(domain)), _name(before)
            except NameFault as fault:
                raise UsageError(f"{path}: {name}: {fault.why}") from None
            subject.add(selector)
            subject.zone, subject.names, subject.file = zone, names, path

    def _take_own(self, path: str, loaded: toml.Loaded) -> None:
        keys = KeyFiles(require_safe=False)
        for name, entry in loaded.configuration.keys.items():
            if entry.domain in {None, "%"}:
                self._open.append((path, name, loaded))
                continue
            key = keys(name, entry, None)
            if isinstance(key, PrivateKey):
                domain, selector = domain_name(str(entry.domain)), domain_name(entry.selector)
                self.hold(domain, selector, key, f"keys.{name} of {path}")

    def _take_open_keys(self) -> None:
        """Take the keys that a configuration has for whatever domain the author is of."""
        keys = KeyFiles(require_safe=False)
        for path, name, loaded in self._open:
            entry = loaded.configuration.keys[name]
            for subject in list(self):
                try:
                    key = keys(name, entry, subject.domain)
                except AvowalError:
                    continue  # this domain has none
                if isinstance(key, PrivateKey):
                    source = f"keys.{name} of {path}"
                    self.hold(subject.domain, domain_name(entry.selector), key, source)

    def hold(self, domain: DomainName, selector: Selector, key: PrivateKey, source: str) -> None:
        """Have a private key compared with what is published."""
        subject = self.of(domain)
        subject.add(selector)
        subject.held.append(HeldKey(selector=selector, key=key, source=source))

    def learn(self, mail: Sequence[str], reports: Sequence[str]) -> ExitStatus:
        """Learn the selectors of the domains from own mail and from reports."""
        from avowal.cli.doctor_learning import Learning

        learning = Learning([subject.domain for subject in self])
        learning.read_mail(mail)
        learning.read_reports(reports)
        for domain, uses in learning.uses().items():
            self._found[domain].uses = uses
        return learning.status

    def name_selectors(self, path: str) -> None:
        """Take selectors from a file: each line is one, with its domain or for all of them."""
        try:
            text = paths.read(path, _MAX_FILE).decode("utf-8", "surrogateescape")
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}") from None
        for line in text.split("\n"):
            words = line.partition("#")[0].split()
            if words:
                chosen: Iterable[Subject] = self
                if len(words) > 1:
                    chosen = [self.of(domain_name(words[1]))]
                for subject in chosen:
                    subject.add(domain_name(words[0]))


def _name(written: str) -> DomainName:
    return DomainName.parse(written.encode())


def _is_own(octets: bytes) -> bool:
    """Whether octets are a configuration of `avowal milter`."""
    try:
        root = tomllib.loads(octets.decode("utf-8"))
    except (ValueError, RecursionError):  # no UTF-8, no TOML, or a number of too many digits
        return False
    return isinstance(root.get("keys"), dict) and "signature" not in root
