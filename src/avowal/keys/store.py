"""The key store: what it keeps, and the one protocol that every store fulfils.

A store keeps the keys of domains and the state of their rotations, what was seen of them in
DNS and in reports, who took which key to sign with, every key that was ever seen, and the
audit log.  It holds no key material: `ManagedKey.private` says where that is.

Everything is written by `KeyStore.commit`, one `Change` at a time: all of it or nothing,
whatever dies meanwhile, with the entries of the audit log that tell of it.  Two writers
cannot undo each other: a rotation is written only over the version that was read, and with a
`Lease` only while that is the newest one (its `fence`).

Times are Unix seconds, and given: a store has no clock.  Every call may raise StoreError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from avowal.errors import StoreError, UsageError
from avowal.keys.archive import ArchivedKey, KeySource
from avowal.keys.audit import AuditEntry, Deed
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare, Sight
from avowal.names import DomainName, Selector
from avowal.valueclass import value


class ConflictError(StoreError):
    """What was read has changed since, or the lease is another's: read again, decide again."""


@value
class KeptRotation:
    """The state of one rotation, as the state machine wrote it: text, for it to read.

    `version` counts the writes; 0 is a rotation that the store does not have yet.
    """

    domain: DomainName
    algorithm: str
    version: int
    state: str


@value
class Lease:
    """The right of one holder to act under a name, such as ``rotation``, until a time.

    `fence` grows with every change of the holder, so that one who slept through the end of
    his lease is refused when he writes.
    """

    name: str
    holder: str
    until: int
    fence: int


@value
class Use:
    """That a signer (a host, or a daemon on it) took a key of the store, last at a time."""

    signer: str
    domain: DomainName
    selector: Selector
    at: int


@value
class Change:
    """What is written together.

    `rotations` stand with the version that was read; the store writes the next one.  Those in
    `ended` are taken out, if that version is still theirs.  `keys` are new, or replace the one
    of their name.  `sights` stand under the name they are of.  Keys and rotations change only
    with `deeds` that say so in the audit log.
    """

    who: str
    at: int
    deeds: tuple[Deed, ...] = ()
    rotations: tuple[KeptRotation, ...] = ()
    ended: tuple[KeptRotation, ...] = ()
    keys: tuple[ManagedKey, ...] = ()
    sights: tuple[tuple[str, Sight], ...] = ()
    shares: tuple[PassShare, ...] = ()
    archived: tuple[ArchivedKey, ...] = ()
    uses: tuple[Use, ...] = ()
    lease: Lease | None = None

    def __post_init__(self) -> None:
        if (self.keys or self.rotations or self.ended) and not self.deeds:
            raise UsageError("a change of keys or rotations needs an entry in the audit log")


class KeyStore(Protocol):
    """A place where keys are kept.  Calls block; one object belongs to one thread at a time."""

    def keys(self, domain: DomainName | None = None) -> tuple[ManagedKey, ...]:
        """Return the keys of a domain, or all, by domain and selector."""

    def rotations(self, domain: DomainName | None = None) -> tuple[KeptRotation, ...]:
        """Return the rotations of a domain, or all, by domain and algorithm."""

    def sights(self, name: str, since: int = 0) -> tuple[Sight, ...]:
        """Return what was seen under a name from a time on, the oldest first."""

    def shares(self, domain: str, since_day: int = 0) -> tuple[PassShare, ...]:
        """Return how receivers judged the signatures of a domain from a day on, by day."""

    def archived(self, domain: str | None = None) -> Iterable[ArchivedKey]:
        """Return every key that was ever seen, of a domain or of all."""

    def uses(self, domain: DomainName | None = None) -> tuple[Use, ...]:
        """Return who took which key, and when last."""

    def audit(self, after: int = 0) -> Iterable[AuditEntry]:
        """Return the audit log, the entries with larger numbers than `after`, in order."""

    def commit(self, change: Change) -> None:
        """Write a change: all of it or nothing.  Raises ConflictError, StoreError."""

    def take_lease(self, name: str, holder: str, *, now: int, seconds: int) -> Lease | None:
        """Take a lease that is free or over, or renew one's own; None while it is another's."""

    def release(self, lease: Lease) -> None:
        """Give a lease back before its time; one that is another's by now is left alone."""

    def leader(self, name: str) -> Lease | None:
        """Return who had a lease last, whether it is over or not."""

    def revision(self) -> int:
        """Return a number that is another one after every change by anybody: cheap to poll."""

    def prune(self, before: int) -> Mapping[str, int]:
        """Forget sights, shares and uses from before a time; return how many of each.

        Keys, the archive and the audit log stay.
        """

    def close(self) -> None:
        """Let go of files and connections."""


def signing_keys(store: KeyStore, domain: DomainName) -> tuple[ManagedKey, ...]:
    """Return the keys that sign for a domain now: one for each algorithm, the newest.

    A switch puts the new key and the old one into one change, so that there are never two.
    """
    newest: dict[str, ManagedKey] = {}
    for key in store.keys(domain):
        there = newest.get(key.algorithm)
        if key.state is KeyState.SIGNING and (there is None or there.since <= key.since):
            newest[key.algorithm] = key
    return tuple(newest.values())


def seen_in(sights: Iterable[tuple[str, Sight]]) -> tuple[ArchivedKey, ...]:
    """Return the keys that sights showed, for the archive; what is no key's name is left out.

    Only the word of the zone's own servers counts: a resolver may be lied to.
    """
    found = []
    for name, sight in sights:
        selector, dot, domain = name.partition("._domainkey.")
        if dot and sight.record is not None and sight.problem is None and sight.authoritative:
            found.append(
                ArchivedKey(
                    domain=domain,
                    selector=selector,
                    record=sight.record,
                    source=KeySource.DNS,
                    first=sight.at,
                    last=sight.at,
                )
            )
    return tuple(found)
