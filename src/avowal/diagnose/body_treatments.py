"""What lists and servers do to bodies, done; None where it does not apply."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from dataclasses import replace

from avowal.diagnose.broken_lines import broken
from avowal.diagnose.edited import entity_of, lines_of, value_of, with_lines, with_value
from avowal.diagnose.mime_lines import (
    decoded,
    delimiters,
    field_of,
    part_header,
    part_of,
    segments,
    text_lines,
)
from avowal.message import CRLF, Field, Header, Message

_FOOTER = (b"_______________________________________________", b"list mailing list",
           b"list@lists.example", b"To unsubscribe: list-leave@lists.example")  # fmt: skip
_BANNER = (b"CAUTION: this message comes from outside.", b"")
_BOUNDARY = b"===============7330845974216740156=="
_CTE = b"content-transfer-encoding"
_RESERVED = re.compile(rb"[^A-Za-z0-9._~-]")
_LINK = re.compile(rb"https?://[^\s\"'<>()]{4,1000}")
_PLAIN = (b"7bit", b"8bit", b"binary")


def footer(message: Message) -> Message | None:
    """Add lines at the end of a plain text."""
    entity = entity_of(message)
    if entity.boundary is not None or not entity.is_text or entity.transfer not in _PLAIN:
        return None
    return with_lines(message, [*lines_of(message), *_FOOTER])


def banner(message: Message) -> Message | None:
    """Add lines before a plain text."""
    entity = entity_of(message)
    if not entity.is_text or entity.transfer not in _PLAIN:
        return None
    return with_lines(message, [*_BANNER, *lines_of(message)])


def wrap(message: Message) -> Message | None:
    """Make the message a part of a new multipart with a footer."""
    moved = [one.raw for one in message.header if one.name.startswith(b"content-")]
    inner = [*(line for raw in moved for line in raw.split(CRLF)), b"", *lines_of(message)]
    footer = [b'Content-Type: text/plain; charset="us-ascii"', b"MIME-Version: 1.0",
              b"Content-Transfer-Encoding: 7bit", b"Content-Disposition: inline", b"",
              *_FOOTER]  # fmt: skip
    mark = b"--" + _BOUNDARY
    kept = [one for one in message.header if not one.name.startswith(b"content-")]
    kind = Field.of(b'Content-Type: multipart/mixed; boundary="' + _BOUNDARY + b'"')
    wrapped = replace(message, header=Header.of([*kept, kind]))
    if value_of(message, b"mime-version") is None:
        wrapped = with_value(wrapped, b"mime-version", b"1.0")
    return with_lines(wrapped, [mark, *inner, mark, *footer, mark + b"--"])


def add_part(message: Message) -> Message | None:
    """Add a part to a multipart."""
    boundary = entity_of(message).boundary
    lines = lines_of(message)
    opened, closed = delimiters(lines, boundary) if boundary else ([], None)
    if closed is None or not opened or boundary is None:
        return None
    added = [b"--" + boundary, b"Content-Type: text/plain; charset=us-ascii", b"", *_FOOTER]
    return with_lines(message, [*lines[:closed], *added, *lines[closed:]])


def footer_in_part(message: Message) -> Message | None:
    """Add lines to the first text part."""
    boundary = entity_of(message).boundary
    lines = lines_of(message)
    opened, closed = delimiters(lines, boundary) if boundary else ([], None)
    if closed is None:
        return None
    for at, end in zip(opened, (*opened[1:], closed), strict=True):
        part = part_of(lines[at + 1 : end])
        if part.is_text and part.transfer in _PLAIN:
            return with_lines(message, [*lines[:end], *_FOOTER, *lines[end:]])
    return None


def preamble(message: Message) -> Message | None:
    """Write text before the first part."""
    boundary = entity_of(message).boundary
    lines = lines_of(message)
    if boundary is None or not lines or lines[0] != b"--" + boundary:
        return None
    return with_lines(message, [b"This is a multi-part message in MIME format.", *lines])


def inner_blank(message: Message) -> Message | None:
    """Add an empty line behind an inner multipart, as Python does."""
    lines = lines_of(message)
    grown: list[bytes] = []
    for at, line in enumerate(lines):
        grown.append(line)
        behind = lines[at + 1] if at + 1 < len(lines) else b""
        if line.startswith(b"--") and line.endswith(b"--") and behind.startswith(b"--"):
            grown.append(b"")
    return with_lines(message, grown) if len(grown) > len(lines) else None


def quote_from(message: Message) -> Message | None:
    """Quote lines that begin with "From ", as mailboxes do."""
    return _each_line(message, lambda line: b">" + line if line.startswith(b"From ") else line)


def double_dots(message: Message) -> Message | None:
    """Double dots at the start of lines."""
    return _each_line(message, lambda line: b"." + line if line.startswith(b".") else line)


def lose_dot(message: Message) -> Message | None:
    """Take the dot from the first line that begins with one."""
    lines = lines_of(message)
    at = next((at for at, line in enumerate(lines) if line[:1] == b"." and line[1:2] > b"."), None)
    return (
        None if at is None else with_lines(message, [*lines[:at], lines[at][1:], *lines[at + 1 :]])
    )


def mark_byte_order(message: Message) -> Message | None:
    """Put a byte order mark before a plain text, as programs that convert do."""
    entity = entity_of(message)
    if entity.boundary is not None or not entity.is_text or entity.transfer not in _PLAIN:
        return None
    lines = lines_of(message)
    return with_lines(message, [b"\xef\xbb\xbf" + lines[0], *lines[1:]]) if lines else None


def footers_in_parts(message: Message) -> Message | None:
    """Add lines to the plain text, and a paragraph to the HTML beside it."""
    noted = footer_in_part(message)
    if noted is None or b"</body>" not in noted.body:
        return None
    note = b"<p>" + _FOOTER[1] + b"</p></body>"
    return replace(noted, body=noted.body.replace(b"</body>", note, 1))


def strip_dash_blank(message: Message) -> Message | None:
    """Take the blank from the line before a signature."""
    return _each_line(message, lambda line: b"--" if line == b"-- " else line)


def protect_links(message: Message) -> Message | None:
    """Lead the links of plain text through a gateway, as Microsoft's Safe Links does."""

    def led(match: re.Match[bytes]) -> bytes:
        into = _RESERVED.sub(lambda found: b"%%%02X" % found[0][0], match[0])
        return (
            b"https://nam02.safelinks.protection.outlook.com/?url=" + into + b"&data=05&reserved=0"
        )

    entity, lines = entity_of(message), lines_of(message)
    if entity.boundary is None:
        plain = entity.is_text and entity.transfer in _PLAIN
        changed = [_LINK.sub(led, line) for line in lines] if plain else lines
    else:
        changed = []
        for one in segments(lines, entity.boundary):
            part = part_of(one.lines) if one.is_leaf else None
            plain = part is not None and part.is_text and part.transfer in _PLAIN
            changed += [_LINK.sub(led, line) for line in one.lines] if plain else one.lines
    return None if changed == lines else with_lines(message, changed)


