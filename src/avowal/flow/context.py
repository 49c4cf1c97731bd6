"""One message under inspection, and what is concluded from its findings."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.authres import MethodResult
from avowal.flow.classes import ResultClass
from avowal.flow.plan import Plan
from avowal.flow.trace import Step
from avowal.flow.transaction import Transaction
from avowal.flow.treatment import Treatment
from avowal.message import Header
from avowal.policy.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A message, what is known around it, and how it is treated.

    `header` is the one that came, `outgoing` the one that leaves but for what is put on
    top; signatures are made over the latter.  `now` is in Unix seconds.
    `is_judged` says that the message is a stranger's that came over the network.
    """

    plan: Plan
    transaction: Transaction
    treatment: Treatment
    header: Header
    outgoing: Header
    now: int
    is_judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What this site concludes about one side of a message.

    `results` are for Authentication-Results, `class_` is what an action may follow from
    (None where nothing is wrong), `why` its sentence.  `told`, a mechanism's own trace, and
    `steps` are for that of the message, `opinions` are what is thought of those who answer for
    the message, for the log.
    """

    results: tuple[MethodResult, ...] = ()
    class_: ResultClass | None = None
    why: str = ""
    told: Trace = ()
    steps: tuple[Step, ...] = ()
    opinions: tuple[str, ...] = ()
