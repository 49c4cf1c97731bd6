"""What happened to the body: its parts, their encodings, and text around what was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avowal.lists.alignment import runs
from avowal.lists.findings import ListFinding, ListFindingKind
from avowal.lists.mime import Part
from avowal.message import Message

_WHOLE = "body"


def findings(before: Message, after: Message) -> Iterator[ListFinding]:
    """Yield the changes of the body."""
    if before.body != after.body or _structure(before) != _structure(after):
        yield from _of_part(Part(before.header, before.body), Part(after.header, after.body), "")


def _structure(message: Message) -> tuple[bytes, bytes]:
    part = Part(message.header, message.body)
    return part.content_type, part.encoding


def _of_part(before: Part, after: Part, place: str) -> Iterator[ListFinding]:
    subject = place or _WHOLE
    if before.body == after.body and before.encoding == after.encoding:
        return
    if after.parts and not before.parts:
        yield from _wrapped(before, after.parts, subject)
    elif after.parts:
        yield from _of_parts(before, after, subject)
    elif before.parts:
        yield ListFinding(kind=ListFindingKind.CONTENT, subject=subject)
    else:
        yield from _of_content(before, after, subject)


def _wrapped(whole: Part, parts: Sequence[Part], subject: str) -> Iterator[ListFinding]:
    """The message, once a single part, stands among new ones (or does not)."""
    at = next((n for n, part in enumerate(parts) if _holds(whole, part)), None)
    if at is None:
        yield ListFinding(kind=ListFindingKind.CONTENT, subject=subject)
        return
    yield ListFinding(
        kind=ListFindingKind.MIME_WRAPPED, subject=subject, after=parts[at].content_type
    )
    yield from _around(parts, at)
    if parts[at].content != whole.content or parts[at].encoding != whole.encoding:
        yield from _of_part(whole, parts[at], str(at + 1))


def _around(parts: Sequence[Part], at: int) -> Iterator[ListFinding]:
    for number, part in enumerate(parts):
        if number != at:
            kind = ListFindingKind.BANNER if number < at else ListFindingKind.FOOTER
            if not part.content_type.startswith(b"text/"):
                kind = ListFindingKind.PART_ADDED
            yield ListFinding(kind=kind, subject=str(number + 1), after=part.content)


def _of_parts(before: Part, after: Part, subject: str) -> Iterator[ListFinding]:
    old, new = before.parts, after.parts
    wrapped = next((n for n, part in enumerate(new) if _same_parts(old, part)), None)
    if wrapped is not None and not _same_parts(old, after):
        yield ListFinding(
            kind=ListFindingKind.MIME_WRAPPED, subject=subject, after=new[wrapped].content_type
        )
        yield from _around(new, wrapped)
        return
    found = list(_aligned(old, new, "" if subject == _WHOLE else subject + "."))
    yield from found or (ListFinding(kind=ListFindingKind.BOUNDARY, subject=subject),)


def _aligned(old: Sequence[Part], new: Sequence[Part], prefix: str) -> Iterator[ListFinding]:
    """Pair the parts that stayed, then those that changed in their place."""
    contents = [part.content for part in old], [part.content for part in new]
    for same, start, stop, new_start, new_stop in runs(*contents):
        pairs = min(stop - start, new_stop - new_start)
        for offset in range(pairs):
            place = f"{prefix}{new_start + offset + 1}"
            was, came = old[start + offset], new[new_start + offset]
            if was.header.raws != came.header.raws:
                yield ListFinding(kind=ListFindingKind.PART_HEADER, subject=place)
            if not same or was.body != came.body:
                yield from _of_part(was, came, place)
        for number in range(start + pairs, stop):
            yield ListFinding(
                kind=ListFindingKind.PART_DROPPED,
                subject=f"{prefix}{number + 1}",
                before=old[number].content,
            )
        for number in range(new_start + pairs, new_stop):
            text = new[number].content_type.startswith(b"text/") and number == len(new) - 1
            yield ListFinding(
                kind=ListFindingKind.FOOTER if text else ListFindingKind.PART_ADDED,
                subject=f"{prefix}{number + 1}",
                after=new[number].content,
            )


def _of_content(before: Part, after: Part, subject: str) -> Iterator[ListFinding]:
    """Two single parts: encoding first, then what stands around the content as it was."""
    old, new = before.content, after.content
    if before.encoding != after.encoding:
        yield ListFinding(
            kind=ListFindingKind.ENCODING,
            subject=subject,
            before=before.encoding,
            after=after.encoding,
        )
    if old == new:
        if before.encoding == after.encoding:
            ends = before.body.rstrip(b"\r\n") == after.body.rstrip(b"\r\n")
            kind = (
                ListFindingKind.LINE_ENDS
                if ends or _without_ends(before, after)
                else ListFindingKind.ENCODING
            )
            yield ListFinding(kind=kind, subject=subject)
        return
    if old.split() == new.split():
        yield ListFinding(kind=ListFindingKind.WHITE_SPACE, subject=subject)
        return
    at = new.find(old) if old else 0
    if at < 0:
        yield ListFinding(kind=ListFindingKind.CONTENT, subject=subject)
        return
    banner, footer = new[:at], new[at + len(old) :]
    for kind, text in ((ListFindingKind.BANNER, banner), (ListFindingKind.FOOTER, footer)):
        if text.strip():
            yield ListFinding(kind=kind, subject=subject, after=text.strip(b"\r\n"))


def _without_ends(before: Part, after: Part) -> bool:
    drop = b"\r\n"
    return before.body.translate(None, drop) == after.body.translate(None, drop)


def _holds(whole: Part, part: Part) -> bool:
    """Whether a part is the whole message as it was, perhaps with text around it."""
    return bool(whole.content) and whole.content in part.content


def _same_parts(old: Sequence[Part], part: Part) -> bool:
    return [p.content for p in part.parts] == [p.content for p in old]
