"""The closed list of what lists and forwarders do to a message, and one instance of it."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.enums import Word
from avowal.text import printable


class ListFindingKind(Word):
    """One habit of lists and forwarders: its word, and a sentence for people."""

    SUBJECT_TAG = ("subject-tag", "a tag was put into the Subject")
    FROM_REWRITTEN = ("from-rewritten", "the author's address was replaced")
    REPLY_TO = ("reply-to", "replies are led elsewhere")
    FIELD_ADDED = ("field-added", "a field was added")
    FIELD_DROPPED = ("field-dropped", "a field was taken out")
    FIELD_CHANGED = ("field-changed", "a field's value was changed")
    FIELD_REFOLDED = ("field-refolded", "only white space or folding of a field changed")
    FIELD_RENAMED = ("field-respelled", "only the spelling of a field's name changed")
    FIELDS_REORDERED = ("fields-reordered", "the same fields stand in another order")
    FOOTER = ("footer", "text was added at the end")
    BANNER = ("banner", "text was added at the beginning")
    MIME_WRAPPED = ("mime-wrapped", "the message became a part of a new multipart")
    PART_ADDED = ("part-added", "a part was added")
    PART_DROPPED = ("part-dropped", "a part was taken out")
    PART_HEADER = ("part-header", "the header of a part was changed")
    ENCODING = ("encoding", "the same content is encoded in another way")
    BOUNDARY = ("boundary", "the text between parts, or the boundary, changed")
    WHITE_SPACE = ("white-space", "only white space in lines or at the end changed")
    LINE_ENDS = ("line-ends", "only line ends changed")
    CONTENT = ("content", "content was changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFinding:
    """One change: `subject` is a field's name, or the place of a part such as ``1.2``.

    `before` and `after` are the octets that went and came; None where there were none.
    """

    kind: ListFindingKind
    subject: str
    before: bytes | None = None
    after: bytes | None = None

    def __str__(self) -> str:
        text = f"{self.subject}: {self.kind.sentence}"
        shown = self.after if self.after is not None else self.before
        return text if shown is None else f'{text}: "{printable(shown, most=120)}"'
