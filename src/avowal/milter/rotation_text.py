"""The text of the rotations' metrics, in the directory of all metrics: one writes, all read."""

from __future__ import annotations

import os

from avowal import paths

_NAME = "rotations"
_MOST_OCTETS = 1 << 20


def write(directory: str, text: str) -> None:
    """Put the text into a directory that `meters.prepare` made.  Raises OSError."""
    paths.replace(os.path.join(directory, _NAME), text.encode(), 0o644)  # noqa: PTH118


def rotations_in(numbers: str) -> bytes:
    """Return the text beside the directory of the numbers, empty where nobody wrote one."""
    try:
        return paths.read(os.path.join(os.path.dirname(numbers), _NAME), _MOST_OCTETS)  # noqa: PTH118, PTH120
    except OSError:
        return b""
