"""The target for what a browser gives to the inspector: a bundle that becomes a page, and a form.

A bundle is a stranger's: whatever it holds, its page has the elements of its own template alone,
and what was read can be written and is read again as the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import pytest
from msgspec import structs
from tests.fuzz.targets import NOW, ZONE, expect

from avowal.errors import UsageError

try:  # here, so that coverage is measured in them
    from starlette.datastructures import Headers

    from avowal.web import bundle
    from avowal.web.analysis import Given, analysed
    from avowal.web.incoming_form import MessageForm, read_form
    from avowal.web.pages import page
    from avowal.web.refusals import NoPage
except ImportError as missing:
    MISSING = f"{missing.name} is not installed (extra: web)"
else:
    MISSING = ""

MOST: Final = 1 << 14
_ELEMENTS: Final = (
    "a article bdi body br circle code dd details div dl dt figcaption figure footer h1 h2 h3"
    " h4 head header html input label li line link main meta nav ol output p path pre script"
    " section span strong summary svg table tbody td text th thead title tr ul"
)
_OPENING: Final = re.compile(r"<([A-Za-z][A-Za-z0-9]*)")
_BOUNDARY: Final = "xYx"


def web(octets: bytes) -> None:
    """The first octet chooses bundle or form, and how the octets are cut."""
    if MISSING:
        pytest.skip(MISSING)
    choice, rest = (octets[0] if octets else 0), octets[1:]
    if choice & 1:
        _form(rest, (1 << 16, 1, 100, 7)[choice >> 1 & 3])
    else:
        _bundle(rest)


def _bundle(octets: bytes) -> None:
    try:
        report = bundle.read(octets)
    except UsageError:
        return
    expect(bundle.read(bundle.written(report)) == report, "a bundle is read as it was written")
    shown = page(
        "message.html", report=report, where="/message/x", of=0, step=0, token="t",
        here="/message/x", asks="nobody", version="0",
    ).body  # fmt: skip
    found = {name.lower() for name in _OPENING.findall(bytes(shown).decode())}
    others = found - set(_ELEMENTS.split())
    expect(not others, f"a page has the elements of its template: {others}")


def _form(octets: bytes, size: int) -> None:
    headers = Headers({"content-type": f"multipart/form-data; boundary={_BOUNDARY}"})

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(octets), size):
            yield octets[at : at + size]

    async def read() -> MessageForm | None:
        try:
            return await read_form(headers, chunks(), MOST)
        except NoPage:
            return None

    form = asyncio.run(read())
    if form is not None and form.given is not None:
        expect(bool(form.given.octets), "a message has octets")
        expect(len(form.given.octets) <= len(octets), "a message is what came")


def _part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def seeds(target: str) -> Iterator[bytes]:
    """Bundles of messages, and forms as a browser sends them."""
    if MISSING:
        pytest.skip(MISSING)
    from tests.fuzz.seeds import signed

    message = next(iter(signed()))
    # What the analysis took is the machine's; a seed is the same on all of them.
    report = structs.replace(analysed(Given(message), ZONE, now=NOW, search=0), seconds=0.1)
    yield b"\0" + bundle.written(report)
    yield b'\0{"kind":"avowal-report","verdict":{"state":"good","answer":"x","sentence":"<b>"}}'
    end = f"--{_BOUNDARY}--\r\n".encode()
    fields = _part("token", b"t") + _part("at", b"received") + _part("client", b"192.0.2.1")
    for choice in (1, 3, 5, 7):
        upload = _part("file", message, '; filename="a.eml"')
        yield bytes((choice,)) + fields + upload + end
        yield bytes((choice,)) + fields + _part("pasted", b"\r\nFrom: a\r\n\r\nb") + end


TARGETS: dict[str, Callable[[bytes], None]] = {"web": web}
