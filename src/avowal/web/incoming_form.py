"""A form with a message in it, read into memory: never into a file, never beyond a limit."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final, NamedTuple

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from avowal.calls.receipt import RECEIVED
from avowal.web.analysis import Given
from avowal.web.envelope import SaidEnvelope
from avowal.web.limits import MOST_NAMES, MOST_TEXT
from avowal.web.refusals import UNUSABLE, NoPage

_FIELDS: Final = 8
# Its warnings are about single forms, which strangers write; whoever sent one is told on a page.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


class MessageForm(NamedTuple):
    """What the form of the front page holds: its token, and a message where there is one."""

    token: str
    given: Given | None


class _InMemory(MultiPartParser):
    """Starlette's, which keeps larger files on disk."""

    spool_max_size = max_file_size = 1 << 40


async def read_form(headers: Headers, chunks: AsyncIterator[bytes], most: int) -> MessageForm:
    """Read a form.  Raises NoPage, and what `chunks` raises."""
    if headers.get("content-type", "").partition(";")[0].strip() != "multipart/form-data":
        raise NoPage(UNUSABLE, "the form is no multipart/form-data")
    parser = _InMemory(
        headers, _generator(chunks), max_files=1, max_fields=_FIELDS, max_part_size=most
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as fault:
        raise NoPage(UNUSABLE, f"the form cannot be read: {fault}") from None
    try:
        pasted, upload = form.get("pasted"), form.get("file")
        given = None
        if isinstance(upload, UploadFile):
            octets = await upload.read()
            if octets:
                given = Given(octets, (upload.filename or "")[:MOST_TEXT])
        if given is None and isinstance(pasted, str) and pasted.strip():
            given = Given(_unpasted(pasted), pasted=True)
        if given is not None:
            at = RECEIVED if _text(form, "at") == "received" else None
            given = given._replace(at=at, envelope=_envelope(form))
        return MessageForm(_text(form, "token"), given)
    finally:
        await form.close()


def _text(form: FormData, name: str) -> str:
    found = form.get(name)
    return found[:MOST_NAMES] if isinstance(found, str) else ""


def _envelope(form: FormData) -> SaidEnvelope:
    return SaidEnvelope(
        client=_text(form, "client"),
        mail_from=_text(form, "mail_from"),
        helo=_text(form, "helo"),
        by_header=_text(form, "by_header") == "yes",
    )


def _unpasted(text: str) -> bytes:
    """Return pasted text as octets; blank lines before the first field are not the message's."""
    return text.lstrip("\r\n").encode("utf-8", "surrogatepass")


async def _generator(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield chunk
