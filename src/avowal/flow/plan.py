"""The compiled configuration: patterns indexed, networks parsed, keys loaded.

`compiling.compile_plan` makes it.  A plan is never changed: a reload makes a new one and
swaps it in whole, so that each message is treated by one generation from end to end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from avowal.config.addresses import AddressTable
from avowal.config.hosts import HostSet
from avowal.config.model import Action, Configuration, Key
from avowal.config.places import Path, Place, Places, dotted
from avowal.crypto.signing import AnyKey
from avowal.dkim.intent import Intent
from avowal.examine.findings import Receiver
from avowal.flow.classes import ResultClass
from avowal.flow.trace import Step, Topic
from avowal.lists.resign import Removal
from avowal.names import DomainName
from avowal.reputation.opinions import Assessor

Rewriting: TypeAlias = Callable[[bytes], bytes]  # a field's value, as the MTA will leave it


class KeyLoader(Protocol):
    """Finds the private key behind an entry of `keys`.

    `domain` is the author's domain for an entry that has none of its own, None for all
    others.  Such an entry is asked for when a message needs it, so the loader has to cache.
    Raises KeyMaterialError.
    """

    def __call__(self, name: str, key: Key, domain: DomainName | None, /) -> AnyKey: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """One key that rules sign with.

    `domain` and `loaded` are None for a key whose domain is the author's.
    """

    name: str
    entry: Key
    domain: DomainName | None
    loaded: AnyKey | None
    place: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRule:
    """One row of the signing table; `option` is the dotted name of where it stands.

    `removal` says which signatures of others go; it is for mail that is signed again.
    """

    pattern: str
    keys: tuple[KeyUse, ...]
    identity: str | None
    option: str
    place: Place | None
    removal: Removal = Removal.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSets:
    """The lists of addresses and domains, compiled; the value is the entry's place in its list."""

    exempt_domains: AddressTable[int]
    unsigned_recipients: AddressTable[int]
    body_length_recipients: AddressTable[int]
    atps_domains: AddressTable[int]
    trusted_signers: AddressTable[int]
    must_be_signed: AddressTable[int]
    sealed_recipients: AddressTable[int]
    trusted_sealers: AddressTable[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSets:
    """The lists of hosts, compiled."""

    internal_hosts: HostSet
    external_ignore: HostSet
    ignored_hosts: HostSet
    trusted_hosts: HostSet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What faces and flow work by.

    `receiver` is how messages are examined, `assessor` whose opinion is asked of those who
    answer for them.  `generation` counts reloads.
    """

    configuration: Configuration
    places: Places
    generation: int
    load: KeyLoader
    keys: Mapping[str, KeyUse]
    rules: AddressTable[SigningRule]
    resign_rules: AddressTable[SigningRule]  # by recipient
    list_rules: AddressTable[SigningRule]  # by envelope sender
    sealing: Intent | None
    verifies_arc: bool  # whether a verdict on a chain is of use here
    addresses: AddressSets
    hosts: HostSets
    receiver: Receiver
    assessor: Assessor | None
    signed_names: tuple[bytes, ...]
    oversigned_names: frozenset[bytes]
    signed_set: frozenset[bytes]  # both of them
    rewriting: Rewriting | None
    rewritten_names: frozenset[bytes]
    actions: Mapping[ResultClass, Action]
    failure_domains: tuple[DomainName, ...]  # whose owners may have failure reports
    software: str  # for the software field: name and version
    options: dict[Path, tuple[str, Place | None]] = field(default_factory=dict, compare=False)
    """The names and places of the options that steps were made of, as they come up."""
    origins: dict[object, tuple[Step, ...]] = field(default_factory=dict, compare=False, init=False)
    """What was found of the last clients (`flow.origin`); let go with the plan."""

    def place(self, *path: str | int) -> Place | None:
        """Return where an option, or the list an entry stands in, was written; None by default."""
        known = self.places.known
        exact = known.get(path)
        if exact is None and path and isinstance(path[-1], int):
            return known.get(path[:-1])
        return exact

    def step(
        self, topic: Topic, path: Path, why: str, *, matched: bool = False, decided: bool = False
    ) -> Step:
        """Make the step of an option; a final number in `path` is an entry of its list."""
        known = self.options.get(path)
        if known is None:
            rule = dotted(path[:-1] if isinstance(path[-1], int) else path)
            known = self.options[path] = rule, self.place(*path)
        return Step(topic, known[0], matched, why, known[1], decided)
