"""Line ends in Python alone: a part of `_pure`."""

from __future__ import annotations

import re

_BARE_LF = re.compile(rb"(?<!\r)\n")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_CR_TO_LF = bytes.maketrans(b"\r", b"\n")
_RUNS = tuple(b"\r\n" * (1 << power) for power in range(14))


def final_line_ends(octets: bytes | memoryview) -> int:
    """Return how many CRLFs stand at the end, in linear time whatever the octets are."""
    if octets[-2:] != b"\r\n":
        return 0
    if len(octets) < 3 or octets[-3] != 0x0A:
        return 1
    whole = bytes(octets)
    end = len(whole)
    power = 0
    while whole.endswith(_RUNS[power], 0, end):
        end -= len(_RUNS[power])
        power = min(power + 1, len(_RUNS) - 1)
    for run in reversed(_RUNS[:power]):  # fewer are left than the run that did not fit
        if whole.endswith(run, 0, end):
            end -= len(run)
    return (len(whole) - end) // 2


def bare_lf(octets: bytes) -> int:
    """Return where the first LF stands that no CR stands before, -1 when there is none."""
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return -1
    return _first(_BARE_LF, octets)


def bare_break(octets: bytes) -> int:
    """Return where the first such LF or CR that no LF follows stands, -1 when there is none."""
    breaks = octets.count(b"\r\n")
    if octets.count(b"\n") == breaks == octets.count(b"\r"):
        return -1
    return _first(_BARE, octets)


def lf_to_crlf(octets: bytes) -> bytes:
    """Return the octets with every LF that no CR stands before made CRLF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def breaks_to_crlf(octets: bytes) -> bytes:
    """Return them with every CR that no LF follows made CRLF too."""
    return octets.replace(b"\r\n", b"\n").translate(_CR_TO_LF).replace(b"\n", b"\r\n")


def column_after(octets: bytes, column: int, most: int) -> int:
    """Return how many octets stand behind the last LF, -1 when it took over `most` to one.

    `column` is how many stood behind the last one before these octets.  It leaps from LF to LF,
    as far as a line may reach.
    """
    size = len(octets)
    if column < 0 or most <= column:
        return -1
    start = 0
    reach = most - column
    while reach <= size:
        start = octets.rfind(b"\n", start, reach) + 1
        if start == 0:
            return -1
        reach = start + most
    last = octets.rfind(b"\n", start)
    if last >= 0:
        return size - 1 - last
    return size - start if start else column + size


def _first(expression: re.Pattern[bytes], octets: bytes) -> int:
    found = expression.search(octets)
    return -1 if found is None else found.start()
