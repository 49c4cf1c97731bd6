"""The order in which Python 2 wrote a dictionary: Mailman 2 writes Cc in it.

A key's hash names its slot in a table; where another key has that slot already it goes to one
further on.  The order of what is left of Cc thus tells of addresses that were taken out: the
size of the table of how many, and an address that is not in its own slot of one that was.
Python 2 did not mix a secret into its hashes, so that they are the same everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

_SMALL = 8  # slots of an empty dictionary
_WORD = (1 << 64) - 1
_FACTOR = 1_000_003


def hashed(key: bytes) -> int:
    """Return Python 2's hash of a string, on machines of 64 bits, as a number without a sign."""
    if not key:
        return 0
    found = key[0] << 7
    for octet in key:
        found = (_FACTOR * found ^ octet) & _WORD
    return found ^ len(key)


def slots(count: int) -> int:
    """Return the size of a dictionary that keys were put into one by one.

    At two thirds it becomes the least power of two above four times its keys.
    """
    size, held = _SMALL, 0
    while held < count:
        held += 1
        if held * 3 >= size * 2:
            while size <= held * 4:
                size <<= 1
    return size


def fits(left: Sequence[int], taken: Sequence[int]) -> bool:
    """Whether keys can stand in this order when some others were taken out; by their hashes.

    Two that stand the wrong way round need a third whose slot is that of one of them.
    """
    mask = slots(len(left) + len(taken)) - 1
    own = [one & mask for one in left]
    used: Counter[int] | None = None
    for first, second in pairwise(own):
        if first > second:
            used = used or Counter((*own, *(one & mask for one in taken)))
            if used[first] < 2 and used[second] < 2:
                return False
    return True
