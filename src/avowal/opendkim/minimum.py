"""How much of a body has to be signed: OpenDKIM's option `Minimum`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"([0-9]+)([%+]?)")


@dataclass(frozen=True, slots=True)
class Minimum:
    """How much of a body must be signed: `octets`, `percent`, or at most `unsigned` octets."""

    octets: int | None = None
    percent: int | None = None
    unsigned: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> Minimum | None:
        """Read ``N``, ``N%`` or ``N+``, no text as no minimum.  None for anything else."""
        if text is None:
            return cls()
        found = _WRITTEN.fullmatch(text)
        if found is None or (found[2] == "%" and int(found[1]) > 100):
            return None
        number = int(found[1])
        if found[2] == "%":
            return cls(percent=number)
        return cls(unsigned=number) if found[2] else cls(octets=number)

    def refuses(self, signed: int, length: int) -> bool:
        """Whether `signed` octets of a canonical body of `length` octets are too few."""
        if self.octets is not None:
            return signed < min(self.octets, length)
        if self.percent is not None:
            return signed * 100 < length * self.percent
        return self.unsigned is not None and length - signed > self.unsigned
