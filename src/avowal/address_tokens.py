"""The tokens of an address field, and what they show where the grammar does not help.

In a field that is no address list every ``@`` outside comments and quoted strings counts as an
address.  Where readers end a domain at different places nobody can read it; its pieces are
shown, and the place has a fault that is `HIDING`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from avowal.addresses import Fault, Mailbox, Problem, name_of, names_behind_signs, names_in
from avowal.names import DomainName
from avowal.tokens import ATOM, JUNK, LITERAL, QUOTED, Token

MOST_REGION = 1024  # octets behind an @ that are looked through for names
MOST_SIGNS = 1000  # likewise, of those that the grammar does not know
_WORDS = (ATOM, QUOTED)
_PHRASE_TOKENS = (ATOM, QUOTED, ".")
_NAME_TOKENS = (ATOM, ".")
_IP_LITERAL = re.compile(rb"\[(?:[0-9.]++|(?i:ipv6):[0-9A-Fa-f:.]++)\]")
_ODD = re.compile(rb'["<>]')


class AddressTokens:
    """One value and its tokens; what is found, shown and at fault so far."""

    __slots__ = ("faults", "found", "kinds", "shown", "tokens", "value")

    def __init__(self, value: bytes, tokens: list[Token]) -> None:
        self.value = value
        self.tokens = tokens
        self.kinds = "".join([token.kind for token in tokens])
        self.found: list[Mailbox] = []
        self.shown: list[DomainName] = []
        self.faults: list[Fault] = []

    def text(self, first: int, stop: int) -> bytes:
        """The octets of tokens, without what stands between them."""
        return b"".join([self.value[t.start : t.stop] for t in self.tokens[first:stop]])

    def span(self, first: int, stop: int) -> bytes:
        """The octets from one token to another, comments and white space included."""
        if first >= stop:
            return b""
        return self.value[self.tokens[first].start : self.tokens[stop - 1].stop]

    def contiguous(self, sign: int, stop: int) -> bool:
        """Whether nothing but white space right behind the @ stands in a domain."""
        tokens = self.tokens
        if self.value[tokens[sign].stop : tokens[sign + 1].start].strip(b" \t\r\n"):
            return False
        return all(tokens[i].stop == tokens[i + 1].start for i in range(sign + 1, stop - 1))

    def add(self, local_part: Sequence[int], written: bytes, display: bytes = b"") -> None:
        domain = None if written.startswith(b"[") else name_of(written)
        self.found.append(
            Mailbox(
                local_part=self.text(local_part[0], local_part[-1] + 1) if local_part else b"",
                domain=domain,
                written_domain=written,
                display=display,
            )
        )
        if domain is not None:
            self.shown.append(domain)
        else:
            literal = _IP_LITERAL.fullmatch(written) is not None
            problem = Problem.ADDRESS_LITERAL if literal else Problem.UNREADABLE_DOMAIN
            place = local_part[0] if local_part else 0
            self.faults.append(Fault(problem, self.tokens[place].start))
            if not literal:
                self.shown.extend(names_in(written[:MOST_REGION]))

    # -- by the octets -------------------------------------------------------------------

    def every_sign(self, *, alone: bool) -> None:
        """Show what stands behind any @, in quoted strings and comments too.

        Where a field is broken, what is quoted to one reader is bare to another.  A quoted
        string that never ends goes on in the next field to those who join them: `alone` False.
        """
        self.shown.extend(names_behind_signs(self.value, MOST_SIGNS))
        signs = self.value.count(b"@")
        if signs > MOST_SIGNS:
            self.faults.append(Fault(Problem.TOO_MANY, 0))
        if signs > self.kinds.count("@") or ((signs or not alone) and self._never_closed()):
            self.faults.append(Fault(Problem.AMBIGUOUS, max(0, self.value.find(b"@"))))

    def _never_closed(self) -> bool:
        """Whether a quoted string or a literal begins and never ends, to some reader."""
        for kind, start, stop in self.tokens:
            text = self.value[start:stop]
            if (kind == JUNK and text in {b'"', b"["}) or (kind == LITERAL and _ODD.search(text)):
                return True
        return False

    # -- by the signs --------------------------------------------------------------------

    def by_signs(self) -> None:
        """Take every @ of a malformed field for an address: words before it, a name behind it.

        No more than MOST_SIGNS are taken; where there are more, `every_sign` says TOO_MANY.
        """
        in_angle = False
        for sign, kind in enumerate(self.kinds):
            if kind in "<>":
                in_angle = kind == "<"
            if kind != "@":
                continue
            if len(self.found) == MOST_SIGNS:
                break
            start = sign
            while start and self._belongs_before(start - 1, sign):
                start -= 1
            stop = self.domain_end(sign)
            last = stop - 1 if stop > sign + 2 and self.kinds[stop - 1] == "." else stop
            words = range(start, sign)
            if self._ends_well(sign, stop, in_angle=in_angle) and self.kinds[last - 1] != ".":
                self.add(words, self.text(sign + 1, last))  # example.com. names example.com
            else:
                self._add_unreadable(words, sign)

    def _belongs_before(self, place: int, sign: int) -> bool:
        kind = self.kinds[place]
        return kind == "." or (
            kind in _WORDS and (place == sign - 1 or self.kinds[place + 1] == ".")
        )

    def domain_end(self, sign: int) -> int:
        stop = sign + 1
        while stop < len(self.kinds) and self._belongs_behind(stop, sign):
            stop += 1
        return stop

    def _belongs_behind(self, place: int, sign: int) -> bool:
        kind, before = self.kinds[place], self.kinds[place - 1]
        if place == sign + 1:
            return kind in {ATOM, LITERAL}
        return (kind == "." and before == ATOM) or (kind == ATOM and before == ".")

    def _ends_well(self, sign: int, stop: int, *, in_angle: bool) -> bool:
        """Whether every reader ends the domain where its tokens end."""
        kinds, tokens = self.kinds, self.tokens
        if stop == sign + 1 or not self.contiguous(sign, stop):
            return False
        behind = kinds[stop] if stop < len(kinds) else ""
        if behind == ">":
            return self._parted(stop)
        if in_angle:
            return behind == ""
        if behind in {"", ",", ";", "<"}:
            return True
        return tokens[stop - 1].stop < tokens[stop].start and self._begins_a_phrase(sign, stop)

    def _begins_a_phrase(self, sign: int, stop: int) -> bool:
        """Whether words up to an angle bracket follow; some readers join them to the domain."""
        word = stop
        while self.kinds[word : word + 1] in _PHRASE_TOKENS:
            word += 1
        if word == stop or self.kinds[word : word + 1] != "<" or self.kinds[stop] == ".":
            return False
        while self.kinds[stop] in _NAME_TOKENS:
            stop += 1
        joined = name_of(self.text(sign + 1, stop))
        if joined is not None:
            self.shown.append(joined)
        return joined is not None

    def _parted(self, angle: int) -> bool:
        """Whether what follows a closing angle bracket is parted from it."""
        behind = angle + 1
        if behind == len(self.kinds) or self.kinds[behind] in ",;<>":
            return True
        return self.tokens[angle].stop < self.tokens[behind].start

    def _add_unreadable(self, words: Sequence[int], sign: int) -> None:
        """Take what stands behind an @ for a domain nobody can read, and show its pieces."""
        stop = sign + 1
        while stop < len(self.kinds) and self.kinds[stop] not in "@<>":
            stop += 1
        region = self.span(sign + 1, stop)[:MOST_REGION]
        self.faults.append(Fault(Problem.UNREADABLE_DOMAIN, self.tokens[sign].start))
        self.shown.extend(names_in(region))
        named = [t for t in self.tokens[sign + 1 : stop][:MOST_REGION] if t.kind in _NAME_TOKENS]
        joined = b"".join([self.value[t.start : t.stop] for t in named])
        self.shown.extend(names_in(joined[:MOST_REGION]))
        self.found.append(
            Mailbox(
                local_part=self.text(words[0], words[-1] + 1) if words else b"",
                domain=None,
                written_domain=region,
            )
        )
