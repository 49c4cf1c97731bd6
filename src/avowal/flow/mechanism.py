"""How mechanisms plug into the inspection of a message.

A `Mechanism` verifies: it asks DNS by a flow, sees the body pass, and returns a `Finding`,
knowing those of the mechanisms before it (DMARC needs those of SPF and DKIM).  A `Sealer`
adds fields when all findings are there (DKIM signatures, an ARC set); whatever has to be
signed is yielded, so that keys in memory and keys behind a network are served alike.

A new one needs nothing but a line where the plan is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from avowal.authres import AuthenticationResults, Result
from avowal.canonical import Octets
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.unsigned import Signed, Signing
from avowal.flow.classes import ResultClass
from avowal.flow.trace import Step
from avowal.flow.transaction import Transaction
from avowal.lookup import Steps
from avowal.message import Field, Header

if TYPE_CHECKING:
    from avowal.flow.plan import Plan
    from avowal.flow.treatment import Treatment


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a mechanism is told about a message.

    `header` is the one that came, `outgoing` the one that leaves but for what is put on
    top; signatures are made over the latter.  `now` is in Unix seconds.  `hasher` hashes the
    body once for all; whoever registers with it leaves feeding and ending it to the
    inspection.  `begun` are the works of the mechanisms before, by name.
    """

    plan: Plan
    transaction: Transaction
    treatment: Treatment
    header: Header
    outgoing: Header
    now: int
    hasher: BodyHasher
    begun: Mapping[str, Work]

    @property
    def is_judged(self) -> bool:
        """Whether the message is a stranger's that came over the network."""
        treatment, client = self.treatment, self.transaction.client
        return treatment.verify and not treatment.ours and client is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a mechanism found.

    `value` is for those behind it, `results` for Authentication-Results, `class_` what an
    action may follow from (None where nothing is wrong), `why` its sentence, `steps` for
    the trace.
    """

    value: Any = None
    results: tuple[Result, ...] = ()
    class_: ResultClass | None = None
    why: str = ""
    steps: tuple[Step, ...] = ()


Findings: TypeAlias = Mapping[str, Finding]


class Work(Protocol):
    """One mechanism at work on one message.

    `wants_body` is False for one whose hashes the shared hasher makes: it is not fed.
    """

    @property
    def wants_body(self) -> bool: ...

    def questions(self) -> Steps[Any]:
        """Ask DNS; the result comes back in `finish`."""

    def feed(self, chunk: Octets, /) -> bool:
        """Take the next octets of the body; return whether more can matter."""

    def finish(self, answers: Any, before: Findings, /) -> Finding:
        """Conclude.  `answers` is None when DNS was not waited for.  Raises nothing."""


class Mechanism(Protocol):
    """Something that can be verified; `name` is the key of its finding."""

    @property
    def name(self) -> str: ...

    def begin(self, context: Context, /) -> Work | None:
        """Start on a message; None where there is nothing to do.  Raises nothing."""


class Sealed(NamedTuple):
    """What a sealer made: its fields from top to bottom, and the DKIM signatures among them."""

    fields: tuple[Field, ...] = ()
    signed: tuple[Signed, ...] = ()


Sealing: TypeAlias = Signing[Sealed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a sealer works with when all is known.

    `results` are those we report, None where we have no name; `recorded` is the field with
    them, where a signature has to cover it: it will stand on top of everything.  `header`
    is the one that leaves, with what the sealers before put on top.
    """

    findings: Findings
    results: AuthenticationResults | None
    recorded: Field | None
    header: Header


class Seal(Protocol):
    """One sealer at work on one message; `wants_body` as for `Work`."""

    @property
    def wants_body(self) -> bool: ...

    def feed(self, chunk: Octets, /) -> bool:
        """Take the next octets of the body; return whether more can matter."""

    def seal(self, closing: Closing, /) -> Sealing:
        """Make the fields.  Raises UsageError for a message or key that cannot be used."""


class Sealer(Protocol):
    """Something that adds fields on top of the message."""

    @property
    def name(self) -> str: ...

    def begin(self, context: Context, /) -> Seal | None:
        """Start on a message; None where there is nothing to do.  Raises UsageError."""
