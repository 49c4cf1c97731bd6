"""Tokens for key services in clouds: of a file that somebody renews, or by a cloud's library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from avowal.keys.outside import SessionError
from avowal.keys.places import Opening, Place

Token: TypeAlias = Callable[[], str]
"""Gives a token that is valid now.  Raises SessionError, and KeyMaterialError for a bad file."""


def from_file(place: Place, opening: Opening) -> Token | None:
    """Read `token-file` anew for each session; None where the place names none."""
    path = place.option("token-file")
    if path is None:
        return None

    def read() -> str:
        return opening.secret(path).decode("utf-8", "replace")

    read()
    return read


def by_library(title: str, ask: Callable[[], str], *faults: type[Exception]) -> Token:
    """Ask a cloud's library; each of its `faults`, and of the system's, is why there is none."""
    caught: tuple[type[Exception], ...] = (*faults, OSError)

    def asked() -> str:
        try:
            return ask()
        except caught as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise SessionError(f"{title}: no token: {said}") from None

    return asked
