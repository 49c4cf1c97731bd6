"""How mail programs write quoted-printable (RFC 2045 §6.7), and all of them tried together.

A text that a list sent on as 8bit or base64 may have been signed as quoted-printable.  The
RFC leaves to writers where lines break and what else is encoded; each writer here is one seen
in real mail.  Those that have written the same so far are one candidate: they part at the
first line that they write differently.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from typing import NamedTuple

from avowal.diagnose.body_matcher import Block, BodyMatcher, BodyRun, canonical_lines
from avowal.diagnose.budget import Budget

_PLAIN = b"="
_TABS = b"=\t"
_EBCDIC = b'=!"#$@[\\]^`{|}~'  # RFC 2045 §6.7 (1): safe through EBCDIC gateways
ESCAPED = (_PLAIN, _TABS, _EBCDIC)
"""The sets of printable octets that writers encode all the same."""
_TABLES = {
    escaped: tuple(
        bytes((octet,)) if octet == 9 and 9 not in escaped
        else b"=%02X" % octet if octet in escaped or not 32 <= octet <= 126
        else bytes((octet,))
        for octet in range(256)
    )
    for escaped in ESCAPED
}  # fmt: skip
_QUOTED_FROM = re.compile(rb"[> ]*+(?=From )")
_HARD = re.compile(rb'[^ -~]|[=!"#$@\[\\\]^`{|}~\t]')
_SHORT = 66  # octets that fit into a line of every writer
_HARDER = 16  # times the price of hashing an octet: to write it in one manner
_BREAKING = 3  # likewise, of a written octet: to break it into lines, for each writer
_END = 60  # lines at the end of a text that may lack their line end


class Writer(NamedTuple):
    """One way to write: `soft` octets before a soft break's ``=``, at most `last` in a last line.

    `at_blank` breaks behind the last blank; `escaped` are octets that are encoded although
    printable; `blanks` says that a blank at a line's end is; `dots` 1 also encodes the F of
    "From " and a lone dot, 2 every dot that begins a line, 3 the F behind ``> `` as well.
    """

    soft: int
    last: int
    at_blank: bool = False
    escaped: bytes = _PLAIN
    blanks: bool = True
    dots: int = 0

    def lines(self, line: bytes) -> list[bytes]:
        """Write one line of text; return the lines that stand for it."""
        return self.broken(_Tokens.of(self.tokens(line)))

    def tokens(self, line: bytes) -> list[bytes]:
        """Return the octets of a line, each as it is written."""
        table = _TABLES[self.escaped]
        tokens = [table[octet] for octet in line]
        if self.blanks and line.endswith((b" ", b"\t")):
            tokens[-1] = b"=%02X" % line[-1]
        if self.dots and tokens:
            if line.startswith(b"From "):
                tokens[0] = b"=46"
            elif self.dots == 3 and (found := _QUOTED_FROM.match(line)) is not None:
                tokens[found.end()] = b"=46"
            if line == b"." or (line.startswith(b".") and self.dots == 2):
                tokens[0] = b"=2E"
        return tokens

    def broken(self, tokens: _Tokens) -> list[bytes]:
        """Put soft line breaks between tokens."""
        ends, text = tokens
        written: list[bytes] = []
        at, left = 0, len(text)
        while left > self.last:
            most = min(at + self.soft + 1, len(ends))  # a token has an octet or more
            stop = max(bisect_right(ends, ends[at] + self.soft, at, most) - 1, at + 1)
            if self.at_blank:
                begun, end = ends[at], ends[stop]
                blank = max(text.rfind(b" ", begun, end), text.rfind(b"\t", begun, end))
                stop = bisect_right(ends, blank, at, most) if blank >= 0 else stop
            written.append(text[ends[at] : ends[stop]] + b"=")
            left -= ends[stop] - ends[at]
            at = stop
        written.append(text[ends[at] :])
        return written


class _Tokens(NamedTuple):
    """What octets are written as, in one row, and where each ends; made once for many writers."""

    ends: Sequence[int]
    text: bytes

    @classmethod
    def of(cls, tokens: Sequence[bytes]) -> _Tokens:
        return cls([0, *accumulate(map(len, tokens))], b"".join(tokens))


def _writers() -> Iterator[tuple[float, Writer]]:
    """Yield all writers with how unusual they are."""
    sizes: tuple[tuple[int, int], ...] = (
        (75, 76),
        (75, 75),
        (73, 76),
        (74, 76),
        (74, 75),
        (72, 76),
        (73, 73),
        (72, 72),
    )
    sizes += ((72, 73), (71, 72), (76, 76), (70, 76), (71, 76), (73, 74), (74, 74), (68, 72))
    usual = (75, 73, 72, 74, 76, 71, 70, 68)
    escapes = ((_PLAIN, 0.0), (_TABS, 2.0), (_EBCDIC, 3.0))
    for (soft, last), at_blank, (escaped, price), blanks, dots in product(
        sizes, (False, True), escapes, (True, False), (0, 1, 2)
    ):
        odd = price + 0.5 * at_blank + 3.0 * (not blanks) + 1.0 * (dots > 0)
        odd += 0.4 * usual.index(soft) + 0.2 * (soft == last == 75)
        yield odd, Writer(soft, last, at_blank, escaped, blanks, dots)
    for soft, last, at_blank in (
        (73, 72, True), (74, 72, True), (72, 70, True), (76, 75, False), (76, 77, False),
        (75, 72, True), (69, 70, True),
    ):  # fmt: skip
        yield 1.0, Writer(soft, last, at_blank, _PLAIN, True, 3)


WRITERS: tuple[Writer, ...] = tuple(w for _, w in sorted(_writers(), key=lambda pair: pair[0]))
_FIRST = 16  # writers that are tried by themselves before all the others


class Rewritten(NamedTuple):
    """What was found: the writer, how many lines of text it wrote, and their form."""

    writer: Writer
    kept: int
    lines: tuple[bytes, ...]


class _Branch:
    """Writers that have written the same so far, by their manners, the most usual first."""

    __slots__ = ("manners", "run")

    def __init__(self, run: BodyRun, manners: Sequence[_Manner]) -> None:
        self.run = run
        self.manners = manners


class _Manner(NamedTuple):
    """Writers that differ in sizes alone: most lines are too short to tell those apart."""

    escaped: bytes
    blanks: bool
    dots: int
    writers: tuple[Writer, ...]

    @property
    def least(self) -> int:
        """The octets that every one of them writes in one line."""
        return min(writer.last for writer in self.writers)


def _manners(writers: Sequence[Writer]) -> list[_Manner]:
    grouped: dict[tuple[bytes, bool, int], list[Writer]] = {}
    for writer in writers:
        grouped.setdefault(writer[3:], []).append(writer)
    return [_Manner(*key, tuple(some)) for key, some in grouped.items()]


def rewritten(
    matcher: BodyMatcher,
    before: Sequence[Block],
    text: Sequence[bytes],
    hot: Sequence[Writer] = (),
    *,
    usual: bool = False,
) -> Rewritten | None:
    """Return how a text, cut at any line end, was written behind some blocks; None: by none.

    `hot` are writers that were proven elsewhere: they come first.  With `usual` rare writers
    are not tried.
    """
    if not matcher.takes_cuts:
        return None
    first = tuple(dict.fromkeys((*hot, *WRITERS[:_FIRST])))
    rest = () if usual else tuple(writer for writer in WRITERS if writer not in first)
    for writers in (first, rest):
        found = _tried(matcher, before, text, writers)
        if found is not None:
            return found
    return None


def _tried(
    matcher: BodyMatcher, before: Sequence[Block], text: Sequence[bytes], writers: Sequence[Writer]
) -> Rewritten | None:
    budget = matcher.budget
    begun = matcher.run(before)
    if begun is None:
        return None
    branches = [_Branch(begun, _manners(writers))]
    for number, line in enumerate(text, 1):
        perl = number > len(text) - _END
        easy = None if _is_hard(line) else canonical_lines((line,), matcher.form)
        forms = len(branches) if easy else sum(len(one.manners) for one in branches)
        if not budget.body(forms, forms * len(line) * (1 if easy else _HARDER)):
            return None
        grown: list[_Branch] = []
        written_as: dict[tuple[bytes, bool, int], _Tokens] = {}
        for branch in branches:
            parted = [(branch, (line,))] if easy else _parted(branch, line, written_as, budget)
            if parted is None:
                return None
            for one, written in parted:
                hit = _added(one.run, written, perl=perl, formed=easy)
                if hit is not None:
                    return _result(one.manners[0].writers[0], text[:number], open_end=hit)
                grown.append(one)
        if len(grown) > len(branches) and not budget.spelling(len(grown)):
            grown = grown[: budget.effort.spellings]
        branches = grown
    return None


def _is_hard(line: bytes) -> bool:
    """Whether writers may differ in what they make of a line."""
    return (
        len(line) > _SHORT
        or _HARD.search(line) is not None
        or line.endswith(b" ")
        or line.startswith(b".")
        or b"From " in line[:40]
    )


def _parted(
    branch: _Branch,
    line: bytes,
    written_as: dict[tuple[bytes, bool, int], _Tokens],
    budget: Budget,
) -> list[tuple[_Branch, Sequence[bytes]]] | None:
    """Part the writers of a branch by what they make of a line; None beyond a limit.

    `written_as` keeps, for all branches, what each manner makes of the line.
    """
    forms: dict[tuple[bytes, ...], list[_Manner]] = {}
    for manner in branch.manners:
        tokens = written_as.get(manner[:3])
        if tokens is None:
            tokens = written_as[manner[:3]] = _Tokens.of(manner.writers[0].tokens(line))
        if len(tokens.text) <= manner.least:
            forms.setdefault((tokens.text,), []).append(manner)
            continue
        broken = len(manner.writers) * len(tokens.text)
        if not budget.body(0, broken * _BREAKING):
            return None
        by_form: dict[tuple[bytes, ...], list[Writer]] = {}
        for writer in manner.writers:
            by_form.setdefault(tuple(writer.broken(tokens)), []).append(writer)
        for form, writers in by_form.items():
            forms.setdefault(form, []).append(manner._replace(writers=tuple(writers)))
    if len(forms) == 1:
        form, manners = next(iter(forms.items()))
        branch.manners = manners
        return [(branch, form)]
    return [(_Branch(branch.run.copy(), manners), form) for form, manners in forms.items()]


def _added(
    run: BodyRun, written: Sequence[bytes], *, perl: bool, formed: Sequence[bytes] | None
) -> bool | None:
    """Go on by a line; None for no hit, else whether the text had no last line end.

    Perl's MIME::QuotedPrint then ends it in a soft break.
    """
    if perl and written[-1] and run.copy().add([*written[:-1], written[-1] + b"="]):
        return True
    return False if (run.add(written) if formed is None else run.add_formed(formed)) else None


def _result(writer: Writer, text: Sequence[bytes], *, open_end: bool) -> Rewritten:
    lines = [written for line in text for written in writer.lines(line)]
    if open_end:
        lines[-1] += b"="
    return Rewritten(writer, len(text), tuple(lines))
