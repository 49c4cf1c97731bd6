"""The parameters of a request: what is claimed of a message, and what the program accepts.

`client`, `mail_from` and `helo` are claims about a connection that the service did not see.
Whoever can make them can make SPF pass: they count from authenticated clients only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from avowal.errors import UsageError
from avowal.line_ends import LineEnds
from avowal.policy.assessment import PolicyGeneration
from avowal.serve.limits import MOST_DIGITS, MOST_PARAMETERS
from avowal.serve.refusals import Refusal, Refused

MESSAGE_TYPES: Final = ("message/rfc822", "message/global", "application/octet-stream")
_LINE_ENDS: Final[Mapping[str, LineEnds]] = {"auto": "auto", "wire": "wire", "stored": "stored"}
CLAIMS: Final = ("client", "mail_from", "helo")


class Parameter(NamedTuple):
    """A parameter: `words` are its values where there are few; `many` may be repeated."""

    name: str
    meaning: str
    words: tuple[str, ...] = ()
    many: bool = False
    number: bool = False


_CONNECTION: Final = (
    Parameter("client", "The IP address of the SMTP client, for SPF; from authenticated clients."),
    Parameter("mail_from", "The reverse-path without angle brackets, empty for a bounce."),
    Parameter("helo", "The argument of HELO or EHLO."),
    Parameter(
        "line_ends",
        "auto and stored: CRLF, a bare LF and a bare CR end a line; wire: octets as they are.",
        words=tuple(_LINE_ENDS),
    ),
)
VERDICT: Final = (
    *_CONNECTION,
    Parameter("accept_arc", "A sealer whose ARC chains are believed.", many=True),
    Parameter("accept_spf", "Let the connection alone vouch.", words=("true", "false")),
    Parameter("accept_unsigned", "A field that need not be signed.", many=True),
    Parameter("max_age", "Accept nothing older, in seconds.", number=True),
    Parameter("recipient", "Whom it came to; helps to see replays.", many=True),
)
AUTHENTICATE: Final = (
    *_CONNECTION,
    Parameter("authserv_id", "Write the Authentication-Results field of this host."),
    Parameter(
        "policies",
        "A generation of policies to ask for; 2026, which is RFC 9989, if none is named.",
        words=tuple(one.value for one in PolicyGeneration),
        many=True,
    ),
)
REPORTS: Final = (Parameter("name", "What a file that is the body is called in the answer."),)


class Values:
    """The parameters of one request, read by the table of its path.  Raises Refused."""

    def __init__(self, query: bytes, table: Sequence[Parameter]) -> None:
        known = {one.name: one for one in table}
        self._found: dict[str, list[str]] = {}
        for name, value in _pairs(query):
            if name not in known:
                listed = ", ".join(known)
                raise _refused(f"there is no parameter {name[:100]!r}: there are {listed}")
            _check(known[name], value)
            values = self._found.setdefault(name, [])
            values.append(value)
            if len(values) > 1 and not known[name].many:
                raise _refused(f"{name} is there twice")

    def one(self, name: str) -> str | None:
        """Return the value of a parameter, None where it is not there."""
        found = self._found.get(name)
        return None if found is None else found[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a parameter that may be repeated."""
        return tuple(self._found.get(name, ()))

    def seconds(self, name: str) -> int | None:
        """Return a number of seconds."""
        found = self.one(name)
        return None if found is None else int(found)

    @property
    def line_ends(self) -> LineEnds:
        """What ends a line."""
        return _LINE_ENDS[self.one("line_ends") or "auto"]

    @property
    def claims(self) -> tuple[str, ...]:
        """The names of the parameters that only authenticated clients may use."""
        return tuple(name for name in CLAIMS if name in self._found)


def told(fault: UsageError) -> Refused:
    """Return what a client is told of arguments that a call refuses."""
    return _refused(str(fault))


def _refused(detail: str) -> Refused:
    return Refused(Refusal.BAD_PARAMETER, detail)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        text = query.decode("ascii")
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except UnicodeDecodeError:
        raise _refused("the query is not UTF-8, percent-encoded") from None
    except ValueError:
        raise _refused(f"the query has more than {MOST_PARAMETERS} parameters") from None


def _check(parameter: Parameter, value: str) -> None:
    if parameter.words and value not in parameter.words:
        listed = ", ".join(parameter.words)
        raise _refused(f"{parameter.name}: {value[:100]!r} is none of {listed}")
    if parameter.number and not (value.isascii() and value.isdigit()):
        raise _refused(f"{parameter.name}: {value[:100]!r} is no number of seconds")
    if parameter.number and len(value) > MOST_DIGITS:
        raise _refused(f"{parameter.name}: more than {MOST_DIGITS} digits")
