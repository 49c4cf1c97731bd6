"""Report files that are posted: one as the body, or several as a form.

A file is written down as it comes, within the limits of a message, and read into the store when
it is whole, in a thread of its own and one request at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Final, NamedTuple

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from avowal.calls.report_answers import UploadedFileObject, UploadObject
from avowal.serve.refusals import Refusal, Refused
from avowal.text import printable

FORM: Final = "multipart/form-data"
REPORT_TYPES: Final = (
    "application/gzip", "application/zip", "application/xml", "text/xml", "application/json",
    "application/tlsrpt+gzip", "application/tlsrpt+json", "application/octet-stream",
    "message/rfc822", FORM,
)  # fmt: skip
"""Of a body; what is in a file shows in its first octets, whatever the type says."""
MOST_FILES: Final = 100
"""In one form."""
_IN_MEMORY: Final = 1 << 20  # octets of a file; what is larger goes to the disk
_NAME: Final = 200

TakeFile = Callable[[IO[bytes], str], UploadedFileObject]
"""Reads one file into the store; called in a thread.  Raises StoreError and OSError."""


class _File(NamedTuple):
    name: str
    octets: IO[bytes]


class ReportUploads:
    """Takes the files of requests into a store, one request at a time."""

    def __init__(self, take: TakeFile) -> None:
        self._take = take
        self._turn = asyncio.Lock()

    async def taken(self, headers: Headers, name: str, chunks: AsyncIterator[bytes]) -> Upload:
        """Read a request's body to its end.  Raises Refused, and what `chunks` raises."""
        if _kind(headers) == FORM:
            return await _form(headers, chunks)
        file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by Upload
        async for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        return Upload((_File(name or "the body", file),), None)

    async def read(self, upload: Upload) -> UploadObject:
        """Read the files into the store.  Raises StoreError and OSError."""
        async with self._turn:
            found = [
                await asyncio.to_thread(self._take, one.octets, one.name) for one in upload.files
            ]
        return UploadObject(files=tuple(found))


class Upload(NamedTuple):
    """The files of one request."""

    files: tuple[_File, ...]
    form: FormData | None

    async def close(self) -> None:
        """Let go of them."""
        if self.form is not None:
            await self.form.close()
        else:
            for one in self.files:
                one.octets.close()


async def _form(headers: Headers, chunks: AsyncIterator[bytes]) -> Upload:
    parser = MultiPartParser(headers, _generator(chunks), max_files=MOST_FILES, max_fields=1)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as fault:
        raise Refused(Refusal.BAD_REQUEST, f"the form cannot be read: {fault}") from None
    files = tuple(
        _File(printable(one.filename or "a file")[:_NAME], one.file)
        for _, one in form.multi_items()
        if isinstance(one, UploadFile)
    )
    if not files:
        await form.close()
        raise Refused(Refusal.BAD_REQUEST, "there is no file in the form: curl -F report=@FILE")
    return Upload(files, form)


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


async def _generator(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield chunk
