"""What exactly changed between two versions of a message (RFC 6377 §3.3), and its inverse.

::

    changed = changes(before, after)
    changed.apply(before) == after          # octet for octet, and back with undo
    for finding in changed.findings:
        print(finding)                      # Subject: a tag was put in: "[list] "

The edit scripts are exact; the findings explain them in the words of people who run lists.
They are a reading, so a change that fits no known habit is reported as what it is.
Which signatures survive which change is left to `habits` and `advice`.
"""

from __future__ import annotations

from dataclasses import dataclass

from avowal.lists import body_changes, field_changes
from avowal.lists.edits import Script
from avowal.lists.findings import ListFinding, ListFindingKind
from avowal.message import CRLF, Field, Header, Message

__all__ = ["Changes", "ListFinding", "ListFindingKind", "changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The way from one version of a message to another.

    `fields` edits the header's fields, `body` the lines of the body without their CRLF.
    """

    fields: Script
    body: Script
    findings: tuple[ListFinding, ...] = ()

    def apply(self, before: Message) -> Message:
        """Return the later version.  Raises EditMismatch for another message."""
        return _edited(before, self.fields, self.body)

    def undo(self, after: Message) -> Message:
        """Return the earlier version.  Raises EditMismatch for another message."""
        return _edited(after, self.fields.reverse, self.body.reverse)

    def found(self, *kinds: ListFindingKind) -> tuple[ListFinding, ...]:
        """Return the findings of these kinds."""
        return tuple(finding for finding in self.findings if finding.kind in kinds)

    def __bool__(self) -> bool:
        return bool(self.fields) or bool(self.body)


def changes(before: Message, after: Message) -> Changes:
    """Compare two versions of a message, both in wire form."""
    return Changes(
        fields=Script.between(before.header.raws, after.header.raws),
        body=Script.between(before.body.split(CRLF), after.body.split(CRLF)),
        findings=(
            *field_changes.findings(before.header, after.header),
            *body_changes.findings(before, after),
        ),
    )


def _edited(message: Message, fields: Script, body: Script) -> Message:
    raws = fields.apply(message.header.raws)
    return Message(
        Header.of([Field.of(raw) for raw in raws]),
        CRLF.join(body.apply(message.body.split(CRLF))),
    )
