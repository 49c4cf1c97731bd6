"""Who wrote this message?  The author addresses of its From field (RFC 5322 §3.6.2).

A well-formed field is read by the grammar, obsolete forms and groups (RFC 6854) included.
In any other field every ``@`` outside comments and quoted strings counts as an address:
what one reader overlooks another one shows, so each domain has to answer for itself
(RFC 4686 §4.2.4, RFC 9989 §11.5).  Encoded words are never decoded to find addresses.

Which policy the domains have is left to `avowal.policy`, who may sign for an author to `flow`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from avowal.enums import Word
from avowal.limits import DEFAULT, Limits
from avowal.message import Header
from avowal.names import DomainName, NameFault
from avowal.tokens import ATOM, LITERAL, QUOTED, Token, scan, unquoted

_WORDS = (ATOM, QUOTED)

# Over the kinds of tokens, one letter each.
_ADDRESS = r"(?P<address>(?P<local>[aq.]++)@(?P<domain>[a.]++|l))"
_ANGLE = re.compile(rf"(?P<phrase>[aq][aq.]*+)?<(?P<route>[,@al.]*+:)?{_ADDRESS}>")
_BARE = re.compile(_ADDRESS)
_GROUP = re.compile(r"[aq][aq.]*+:")


class Problem(Word):
    """What is unusual about a From field; none of them hides a domain."""

    NO_FIELD = "no-field", "there is no From field"
    SEVERAL_FIELDS = "several-fields", "there is more than one From field"
    NO_ADDRESS = "no-address", "it holds no address"
    MALFORMED = "malformed", "it breaks the grammar of RFC 5322"
    UNREADABLE_DOMAIN = "unreadable-domain", "a domain in it cannot be read"
    ADDRESS_LITERAL = "address-literal", "an address has an IP address in place of a domain"
    TOO_MANY = "too-many", "it names more authors than are looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One author: local part as written (quotes included), and its domain.

    `domain` is None when it is an address literal or no name; `written_domain` has its
    octets without comments and white space.  `display` is the phrase before the angle
    bracket as it stands in the field, comments and encoded words included.
    """

    local_part: bytes
    domain: DomainName | None
    written_domain: bytes
    display: bytes = b""

    @property
    def user(self) -> bytes:
        """The local part without its quoting."""
        return unquoted(self.local_part)

    def __str__(self) -> str:
        return (self.local_part + b"@" + self.written_domain).decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authors:
    """All authors of a message, in their order.

    `domains` has each distinct domain once (by A-labels), no more than
    `Limits.author_domains`; beyond it `problems` holds TOO_MANY.
    """

    mailboxes: tuple[Mailbox, ...] = ()
    domains: tuple[DomainName, ...] = ()
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, header: Header, *, limits: Limits = DEFAULT) -> Authors:
        """Read the From field of a header, or all of them when there are several.

        Where some stand beyond the limits and were not kept, `problems` holds TOO_MANY.
        """
        found = cls.parse(*(field.value for field in header.named(b"from")), limits=limits)
        if header.beyond is None or not header.beyond.authors_dropped:
            return found
        return replace(found, problems=tuple(dict.fromkeys((*found.problems, Problem.TOO_MANY))))

    @classmethod
    def parse(cls, *values: bytes, limits: Limits = DEFAULT) -> Authors:
        """Read the values of From fields.  Raises nothing."""
        problems: dict[Problem, None] = {}
        found: list[Mailbox] = []
        if not values:
            problems[Problem.NO_FIELD] = None
        if len(values) > 1:  # RFC 5322 §3.6 allows one; which one is shown differs (RFC 6376 §8.15)
            problems[Problem.SEVERAL_FIELDS] = None
        for value in values:
            found += _mailboxes(value, problems)
        if values and not found:
            problems[Problem.NO_ADDRESS] = None
        for mailbox in found:
            if mailbox.domain is None:
                problems[_why_no_domain(mailbox)] = None
        domains = tuple({m.domain.ascii: m.domain for m in found if m.domain}.values())
        if len(domains) > limits.author_domains or len(found) > limits.author_mailboxes:
            problems[Problem.TOO_MANY] = None
        return cls(
            mailboxes=tuple(found[: limits.author_mailboxes]),
            domains=domains[: limits.author_domains],
            problems=tuple(problems),
        )

    @property
    def complete(self) -> bool:
        """Whether every author the field may be shown with has a domain that is listed."""
        hiding = (Problem.TOO_MANY, Problem.UNREADABLE_DOMAIN, Problem.ADDRESS_LITERAL)
        return bool(self.domains) and not any(problem in self.problems for problem in hiding)

    def each(self) -> tuple[Authors, ...]:
        """Return the authors domain by domain, the mailboxes of each together."""
        return tuple(
            Authors(mailboxes=self.at(domain), domains=(domain,), problems=self.problems)
            for domain in self.domains
        )

    def at(self, domain: DomainName) -> tuple[Mailbox, ...]:
        """Return the mailboxes of one domain."""
        return tuple(m for m in self.mailboxes if m.domain and m.domain.same_as(domain))


