"""Arguments that are collections of names: a lone name is one mistake that goes unnoticed."""

from __future__ import annotations

from collections.abc import Collection

from avowal.errors import UsageError


def refuse_single(name: str, given: object, kind: type = str) -> None:
    """Refuse what is no collection of `kind` but a lone text or octets, or one of others.

    A lone text would be taken for its letters, and a set of another kind fits nothing.  An
    iterator is left unread.  Raises UsageError.
    """
    written = "text" if kind is str else "octets" if kind is bytes else kind.__name__
    if isinstance(given, str | bytes | bytearray | memoryview) or not hasattr(given, "__iter__"):
        raise UsageError(f"{name}: a collection of {written} is needed, not {given!r}")
    for member in given if isinstance(given, Collection) else ():
        if not isinstance(member, kind):
            raise UsageError(f"{name}: {member!r} is no {written}")
