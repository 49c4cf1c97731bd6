"""What the flow decided, in milter packets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from avowal.flow.actions import Actions, FlowDisposition
from avowal.milter import actions as packets_of
from avowal.milter.packets import (
    AddRecipient,
    Answer,
    ChangeHeader,
    DeleteRecipient,
    Modification,
    PlainAnswer,
)
from avowal.milter.session import FilterSession
from avowal.milter.transaction import bare

_PLAIN: Final[Mapping[FlowDisposition, PlainAnswer]] = {
    # Not ACCEPT: at the end of a message the two are the same to both MTAs.
    FlowDisposition.ACCEPT: PlainAnswer.CONTINUE,
    FlowDisposition.REJECT: PlainAnswer.REJECT,
    FlowDisposition.TEMPFAIL: PlainAnswer.TEMPFAIL,
    FlowDisposition.DISCARD: PlainAnswer.DISCARD,
}


def answer_of(actions: Actions) -> Answer:
    """Return the final answer."""
    if actions.reply is not None:
        return packets_of.reply_code(*actions.reply)
    return _PLAIN[actions.disposition]


def modifications_of(actions: Actions, session: FilterSession) -> tuple[Modification, ...]:
    """Return the modifications; the session puts them into an order that keeps indices true.

    Raises UsageError for a field that no MTA would take as it is.
    """
    if not actions.modifies:
        return ()
    wanted: list[Modification] = [
        ChangeHeader(one.instance, one.name, b"") for one in actions.delete
    ]
    wanted += [packets_of.replace_field(one.instance, one.field.raw) for one in actions.change]
    wanted += packets_of.on_top(field.raw for field in actions.insert)
    if actions.redirect is not None:
        wanted += [DeleteRecipient(one.address) for one in session.recipients]
        wanted.append(AddRecipient(b"<%b>" % bare(actions.redirect)))
    if actions.quarantine is not None:
        wanted.append(packets_of.quarantine(actions.quarantine))
    return tuple(wanted)
