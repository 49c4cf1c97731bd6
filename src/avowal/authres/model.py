"""What an Authentication-Results field says, as values (RFC 8601 §2.2), and what is registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from avowal.errors import UsageError

_KEYWORD = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_METHOD = re.compile(rf"{_KEYWORD.pattern}(?:\.{_KEYWORD.pattern})*")
_PROPERTY = re.compile(rf"{_KEYWORD.pattern}\.{_KEYWORD.pattern}")
VERSION = 1  # RFC 8601 §2.2: of the field and of every registered method


@dataclass(frozen=True, slots=True)
class MethodResult:
    """The result of one method.

    `method`, `result` and the names of `properties` ("header.d") are lower-case; they are
    RFC 5321 Keywords; a method may have dots between them, as Google's ``gateway.spf`` has (no
    registry knows such a method: it is never acted upon).  `properties` are pairs of
    ``ptype.property`` and value, in order.
    `comment` is for people: it is never interpreted, and its white space is not kept.
    Raises UsageError for a name that is no Keyword.
    """

    method: str
    result: str
    reason: str | None = None
    properties: tuple[tuple[str, str], ...] = ()
    comment: str | None = None
    version: int = VERSION

    def __post_init__(self) -> None:
        if _METHOD.fullmatch(self.method) is None:
            _refuse(self.method, "method")
        _refuse(self.result, "result")
        for name, _ in self.properties:
            if _PROPERTY.fullmatch(name) is None:
                _refuse_property(name)
        if self.version < 0:
            raise UsageError("the version of a method is a number without sign (RFC 8601 §2.2)")

    def value(self, name: str) -> str | None:
        """Return the value of a property such as "header.d"; the first of several."""
        for known, value in self.properties:
            if known == name:
                return value
        return None


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """One field: who says it, and what.

    No `results` stands for ``none``: nothing was tested.  `defects` names what the grammar
    does not have and was passed over in reading; it does not count for equality.
    """

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    defects: tuple[str, ...] = field(default=(), compare=False)

    def named(self, method: str) -> tuple[MethodResult, ...]:
        """Return the results of one method."""
        return tuple(result for result in self.results if result.method == method)


def _refuse_property(name: str) -> None:
    ptype, dot, word = name.partition(".")
    if not dot:
        raise UsageError(f"{name!r} is not of the form ptype.property (RFC 8601 §2.2)")
    _refuse(ptype, "ptype")
    _refuse(word, "property")


def _refuse(word: str, what: str) -> None:
    if _KEYWORD.fullmatch(word) is None:
        raise UsageError(
            f"{word!r} cannot be a {what}: lower-case letters, digits and inner hyphens only"
            " (RFC 5321 §4.1.2 Keyword)"
        )


# -- IANA's "Email Authentication Methods": their results and properties ----------------------
#
# Consumers pass over what is not here (RFC 8601 §2.3, §4.1), writers refuse it unless an
# experimental name has been agreed on (§2.7.6, §4).

PTYPES = frozenset(("body", "dns", "header", "policy", "smtp"))  # RFC 8601 §2.3, RFC 8904 §3


class Method(NamedTuple):
    """One method: its result words, its properties, where they are defined."""

    results: frozenset[str]
    properties: frozenset[str]
    source: str
    deprecated: bool = False


def _method(results: str, properties: str, source: str, *, deprecated: bool = False) -> Method:
    return Method(frozenset(results.split()), frozenset(properties.split()), source, deprecated)


_DKIM = "none pass fail policy neutral temperror permerror"
_SPF = "none neutral pass fail softfail policy temperror permerror"

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "arc": _method("none pass fail", "smtp.remote-ip header.oldest-pass", "RFC 8617 §10"),
        "auth": _method(
            "none pass fail temperror permerror", "smtp.auth smtp.mailfrom", "RFC 8601 §2.7.4"
        ),
        "dkim": _method(
            _DKIM, "header.d header.i header.b header.a header.s", "RFC 8601 §2.7.1, RFC 6008 §5"
        ),
        "dkim-adsp": _method(
            "none pass unknown fail discard nxdomain temperror permerror",
            "header.from",
            "RFC 5617 §5.4",
            deprecated=True,
        ),
        "dkim-atps": _method("none pass fail temperror permerror", "header.from", "RFC 6541 §8.3"),
        "dmarc": _method(
            "none pass fail temperror permerror", "header.from policy.dmarc", "RFC 7489 §11.2"
        ),
        "dnswl": _method(
            "none pass temperror permerror",
            "dns.zone policy.ip policy.txt dns.sec",
            "RFC 8904 §2",
        ),
        "domainkeys": _method(
            _DKIM, "header.d header.from header.sender", "RFC 8601 §2.7.1", deprecated=True
        ),
        "iprev": _method("pass fail temperror permerror", "policy.iprev", "RFC 8601 §2.7.3"),
        "rrvs": _method(
            "none unknown temperror permerror pass fail", "smtp.rcptto", "RFC 7293 §12"
        ),
        "sender-id": _method(
            f"{_SPF} hardfail", "header.from header.sender", "RFC 5451 §2.4.2", deprecated=True
        ),
        "smime": _method(
            "none pass fail policy neutral temperror permerror",
            "body.smime-part body.smime-identifier body.smime-serial body.smime-issuer",
            "RFC 7281 §3",
        ),
        "spf": _method(f"{_SPF} hardfail", "smtp.mailfrom smtp.helo", "RFC 8601 §2.7.2"),
        "vbr": _method("none pass fail temperror permerror", "header.md header.mv", "RFC 6212 §4"),
    }
)  # hardfail: RFC 5451's word for fail, still met in the field; never written
_ONLY_READ = frozenset(("hardfail",))


def known(result: MethodResult) -> bool:
    """Whether a consumer may act on a result: method, version, word and ptypes are known.

    RFC 8601 §2.3, §2.6, §4.1.  Properties of a known ptype need no registration.
    """
    method = METHODS.get(result.method)
    return (
        method is not None
        and result.version == VERSION
        and result.result in method.results
        and all(name.partition(".")[0] in PTYPES for name, _ in result.properties)
    )


def writable(result: MethodResult) -> bool:
    """Whether a result may be written without an agreement between both ends (RFC 8601 §4)."""
    return known(result) and result.result not in _ONLY_READ