def _each_line(message: Message, change: Callable[[bytes], bytes]) -> Message | None:
    lines = lines_of(message)
    changed = [change(line) for line in lines]
    return None if changed == lines else with_lines(message, changed)


def _base64(octets: bytes) -> list[bytes]:
    encoded = binascii.b2a_base64(octets, newline=False)
    return [encoded[at : at + 76] for at in range(0, len(encoded), 76)]


def _quoted(text: list[bytes]) -> list[bytes]:
    return binascii.b2a_qp(b"\n".join(text), istext=True).split(b"\n")


def encode(message: Message, encoding: bytes) -> Message | None:
    """Encode a text anew that came as it is."""
    entity = entity_of(message)
    lines = lines_of(message)
    if not entity.is_text or entity.transfer not in _PLAIN or not lines:
        return None
    text = _base64(b"\n".join(lines) + b"\n") if encoding == b"base64" else _quoted(lines)
    return with_value(with_lines(message, text), _CTE, encoding)


def decode(message: Message, encoding: bytes) -> Message | None:
    """Send a text on as 8bit that came encoded, as Mailman does with a footer."""
    entity = entity_of(message)
    octets = decoded(entity)
    if not entity.is_text or entity.transfer != encoding or octets is None:
        return None
    text = text_lines(octets)
    text = text[:-1] if text and not text[-1] else text
    return with_value(with_lines(message, [*text, *_FOOTER]), _CTE, b"8bit")


def encode_parts(message: Message) -> Message | None:
    """Encode the text parts that are 8bit, as Postfix does where the next hop has no 8BITMIME."""
    boundary = entity_of(message).boundary
    if boundary is None:
        return None
    lines: list[bytes] = []
    changed = False
    for one in segments(lines_of(message), boundary):
        part = part_of(one.lines) if one.is_leaf else None
        fields, start = part_header(one.lines)
        declared = field_of(fields, _CTE)
        if part is None or declared is None or not part.is_text or part.transfer != b"8bit":
            lines += one.lines
            continue
        changed = True
        head = list(one.lines[:start])
        head[declared.start] = b"Content-Transfer-Encoding: quoted-printable"
        lines += [*head, *_quoted(list(part.lines))]
    return with_lines(message, lines) if changed else None


def break_lines(message: Message) -> Message | None:
    """Break lines that are longer than SMTP has them, in fields and in the body."""
    lines = [part for line in lines_of(message) for part in broken(line)]
    raws = [
        CRLF.join(part for line in raw.split(CRLF) for part in broken(line))
        for raw in message.header.raws
    ]
    if raws == list(message.header.raws) and lines == lines_of(message):
        return None
    return with_lines(replace(message, header=Header.of([Field.of(raw) for raw in raws])), lines)
