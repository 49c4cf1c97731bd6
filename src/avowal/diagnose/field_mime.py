"""What Content-Type, Content-Transfer-Encoding and MIME-Version may have been."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations

from avowal.diagnose.body_proof import BodyProof
from avowal.diagnose.header_slots import Value
from avowal.lists.mime_parameters import word

_TEXTS = (
    b'text/plain; charset="UTF-8"', b"text/plain; charset=UTF-8", b"text/plain; charset=utf-8",
    b'text/plain; charset="utf-8"', b"text/plain; charset=us-ascii",
    b'text/plain; charset="us-ascii"', b"text/plain; charset=US-ASCII", b"text/plain",
    b"text/plain; charset=iso-8859-1", b"text/plain; charset=ISO-8859-1",
    b'text/plain; charset="iso-8859-1"', b'text/plain; charset="ISO-8859-1"',
)  # fmt: skip
_FLOWED = (
    (1, b"; format=flowed"), (3, b'; format="flowed"'), (3, b"; format=flowed; delsp=yes"),
    (3, b"; delsp=yes; format=flowed"), (4, b"; format=fixed"),
)  # fmt: skip
_CHARSET = re.compile(rb'([^;]*+);\s*+charset="?([^";\s]++)"?\s*+', re.IGNORECASE)
_BOUNDARY = re.compile(rb'boundary="?([^";]++)"?', re.IGNORECASE)
_MULTIPARTS = (b"alternative", b"signed", b"mixed", b"related")
_MOST_PARAMETERS = 5
_ENCODINGS = (
    (1, b"8bit"), (1, b"7bit"), (1, b"quoted-printable"), (2, b"base64"), (4, b"8BIT"),
    (4, b"7BIT"), (5, b"8Bit"), (5, b"7Bit"), (5, b"Quoted-printable"), (5, b"QUOTED-PRINTABLE"),
    (5, b"binary"), (6, b"BASE64"),
)  # fmt: skip


def content_types(raw: bytes | None, proof: BodyProof | None) -> Iterator[Value]:
    """Yield values of Content-Type; a body that was proven says which one it had."""
    shown = None if raw is None else raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t")
    inner = proof.content_type if proof is not None and proof.unwrapped else None
    if proof is not None and proof.unwrapped:
        yield Value(0, "unwrapped", inner)
        yield Value(5, "", shown)
        yield Value(2, "content-type-added", None)
    else:
        yield Value(0 if proof is None or proof.steps[:1] == ("footer",) else 1, "", shown)
        yield Value(3, "content-type-added", None)
    base = inner if inner is not None else shown
    if base is None or word(base).startswith(b"text/"):
        yield from _texts(base)
    if base is not None:
        yield from _respelled(base)
    if raw is not None and inner is None and b"\r\n" in raw:
        value = re.sub(rb"\r\n[ \t]++", b"", raw.partition(b":")[2]).strip(b" \t")
        yield Value(6, "refolded", value)


def _texts(base: bytes | None) -> Iterator[Value]:
    kind = word(base or b"") or b"text/plain"
    for number, text in enumerate(_TEXTS):
        price = 2 + (number > 3) + (number > 6)
        value = text.replace(b"text/plain", kind, 1)
        yield Value(price, "content-type", value)
        for bits, tail in _FLOWED:
            yield Value(price + 1 + bits, "content-type", value + tail)
        head, _, charset = value.partition(b"; ")
        if charset:
            yield Value(7, "content-type", head + b"; format=flowed; " + charset)


def _respelled(base: bytes) -> Iterator[Value]:
    found = _CHARSET.match(base)
    if found is not None:
        tail = base[found.end() :].strip(b" \t")
        for form in (b'"%b"', b"%b"):
            for charset in dict.fromkeys((found[2], found[2].upper(), found[2].lower())):
                for rest in dict.fromkeys((tail, b"")):
                    for gap, price in ((b"; ", 0), (b";", 3)):
                        value = found[1] + gap + b"charset=" + form % charset
                        space = b"" if rest.startswith(b";") or not rest else b" "
                        yield Value(4 + price, "content-type", value + space + rest)
    boundary = _BOUNDARY.search(base)
    if boundary is not None:
        yield from _multiparts(base, boundary[1].strip(b" \t"))
    yield Value(6, "content-type", re.sub(rb";[ \t]++", b";", base))


def _multiparts(base: bytes, boundary: bytes) -> Iterator[Value]:
    kind = base.split(b";")[0]
    for form in (b'%b; boundary="%b"', b"%b; boundary=%b"):
        yield Value(4, "content-type", form % (kind, boundary))
        for subtype in _MULTIPARTS:
            yield Value(7, "content-type", form % (b"multipart/" + subtype, boundary))
    first, *others = [one.strip(b" \t") for one in base.split(b";") if one.strip(b" \t")]
    if 1 <= len(others) < _MOST_PARAMETERS:
        for row in permutations(others):
            yield Value(6, "content-type", b"; ".join((first, *row)))
            quoted = [re.sub(rb'=([^"].*)\Z', rb'="\1"', one) for one in row]
            yield Value(7, "content-type", b"; ".join((first, *quoted)))
            bare = [
                one if b"boundary" in one.lower() else re.sub(rb'="([^"]*+)"\Z', rb"=\1", one)
                for one in row
            ]
            yield Value(7, "content-type", b"; ".join((first, *bare)))


def transfer_encodings(raw: bytes | None, proof: BodyProof | None) -> Iterator[Value]:
    """Yield values of Content-Transfer-Encoding; those that a proven body fits come first."""
    shown = None if raw is None else raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t")
    fitting = () if proof is None else proof.encodings
    for number, octets in enumerate(fitting):
        step = "" if octets == shown else "transfer-encoding"
        yield Value(number * 0.6, step, octets)
    yield Value(1 if not fitting else 4, "", shown)
    yield Value(1, "transfer-encoding", None)
    for bits, name in _ENCODINGS:
        yield Value(bits if not fitting else bits + 3, "transfer-encoding", name)
        if name.lower() in fitting:
            yield Value(bits, "transfer-encoding", name)


def mime_versions(raw: bytes | None, proof: BodyProof | None) -> Iterator[Value]:
    """Yield values of MIME-Version."""
    shown = None if raw is None else raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t")
    yield Value(0, "", shown)
    if shown != b"1.0":
        yield Value(3, "mime-version", b"1.0")
    if shown is not None:
        bare = proof is not None and proof.unwrapped and proof.content_type is None
        yield Value(1 if bare else 3, "mime-version", None)
    for comment in (b"1.0 (1.0)", b"1.0 (Mac OS X Mail 13.4 \\(3608.120.23.2.7\\))"):
        yield Value(5, "mime-version", comment)
