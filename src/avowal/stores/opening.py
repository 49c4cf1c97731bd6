"""Opening a data set by its specification, whatever kind it is."""

from __future__ import annotations

from typing import TypeAlias

from avowal.errors import AvowalError, ConfigError, StoreError, SyntaxFault
from avowal.stores.datasets import MemorySet, PatternSet, kind_of, open_text_set
from avowal.stores.dsn import SqlSet
from avowal.stores.key_set import StoredKeySet
from avowal.stores.keyed import BerkeleySet, LmdbSet

AnySet: TypeAlias = MemorySet | PatternSet | SqlSet | LmdbSet | BerkeleySet | StoredKeySet


def open_data_set(spec: str) -> AnySet:
    """Open a data set.

    Raises SyntaxFault for a specification of no kind that is known, ConfigError for what is
    in it or a library that lacks, StoreError where it cannot be read.
    """
    text_set = open_text_set(spec)
    if text_set is not None:
        return text_set
    kind, rest = kind_of(spec)
    if kind == "dsn":
        return SqlSet(rest)
    if kind == "store":
        return StoredKeySet(rest)
    return LmdbSet(rest) if kind == "mdb" else BerkeleySet(rest)


def why_not(fault: AvowalError) -> str:
    """Return what went wrong as a clause, for an error that names the option itself."""
    if isinstance(fault, ConfigError):
        place = ":".join(str(part) for part in (fault.file, fault.line) if part is not None)
        why = f"{place}: {fault.why}" if place else fault.why
        return f"{why} ({fault.hint})" if fault.hint else why
    if isinstance(fault, SyntaxFault):
        return fault.why
    return str(fault) if isinstance(fault, StoreError) else f"cannot be opened: {fault}"
