"""Which command may follow which, as a table.

::

    NEW -O-> OPEN -C-> CONNECTED -H-> READY -M-> MAIL -R-> RECIPIENT -T-> DATA
                                        ^                                  |L
                    (answer to E, A) ---+--- ENDED <-E- BODY <-B- END_OF_HEADER <-N- HEADER

A command that was negotiated away may be missing, so what may follow it may also come in
its place; `table` works that out.  HELO, RCPT and DATA may be missing in any case: an SMTP
client need not greet, and conformance testers leave the others out.  MAIL and HELO may come
at any time between commands and begin anew, for Sendmail tells nobody about RSET.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from avowal.milter.negotiation import Agreement


class State(IntEnum):
    """Where a connection stands, in the order of a conversation: going back is a new message."""

    NEW = 0
    OPEN = 1
    CONNECTED = 2
    READY = 3
    MAIL = 4
    RECIPIENT = 5
    DATA = 6
    HEADER = 7
    END_OF_HEADER = 8
    BODY = 9
    ENDED = 10
    CLOSED = 11


Row = dict[int, State]
_S = State


def _row(**commands: State) -> Row:
    return {ord(command): state for command, state in commands.items()}


_ANEW = {"H": _S.READY, "M": _S.MAIL}
_CONTENT = {"T": _S.DATA, "L": _S.HEADER, "N": _S.END_OF_HEADER}
_NEXT: dict[State, Row] = {
    _S.NEW: _row(O=_S.OPEN),
    _S.OPEN: _row(C=_S.CONNECTED),
    _S.CONNECTED: _row(**_ANEW),
    _S.READY: _row(**_ANEW),
    _S.MAIL: _row(R=_S.RECIPIENT, **_CONTENT, **_ANEW),
    _S.RECIPIENT: _row(R=_S.RECIPIENT, **_CONTENT, **_ANEW),
    _S.DATA: _row(L=_S.HEADER, N=_S.END_OF_HEADER, **_ANEW),
    _S.HEADER: _row(L=_S.HEADER, N=_S.END_OF_HEADER, **_ANEW),
    _S.END_OF_HEADER: _row(B=_S.BODY, E=_S.ENDED, **_ANEW),
    _S.BODY: _row(B=_S.BODY, E=_S.ENDED, **_ANEW),
    _S.ENDED: {},
    _S.CLOSED: {},
}


def _reachable(state: State, missing: frozenset[int], seen: set[State]) -> Row:
    """Return the commands that may come in a state, through commands that are not sent."""
    seen.add(state)
    row = dict(_NEXT[state])
    for command, after in _NEXT[state].items():
        if command in missing and after not in seen:
            row = _reachable(after, missing, seen) | row
    return {command: after for command, after in row.items() if command not in missing}


def _anytime(state: State) -> Row:
    """Return the commands that may come whatever else may."""
    if state is State.CLOSED:
        return {}
    row = _row(Q=_S.CLOSED)
    if state is not State.NEW:
        # Postfix aborts after each message and twice before it quits.
        row |= _row(A=min(state, _S.READY), K=_S.OPEN)
        if state is not State.ENDED:
            row |= _row(D=state, U=state)
    return row


@lru_cache(maxsize=64)
def _table(missing: frozenset[int]) -> dict[State, Row]:
    return {state: _reachable(state, missing, set()) | _anytime(state) for state in State}


UNNEGOTIATED: dict[State, Row] = _table(frozenset())


def table(agreement: Agreement) -> dict[State, Row]:
    """Return, for each state, the commands that may come and the state each leads to."""
    # DATA and UNKNOWN change nothing: a tester may send them though they were negotiated away.
    return _table(agreement.unsent.difference(b"TU"))
