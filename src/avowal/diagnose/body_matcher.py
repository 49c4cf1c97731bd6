"""Whether lines are the body that was signed: their canonical hash against bh=.

A candidate is a row of blocks.  Blocks are shared between candidates, so that the canonical
octets of what did not change are made once, and the hash of an equal beginning is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from avowal._fast import relax_body
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.diagnose.budget import Budget
from avowal.dkim.signature import Signature
from avowal.message import CRLF

if TYPE_CHECKING:
    import hashlib

Lines = tuple[bytes, ...]
_MOST_STATES = 512  # hashes of beginnings that are kept
_BLOCK = 1024  # octets that can be hashed while one more block is taken up


class Block:
    """Some lines without their CRLF, and their canonical form once it is made."""

    __slots__ = ("_formed", "_joined", "lines", "size")

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines: Lines = tuple(lines)
        self.size = sum(map(len, self.lines)) + 2 * len(self.lines)
        self._formed: dict[str, list[bytes]] = {}
        self._joined: dict[str, _Joined] = {}

    def formed(self, form: str) -> list[bytes]:
        """Return the lines in a canonical form, each by itself (RFC 6376 §3.4.3-4)."""
        made = self._formed.get(form)
        if made is None:
            made = self._formed[form] = canonical_lines(self.lines, form)
        return made

    def joined(self, form: str) -> _Joined:
        """Return the canonical octets, the empty lines at the end as a number."""
        made = self._joined.get(form)
        if made is None:
            text = CRLF.join(self.lines) + CRLF if self.lines else b""
            octets = bytes(relax_body(text)) if form == "relaxed" and text else text
            kept = octets.rstrip(CRLF) if octets.endswith(CRLF) else octets
            while kept != octets and octets[len(kept) : len(kept) + 2] != CRLF:
                kept = octets[: len(kept) + 1]  # a bare CR or LF belongs to its line
            kept = octets[: len(kept) + 2] if kept else b""
            made = self._joined[form] = _Joined(kept, (len(octets) - len(kept)) // 2)
        return made


class _Joined(NamedTuple):
    octets: bytes
    blanks: int


def canonical_lines(lines: Sequence[bytes], form: str) -> list[bytes]:
    """Return lines in a canonical form, each by itself."""
    if form != "relaxed" or not lines:
        return list(lines)
    text = bytes(relax_body(CRLF.join(lines) + CRLF))
    return text.split(CRLF)[:-1]


class _State(NamedTuple):
    """A hash of lines up to the last that is not empty, and the empty ones behind it."""

    hash: hashlib._Hash
    blanks: int
    begun: bool


class BodyMatcher:
    """Compares candidates with one signature's bh=; `budget` bounds what is hashed."""

    def __init__(self, signature: Signature, budget: Budget) -> None:
        self.form = signature.body_canon
        self.budget = budget
        self._target = signature.body_hash or b""
        self._length = signature.body_length
        self._new = HASHES[ALGORITHMS[signature.algorithm].hash_name]
        self._states: dict[tuple[int, ...], _State] = {}
        self._kept: list[Block] = []  # so that no other block gets the identity of one of these

    @property
    def signs_nothing(self) -> bool:
        """Whether bh= is the hash of an empty body: any text fits behind that."""
        empty = b"" if self.form == "relaxed" else CRLF
        return self._length == 0 or self._new(empty).digest() == self._target

    def whole(self, blocks: Sequence[Block]) -> bool:
        """Whether the blocks together are the signed body; never true of empty ones."""
        if self._length is not None:
            return self._to_length(blocks)
        state = self._state(blocks)
        return state is not None and state.begun and state.hash.digest() == self._target

    def cut(self, before: Sequence[Block], text: Block) -> int | None:
        """Return how many lines of a text, behind some blocks, make the signed body.

        Every line end is tried; None where none fits.
        """
        if self._length is not None:
            return len(text.lines) if self._to_length((*before, text)) else None
        state = self._state(before)
        if state is None or not self.budget.body(len(text.lines), text.size):
            return None
        blanks = state.blanks
        running = state.hash.copy()
        target, update, digest = self._target, running.update, running.digest
        for number, line in enumerate(text.formed(self.form), 1):
            if not line:
                blanks += 1
                continue
            update(CRLF * blanks + line + CRLF)
            blanks = 0
            if digest() == target:
                return number
        return None

    def run(self, before: Sequence[Block] = ()) -> BodyRun | None:
        """Begin a candidate that comes line by line; None beyond a limit."""
        state = self._state(before)
        if state is None:
            return None
        return BodyRun(self.form, self._target, state.hash.copy(), state.blanks)

    @property
    def takes_cuts(self) -> bool:
        """Whether candidates may be tried line by line: not where l= says how long it was."""
        return self._length is None

    def _spend(self, *blocks: Block) -> bool:
        return self.budget.body(
            0, sum(one.size for one in blocks) + _BLOCK * max(0, len(blocks) - 1)
        )

    def _state(self, blocks: Sequence[Block]) -> _State | None:
        """Return the hash of blocks, None where hashing them is beyond a limit."""
        known = len(blocks)
        names = tuple(map(id, blocks))
        while known and names[:known] not in self._states:
            known -= 1
        state = self._states[names[:known]] if known else _State(self._new(), 0, False)
        if not self._spend(*blocks[known:]):
            return None
        for number in range(known, len(blocks)):
            state = self._fed(state, blocks[number])
            if len(self._states) < _MOST_STATES:
                self._states[names[: number + 1]] = state
                self._kept.append(blocks[number])
        return state

    def _fed(self, state: _State, block: Block) -> _State:
        octets, blanks = block.joined(self.form)
        if not octets:
            return state._replace(blanks=state.blanks + blanks)
        hashed = state.hash.copy()
        hashed.update(CRLF * state.blanks + octets if state.blanks else octets)
        return _State(hashed, blanks, True)

    def _to_length(self, blocks: Sequence[Block]) -> bool:
        """Compare as many canonical octets as l= counts; nothing is proven by none of them."""
        if not self._length or not self._spend(*blocks):
            return False
        lines = [line for block in blocks for line in block.formed(self.form)]
        while lines and not lines[-1]:
            lines.pop()
        octets = CRLF.join(lines) + CRLF if lines else b""
        if len(octets) < self._length:
            return False
        return self._new(octets[: self._length]).digest() == self._target


class BodyRun:
    """A candidate that comes line by line, such as a text that is encoded anew."""

    __slots__ = ("_blanks", "_form", "_hash", "_target")

    def __init__(self, form: str, target: bytes, hashed: hashlib._Hash, blanks: int) -> None:
        self._form = form
        self._target = target
        self._hash = hashed
        self._blanks = blanks

    def copy(self) -> BodyRun:
        """Return a run that goes on by itself from here."""
        return BodyRun(self._form, self._target, self._hash.copy(), self._blanks)

    def add(self, lines: Sequence[bytes]) -> bool:
        """Take lines; return whether the body was signed up to the last of them."""
        return self.add_formed(canonical_lines(lines, self._form))

    def add_formed(self, formed: Sequence[bytes]) -> bool:
        """Take lines that are in canonical form already."""
        end = len(formed)
        while end and not formed[end - 1]:
            end -= 1
        if end:
            self._hash.update(CRLF * self._blanks + CRLF.join(formed[:end]) + CRLF)
            self._blanks = 0
        self._blanks += len(formed) - end
        return end == len(formed) > 0 and self._hash.digest() == self._target
