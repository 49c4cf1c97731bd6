"""What a filter answers and asks of the MTA: what fits, made so that all MTAs do what is meant.

The facts behind each rule were measured on Postfix 3.7 and 3.10 and Sendmail 8.17:

- Index 0 of an insertion is the very top, above the MTA's own Received field, which the
  filter never sees.  Each insertion applies to the list as the ones before left it.
- Index n of a change counts the fields of that name the filter was shown, from 1.  An
  insertion makes the MTA's own Received count too, and in Postfix a deletion shifts
  the fields below: so changes go first, the highest index first (`arrange`).
- Other indices of an insertion mean different places to the two, and are not offered.
- Folds travel as bare LF; a CR LF inside a value leaves as CR CR LF.
- Postfix wants the chunks of a new body in one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from avowal.errors import StateError, UsageError
from avowal.milter.codec import encode, name_of
from avowal.milter.negotiation import ActionFlags, Agreement, ProtocolFlags
from avowal.milter.packets import (
    AddHeader,
    AddRecipient,
    AddRecipientArguments,
    Answer,
    ChangeHeader,
    ChangeSender,
    DeleteRecipient,
    InsertHeader,
    Modification,
    PlainAnswer,
    Quarantine,
    ReplaceBody,
    ReplyCode,
)

FIELD_OCTETS = 65500
"""Longest field to hand to an MTA: libmilter's packet of 65535 with room for the rest."""
LINE_OCTETS = 998  # RFC 5322 §2.1.1
REPLY_LINE_OCTETS = 980  # libmilter's MAXREPLYLEN
REPLY_LINES = 32  # libmilter's MAXREPLIES

_NAME = re.compile(rb"[!-9;-~]+")  # RFC 5322 §3.6.8 ftext
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}")  # RFC 3463 §2
_CONTROLS = dict.fromkeys((*range(32), 127), " ")

NEEDED: dict[type[Modification], ActionFlags] = {
    AddHeader: ActionFlags.ADD_HEADERS,
    InsertHeader: ActionFlags.ADD_HEADERS,
    ChangeHeader: ActionFlags.CHANGE_HEADERS,
    ReplaceBody: ActionFlags.CHANGE_BODY,
    AddRecipient: ActionFlags.ADD_RECIPIENTS,
    AddRecipientArguments: ActionFlags.ADD_RECIPIENT_ARGUMENTS,
    DeleteRecipient: ActionFlags.DELETE_RECIPIENTS,
    ChangeSender: ActionFlags.CHANGE_SENDER,
    Quarantine: ActionFlags.QUARANTINE,
}
"""The action that must have been agreed for each kind of modification."""


def parts(field: bytes) -> tuple[bytes, bytes]:
    """Split the wire octets of a field into the name and value that a milter packet carries.

    Folds may be CRLF or LF and become LF; white space behind the colon stays.  Raises
    UsageError for what an MTA would garble: NUL, bare CR, a line break that is no fold,
    a line beyond 998 octets, a name that is none.
    """
    name, colon, value = field.removesuffix(b"\r\n").partition(b":")
    if not colon or not _NAME.fullmatch(name):
        raise UsageError(f"not a header field: {field[:40]!r}")
    value = value.replace(b"\r\n", b"\n")
    _check_value(name, value)
    return name, value


def _check_value(name: bytes, value: bytes) -> None:
    subject = name.decode("ascii")
    if b"\0" in value or b"\r" in value:
        raise UsageError(f"{subject}: a NUL or a bare CR cannot be handed to an MTA")
    if len(name) + len(value) > FIELD_OCTETS:
        raise UsageError(f"{subject}: longer than the {FIELD_OCTETS} octets an MTA takes")
    first, *folded = value.split(b"\n")
    if len(name) + 1 + len(first) > LINE_OCTETS or any(len(f) > LINE_OCTETS for f in folded):
        raise UsageError(f"{subject}: a line of more than {LINE_OCTETS} octets")
    if not all(line[:1] in (b" ", b"\t") and line.strip(b" \t") for line in folded):
        # An all-blank line is obsolete folding (RFC 5322 §4.2), which MTAs cut off.
        raise UsageError(f"{subject}: a line break that is no fold")


def on_top(fields: Iterable[bytes]) -> tuple[InsertHeader, ...]:
    """Insert fields (wire octets) at the very top, so that they read in the given order."""
    return tuple(InsertHeader(0, *parts(field)) for field in reversed(list(fields)))


def delete(name: bytes, instances: Iterable[int]) -> tuple[ChangeHeader, ...]:
    """Delete the n-th fields of a name, counted from 1 at the top as they were shown."""
    _check_name(name)
    return tuple(ChangeHeader(_index(n), name, b"") for n in sorted(set(instances), reverse=True))


def replace_field(instance: int, field: bytes) -> ChangeHeader:
    """Give the n-th field of a name, counted from 1 as shown, the value of `field`."""
    name, value = parts(field)
    if not value.strip(b" \t\n"):
        raise UsageError("an empty value would delete the field: ask for that with `delete`")
    return ChangeHeader(_index(instance), name, value)


def _index(instance: int) -> int:
    if instance < 1:
        raise UsageError(f"fields of a name are counted from 1, not {instance}")
    return instance


def _check_name(name: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"not the name of a header field: {name[:40]!r}")


def quarantine(reason: str) -> Quarantine:
    """Hold the message; the reason is shown to the operator in the MTA's queue."""
    cleaned = _clean(reason)[:500]
    if not cleaned:
        raise UsageError("a quarantine needs a reason")
    return Quarantine(cleaned.encode("ascii"))


