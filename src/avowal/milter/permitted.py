"""Which answer fits which event and which modifications were agreed: refused before they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from avowal.errors import StateError, UsageError
from avowal.milter import actions
from avowal.milter.codec import encode, name_of
from avowal.milter.negotiation import Agreement, ProtocolFlags
from avowal.milter.packets import Answer, Modification, PlainAnswer

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
        need = actions.NEEDED[type(modification)]
        if need not in agreement.actions:
            raise UsageError(f"ActionFlags.{need.name} was not agreed: wish for it")
    arranged = actions.arrange(wanted)
    if not agreement.exact_octets:
        arranged = [actions.without_leading_space(one) for one in arranged]
    return [encode(one) for one in arranged]
