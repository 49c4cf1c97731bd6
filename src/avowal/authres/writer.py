"""Writing Authentication-Results (RFC 8601 §2.2): escaping is the only way out.

Every value passes `_quoted` or is checked to need no quotes, every comment passes
`_comment`: whatever is put in, what comes out is one field with exactly these results.
An octet that no quoted string can hold (a control, half a surrogate pair) becomes "?".
A line never has more than 998 octets (RFC 5322 §2.1.1), lines of 78 are the aim.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from avowal.authres.model import VERSION, AuthenticationResults, MethodResult, writable
from avowal.errors import UsageError
from avowal.fold import Folder
from avowal.members import refuse_single
from avowal.message import Field
from avowal.names import DomainName, NameFault, is_quoted_string
from avowal.tokens import is_dot_atom

_BEGINNING = b"Authentication-Results:"
_TOKEN = re.compile(rb"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]++")  # RFC 2045 §5.1
_ESCAPED = re.compile(rb'["\\]')
_IN_COMMENT = re.compile(rb"[()\\]")
_UNWRITABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_SPACES = re.compile("[ \t\r\n]+")
_LONGEST = 900  # octets of one value as written, so that a line stays below 998
_LONGEST_COMMENT = 2000  # octets


def write(
    results: AuthenticationResults,
    *,
    beginning: bytes = _BEGINNING,
    utf8: bool = True,
    agreed: Collection[str] = (),
) -> Field:
    """Return the field, to be put on top of the message (RFC 8601 §4).

    `beginning` is the field's name and colon, with whatever stands before the payload.
    Without `utf8`, for a message that is not internationalized, domain names are written in
    A-labels and any other character becomes "?".  `agreed` are unregistered methods that the
    readers have agreed to (§2.7.6).  A property too long for a line is left out, and a
    comment says so: part of an identity would be another one.  Raises UsageError for a method
    or result in no registry.
    """
    if agreed != ():
        refuse_single("agreed", agreed)
    for result in results.results:
        if not writable(result) and result.method not in agreed:
            raise UsageError(
                f"{result.method}={result.result} is in no registry (RFC 8601 §4);"
                " name the method in agreed= if the readers know it"
            )
    authserv_id = _authserv_id(results.authserv_id, utf8=utf8)
    written = [_words(result, utf8=utf8) for result in results.results]
    folder = Folder(beginning)
    folder.token(authserv_id, space=True)
    if not written:
        folder.glue(b";")
        folder.token(b"none", space=True)
    for words in written:
        folder.clause(words)
    octets = folder.octets
    return Field(octets, octets.find(b":"))


def one_line(result: MethodResult) -> bytes:
    """Return one result without folds, for another layout of the field."""
    return b" ".join(_words(result, utf8=True))


def representable(text: str) -> str:
    """Return what a reader gets of a value: controls and half surrogate pairs are "?" there."""
    return _UNWRITABLE.sub("?", text)


def _words(result: MethodResult, *, utf8: bool) -> list[bytes]:
    """Return the words of one result, between which it may be folded."""
    method = result.method.encode()
    if result.version != VERSION:
        method += b"/%d" % result.version
    words = [method + b"=" + result.result.encode()]
    if result.comment is not None:
        words += _comment(result.comment, utf8=utf8)
    if result.reason is not None:
        words.append(b"reason=" + _quoted(_clipped(result.reason), utf8=utf8))
    for name, value in result.properties:
        written = _pvalue(value, utf8=utf8)
        if len(written) <= _LONGEST:
            words.append(name.encode() + b"=" + written)
        else:
            words.append(b"(" + name.encode() + b" is too long to be written)")
    return words


def _authserv_id(text: str, *, utf8: bool) -> bytes:
    name = None if utf8 else _name(text, utf8=False)
    written = name or _value(text, utf8=utf8)
    if len(written) > _LONGEST:
        raise UsageError("an authserv-id longer than a line (RFC 8601 §2.5)")
    return written


def _pvalue(text: str, *, utf8: bool) -> bytes:
    """Write ``value / [ [ local-part ] "@" ] domain-name`` (RFC 8601 §2.2)."""
    if text.isascii() and "@" not in text:
        return _value(text, utf8=utf8)
    octets = representable(text).encode()
    local_part, at, domain = octets.rpartition(b"@")
    if not at:
        return _name(text, utf8=utf8) or _value(text, utf8=utf8)
    try:
        name = DomainName.parse(domain)
    except NameFault:
        return _value(text, utf8=utf8)
    if not utf8 and not local_part.isascii():
        return _value(text, utf8=False)
    if not local_part or is_dot_atom(local_part) or is_quoted_string(local_part):
        return local_part + b"@" + (domain if utf8 or domain.isascii() else name.ascii.encode())
    return _value(text, utf8=utf8)


def _name(text: str, *, utf8: bool) -> bytes | None:
    """Return an internationalized domain name as it is written; None for anything else."""
    if text.isascii():
        return None
    try:
        name = DomainName.parse(text.encode())
    except (NameFault, UnicodeEncodeError):
        return None
    return name.text.encode() if utf8 else name.ascii.encode()


def _value(text: str, *, utf8: bool) -> bytes:
    """Write ``token / quoted-string``."""
    octets = _encoded(text, utf8=utf8)
    return octets if _TOKEN.fullmatch(octets) else _quoted(text, utf8=utf8)


def _quoted(text: str, *, utf8: bool) -> bytes:
    return b'"' + _ESCAPED.sub(rb"\\\g<0>", _encoded(text, utf8=utf8)) + b'"'


def _comment(text: str, *, utf8: bool) -> list[bytes]:
    """Return a comment in the words between which it may be folded."""
    plain = _clipped(_SPACES.sub(" ", text).strip(" "), _LONGEST_COMMENT)
    words = [
        _IN_COMMENT.sub(rb"\\\g<0>", _encoded(_clipped(word), utf8=utf8))
        for word in plain.split(" ")
    ]
    words[0] = b"(" + words[0]
    words[-1] += b")"
    return words


def _encoded(text: str, *, utf8: bool) -> bytes:
    if text.isascii() and text.isprintable():
        return text.encode()
    if utf8:
        return representable(text).encode()
    return representable(text).encode("ascii", "replace")


def _clipped(text: str, most: int = _LONGEST // 2) -> str:
    """Cut text for people to what a line holds however much of it has to be escaped."""
    if len(text) * 4 <= most:  # octets of UTF-8
        return text
    octets = representable(text).encode()
    if len(octets) <= most:
        return text
    return octets[: most - 3].decode("utf-8", "ignore") + "..."
