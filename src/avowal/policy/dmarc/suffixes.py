"""The public suffix list, which only RFC 7489's discovery needs (§3.2).

The list comes with the package `publicsuffixlist` (the extra `psl`), loaded when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

from avowal.errors import UsageError
from avowal.members import refuse_single

SuffixList: TypeAlias = Callable[[str], str | None]
"""Takes a name in lower-case A-labels; returns its organizational domain (one label more than
its public suffix), None for a public suffix itself."""


def public_suffix_list(rules: Iterable[str] | None = None) -> SuffixList:
    """Return the list that the package brings along, or one of these rules (in A- or U-labels).

    Raises UsageError when the package is not installed, or `rules` is one text.
    """
    if rules is None:
        return _bundled()
    refuse_single("rules", rules)
    return _made(tuple(rules))


def is_known_suffix(name: str) -> bool:
    """Whether the installed list calls a name in A-labels a public suffix; no list, no answer.

    A name that has a single label is one by itself.
    """
    if "." not in name:
        return True
    try:
        return _bundled()(name) is None
    except UsageError:
        return False


@lru_cache(maxsize=1)
def _bundled() -> SuffixList:
    return _made(None)


def _made(rules: tuple[str, ...] | None) -> SuffixList:
    try:
        from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise UsageError("the public suffix list needs the extra: avowal[psl]") from None
    suffixes = PublicSuffixList(source=rules)

    def organizational_domain(name: str) -> str | None:
        found: str | None = suffixes.privatesuffix(name)
        return found

    return organizational_domain
