"""What an Authentication-Results field says, as values (RFC 8601 §2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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
