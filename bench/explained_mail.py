"""Signed messages of all MIME shapes and forms, and others that were never signed.

Everything comes from a generator of random numbers, so that each message can be made again.
"""

from __future__ import annotations

import base64
import binascii
import random

import avowal
from avowal.diagnose.header_slots import own_forms
from avowal.diagnose.restored import header_digest
from avowal.dkim.signature import Signature
from avowal.message import CRLF, Field, Header, Message
from avowal.testing import RSA_1024, message

DOMAIN, SELECTOR = "example.com", "s1"
NAME = f"{SELECTOR}._domainkey.{DOMAIN}"
FORMS = ("relaxed", "simple")
_WORDS = """\
the of and to in that is for it as with was on be by this are from at or you have an but not
they which one we all will can more there when who what so up out if about time some into
year message signature domain server Grüße schön naïve 2+2=4 .hidden From quarterly invoice
""".split()  # noqa: SIM905 - as words they read better
_FEW = (b"from", b"to", b"subject", b"date")
_PEOPLE = ("Dave Miller <dave@example.net>", "erin@example.net", "Carol Jones <carol@example.org>",
           '"Frank, Jr." <frank@example.org>', "Grace Hopper <grace@example.com>")  # fmt: skip


def words(draw: random.Random, count: int) -> str:
    return " ".join(draw.choice(_WORDS) for _ in range(count))


def text(draw: random.Random, *, ascii_only: bool = False) -> str:
    """Return lines of a text, each with its CRLF; quotes, blanks and a signature among them."""
    lines = []
    for _ in range(draw.randint(1, 12)):
        start = draw.choice(("", "", "", "> ", "From ", ".", "-- ", "  "))
        lines.append(start + words(draw, draw.randint(0, 11)))
    made = "".join(f"{line}\r\n" for line in lines)
    return made.encode("ascii", "ignore").decode() if ascii_only else made


def _quoted(plain: str) -> str:
    return binascii.b2a_qp(plain.replace("\r\n", "\n").encode()).decode().replace("\n", "\r\n")


def _coded(plain: str) -> str:
    return base64.encodebytes(plain.encode()).decode().replace("\n", "\r\n")


def _part(draw: random.Random, kind: str) -> str:
    encoding, written = _encoded(draw, text(draw))
    return (
        f"Content-Type: text/{kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{written}"
    )


def _encoded(draw: random.Random, plain: str) -> tuple[str, str]:
    encoding = draw.choice(("8bit", "quoted-printable", "base64"))
    if encoding == "8bit":
        return encoding, plain
    return encoding, _quoted(plain) if encoding == "quoted-printable" else _coded(plain)


def _multipart(parts: list[str], boundary: str) -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def _body(draw: random.Random) -> tuple[str, dict[str, str | None]]:
    """Return a body and the fields that declare it."""
    shape = draw.choice(("ascii", "undeclared", "text", "text", "alternative", "mixed"))
    kind, encoding = "content_type", "content_transfer_encoding"
    if shape == "ascii":
        return text(draw, ascii_only=True), {kind: "text/plain; charset=us-ascii", encoding: "7bit"}
    if shape == "undeclared":
        return text(draw, ascii_only=True), {kind: None, encoding: None}
    if shape == "text":
        name, written = _encoded(draw, text(draw))
        return written, {kind: "text/plain; charset=utf-8", encoding: name}
    parts = [_part(draw, "plain"), _part(draw, "html")]
    if shape == "alternative":
        return _multipart(parts, "b1"), {kind: "multipart/alternative; boundary=b1", encoding: None}
    inner = "Content-Type: multipart/alternative; boundary=b2\r\n\r\n" + _multipart(parts, "b2")
    file = (
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + _coded(draw.randbytes(90).hex()).strip()
    )
    whole = _multipart([inner.removesuffix("\r\n"), file], "b1")
    return whole, {kind: "multipart/mixed; boundary=b1", encoding: None}


def unsigned(draw: random.Random) -> bytes:
    """Make a message as somebody would send it to a list."""
    body, fields = _body(draw)
    some = draw.sample(_PEOPLE, draw.randint(0, 4))
    subject = draw.choice(("", "Re: ", "Re: [list] ")) + words(draw, 4)
    return message(
        body,
        to="list@lists.example",
        subject=subject.encode("ascii", "ignore").decode(),
        cc=", ".join(some) or None,
        references="<1@example.net> <2@example.net>",
        message_id=f"<{draw.randrange(10**12)}@example.com>",
        date="Tue, 24 Nov 2026 12:00:00 " + draw.choice(("+0000", "+0000 (UTC)", "GMT", "+0200")),
        **fields,
    )


def signed(draw: random.Random, octets: bytes) -> bytes:
    """Sign a message in one of the forms, with all of its fields or with few."""
    options: dict[str, tuple[bytes, ...]] = {"names": _FEW} if draw.random() < 0.5 else {}
    field = avowal.sign(
        octets,
        domain=DOMAIN,
        selector=SELECTOR,
        key=RSA_1024,
        header_canon=draw.choice(FORMS),
        body_canon=draw.choice(FORMS),
        **options,  # type: ignore[arg-type]
    )
    return field + octets


def with_body_hash(octets: bytes, digest: bytes) -> bytes:
    """Sign a message again, over another bh=: no body is known that has this hash."""
    came = Message.parse(octets)
    signature = Signature.parse(came.header[0])
    written = base64.b64encode(digest)
    old = base64.b64encode(signature.body_hash or b"")
    raw = _unfolded(came.header[0].raw).replace(b"bh=" + old, b"bh=" + written)
    return with_digest(_with_first(came, raw), None)


def with_digest(octets: bytes, digest: bytes | None) -> bytes:
    """Put a signature over a digest into a message; None: over that of its own header."""
    came = Message.parse(octets)
    raw = _unfolded(came.header[0].raw)
    signature = Signature.parse(Field.of(raw))
    header = Header.of([Field.of(raw), *list(came.header)[1:]])
    if digest is None:
        own = own_forms(signature.unsigned_field, relaxed=signature.header_canon == "relaxed")
        digest = header_digest(header, 0, signature, own)
    made = base64.b64encode(RSA_1024.sign(digest))
    old = base64.b64encode(signature.signature)
    return _with_first(came, raw.replace(b"b=" + old, b"b=" + made))


def _unfolded(raw: bytes) -> bytes:
    """Return a signature in one line, without white space inside its values."""
    head, _, value = raw.replace(CRLF, b"").partition(b":")
    return head + b": " + b"; ".join(
        b"".join(one.split()) for one in value.split(b";") if one.strip())  # fmt: skip


def _with_first(came: Message, raw: bytes) -> bytes:
    return CRLF.join([raw, *came.header.raws[1:], b"", b""]) + came.body
