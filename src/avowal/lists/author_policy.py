"""What author domains ask of their mail, in plain words: policies are other packages' business."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from avowal.dkim.verification import Verification
from avowal.names import DomainName

DmarcDisposition: TypeAlias = Literal["none", "quarantine", "reject"]
Practice: TypeAlias = Literal["unknown", "all", "discardable"]
_STRICT = frozenset(("quarantine", "reject"))
_SIGNED = frozenset(("all", "discardable"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorWish:
    """What an author's domain asks of its mail, such as ``publishes p=reject``.

    `refuses` says that mail which fails it is to be refused, `discards` that it may be thrown
    away.  `met_by` are the places of the passing signatures that meet it, each alone;
    `met_by_list` says that the list's own signature does.
    """

    text: str
    refuses: bool = False
    discards: bool = False
    met_by: frozenset[int] = frozenset()
    met_by_list: bool = False

    def met(self, places: Iterable[int]) -> bool:
        """Whether the signatures at these places, or the list's own, meet it."""
        return self.met_by_list or not self.met_by.isdisjoint(places)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorPolicy:
    """What an author's domain asks receivers to do.

    `wishes` say it with those who meet them; where there are none, `dmarc` and `adsp` do (None:
    it says nothing), and signatures of related domains meet them.  `authenticated` tells
    whether anything shows that the domain sent the message; a policy is not needed for that.
    """

    domain: DomainName
    dmarc: DmarcDisposition | None = None
    adsp: Practice | None = None
    authenticated: bool = False
    wishes: tuple[AuthorWish, ...] = ()

    def asked(self, passing: Sequence[Verification]) -> tuple[AuthorWish, ...]:
        """Return the wishes; those of `dmarc` and `adsp` met by related domains."""
        if self.wishes:
            return self.wishes
        near = frozenset(
            one.place
            for one in passing
            if one.signature is not None and _related(self.domain, one.signature.domain)
        )
        found = []
        if self.dmarc in _STRICT:
            refuses = self.dmarc == "reject"
            found.append(AuthorWish(text=f"publishes p={self.dmarc}", refuses=refuses, met_by=near))
        if self.adsp in _SIGNED:
            discards = self.adsp == "discardable"
            found.append(
                AuthorWish(text=f"publishes dkim={self.adsp}", discards=discards, met_by=near)
            )
        return tuple(found)


def _related(author: DomainName, signer: DomainName) -> bool:
    return author.is_within(signer) or signer.is_within(author)
