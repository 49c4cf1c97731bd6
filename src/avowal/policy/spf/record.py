"""The SPF record (RFC 7208 §4.5, §4.6, §12): terms in their order, read before any is used.

::

    record    = "v=spf1" *( 1*SP ( directive / modifier ) ) *SP
    directive = [ "+" / "-" / "?" / "~" ] mechanism
    modifier  = name "=" ...                  ; redirect and exp at most once
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Network, IPv6Network
from typing import TypeAlias

from avowal.policy.spf.macros import MacroString, SpfSyntaxFault, domain_spec, macro_string
from avowal.policy.spf.values import SpfWord

Network: TypeAlias = IPv4Network | IPv6Network

VERSION = b"v=spf1"
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9._-]*+)(?:([=:/])(.*))?", re.DOTALL)
_PREFIXES = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_IP4 = re.compile(r"([0-9.]++)(?:/(0|[1-9][0-9]?))?")
_IP6 = re.compile(r"([0-9A-Fa-f.:]++)(?:/(0|[1-9][0-9]{0,2}))?")
_QUALIFIERS = {
    "": SpfWord.PASS,
    "+": SpfWord.PASS,
    "-": SpfWord.FAIL,
    "~": SpfWord.SOFTFAIL,
    "?": SpfWord.NEUTRAL,
}
# Whether a mechanism must, may or must not name a domain, and whether it takes prefixes.
_MUST, _MAY, _NONE = "must", "may", "none"
_MECHANISMS = {
    "all": (_NONE, False),
    "include": (_MUST, False),
    "a": (_MAY, True),
    "mx": (_MAY, True),
    "ptr": (_MAY, False),
    "exists": (_MUST, False),
}
ASKING = frozenset(("include", "a", "mx", "ptr", "exists"))  # RFC 7208 §4.6.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One mechanism and the result it gives when it matches.

    `target` is the domain-spec, None for the domain being checked; `network` that of ip4
    and ip6; the prefixes are those of a and mx.
    """

    text: str
    word: SpfWord
    mechanism: str
    target: MacroString | None = None
    network: Network | None = None
    prefix4: int = 32
    prefix6: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfRecord:
    """A record as published: directives in order, and the modifiers."""

    text: str
    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    explanation: MacroString | None = None


def is_record(octets: bytes) -> bool:
    """Whether a TXT record claims to be SPF: the version, then a space or the end (§4.5)."""
    return octets[: len(VERSION)].lower() == VERSION and octets[len(VERSION) :][:1] in (b"", b" ")


@lru_cache(maxsize=2048)
def read_record(octets: bytes) -> SpfRecord:
    """Read a whole record; the first fault spoils it (RFC 7208 §4.6).  Raises SpfSyntaxFault."""
    try:
        text = octets.decode("ascii")
    except UnicodeDecodeError as error:
        raise SpfSyntaxFault(error.start, "an octet that is not ASCII") from None
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    at = len(VERSION)
    for term in text[at:].split(" "):
        if term:
            try:
                _read_term(term, directives, modifiers)
            except SpfSyntaxFault as fault:
                raise SpfSyntaxFault(at + fault.offset, f"{term[:80]!r}: {fault.why}") from None
        at += len(term) + 1
    return SpfRecord(
        text=text,
        directives=tuple(directives),
        redirect=modifiers.get("redirect"),
        explanation=modifiers.get("exp"),
    )


def _read_term(term: str, directives: list[Directive], modifiers: dict[str, MacroString]) -> None:
    found = _TERM.fullmatch(term)
    if found is None:
        raise SpfSyntaxFault(0, "neither a mechanism nor a modifier")
    qualifier, name, mark, rest = found.groups()
    name = name.lower()
    if mark == "=":
        if qualifier:
            raise SpfSyntaxFault(0, "a modifier has no qualifier")
        _read_modifier(name, rest, modifiers)
        return
    argument = "" if mark is None else mark + rest
    directive = Directive(text=term, word=_QUALIFIERS[qualifier], mechanism=name)
    directives.append(_with_argument(directive, argument))


def _read_modifier(name: str, value: str, modifiers: dict[str, MacroString]) -> None:
    if name not in ("redirect", "exp"):
        macro_string(value)  # RFC 7208 §6: unknown ones are ignored, but must be well-formed
    elif name in modifiers:
        raise SpfSyntaxFault(0, f"{name}= stands twice")
    else:
        modifiers[name] = domain_spec(value)


def _with_argument(directive: Directive, argument: str) -> Directive:
    name = directive.mechanism
    if name in ("ip4", "ip6"):
        return replace(directive, network=_network(name, argument))
    if name not in _MECHANISMS:
        raise SpfSyntaxFault(0, "an unknown mechanism")  # RFC 7208 §4.6.1
    domain, prefixes = _MECHANISMS[name]
    prefix4, prefix6 = 32, 128
    if prefixes:
        found = _PREFIXES.search(argument)
        assert found is not None  # noqa: S101 - it matches the empty end
        prefix4, prefix6 = _length(found[1], 32), _length(found[2], 128)
        argument = argument[: found.start()]
    if not argument:
        if domain is _MUST:
            raise SpfSyntaxFault(len(directive.text), "it needs a domain")
        return replace(directive, prefix4=prefix4, prefix6=prefix6)
    if domain is _NONE or argument[0] != ":":
        raise SpfSyntaxFault(0, "what follows does not belong there")
    return replace(directive, target=domain_spec(argument[1:]), prefix4=prefix4, prefix6=prefix6)


def _length(digits: str | None, most: int) -> int:
    length = most if digits is None else int(digits)
    if length > most:
        raise SpfSyntaxFault(0, f"a prefix longer than {most} bits")
    return length


def _network(name: str, argument: str) -> Network:
    pattern, kind, most = (_IP4, IPv4Network, 32) if name == "ip4" else (_IP6, IPv6Network, 128)
    found = pattern.fullmatch(argument[1:]) if argument[:1] == ":" else None
    if found is None:
        raise SpfSyntaxFault(0, f"it needs an {name} network")
    length = _length(found[2], most)
    try:
        return kind((found[1], length), strict=False)
    except (AddressValueError, ValueError):
        raise SpfSyntaxFault(0, f"no {name} address") from None
