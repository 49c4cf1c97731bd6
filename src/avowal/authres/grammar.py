"""The payload of Authentication-Results, read by the grammar of RFC 8601 §2.2.

::

    authres-payload = [CFWS] authserv-id [ CFWS authres-version ]
                      ( no-result / 1*resinfo ) [CFWS]
    no-result  = [CFWS] ";" [CFWS] "none"
    resinfo    = [CFWS] ";" methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ]
    methodspec = [CFWS] method [CFWS] "=" [CFWS] result
    method     = Keyword [ [CFWS] "/" [CFWS] 1*DIGIT [CFWS] ]
    reasonspec = "reason" [CFWS] "=" [CFWS] value
    propspec   = ptype [CFWS] "." [CFWS] property [CFWS] "=" pvalue
    pvalue     = [CFWS] ( value / [ [ local-part ] "@" ] domain-name ) [CFWS]
    value      = token / quoted-string                 ; RFC 2045 §5.1, RFC 6532 §3.2

Deliberate: what large providers write against the grammar, and no reader can take for
something else, is read or passed over and named in `AuthenticationResults.defects`: a ";" at
the end, ``name=value`` without a ptype, a value that needs quotes (base64 with "/" or "=", an
address of IPv6, a domain literal), one in angle brackets (``<>`` is the null sender), one
that is empty, a method with a dot.  None of these marks ends a value for another reader.
Time is linear in the octets; what came from the message is never interpreted.
"""

from __future__ import annotations

import re

from avowal.authres.model import VERSION, AuthenticationResults, MethodResult
from avowal.errors import SyntaxFault
from avowal.limits import DEFAULT, Limits
from avowal.names import DomainName, NameFault
from avowal.taglist import first_bare_break
from avowal.tokens import comment_end, fws_end, is_dot_atom, quoted_end, unquoted

_SPACES = re.compile(rb"[ \t\r\n]++")
# RFC 5321 §4.1.2 Keyword.  Deliberate: "_" is read within it; x_names are in the field.
_KEYWORD = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
_DIGITS = re.compile(rb"[0-9]++")
# RFC 5322 §3.2.4 with its obsolete controls, RFC 6532 §3.2: anything but NUL, CR, LF, which
# only a fold may hold.
_IN_QUOTES = re.compile(rb'"|\\[^\x00\r\n]|[\x00\\]|\r(?!\n[ \t])|(?<!\r)\n')
_TOKEN = re.compile(rb'[^\x00-\x20\x7f()<>@,;:\\"/\[\]?=]++')
# token, dot-atom (RFC 5322 §3.2.3), "@", and what needs quotes: told apart afterwards
_RUN = re.compile(rb'[^\x00-\x20\x7f()<>,;\\"]++')
_BRACKETED = re.compile(rb'<([^\x00-\x20\x7f()<>,;\\"]*+)>')
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_ODD = (b"(", b"\\", b"=?")


class PayloadFault(SyntaxFault):
    """Octets that are no Authentication-Results payload."""


class VersionFault(PayloadFault):
    """A payload of a version that is not known: what follows may mean anything (§2.6)."""


def parse(octets: bytes, *, limits: Limits = DEFAULT) -> AuthenticationResults:
    """Read a payload: the value of the field, folds included.  Raises PayloadFault."""
    refuse_costly(octets, limits)
    reading = _Reading(octets)
    reading.cfws()
    authserv_id = reading.value("an authserv-id")
    reading.version()
    results = () if reading.no_result() else reading.results(limits.authres_results)
    return AuthenticationResults(authserv_id, results, tuple(reading.defects))


def refuse_costly(octets: bytes, limits: Limits = DEFAULT) -> None:
    """Raise PayloadFault for a field that nobody needs to read, before anything is built."""
    if len(octets) > limits.authres_octets:
        raise PayloadFault(limits.authres_octets, "longer than any results need")
    plain = len(octets) if octets.isascii() else len(octets.translate(None, _BEYOND_ASCII))
    odd = len(octets) - plain + sum(map(octets.count, _ODD))
    if odd > limits.authres_oddities:
        why = f"{odd} comments, escapes, encoded words and octets beyond ASCII"
        raise PayloadFault(0, f"{why}: more than any results need")


