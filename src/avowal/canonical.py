"""The canonical forms of header fields and bodies (RFC 6376 §3.4, RFC 4870 §3.4.2).

A header form is a function of one field; a body form is a class that is fed chunks
and pushes canonical octets into a sink as soon as they are certain.  Where the chunks
are cut makes no difference.  Whatever the body is, memory stays constant: of white
space and line ends that may turn out to be trailing only the fact or the number is kept.

Hashing and l= belong to whoever owns the sink; which fields are signed belongs to
`message`; the inner loops to `_pure` and its compiled twin.  On the wire a line ends with
CRLF: a bare CR, a bare LF and NUL are ordinary octets here (RFC 6376 §5.3 makes signers
convert them before).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from avowal._fast import WINDOW, final_line_ends, relax_body, relax_field
from avowal.errors import StateError

Octets: TypeAlias = bytes | memoryview
Sink: TypeAlias = Callable[[Octets], object]
HeaderForm: TypeAlias = Callable[[bytes, int], bytes]

_CRLF = b"\r\n"
_CR, _ = _CRLF
_RUN = _CRLF * (1 << 13)
_TAB_TO_SPACE = bytes.maketrans(b"\t", b" ")
_FWS = b"\t\n\r "  # RFC 4870 §3.4.2.2: 9, 10, 13 and 32

# --- header fields ----------------------------------------------------------------------------


def simple_field(raw: bytes, colon: int) -> bytes:
    """Return a field as it is (RFC 6376 §3.4.1); like all forms without its final CRLF."""
    return raw


relaxed_field: HeaderForm = relax_field
"""Name in lower case, folds undone, white space reduced (RFC 6376 §3.4.2)."""


def nofws_field(raw: bytes, colon: int) -> bytes:
    """Return a field without any folding white space, name included (RFC 4870 §3.4.2.2)."""
    return raw.translate(None, _FWS)


def nowsp_field(raw: bytes, colon: int) -> bytes:
    """Return a field without white space, its name in lower case.

    draft-allman-dkim-base-00 §3.4.2
    """
    return (raw[:colon].lower() + raw[colon:]).translate(None, _FWS)


# --- bodies -----------------------------------------------------------------------------------


class BodyForm:
    """One canonical form of one body: `feed` its octets in order, then `finish`.

    `sink` is called with canonical octets, never empty, at most some 1 MiB each, and must
    be done with them when it returns: they may be a view of the chunk.  Common to
    all forms (RFC 6376 §3.4.3-4, RFC 4870 §3.4.2): empty lines at the end are ignored and
    a missing final CRLF is added.
    """

    __slots__ = ("_finished", "_held", "_line_ended", "_line_ends", "_sink", "_started")

    WINDOW: ClassVar[int] = 1 << 20  # octets worked on at a time
    EMPTY: ClassVar[bytes] = b""  # the form of a body without content

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._held = b""  # undecided octets at the end of what was fed, at most 2
        self._line_ends = 0  # CRLFs that may be trailing
        self._started = False  # whether the sink was called
        self._line_ended = False  # whether the last octets it got are CRLF
        self._finished = False

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body.  Raises StateError after `finish`."""
        if self._finished:
            raise StateError("the body is finished: nothing more can be fed")
        size = len(chunk)
        if size > self.WINDOW:
            view = memoryview(chunk)
            for start in range(0, size, self.WINDOW):
                self._take(view[start : start + self.WINDOW])
        elif size:
            self._take(chunk)

    def finish(self) -> None:
        """End the body; the sink gets what was still open.  Raises StateError the second time."""
        if self._finished:
            raise StateError("the body is finished already")
        self._finished = True
        last = self._end_of_input() if self._held else b""
        if last:
            self._release(last)
        if not self._started:
            if self.EMPTY:
                self._sink(self.EMPTY)
        elif not self._line_ended:
            self._sink(_CRLF)

    def _take(self, window: Octets) -> None:
        if self._held:
            window = b"".join((self._held, window))
            self._held = b""
        octets = self._reduced(window)
        if octets:
            self._release(octets)

    def _reduced(self, window: Octets) -> Octets:
        """Return the form of a window, trailing empty lines aside.

        Octets at its end whose part depends on what follows are held back.
        """
        if window[-1] != _CR:
            return window
        self._held = b"\r"
        return window[:-1]

    def _end_of_input(self) -> bytes:
        """Return what the held octets are now that nothing follows: a CR is just an octet."""
        return self._held if self._held.endswith(b"\r") else b""

    def _release(self, octets: Octets) -> None:
        """Give canonical octets to the sink, except line ends that may be trailing.

        The first CRLF behind content is certain: it stays or it would be added.
        """
        line_ends = final_line_ends(octets)
        size = len(octets) - 2 * line_ends
        if size == 0 and (self._line_ended or not self._started):
            self._line_ends += line_ends
            return
        if self._line_ends:
            pieces, rest = divmod(self._line_ends, len(_RUN) // 2)
            for _ in range(pieces):
                self._sink(_RUN)
            if rest:
                self._sink(_CRLF * rest)
        self._sink(memoryview(octets)[: size + 2] if line_ends > 1 else octets)
        self._started = True
        self._line_ended = line_ends > 0
        self._line_ends = max(line_ends - 1, 0)


class SimpleBody(BodyForm):
    """The body as it is; an empty one becomes CRLF (RFC 6376 §3.4.3)."""

    __slots__ = ()
    EMPTY = _CRLF


class RelaxedBody(BodyForm):
    """White space reduced, none at line ends; an empty body stays empty (RFC 6376 §3.4.4)."""

    __slots__ = ()
    WINDOW = WINDOW

    def _take(self, window: Octets) -> None:
        if self._held:
            window = b"".join((self._held, window))
            self._held = b""
        octets = relax_body(window)
        if octets[-1] in b" \r":
            # However long the run of white space was, one SP stands for it by now.
            end = bytes(octets[-2:])
            self._held = end if end == b" \r" else end[-1:]
            octets = memoryview(octets)[: -len(self._held)]
        if octets:
            self._release(octets)


class DomainKeysSimpleBody(BodyForm):
    """DomainKeys' own simple form: an empty body is nothing (RFC 4870 §3.4.2.1)."""

    __slots__ = ()


class NowspBody(BodyForm):
    """The first draft's form: no white space and no line ends at all.

    draft-allman-dkim-base-00 §3.4.2; what is left of an empty body is nothing.
    """

    __slots__ = ()

    def _take(self, window: Octets) -> None:
        octets = bytes(window).translate(None, _FWS)
        if octets:
            self._sink(octets)


class NofwsBody(BodyForm):
    """DomainKeys' nofws: no folding white space within lines (RFC 4870 §3.4.2.2).

    A line is empty when nothing else was in it.
    """

    __slots__ = ()

    def _reduced(self, window: Octets) -> Octets:
        octets = bytes(super()._reduced(window))
        # HTAB stands for CRLF while every bare CR and LF goes: taking white space away
        # first could make a CRLF of two bare ones.
        octets = octets.translate(_TAB_TO_SPACE).replace(_CRLF, b"\t")
        return octets.translate(None, b"\r\n ").replace(b"\t", _CRLF)

    def _end_of_input(self) -> bytes:
        return b""


# --- by name ----------------------------------------------------------------------------------

HEADER_FORMS: Mapping[str, HeaderForm] = MappingProxyType(
    {"simple": simple_field, "relaxed": relaxed_field}
)
BODY_FORMS: Mapping[str, type[BodyForm]] = MappingProxyType(
    {"simple": SimpleBody, "relaxed": RelaxedBody}
)
DOMAINKEYS_HEADER_FORMS: Mapping[str, HeaderForm] = MappingProxyType(
    {"simple": simple_field, "nofws": nofws_field}
)
DOMAINKEYS_BODY_FORMS: Mapping[str, type[BodyForm]] = MappingProxyType(
    {"simple": DomainKeysSimpleBody, "nofws": NofwsBody}
)
# Of the drafts without bh=; an empty body is nothing in their simple form (§3.4.1, §3.4.3).
DRAFT_HEADER_FORMS: Mapping[str, HeaderForm] = MappingProxyType(
    {**HEADER_FORMS, "nowsp": nowsp_field}
)
DRAFT_BODY_FORMS: Mapping[str, type[BodyForm]] = MappingProxyType(
    {"simple": DomainKeysSimpleBody, "relaxed": RelaxedBody, "nowsp": NowspBody}
)
