"""Identifier alignment (RFC 9989 §4.4, RFC 7489 §3.1): does a passing name speak for the author?

Equal names are aligned in either mode and need no further question.  Only a name within
the author's organizational domain can have the same one, so no other is walked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from avowal.lookup import Steps, together
from avowal.names import DomainName
from avowal.policy.dmarc.discovery import Discovered, Explorer
from avowal.policy.dmarc.record import Record
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


def compare_names(
    explorer: Explorer,
    discovered: Discovered,
    record: Record,
    names: tuple[Identifier, ...],
    suffixes: SuffixList | None,
) -> Steps[Compared]:
    """Align every identifier with the author domain; `suffixes` None walks the tree."""
    author = discovered.domain
    modes: dict[str, str] = {"dkim": record.adkim, "spf": record.aspf}
    open_names = [i for i in names if modes[i.mechanism] == "r" and not i.domain.same_as(author)]
    organizations: dict[str, str] = {}
    failure = None
    if open_names and suffixes is not None:
        organizations = {n: suffixes(n) or n for n in {author.ascii, *_texts(open_names)}}
    elif open_names:
        found = yield from _walked(explorer, author, open_names)
        organizations = {name: org for name, org in found.items() if isinstance(org, str)}
        failure = next((org for org in found.values() if isinstance(org, Failed)), None)
    own = organizations.get(author.ascii)
    alignments = tuple(
        _alignment(i, author, modes[i.mechanism], own, organizations.get(i.domain.ascii))
        for i in names
    )
    return Compared(alignments, own, failure)


def _walked(
    explorer: Explorer, author: DomainName, names: list[Identifier]
) -> Steps[dict[str, str | Failed]]:
    top = author.ascii.rpartition(".")[2]
    near = [i.domain for i in names if i.domain.ascii.rpartition(".")[2] == top]
    if not near:
        explorer.note("skipped", "tree walk", "no authenticated name shares a top-level domain")
        return {}
    walk = yield from explorer.walk(author)
    if isinstance(walk, Failed):
        return {author.ascii: walk}
    own = walk.organizational_domain
    found: dict[str, str | Failed] = {author.ascii: own}
    organization = DomainName(own, own)
    within = list({d.ascii: d for d in near if d.is_within(organization)}.values())
    capped = within[: explorer.limits.walked_identifiers]
    if len(within) > len(capped):
        explorer.note("skipped", "tree walk", f"{len(within) - len(capped)} further names")
    walks = yield from together(*(explorer.walk(domain) for domain in capped))
    for domain, other in zip(capped, walks, strict=True):
        found[domain.ascii] = other if isinstance(other, Failed) else other.organizational_domain
    return found


def _alignment(
    identifier: Identifier, author: DomainName, mode: str, own: str | None, other: str | None
) -> Alignment:
    equal = identifier.domain.same_as(author)
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


def _texts(names: list[Identifier]) -> set[str]:
    return {i.domain.ascii for i in names}
