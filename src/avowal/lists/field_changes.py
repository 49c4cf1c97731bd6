"""What happened to the header fields, name by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from avowal.canonical import relaxed_field
from avowal.lists.edits import Replace, Script
from avowal.lists.encoded_words import decode
from avowal.lists.findings import ListFinding, ListFindingKind
from avowal.mailbox import Authors
from avowal.message import Field, Header

_TAG = re.compile(rb"\s*\[[^\[\]\r\n]{1,80}\]\s*|\s*\([^()\r\n]{1,80}\)\s*")
_MOST_TAGS = 4


def findings(before: Header, after: Header) -> Iterator[ListFinding]:
    """Yield the changes of the header section, in the order of the names' first fields."""
    rewritten = _author_changed(before, after)
    found = [
        finding
        for name in dict.fromkeys((*before.names, *after.names))
        for finding in _of_name(name, before.named(name), after.named(name), rewritten=rewritten)
    ]
    if not found and before.raws != after.raws:
        found.append(ListFinding(kind=ListFindingKind.FIELDS_REORDERED, subject="header"))
    yield from found


def _author_changed(before: Header, after: Header) -> bool:
    def addresses(header: Header) -> list[str]:
        return [str(mailbox).lower() for mailbox in Authors.of(header).mailboxes]

    return addresses(before) != addresses(after)


def _of_name(
    name: bytes, before: tuple[Field, ...], after: tuple[Field, ...], *, rewritten: bool
) -> Iterator[ListFinding]:
    old, new = [field.raw for field in before], [field.raw for field in after]
    if old == new:
        return
    shown = _shown(after[0] if after else before[0])
    if sorted(old) == sorted(new):
        yield ListFinding(kind=ListFindingKind.FIELDS_REORDERED, subject=shown)
        return
    for step in Script.between(old, new).replacements:
        for was, came in _pairs(step):
            kind, went, put = _kind(name, was, came, rewritten=rewritten)
            yield ListFinding(kind=kind, subject=shown, before=went, after=put)


def _pairs(step: Replace) -> Iterator[tuple[Field | None, Field | None]]:
    for was, came in zip_longest(step.removed, step.added):
        yield (
            None if was is None else Field.of(was),
            None if came is None else Field.of(came),
        )


def _kind(
    name: bytes, was: Field | None, came: Field | None, *, rewritten: bool
) -> tuple[ListFindingKind, bytes | None, bytes | None]:
    old = None if was is None else was.value.strip(b" \t\r\n")
    new = None if came is None else came.value.strip(b" \t\r\n")
    if name == b"reply-to":
        return ListFindingKind.REPLY_TO, old, new
    if was is None or came is None:
        return (
            (ListFindingKind.FIELD_ADDED if was is None else ListFindingKind.FIELD_DROPPED),
            old,
            new,
        )
    if name and relaxed_field(*was) == relaxed_field(*came):
        same_value = was.value == came.value
        return (
            (ListFindingKind.FIELD_RENAMED if same_value else ListFindingKind.FIELD_REFOLDED),
            old,
            new,
        )
    if name == b"from" and rewritten:
        return ListFindingKind.FROM_REWRITTEN, old, new
    if name == b"subject":
        tag = _tag(_words(was), _words(came))
        if tag is not None:
            return ListFindingKind.SUBJECT_TAG, None, tag
    return ListFindingKind.FIELD_CHANGED, old, new


def _tag(before: bytes, after: bytes) -> bytes | None:
    """Return the tag whose removal leads back to the subject as it was, None when none does."""
    for number, found in enumerate(_TAG.finditer(after)):
        if number == _MOST_TAGS:
            break
        rest = after[: found.start()] + b" " + after[found.end() :]
        if rest.split() == before.split():
            return found[0].strip()
    return None


def _words(field: Field) -> bytes:
    """Return a value as people read it: encoded or folded anew, it says the same."""
    return decode(field.value).encode()


def _shown(field: Field) -> str:
    name = field.raw[: max(field.colon, 0)].rstrip(b" \t")
    return name.decode("ascii", "backslashreplace") or "a line that is no field"
