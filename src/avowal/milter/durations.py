"""How long a message took."""

from __future__ import annotations

from typing import NamedTuple


class Durations(NamedTuple):
    """Seconds from the end of a message to our answer, and of DNS where it was asked."""

    answer: float
    dns: float | None = None
