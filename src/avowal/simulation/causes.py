"""Why a message has, or lacks, a signature that counts for its author: by what it carries.

A cause is told from the message alone, so it is a likeness and not a proof: whoever forges a
message can write a List-Id into it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from avowal.enums import Word
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.policy.dmarc.suffixes import is_known_suffix
from avowal.simulation.evidence import Fate, Told

_LIST: Final = (b"list-id", b"list-post", b"x-mailing-list", b"mailing-list")  # RFC 2919, 2369
_FORWARD: Final = (  # RFC 5322 §3.6.6, RFC 8617 §4.1.3
    b"resent-from", b"resent-to", b"resent-sender", b"x-forwarded-to", b"x-forwarded-for",
    b"arc-seal",
)  # fmt: skip


class Cause(Word):
    """What a message looks like, as far as it matters to policies."""

    AUTHOR = "author", "the author's domain signed it, and nothing shows that it changed since"
    LIST = "list", "the author's domain signed it, and a mailing list changed it"
    FORWARD = "forward", "the author's domain signed it, and it was changed on being forwarded"
    ALTERED = "altered", "the author's domain signed it, and it changed, nobody says by whom"
    LIST_UNSIGNED = "list-unsigned", "it came by a list, without a signature of the author's domain"
    THIRD_PARTY = "third-party", "others signed it, the author's domain did not"
    UNSIGNED = (
        "unsigned",
        "nobody signed it, and the author's domain does not sign most of its mail",
    )
    FORGERY_LIKE = (
        "forgery-like",
        "nothing of the author's domain is on it, which signs nearly all its other mail here",
    )
    NO_AUTHOR = "no-author", "who wrote it cannot be read"


UNSIGNED: Final = frozenset((Cause.LIST_UNSIGNED, Cause.THIRD_PARTY, Cause.UNSIGNED))
"""The causes that become forgery-like where the author's domain signs its other mail."""


@lru_cache(maxsize=65536)
def organization(name: str) -> str:
    """Return the domain (in A-labels) under which a name's owner registered it.

    By the public suffix list where it is installed, else the last two labels: archives have no
    DNS that could be walked (RFC 9989 §4.10).
    """
    here = name
    while not is_known_suffix(here):
        above = here.partition(".")[2]
        if not above or is_known_suffix(above):
            return here
        here = above
    return name


def is_organization(name: str) -> bool:
    """Whether a name is itself what somebody registered: no public suffix, nothing below one."""
    return not is_known_suffix(name) and organization(name) == name


def cause_of(header: Header, authors: Authors, told: Iterable[Told]) -> Cause:
    """Return what a message looks like by itself; the tally knows when it is forgery-like."""
    if not authors.domains:
        return Cause.NO_AUTHOR
    own = {organization(domain.ascii) for domain in authors.domains}
    signatures = tuple(told)
    by_author = [one for one in signatures if organization(one.signature.domain.ascii) in own]
    came_by_list = any(name in header.positions for name in _LIST)
    if by_author:
        if any(one.fate is not Fate.BROKEN for one in by_author):
            return Cause.AUTHOR
        if came_by_list:
            return Cause.LIST
        forwarded = any(name in header.positions for name in _FORWARD)
        return Cause.FORWARD if forwarded else Cause.ALTERED
    if came_by_list:
        return Cause.LIST_UNSIGNED
    return Cause.THIRD_PARTY if signatures else Cause.UNSIGNED
