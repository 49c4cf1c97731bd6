"""What went wrong with files of events, in our own words; DuckDB's come last, in brackets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from avowal.errors import StoreError

_SHOWN: Final = 200  # characters of DuckDB's sentence


class Unreadable(StoreError):
    """A file is not what it should be."""


class MissingPart(StoreError):
    """A file that counts is not there."""


def require_files(files: Iterable[str]) -> None:
    """See that files are there before DuckDB is asked for them.  Raises MissingPart."""
    for file in files:
        if not Path(file).exists():
            raise MissingPart(
                f"{file}: is missing, and what it counted with it: bring it back from a backup"
            )


class DuckDbFaults(Protocol):
    """The exceptions that DuckDB raises."""

    @property
    def Error(self) -> type[Exception]: ...  # noqa: N802 - DuckDB's names
    @property
    def InvalidInputException(self) -> type[Exception]: ...  # noqa: N802
    @property
    def ConversionException(self) -> type[Exception]: ...  # noqa: N802
    @property
    def OutOfMemoryException(self) -> type[Exception]: ...  # noqa: N802
    @property
    def IOException(self) -> type[Exception]: ...  # noqa: N802


class FaultWords:
    """Turns faults of DuckDB's into ours, for the events of one directory."""

    def __init__(self, duckdb: DuckDbFaults, directory: str, memory: str, spilled: str) -> None:
        damaged = "a file is damaged: bring it back from a backup"
        full = (
            f"this needs more than {memory} of memory, and there is no room for the rest in"
            f" {spilled}: make some"
        )
        self._directory = directory
        self._kinds: tuple[tuple[type[Exception], type[StoreError], str], ...] = (
            (duckdb.InvalidInputException, Unreadable, damaged),
            (duckdb.ConversionException, Unreadable, damaged),
            (duckdb.OutOfMemoryException, StoreError, full),
            (
                duckdb.IOException, StoreError,
                "a file cannot be read or written: look at the disk and whose it is",
            ),
        )  # fmt: skip

    def told(self, error: Exception) -> StoreError:
        """Return our fault for one of DuckDB's."""
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:_SHOWN]
        for kind, ours, words in self._kinds:
            if isinstance(error, kind):
                return ours(f"{self._directory}: {words} (DuckDB: {first})")
        return StoreError(f"{self._directory}: DuckDB cannot do this: {first}")