def parse_beginning(octets: bytes) -> tuple[str, PayloadFault | None]:
    """Read no further than the version: the authserv-id, and what is wrong behind it.

    Raises PayloadFault where there is no authserv-id.
    """
    reading = _Reading(octets, keeps_comments=False)
    reading.cfws()
    authserv_id = reading.value("an authserv-id")
    try:
        reading.version()
    except PayloadFault as fault:
        return authserv_id, fault
    return authserv_id, None


class _Reading:
    """Octets and how far they have been read."""

    __slots__ = ("_comments", "_keeps_comments", "_octets", "_position", "defects")

    def __init__(self, octets: bytes, *, keeps_comments: bool = True) -> None:
        self._octets = octets
        self._keeps_comments = keeps_comments
        self._position = 0
        self._comments: list[str] = []
        self.defects: dict[str, None] = {}

    def cfws(self) -> None:
        """Pass over comments and folding white space (RFC 5322 §3.2.2); keep the comments."""
        octets = self._octets
        while True:
            start = self._position = fws_end(octets, self._position)
            if not octets.startswith(b"(", start):
                return
            end = comment_end(octets, start)
            if end < 0:
                raise PayloadFault(start, "a comment that is not closed")
            content = octets[start + 1 : end - 1]
            if 0 in content or first_bare_break(content) is not None:
                raise PayloadFault(start, "a bare line break or NUL in a comment")
            text = _text(_unescaped(content) if self._keeps_comments else content, start)
            if self._keeps_comments:
                self._comments.append(text)
            self._position = end

    def version(self) -> None:
        """Read ``[CFWS] [version]``; another version than ours ends the reading."""
        self.cfws()
        digits = _DIGITS.match(self._octets, self._position)
        if digits is None:
            return
        if int(digits[0][:9]) != VERSION or len(digits[0]) > 9:
            raise VersionFault(digits.start(), f"version {digits[0][:9].decode()} is not known")
        self._position = digits.end()
        self.cfws()

    def no_result(self) -> bool:
        """Whether ``; none`` up to the end is all there is."""
        start = self._position
        self._expect(b";")
        self.cfws()
        word = _KEYWORD.match(self._octets, self._position)
        if word is not None and word[0].lower() == b"none":
            self._position = word.end()
            self.cfws()
            if self._at_end():
                return True
        self._position = start
        return False

    def results(self, most: int) -> tuple[MethodResult, ...]:
        """Read ``1*resinfo`` to the end."""
        results: list[MethodResult] = []
        while not self._at_end():
            self._expect(b";")
            self._comments.clear()
            self.cfws()
            if self._at_end() and results:
                self.defects["a ; at the end"] = None
                break
            if len(results) == most:
                raise PayloadFault(self._position, f"more than {most} results")
            results.append(self._result())
        return tuple(results)

    def value(self, what: str) -> str:
        """Read ``token / quoted-string``."""
        found = _TOKEN.match(self._octets, self._position)
        if found is None:
            return self._quoted_string(what)
        self._position = found.end()
        return _text(found[0], found.start())

    # -- one result --------------------------------------------------------------------

    def _result(self) -> MethodResult:
        method = self._keyword("a method")
        while self._accept(b"."):  # gateway.spf
            method += "." + self._keyword("the rest of a method")
            self.defects["a method with a dot"] = None
        self.cfws()
        version = VERSION
        if self._accept(b"/"):
            self.cfws()
            version = self._method_version()
        self._expect(b"=")
        self.cfws()
        result = self._keyword("a result")
        reason: str | None = None
        properties: list[tuple[str, str]] = []
        while True:
            self.cfws()
            if self._at_end() or self._octets.startswith(b";", self._position):
                break
            name, value = self._reason_or_property()
            if name == "reason" and reason is None:
                reason = value
            elif "." in name:
                properties.append((name, value))
            else:
                self.defects["a value without a ptype"] = None
        comment = " ".join(self._comments) if self._comments else None
        return MethodResult(method, result, reason, tuple(properties), comment, version)

    def _method_version(self) -> int:
        digits = _DIGITS.match(self._octets, self._position)
        if digits is None or len(digits[0]) > 9:
            raise PayloadFault(self._position, "expected the version of the method")
        self._position = digits.end()
        self.cfws()
        return int(digits[0])

    def _reason_or_property(self) -> tuple[str, str]:
        name = self._keyword("reason or a property")
        self.cfws()
        if self._accept(b"."):
            self.cfws()
            name = f"{name}.{self._keyword('a property')}"
            self.cfws()
        self._expect(b"=")
        self.cfws()
        return name, self._pvalue()

    def _pvalue(self) -> str:
        """Read a value or an address; an address keeps the form it is written in."""
        octets, start = self._octets, self._position
        if octets.startswith(b'"', start):
            text = self._quoted_string("a value")
            local_part = _unfolded(octets[start : self._position])
        else:
            run = _RUN.match(octets, start)
            if run is None:
                return self._bracketed_or_empty()
            self._position = run.end()
            if b"@" in run[0]:
                return self._address(run[0], start)
            text, local_part = _text(run[0], start), run[0]
        behind = self._position, len(self._comments)
        self.cfws()
        if octets.startswith(b"@", self._position):  # local-part = [CFWS] … [CFWS] before the @
            run = _RUN.match(octets, self._position)
            if run is not None:
                self._position = run.end()
                return self._address(local_part + run[0], start)
        self._position = behind[0]
        del self._comments[behind[1] :]
        if not octets.startswith(b'"', start) and _TOKEN.fullmatch(local_part) is None:
            self.defects["a value that needs quotes"] = None
        return text

    def _bracketed_or_empty(self) -> str:
        """Read what another program put where the grammar has a value."""
        start = self._position
        found = _BRACKETED.match(self._octets, start)
        if found is not None:
            self._position = found.end()
            self.defects["a value in angle brackets"] = None
            return _text(found[1], start)
        if self._at_end() or self._octets.startswith(b";", start):
            self.defects["an empty value"] = None
            return ""
        raise PayloadFault(start, "expected a value")

    def _address(self, octets: bytes, start: int) -> str:
        local_part, _, domain = octets.rpartition(b"@")
        try:
            DomainName.parse(domain)
        except NameFault:
            self.defects["an address without a domain name"] = None
        else:
            quoted = local_part.startswith(b'"')
            if local_part and not quoted and not is_dot_atom(local_part):
                self.defects["a local part that needs quotes"] = None
        return _text(octets, start)

    # -- small things ------------------------------------------------------------------

    def _keyword(self, what: str) -> str:
        found = _KEYWORD.match(self._octets, self._position)
        if found is None:
            raise PayloadFault(self._position, f"expected {what}")
        self._position = found.end()
        return found[0].decode().lower()

    def _quoted_string(self, what: str) -> str:
        start = self._position
        end = quoted_end(self._octets, start, _IN_QUOTES) if self._accept(b'"') else -1
        if end < 0:
            raise PayloadFault(start, f"expected {what}")
        self._position = end
        return _text(unquoted(_unfolded(self._octets[start:end])), start)

    def _accept(self, mark: bytes) -> bool:
        if not self._octets.startswith(mark, self._position):
            return False
        self._position += 1
        return True

    def _expect(self, mark: bytes) -> None:
        self.cfws()
        if not self._accept(mark):
            raise PayloadFault(self._position, f"expected {mark.decode()}")

    def _at_end(self) -> bool:
        return self._position == len(self._octets)


def _text(octets: bytes, offset: int) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadFault(offset + error.start, "neither ASCII nor UTF-8 (RFC 6532)") from None


def _unfolded(octets: bytes) -> bytes:
    """Undo folds: the white space behind the CRLF is part of the string (RFC 5322 §2.2.3)."""
    return octets.replace(b"\r\n", b"")


def _unescaped(comment: bytes) -> bytes:
    """Return a comment's content with quoted pairs undone and white space reduced."""
    plain = _unfolded(comment)
    if b"\\" in plain:
        plain = re.sub(rb"\\(.)", rb"\1", plain, flags=re.DOTALL)
    return _SPACES.sub(b" ", plain).strip(b" ")
