"""Who wrote this message?  The author addresses of its From field (RFC 5322 §3.6.2).

What one reader overlooks another one shows, so each domain that any reader may show has to
answer for itself (RFC 4686 §4.2.4, RFC 9989 §11.5); where that cannot be told for certain,
the authors are not `complete`.  How a value is read is `avowal.addresslist`'s work.

Which policy the domains have is left to `avowal.policy`, who may sign for an author to `flow`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from avowal.addresses import (
    BEYOND_LIMITS,
    HIDING,
    Fault,
    Mailbox,
    Problem,
    distinct,
    names_behind_signs,
)
from avowal.addresslist import read
from avowal.limits import DEFAULT, Limits
from avowal.message import Header
from avowal.names import DomainName
from avowal.overflow import AUTHOR_NAME

__all__ = ["HIDING", "Authors", "Fault", "Mailbox", "Problem", "mailboxes"]

_LONGEST_KNOWN = 256  # octets of a value whose reading is remembered
_known = lru_cache(maxsize=1024)(read)  # the same few authors write much of the mail
_UNPRINTABLE = re.compile(rb"[^!-~]++")
# A line within a field that begins where CR or LF stands bare.
_INNER_FROM = re.compile(
    rb"(?:\r(?!\n)|(?<!\r)\n)[^!-~\r\n]*+[Ff][Rr][Oo][Mm][^!-~\r\n]*+:([^\r\n]*+)"
)
_SHOWS_NONE = frozenset(
    (Problem.NO_FIELD, Problem.SEVERAL_FIELDS, Problem.NO_ADDRESS, Problem.ADDRESS_LITERAL)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authors:
    """All authors of a message, in their order.

    `domains` has each distinct domain once (by A-labels), those that only other readers show
    included; no more than `Limits.author_domains`, and beyond it `problems` holds TOO_MANY.
    `faults` say where the problems stand.
    """

    mailboxes: tuple[Mailbox, ...] = ()
    domains: tuple[DomainName, ...] = ()
    faults: tuple[Fault, ...] = ()

    @classmethod
    def of(cls, header: Header, *, limits: Limits = DEFAULT) -> Authors:
        """Read the From field of a header, or all of them when there are several.

        Where some stand beyond the limits and were not kept, `problems` holds TOO_MANY.
        """
        values = [field.value for field in header.named(AUTHOR_NAME)]
        faults = []
        for value, problem in _other_values(header):
            values.append(value)
            faults.append(Fault(problem, 0))
        if header.beyond is not None and header.beyond.authors_dropped:
            faults.append(Fault(Problem.TOO_MANY, 0))
        return cls._read(values, faults, limits)

    @classmethod
    def parse(cls, *values: bytes, limits: Limits = DEFAULT) -> Authors:
        """Read the values of From fields.  Raises nothing."""
        return cls._read(list(values), [], limits)

    @classmethod
    def _read(cls, values: list[bytes], faults: list[Fault], limits: Limits) -> Authors:
        found: list[Mailbox] = []
        shown: list[DomainName] = []
        if not values:
            faults.append(Fault(Problem.NO_FIELD, 0))
        if len(values) > 1:  # RFC 5322 §3.6 allows one; which one is shown differs (RFC 6376 §8.15)
            faults.append(Fault(Problem.SEVERAL_FIELDS, 0))
        if sum(map(len, values)) > limits.author_octets:
            faults.append(Fault(Problem.TOO_LARGE, limits.author_octets))
            shown += names_behind_signs(b" ".join(values), limits.author_mailboxes)
        else:
            for value in values:
                short = len(values) == 1 and len(value) <= _LONGEST_KNOWN
                reading = _known(value) if short else read(value, alone=len(values) == 1)
                found += reading.mailboxes
                shown += reading.domains
                faults += reading.faults
            if values and not found:
                faults.append(Fault(Problem.NO_ADDRESS, 0))
        domains = distinct(shown)
        if len(domains) > limits.author_domains or len(found) > limits.author_mailboxes:
            faults.append(Fault(Problem.TOO_MANY, 0))
        return cls(
            mailboxes=tuple(found[: limits.author_mailboxes]),
            domains=domains[: limits.author_domains],
            faults=tuple(dict.fromkeys(faults)),
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is unusual, each kind once."""
        return tuple(dict.fromkeys(fault.problem for fault in self.faults))

    @property
    def show_none(self) -> bool:
        """Whether no domain is shown at all: an empty group, no field, an address literal."""
        return not self.domains and _SHOWS_NONE.issuperset(self.problems)

    @property
    def complete(self) -> bool:
        """Whether every domain that any reader may show as an author's is in `domains`."""
        return bool(self.domains) and not any(fault.problem in HIDING for fault in self.faults)

    @property
    def doubt(self) -> Problem | None:
        """Why nobody may sign for these authors: who is shown cannot be told; None if it can.

        An address literal belongs to no domain: beside it the others are told for certain.
        """
        doubts = (p for p in self.problems if p in HIDING and p is not Problem.ADDRESS_LITERAL)
        return next(doubts, None)

    @property
    def too_many(self) -> bool:
        """Whether there are more authors than are looked at."""
        return any(fault.problem in BEYOND_LIMITS for fault in self.faults)

    def each(self) -> tuple[Authors, ...]:
        """Return the authors domain by domain, the mailboxes of each together."""
        return tuple(
            Authors(mailboxes=self.at(domain), domains=(domain,), faults=self.faults)
            for domain in self.domains
        )

    def at(self, domain: DomainName) -> tuple[Mailbox, ...]:
        """Return the mailboxes of one domain."""
        return tuple(m for m in self.mailboxes if m.domain and m.domain.same_as(domain))


def mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Return the mailboxes of any address field's value (Sender, Reply-To, …).  Raises nothing."""
    return tuple(read(value).mailboxes)


def _other_values(header: Header) -> Iterator[tuple[bytes, Problem]]:
    """Yield the values of fields that some readers take for From, and what is wrong with them.

    A name is damaged by octets that some readers drop (NUL, VT, a byte order mark, a fold); a
    bare CR or LF within a field begins a new one to others.
    """
    for place in header.positions.get(b"", ()):  # lines that are no fields to us
        name, colon, value = header.raws[place].partition(b":")
        if colon and _UNPRINTABLE.sub(b"", name).lower() == AUTHOR_NAME:
            yield value, Problem.DAMAGED_NAME
    if header.has_bare_break:
        for raw in header.raws:
            yield from ((found[1], Problem.BARE_LINE_BREAK) for found in _INNER_FROM.finditer(raw))
