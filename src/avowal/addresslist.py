"""Reading the value of an address field: its mailboxes, and what other readers may show.

A well-formed field is read by the grammar, obsolete forms and groups (RFC 6854) included.
In any other field every ``@`` outside comments and quoted strings counts as an address.
Where readers are known to part, their other readings are collected as `Reading.domains` too: names
in a route, in a quoted string that is no display name, in the pieces behind an ``@``.  A place
whose readings cannot all be told has a fault that is `HIDING`.

Encoded words are never decoded to find addresses (RFC 2047 §5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from avowal.address_tokens import MOST_REGION, MOST_SIGNS, AddressTokens
from avowal.addresses import (
    HIDING,
    Fault,
    Mailbox,
    Problem,
    distinct,
    name_of,
    names_behind_signs,
    names_in,
)
from avowal.names import DomainName
from avowal.tokens import QUOTED, Token, scan
from avowal.word_octets import word_octets

# Over the kinds of tokens, one letter each.
_ADDRESS = r"[aq](?:\.[aq])*@(?:a(?:\.a)*|l)"
_ROUTE = r",*@(?:a(?:\.a)*|l)(?:,(?:@(?:a(?:\.a)*|l))?)*:"  # RFC 5322 §4.4 obs-route
_ANGLE = re.compile(rf"(?P<phrase>[aq][aq.]*+)?<(?P<route>{_ROUTE})?(?P<address>{_ADDRESS})>")
_BARE = re.compile(rf"(?P<address>{_ADDRESS})")
_GROUP = re.compile(r"[aq][aq.]*+:")

# Over octets.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BARE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n|\r\n(?![ \t]|\Z)")
_LOOSE_WORD = re.compile(rb"=\?[^?]*+\?[BbQq]\?[^?]*+")  # to readers that look for no more
_RISKY = re.compile(rb'["(),:;<>@\[\]\\]')


class Reading(NamedTuple):
    """What one value says: its mailboxes, every domain some reader may show, the faults."""

    mailboxes: list[Mailbox]
    domains: list[DomainName]
    faults: list[Fault]


def read(value: bytes, *, alone: bool = True) -> Reading:
    """Read one value.  Raises nothing.

    `alone` False says that the message has more From fields: readers join them, so that
    what is quoted in one may be bare in another reading, and every ``@`` counts.
    """
    reading = _read(value, scan(value), alone=alone)
    words = [found[0] for found in _LOOSE_WORD.finditer(value)] if b"=?" in value else []
    if any(_RISKY.search(word) for word in words):  # readers that know no encoded words part here
        other = _read(value, scan(value, encoded_words=False), alone=alone)
        if _names(other) != _names(reading) or any(f.problem in HIDING for f in other.faults):
            reading.domains.extend(other.domains)
            reading.faults.extend(other.faults)
    marks = [word.count(b'"') for word in words]
    hidden = value.count(b"@") > len(reading.mailboxes)
    quotes = any(count % 2 or (count and hidden) for count in marks)
    broken = any(fault.problem is Problem.MALFORMED for fault in reading.faults)
    if quotes or (broken and any(map(_says_at, words))):
        reading.domains.extend(names_behind_signs(value, MOST_SIGNS))
        reading.faults.append(Fault(Problem.AMBIGUOUS, value.index(b"=?")))
    return reading


def _says_at(word: bytes) -> bool:
    """Whether an encoded word stands for something with an ``@``.

    In a broken field it may be an address to a reader that decodes first.
    """
    _, _, encoding, text = word.split(b"?")
    return any(b"@" in octets for octets in word_octets(encoding, text))


def _names(reading: Reading) -> set[str]:
    return {name.ascii for name in reading.domains}


def _read(value: bytes, tokens: list[Token], *, alone: bool) -> Reading:
    reader = _AddressList(value, tokens)
    for problem, stray in (
        (Problem.CONTROL_OCTETS, _CONTROL),
        (Problem.BARE_LINE_BREAK, _BARE_BREAK),
    ):
        if (found := stray.search(value)) is not None:
            reader.faults.append(Fault(problem, found.start()))
    sound = not reader.faults and alone
    if not reader.by_grammar():
        reader.by_signs()
        sound = False
    if not sound:
        reader.every_sign(alone=alone)
    return Reading(reader.found, list(distinct(reader.shown)), reader.faults)


class _AddressList(AddressTokens):
    """One value, by the grammar."""

    __slots__ = ()

    def by_grammar(self) -> bool:
        """Read an address list; False, and a fault, when the tokens are none."""
        kinds = self.kinds
        position, in_group, expected = 0, False, True
        while position < len(kinds):
            kind = kinds[position]
            if kind == "," or (kind == ";" and in_group):  # empty elements: RFC 5322 §4.4
                in_group = in_group and kind == ","
                position, expected = position + 1, True
                continue
            mailbox = _ANGLE.match(kinds, position) or _BARE.match(kinds, position)
            if mailbox is not None and expected:
                self._take(mailbox)
                position, expected = mailbox.end(), False
                continue
            group = _GROUP.match(kinds, position)
            if group is None or in_group or not expected:
                self._malformed(position)
                return False
            self._no_sign_in(range(position, group.end()))
            position, in_group = group.end(), True
        if in_group:
            self.faults.append(Fault(Problem.MALFORMED, len(self.value)))
        return True

    def _malformed(self, position: int) -> None:
        self.found.clear()
        self.shown.clear()
        self.faults = [f for f in self.faults if f.problem in HIDING]
        self.faults.append(Fault(Problem.MALFORMED, self.tokens[position].start))

    def _take(self, match: re.Match[str]) -> None:
        """Take a mailbox that the grammar found; name what others may read in its place."""
        start, stop = match.span("address")
        sign = self.kinds.index("@", start)
        display = b""
        if match.re is _ANGLE:
            if match["phrase"]:
                display = self.span(*match.span("phrase"))
            if match["route"]:
                self._route(*match.span("route"))
        self._no_sign_in(range(start, sign))
        if not self.contiguous(sign, stop):
            self.faults.append(Fault(Problem.AMBIGUOUS, self.tokens[sign].start))
            self.shown.extend(names_in(self.span(sign + 1, stop)[:MOST_REGION]))
        self.add(range(start, sign), self.text(sign + 1, stop), display)

    def _route(self, first: int, stop: int) -> None:
        """Show the names of a route: to a reader that ends at the colon they are the author's."""
        for sign in range(first, stop):
            if self.kinds[sign] == "@":
                end = self.domain_end(sign)
                name = name_of(self.text(sign + 1, end))
                if name is None or not self.contiguous(sign, end):
                    self.faults.append(Fault(Problem.AMBIGUOUS, self.tokens[sign].start))
                    self.shown.extend(names_in(self.span(sign + 1, end)[:MOST_REGION]))
                else:
                    self.shown.append(name)

    def _no_sign_in(self, places: Iterable[int]) -> None:
        """A quoted string that is no display name and looks like an address is one to some."""
        for place in places:
            token = self.tokens[place]
            if token.kind == QUOTED:
                text = self.value[token.start : token.stop]
                self.shown.extend(names_behind_signs(text, MOST_SIGNS))
                if b"<" in text or b">" in text or b"." in text.partition(b"@")[2]:
                    self.faults.append(Fault(Problem.AMBIGUOUS, token.start))
