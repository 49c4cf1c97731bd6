"""Arguments of another type than a call takes: a sentence, before they do anything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields

from avowal.errors import UsageError

_KINDS: dict[str, tuple[type, ...]] = {  # annotations, which are text in every module
    "int": (int,),
    "int | None": (int, type(None)),
    "bool": (bool,),
}


def refuse_single(name: str, given: object, kind: type = str) -> None:
    """Refuse what is no collection of `kind` but a lone text or octets, or one of others.

    A lone text would be taken for its letters, and a set of another kind fits nothing.  An
    iterator is left unread.  Raises UsageError.
    """
    if isinstance(given, tuple | frozenset) and set(map(type, given)) <= {kind}:
        return  # as nearly always, at a fraction of the price
    written = "text" if kind is str else "octets" if kind is bytes else kind.__name__
    if isinstance(given, str | bytes | bytearray | memoryview) or not hasattr(given, "__iter__"):
        raise UsageError(f"{name}: a collection of {written} is needed, not {given!r}")
    for member in given if isinstance(given, Collection) else ():
        if not isinstance(member, kind):
            raise UsageError(f"{name}: {member!r} is no {written}")


def refuse_other(name: str, given: object, *kinds: type, what: str | None = None) -> None:
    """Refuse what is of none of these types; a truth value is no number.  Raises UsageError."""
    if isinstance(given, kinds) and not (isinstance(given, bool) and bool not in kinds):
        return
    needed = what or " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
    raise UsageError(f"{name}: {needed} is needed, not {_shown(given)}")


def refuse_other_numbers(settings: object) -> None:
    """Refuse fields of a frozen value that are declared as numbers or truth values and are none.

    Raises UsageError.
    """
    for field in fields(settings):  # type: ignore[arg-type]
        kinds = _KINDS.get(str(field.type))
        if kinds is not None:
            refuse_other(field.name, getattr(settings, field.name), *kinds)


def _shown(given: object) -> str:
    return "None" if given is None else f"{type(given).__name__}"
