"""Identifier alignment (RFC 9989 §4.4, RFC 7489 §3.1): does a passing name speak for the author?

Equal names are aligned in either mode and need no further question.  Only a name within
the author's organizational domain can have the same one, so no other is walked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from avowal.lookup import Steps, together
from avowal.names import DomainName
from avowal.policy.dmarc.discovery import Explorer
from avowal.policy.dmarc.record import DmarcRecord
from avowal.policy.dmarc.result import Alignment
from avowal.policy.dmarc.suffixes import SuffixList
from avowal.policy.evidence import EnvelopeResult, SignatureResult
from avowal.policy.memory import Failed

_COUNTED = ("pass", "temperror")


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name that DKIM or SPF authenticated, or could not for a temporary reason."""

    mechanism: Literal["dkim", "spf"]
    domain: DomainName
    result: str


@dataclass(frozen=True, slots=True)
class Compared:
    """All alignments, the organizational domain if it was needed, the failure if one mattered."""

    alignments: tuple[Alignment, ...]
    organizational_domain: str | None = None
    failure: Failed | None = None


def identifiers(
    signatures: Iterable[SignatureResult], envelope: EnvelopeResult | None
) -> tuple[Identifier, ...]:
    """Return the names that may align, each mechanism's equal names once, passing ones first."""
    found = [Identifier("dkim", s.domain, s.result) for s in signatures]
    # Deliberate: HELO counts only as the stand-in for a null reverse-path, which is how SPF
    # hands it over (RFC 7208 §2.4); RFC 9989 §4.4.2 knows no other use of it.
    if envelope is not None and envelope.domain is not None:
        found.append(Identifier("spf", envelope.domain, envelope.result))
    counted = sorted((i for i in found if i.result in _COUNTED), key=lambda i: i.result != "pass")
    unique = {(i.mechanism, i.domain.ascii): i for i in reversed(counted)}
    return tuple(i for i in counted if unique[i.mechanism, i.domain.ascii] is i)


@dataclass(slots=True)
class Organizations:
    """The organizational domains of names that may be aligned with one author domain.

    `own` is the author domain's; None while nothing needed it.
    """

    own: str | Failed | None = None
    of: dict[str, str | Failed] = field(default_factory=dict)

    def learn(
        self, explorer: Explorer, author: DomainName, names: Iterable[DomainName]
    ) -> Steps[None]:
        """Walk the tree for names that are `near_to` the author."""
        walk = yield from explorer.walk(author)
        if isinstance(walk, Failed):
            self.own = walk
            return
        self.own = walk.organizational_domain
        organization = DomainName(self.own, self.own)
        within = list({name.ascii: name for name in names if name.is_within(organization)}.values())
        capped = within[: explorer.limits.walked_identifiers]
        if len(within) > len(capped):
            explorer.note("skipped", "tree walk", f"{len(within) - len(capped)} further names")
        walks = yield from together(*(explorer.walk(name) for name in capped))
        for name, other in zip(capped, walks, strict=True):
            self.of[name.ascii] = (
                other if isinstance(other, Failed) else other.organizational_domain
            )

    def look_up(
        self, author: DomainName, names: Iterable[DomainName], suffixes: SuffixList
    ) -> None:
        """Take them from a list of public suffixes (RFC 7489 §3.2)."""
        self.own = suffixes(author.ascii) or author.ascii
        self.of = {name.ascii: suffixes(name.ascii) or name.ascii for name in names}


def near_to(author: DomainName, names: Iterable[DomainName]) -> tuple[DomainName, ...]:
    """Return those of `names` that may share the author's organizational domain."""
    own, top = author.ascii, _top(author)
    return tuple([name for name in names if name.ascii != own and _top(name) == top])


def compare_names(
    author: DomainName,
    record: DmarcRecord,
    names: tuple[Identifier, ...],
    organizations: Organizations,
) -> Compared:
    """Align every identifier with the author domain, by what is known; asks nothing."""
    modes: dict[str, str] = {"dkim": record.adkim, "spf": record.aspf}
    open_names = [i for i in names if modes[i.mechanism] == "r" and i.domain.ascii != author.ascii]
    needed = [i for i in open_names if _top(i.domain) == _top(author)]
    own = organizations.own if needed else None
    others = {i.domain.ascii: organizations.of.get(i.domain.ascii) for i in needed}
    found = (own, *others.values())
    # What we did not ask, because the message wanted too much, leaves a name unaligned: a
    # temporary error would let whoever added the names lift the author's policy.
    failures = [org for org in found if isinstance(org, Failed) and not org.over_share]
    known = own if isinstance(own, str) else None
    alignments = tuple(
        _alignment(i, author, modes[i.mechanism], known, others.get(i.domain.ascii)) for i in names
    )
    return Compared(alignments, known, next(iter(failures), None))


def _top(name: DomainName) -> str:
    return name.ascii.rpartition(".")[2]


def _alignment(
    identifier: Identifier,
    author: DomainName,
    mode: str,
    own: str | None,
    found: str | Failed | None,
) -> Alignment:
    other = found if isinstance(found, str) else None
    equal = identifier.domain.ascii == author.ascii
    aligned = equal or (mode == "r" and own is not None and own == other)
    if equal:
        why = "the same name"
    elif aligned:
        why = f"the same organizational domain {own}"
    elif mode == "s":
        why = "strict alignment asks for the same name"
    else:
        why = f"not within the organizational domain {own}" if own else "another top-level domain"
        if other is not None:
            why = f"its organizational domain is {other}, the author's {own}"
    return Alignment(
        mechanism=identifier.mechanism,
        domain=identifier.domain,
        mode=mode,
        aligned=aligned,
        result=identifier.result,
        why=why,
    )
