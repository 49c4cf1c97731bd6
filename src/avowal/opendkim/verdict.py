"""What is to be done with a message, in the words of the milter protocol."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.milter.actions import reply_code
from avowal.milter.packets import Answer, Modification, PlainAnswer, Quarantine

_ANSWERS = {
    "accept": PlainAnswer.ACCEPT, "discard": PlainAnswer.DISCARD,
    "reject": PlainAnswer.REJECT, "tempfail": PlainAnswer.TEMPFAIL,
    "quarantine": PlainAnswer.ACCEPT,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A message of ours to be handed to MTACommand: envelope sender, and octets in wire form."""

    sender: str
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpendkimVerdict:
    """The answer to the MTA, the modifications before it, and mail to send besides."""

    answer: Answer = PlainAnswer.ACCEPT
    modifications: tuple[Modification, ...] = ()
    mails: tuple[Mail, ...] = ()


def answer_of(action: str, reply: str | None, tempfail_code: str = "4.7.0") -> Answer:
    """Return the answer of an action: with words where there are some, and plain where not."""
    if reply is not None and action == "reject":
        return reply_code(550, "5.7.0", reply)
    if reply is not None and action == "tempfail":
        return reply_code(451, tempfail_code, reply)
    return _ANSWERS[action]


def holds(action: str, why: str) -> tuple[Modification, ...]:
    """Return the quarantine that an action asks for, if it does."""
    return (Quarantine(why.encode("ascii", "replace")),) if action == "quarantine" else ()
