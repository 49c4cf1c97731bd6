"""All mistakes of a configuration at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from avowal.config.places import Path, Places, dotted
from avowal.errors import AvowalError, ConfigError


class Mistakes(ConfigError):
    """One or more mistakes in any order; the attributes of a ConfigError are those of the first.

    `each` holds them all in the order of their places.
    """

    def __init__(self, each: Sequence[ConfigError]) -> None:
        each = sorted(each, key=lambda mistake: (mistake.file or "", mistake.line or 0))
        first = each[0]
        super().__init__(
            first.why, file=first.file, line=first.line, column=first.column, key=first.key,
            hint=first.hint,
        )  # fmt: skip
        self.each = tuple(each)
        self.args = ("\n".join(map(str, each)),)


class Collector:
    """Gathers mistakes while a configuration is read or compiled."""

    __slots__ = ("_found", "_places")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._found: list[ConfigError] = []

    def add(self, path: Path, why: str, hint: str | None = None) -> ConfigError:
        """Note a mistake at an option, and return it."""
        place = self._places.near(path)
        mistake = ConfigError(
            why,
            file=None if place is None else place.file,
            line=None if place is None else place.line,
            column=None if place is None else place.column,
            key=dotted(path) or None,
            hint=hint,
        )
        self._found.append(mistake)
        return mistake

    def blame(self, path: Path, fault: AvowalError) -> ConfigError:
        """Note what is wrong with what an option names, such as a file with a mistake."""
        if not isinstance(fault, ConfigError):
            return self.add(path, str(fault))
        place = ":".join(str(part) for part in (fault.file, fault.line) if part is not None)
        return self.add(path, f"{place}: {fault.why}" if place else fault.why, fault.hint)

    def raise_any(self) -> None:
        """Raise Mistakes when there are any."""
        if self._found:
            raise Mistakes(self._found)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the hint ``did you mean ...?`` for a word that is not known."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else None