def reply_code(code: int, enhanced: str | None, text: str) -> ReplyCode:
    """Make the SMTP reply of a rejection; line breaks in the text make a multi-line reply.

    `code` is 4xx or 5xx and the class of the enhanced code must agree with it (RFC 2034
    §4).  Controls become spaces and what is not ASCII a question mark; long lines are cut.
    """
    if not 400 <= code <= 599:
        raise UsageError(f"a milter can only give 4xx and 5xx replies, not {code}")
    if enhanced is not None:
        found = _ENHANCED.fullmatch(enhanced)
        if found is None or found[1] != str(code)[0]:
            raise UsageError(f"the enhanced code {enhanced} does not fit a reply {code}")
    texts = [_clean(line) for line in re.split(r"\r\n|\r|\n", text)]
    texts = [line for line in texts if line][:REPLY_LINES] or ["refused"]
    prefix = f"{enhanced} " if enhanced else ""
    lines = [f"{prefix}{line}"[:REPLY_LINE_OCTETS].replace("%", "%%") for line in texts]
    marks = ["-"] * (len(lines) - 1) + [" "]
    reply = "\r\n".join(f"{code}{mark}{line}" for mark, line in zip(marks, lines, strict=True))
    return ReplyCode(reply.encode("ascii"))


def _clean(text: str) -> str:
    return text.translate(_CONTROLS).encode("ascii", "replace").decode("ascii").strip(" ")


_CLASSES: dict[type[Modification], int] = {
    ChangeHeader: 0,
    AddHeader: 1,
    InsertHeader: 2,
    ChangeSender: 3,
    AddRecipient: 3,
    AddRecipientArguments: 3,
    DeleteRecipient: 3,
    ReplaceBody: 4,
    Quarantine: 5,
}


def arrange(modifications: Sequence[Modification]) -> list[Modification]:
    """Order modifications so that every index means the field the filter was shown.

    Insertions keep their order among themselves, and so do the chunks of a body.
    Raises UsageError where one field is changed twice.
    """
    changed: set[tuple[bytes, int]] = set()
    for change in modifications:
        if isinstance(change, ChangeHeader):
            field = change.name.lower(), max(change.index, 1)
            if field in changed:
                raise UsageError(f"two changes to field {field[1]} named {field[0].decode()}")
            changed.add(field)
    return sorted(modifications, key=_place)


def _place(modification: Modification) -> tuple[int, int]:
    down = -modification.index if isinstance(modification, ChangeHeader) else 0
    return _CLASSES[type(modification)], down


def without_leading_space(modification: Modification) -> Modification:
    """Rewrite a field for an MTA that adds the space behind the colon itself."""
    if isinstance(modification, AddHeader | InsertHeader | ChangeHeader):
        return replace(modification, value=modification.value.removeprefix(b" "))
    return modification


# -- what fits, and what was agreed: refused before it goes -------------------------------------

_D = PlainAnswer
_ENVELOPE = frozenset({_D.CONTINUE, _D.ACCEPT, _D.REJECT, _D.TEMPFAIL, _D.DISCARD})
# Postfix warns and ignores a discard at CONNECT and HELO.
_GREETING = _ENVELOPE - {_D.DISCARD}
FITTING: Final[dict[int, frozenset[PlainAnswer]]] = {
    ord("C"): _GREETING,
    ord("H"): _GREETING,
    ord("M"): _ENVELOPE,
    ord("R"): _ENVELOPE,
    ord("T"): _ENVELOPE,
    ord("L"): _ENVELOPE,
    ord("N"): _ENVELOPE,
    ord("B"): _ENVELOPE | {_D.SKIP},
    ord("E"): _ENVELOPE,  # Sendmail answers 451 to SKIP here
    ord("U"): frozenset({_D.CONTINUE, _D.REJECT, _D.TEMPFAIL}),
}
"""For each command the final answers without data; a ReplyCode fits them all."""


def check(agreement: Agreement, command: int, answer: Answer) -> None:
    """Refuse, by UsageError, an answer that does not fit the command or was not agreed."""
    if isinstance(answer, PlainAnswer) and answer not in FITTING[command]:
        raise UsageError(f"{answer.name} is no answer to {name_of(command)}")
    if answer is _D.SKIP and ProtocolFlags.SKIP not in agreement.protocol:
        raise UsageError("SKIP was not agreed: add ProtocolFlags.SKIP to the wish")


def modify(
    agreement: Agreement,
    command: int,
    answer: Answer,
    wanted: Sequence[Modification],
    *,
    refused_too: bool = False,
) -> list[bytes]:
    """Return the packets of modifications, in the order that keeps their indices true.

    Raises StateError before the end of the message, UsageError for what was not agreed and,
    unless `refused_too`, for changes to a message that is not accepted: an MTA forgets them.
    """
    if command != ord("E"):
        raise StateError("a message can only be modified at its end")
    if not refused_too and answer not in (_D.CONTINUE, _D.ACCEPT):
        raise UsageError("only a message that is accepted can be modified")
    for modification in wanted:
        need = NEEDED[type(modification)]
        if need not in agreement.actions:
            raise UsageError(f"ActionFlags.{need.name} was not agreed: wish for it")
    arranged = arrange(wanted)
    if not agreement.exact_octets:
        arranged = [without_leading_space(one) for one in arranged]
    return [encode(one) for one in arranged]
