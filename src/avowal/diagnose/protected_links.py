"""Links that gateways led through themselves, led back to where they pointed.

A gateway puts its own address before each link and the old one into it, where it can be read
again; what it puts there as a token alone is lost.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from avowal.diagnose.mime_lines import (
    Entity,
    decoded,
    field_of,
    part_header,
    part_of,
    segments,
    text_lines,
)

STEP = "links-rewritten"
_MOST_OCTETS = 1 << 20  # of a body in which links are led back
_LINK = re.compile(rb"https?://[^\s\"'<>()\x00-\x1f]{4,4000}")
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_ATTRIBUTE = re.compile(rb' (?:originalsrc|shash)="[^"]{0,4000}"')


def percent_decoded(octets: bytes) -> bytes:
    """Return octets with what is percent-encoded decoded (RFC 3986 §2.1)."""
    return _ENCODED.sub(lambda match: bytes((int(match[1], 16),)), octets)


class Gateway(NamedTuple):
    """A gateway: its name, how the host of its links ends, and how they are read.

    `read` takes what stands behind the host; None says that the link cannot be read.
    """

    name: str
    host: bytes
    read: Callable[[bytes], bytes | None]


def _argument(name: bytes, rest: bytes) -> bytes | None:
    query = rest.partition(b"?")[2].replace(b"&amp;", b"&")
    for pair in query.split(b"&"):
        key, _, found = pair.partition(b"=")
        if key == name and found:
            return found
    return None


def _unquoted(name: bytes) -> Callable[[bytes], bytes | None]:
    def read(rest: bytes) -> bytes | None:
        found = _argument(name, rest)
        return None if found is None else percent_decoded(found)

    return read


def _proofpoint(rest: bytes) -> bytes | None:
    """Read ``/v1/url?u=``, ``/v2/url?u=`` (- for %, _ for /) and ``/v3/__URL__;letters!!``."""
    if rest.startswith(b"/v3/"):
        start, end = rest.find(b"__"), rest.rfind(b"__;")
        if not 0 <= start < end:
            return None
        return _with_letters(rest[start + 2 : end], rest[end + 3 :].partition(b"!!")[0])
    written = _argument(b"u", rest)
    if written is None:
        return None
    if rest.startswith(b"/v2/"):
        written = written.replace(b"-", b"%").replace(b"_", b"/")
    return percent_decoded(written)


def _with_letters(link: bytes, coded: bytes) -> bytes | None:
    """Put the letters back that stand in the link as asterisks."""
    try:
        letters = base64.urlsafe_b64decode(coded + b"=" * (-len(coded) % 4))
    except (binascii.Error, ValueError):
        return None
    if b"**" in link or link.count(b"*") != len(letters):
        return None
    pieces = link.split(b"*")
    made = pieces[0]
    for letter, piece in zip(letters, pieces[1:], strict=True):
        made += bytes((letter,)) + piece
    return made


def _last_segment(rest: bytes) -> bytes | None:
    found = percent_decoded(rest.partition(b"?")[0].rpartition(b"/")[2])
    return found if found.startswith(b"http") else None


def _base64_argument(rest: bytes) -> bytes | None:
    found = _argument(b"u", rest)
    if found is None:
        return None
    try:
        return base64.urlsafe_b64decode(found + b"=" * (-len(found) % 4))
    except (binascii.Error, ValueError):
        return None


def _opaque(rest: bytes) -> bytes | None:
    return None


GATEWAYS = (
    Gateway("Microsoft Safe Links", b".safelinks.protection.outlook.com", _unquoted(b"url")),
    Gateway("Proofpoint", b"urldefense.proofpoint.com", _proofpoint),
    Gateway("Proofpoint", b"urldefense.com", _proofpoint),
    Gateway("Barracuda", b"linkprotect.cudasvc.com", _unquoted(b"a")),
    Gateway("Cisco", b"secure-web.cisco.com", _last_segment),
    Gateway("Symantec", b"clicktime.symantec.com", _unquoted(b"u")),
    Gateway("Trend Micro", b".trendmicro.com", _unquoted(b"url")),
    Gateway("Sophos", b".protection.sophos.com", _base64_argument),
    Gateway("Mimecast", b".mimecast.com", _opaque),
)


def gateways(text: bytes) -> Iterator[tuple[Gateway, bool]]:
    """Yield the gateways that links of a text lead through, and whether each can be read."""
    for link in _LINK.finditer(text):
        found = _of(link[0])
        if found is not None:
            yield found[0], found[1] is not None


def led_back(text: bytes) -> bytes:
    """Return a text with the links that can be read as they were."""

    def back(match: re.Match[bytes]) -> bytes:
        found = _of(match[0])
        if found is None or found[1] is None:
            return match[0]
        return found[1].replace(b"&", b"&amp;") if b"&amp;" in match[0] else found[1]

    return _LINK.sub(back, _ATTRIBUTE.sub(b"", text))


def _of(link: bytes) -> tuple[Gateway, bytes | None] | None:
    """Return the gateway of a link and where it led; None for any other link."""
    rest = link.partition(b"://")[2]
    host = re.split(rb"[/?]", rest, maxsplit=1)[0]
    name = host.partition(b":")[0].lower()
    for one in GATEWAYS:
        if name == one.host.lstrip(b".") or name.endswith(b"." + one.host.lstrip(b".")):
            before = one.read(rest[len(host) :])
            is_link = before is not None and before.startswith(b"http") and b"\n" not in before
            return one, before if is_link else None
    return None


def unprotected(entity: Entity) -> Iterator[Entity]:
    """Yield a body with its links led back, if there are any, in the encoding it has."""
    if sum(map(len, entity.lines)) > _MOST_OCTETS:
        return
    if entity.boundary is not None:
        lines: list[bytes] = []
        for one in segments(entity.lines, entity.boundary):
            part = part_of(one.lines) if one.is_leaf else None
            lines += one.lines if part is None else _part(one.lines, part)
    else:
        lines = _lines(entity)
    if tuple(lines) != entity.lines:
        yield entity.became(STEP, lines)


def _part(lines: tuple[bytes, ...], part: Entity) -> list[bytes]:
    fields, start = part_header(lines)
    if not part.is_text or (field_of(fields, b"content-type") is None and not fields):
        return list(lines)
    return [*lines[:start], *_lines(part)]


def _lines(entity: Entity) -> list[bytes]:
    if not entity.is_text:
        return list(entity.lines)
    if entity.transfer not in {b"base64", b"quoted-printable"}:
        return [led_back(line) for line in entity.lines]
    octets = decoded(entity)
    back = None if octets is None else led_back(octets)
    if back is None or back == octets:
        return list(entity.lines)
    if entity.transfer == b"quoted-printable":
        return binascii.b2a_qp(b"\n".join(text_lines(back)), istext=True).split(b"\n")
    coded = binascii.b2a_base64(back, newline=False)
    return [coded[at : at + 76] for at in range(0, len(coded), 76)]