def _why_no_domain(mailbox: Mailbox) -> Problem:
    literal = mailbox.written_domain.startswith(b"[")
    return Problem.ADDRESS_LITERAL if literal else Problem.UNREADABLE_DOMAIN


def mailboxes(value: bytes) -> tuple[Mailbox, ...]:
    """Return the mailboxes of any address field's value (Sender, Reply-To, …).  Raises nothing."""
    return tuple(_mailboxes(value, {}))


def _mailboxes(value: bytes, problems: dict[Problem, None]) -> list[Mailbox]:
    tokens = scan(value)
    found = _by_grammar(value, tokens)
    if found is None:
        problems[Problem.MALFORMED] = None
        found = _by_signs(value, tokens)
    return found


def _by_grammar(value: bytes, tokens: list[Token]) -> list[Mailbox] | None:
    """Read an address list; None when the tokens are none."""
    kinds = "".join(token.kind for token in tokens)
    found: list[Mailbox] = []
    position, in_group, expected = 0, False, True
    while position < len(kinds):
        kind = kinds[position]
        if kind == "," or (kind == ";" and in_group):  # empty elements: RFC 5322 §4.4
            in_group = in_group and kind == ","
            position, expected = position + 1, True
            continue
        mailbox = _ANGLE.match(kinds, position) or _BARE.match(kinds, position)
        if mailbox is not None and expected and _is_dotted(mailbox):
            found.append(_mailbox(value, tokens, mailbox))
            position, expected = mailbox.end(), False
            continue
        group = _GROUP.match(kinds, position)
        if group is None or in_group or not expected:
            return None
        position, in_group = group.end(), True
    return found


def _is_dotted(match: re.Match[str]) -> bool:
    """Whether single dots part the words of the local part, the domain and the route."""
    route = match["route"] if match.re is _ANGLE else None
    return (
        set(match["local"].split(".")) <= {ATOM, QUOTED}
        and _is_domain(match["domain"])
        and (route is None or _is_route(route))
    )


def _is_domain(kinds: str) -> bool:
    return kinds == LITERAL or set(kinds.split(".")) == {ATOM}


def _is_route(kinds: str) -> bool:
    """Whether these are domains to pass through, and a colon (RFC 5322 §4.4 obs-route)."""
    hops = set(kinds[:-1].split(",")) - {""}
    return bool(hops) and all(hop[0] == "@" and _is_domain(hop[1:]) for hop in hops)


def _mailbox(value: bytes, tokens: list[Token], match: re.Match[str]) -> Mailbox:
    start, stop = match.span("address")
    sign = match.string.index("@", start)
    display = b""
    if match.re is _ANGLE and match["phrase"]:
        first, last = match.span("phrase")
        display = value[tokens[first].start : tokens[last - 1].stop]
    return _built(value, tokens[start:sign], tokens[sign + 1 : stop], display)


def _by_signs(value: bytes, tokens: list[Token]) -> list[Mailbox]:
    """Take every @ of a malformed field for an address: words before it, a name behind it."""
    found = []
    for sign, token in enumerate(tokens):
        if token.kind != "@":
            continue
        start = sign
        while start and _belongs_before(tokens, start - 1, sign):
            start -= 1
        stop = sign + 1
        while stop < len(tokens) and _belongs_behind(tokens, stop, sign):
            stop += 1
        while stop > sign + 1 and tokens[stop - 1].kind == ".":  # example.com. names example.com
            stop -= 1
        found.append(_built(value, tokens[start:sign], tokens[sign + 1 : stop], b""))
    return found


def _belongs_before(tokens: list[Token], place: int, sign: int) -> bool:
    kind = tokens[place].kind
    return kind == "." or (kind in _WORDS and (place == sign - 1 or tokens[place + 1].kind == "."))


def _belongs_behind(tokens: list[Token], place: int, sign: int) -> bool:
    kind, before = tokens[place].kind, tokens[place - 1].kind
    if place == sign + 1:
        return kind in {ATOM, LITERAL}
    return (kind == "." and before == ATOM) or (kind == ATOM and before == ".")


def _built(
    value: bytes, local_part: Iterable[Token], domain: Iterable[Token], display: bytes
) -> Mailbox:
    written = b"".join(value[token.start : token.stop] for token in domain)
    return Mailbox(
        local_part=b"".join(value[token.start : token.stop] for token in local_part),
        domain=_name(written),
        written_domain=written,
        display=display,
    )


def _name(written: bytes) -> DomainName | None:
    try:
        return DomainName.parse(written)
    except NameFault:
        return None
