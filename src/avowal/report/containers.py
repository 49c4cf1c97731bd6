"""What a report is wrapped in: gzip, zip or nothing, told by its first octets, never by a name.

`expanded` hands out the octets inside piece by piece.  Whoever made them is a stranger: what
would expand without measure is refused when that shows (a declared size, the ratio of what came
out to what went in), not when memory is full, and nothing is unwrapped twice.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Literal

from avowal.report.arf import ReportFault
from avowal.report.limits import DEFAULT, ReportLimits

Kind = Literal["xml", "json"]

_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_ENTRY = b"PK\x01\x02"  # of the directory of an archive
_MOST_ENTRIES = 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile expands others in one piece
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_SPACE = b" \t\r\n"
_PIECE = 64 << 10
_BEGINNING = 1024  # octets in which the kind has to show


class Damaged(Exception):
    """Compressed data that ends early or is broken; what came before stands."""


def expanded(file: IO[bytes], *, limits: ReportLimits = DEFAULT) -> Iterator[bytes]:
    """Yield what a file holds, unwrapped once.

    Raises ReportFault for what is beyond a limit or no report, and Damaged, behind what could
    be had, where compressed data breaks.
    """
    beginning = file.read(_PIECE)
    if not beginning:
        raise ReportFault(0, "empty")
    if beginning.startswith(_GZIP):
        yield from _gzip(beginning, file, limits)
    elif beginning.startswith(_ZIP):
        yield from _zip(beginning, file, limits)
    else:
        yield from _plain(beginning, file, limits)


def kind_of(beginning: bytes) -> Kind:
    """Tell XML from JSON by the first octets.  Raises ReportFault for anything else."""
    text = beginning[:_BEGINNING]
    for mark in _BOMS:
        text = text.removeprefix(mark)
    text = text.lstrip(_SPACE).replace(b"\x00", b"")[:1]
    if text == b"<":
        return "xml"
    if text == b"{":
        return "json"
    if beginning.startswith((_GZIP, _ZIP)):
        raise ReportFault(0, "compressed twice: a report is wrapped once")
    raise ReportFault(0, "neither XML nor JSON, neither gzip nor zip: no report")


def _plain(beginning: bytes, file: IO[bytes], limits: ReportLimits) -> Iterator[bytes]:
    kind_of(beginning)
    total, piece = 0, beginning
    while piece:
        total += len(piece)
        _refuse_large(total, limits)
        yield piece
        piece = file.read(_PIECE)


def _gzip(beginning: bytes, file: IO[bytes], limits: ReportLimits) -> Iterator[bytes]:
    """One member of RFC 1952; what follows it (some receivers add a line end) is left unread."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    taken = total = 0
    piece = beginning
    while piece and not inflate.eof:
        taken += len(piece)
        if taken > limits.compressed_octets:
            raise ReportFault(taken, f"more than {limits.compressed_octets} octets compressed")
        while piece and not inflate.eof:
            try:
                octets = inflate.decompress(piece, _PIECE)
            except zlib.error as error:
                raise Damaged(f"the gzip data is broken: {error}") from None
            if not total:
                _check_kind(octets)
            total += len(octets)
            _refuse_bomb(total, taken, limits)
            piece = inflate.unconsumed_tail
            yield octets
        piece = file.read(_PIECE)
    if not inflate.eof:
        raise Damaged("the gzip data ends early")


def _zip(beginning: bytes, file: IO[bytes], limits: ReportLimits) -> Iterator[bytes]:
    whole = beginning + file.read(limits.compressed_octets + 1 - len(beginning))
    if len(whole) > limits.compressed_octets:
        raise ReportFault(len(whole), f"more than {limits.compressed_octets} octets compressed")
    if whole.count(_ENTRY) > _MOST_ENTRIES:  # before zipfile makes an object of each
        raise ReportFault(0, f"a zip archive of over {_MOST_ENTRIES} files: a report is one")
    try:
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            yield from _member(archive, limits)
    except ReportFault:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise Damaged(f"the zip archive is broken: {error}") from None
    except (RuntimeError, NotImplementedError, ValueError) as error:  # encrypted, other methods
        raise ReportFault(0, f"the zip archive cannot be read: {error}") from None


def _member(archive: zipfile.ZipFile, limits: ReportLimits) -> Iterator[bytes]:
    members = [
        one for one in archive.infolist()
        if not one.filename.endswith("/") and not one.filename.startswith("__MACOSX/")
    ]  # fmt: skip
    if len(members) != 1:
        raise ReportFault(0, f"a zip archive of {len(members)} files: a report is one")
    (member,) = members
    if member.compress_type not in _METHODS:
        raise ReportFault(0, f"a zip archive by method {member.compress_type}: 0 and 8 are read")
    _refuse_bomb(member.file_size, max(member.compress_size, 1), limits)
    total = 0
    with archive.open(member) as inner:
        while octets := inner.read(_PIECE):
            if not total:
                _check_kind(octets)
            total += len(octets)
            _refuse_bomb(total, max(member.compress_size, 1), limits)
            yield octets


def _check_kind(octets: bytes) -> None:
    if octets:
        kind_of(octets)


def _refuse_large(total: int, limits: ReportLimits) -> None:
    if total > limits.expanded_octets:
        raise ReportFault(total, f"more than {limits.expanded_octets} octets expanded")


def _refuse_bomb(total: int, taken: int, limits: ReportLimits) -> None:
    _refuse_large(total, limits)
    if total > limits.ratio_from and total > taken * limits.ratio:
        raise ReportFault(total, f"expands more than {limits.ratio} times: no report does")
