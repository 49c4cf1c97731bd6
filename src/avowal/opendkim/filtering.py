"""One message through the filter: decided at the end of its header, judged at its end.

No I/O happens here but the reading of keys and data sets.  The milter connection drives it,
the test mode of the command (-t) does, and the tests do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from avowal.agenda import Agenda, shares_of
from avowal.canonical import Octets
from avowal.dkim.verification import Verification
from avowal.errors import StoreError, UsageError
from avowal.examine.findings import Receiver
from avowal.limits import DEFAULT
from avowal.lookup import Steps
from avowal.message import Header
from avowal.milter.actions import reply_code
from avowal.milter.packets import Answer, PlainAnswer
from avowal.opendkim import forged, signing, unverified
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.hosts import holds_host
from avowal.opendkim.journal import Detail, Journal
from avowal.opendkim.keyring import Keyring, keyring_of
from avowal.opendkim.passing import Passing, required
from avowal.opendkim.receiver import receiver_of
from avowal.opendkim.settings import Settings
from avowal.opendkim.signing import SigningWork
from avowal.opendkim.syntax import syntax_fault
from avowal.opendkim.treatment import Treatment, TreatmentKind, header_fault, treat
from avowal.opendkim.verdict import OpendkimVerdict
from avowal.opendkim.verification import VerifyingWork


@dataclass(frozen=True, slots=True)
class OpendkimGeneration:
    """What one reading of the configuration gave; a reload makes another one."""

    settings: Settings
    keyring: Keyring
    detail: Detail
    receiver: Receiver

    @classmethod
    def of(cls, settings: Settings) -> OpendkimGeneration:
        """Build it."""
        receiver = receiver_of(settings)
        return cls(settings, keyring_of(settings), Detail.of(settings.conf), receiver)

    def admits(self, envelope: Envelope) -> bool:
        """Whether a connection is filtered at all: peers are not (PeerList)."""
        peers = self.settings.peers
        if peers is None:
            return True
        try:
            return not holds_host(peers, envelope.client_name, envelope.client)
        except StoreError:
            return True


class Filtering:
    """One message.

    `early` is the verdict where it is known at the end of the header; otherwise the body is
    to be fed, the questions of `agenda` answered, and `finish` driven to its verdict on it.
    """

    def __init__(
        self,
        generation: OpendkimGeneration,
        envelope: Envelope,
        header: Header,
        *,
        now: int,
        draw: int,
    ) -> None:
        self.settings = settings = generation.settings
        self._envelope = envelope
        self.header = header
        self.agenda = Agenda(shares_of(DEFAULT))
        self.journal = Journal(envelope.job, generation.detail)
        self.early: OpendkimVerdict | None = None
        self.treatment: Treatment | None = None
        self._signing: SigningWork | None = None
        self._verifying: VerifyingWork | None = None
        self._settled: OpendkimVerdict | None = None
        self._malformed = False
        if _is_oversize(header, settings):
            self._settle(unverified.oversize_verdict(settings, self.journal))
            return
        seen = header if settings.replacer is None else settings.replacer.header(header)
        self.treatment = treat(settings, generation.keyring, envelope, seen, self.journal)
        self._begin(self.treatment, seen, generation.receiver, now, draw)

    def _begin(
        self, treatment: Treatment, seen: Header, receiver: Receiver, now: int, draw: int
    ) -> None:
        kind = treatment.kind
        if kind is TreatmentKind.LEAVE:
            self.early = OpendkimVerdict(answer=PlainAnswer.ACCEPT)
        elif kind is TreatmentKind.UNAVAILABLE:
            self.early = OpendkimVerdict(answer=PlainAnswer.TEMPFAIL)
        elif kind is TreatmentKind.REFUSE:
            self.early = OpendkimVerdict(answer=_refusal(treatment.why or "malformed"))
        elif kind is TreatmentKind.MALFORMED or self._breaks_counts():
            self._malformed = True
        elif (why := syntax_fault(self.header)) is not None:
            self._settle(unverified.syntax_verdict(self.settings, self.journal, why))
        elif kind is TreatmentKind.SIGN:
            self._begin_signing(treatment, seen, now)
        else:
            self._verifying = VerifyingWork(
                self.settings, self._envelope, self.header, treatment, self.journal,
                receiver=receiver, now=now, draw=draw, agenda=self.agenda,
            )  # fmt: skip

    def _settle(self, verdict: OpendkimVerdict) -> None:
        """Answer now, as OpenDKIM does; what is let through loses its forged results first."""
        signs = self.treatment is not None and self.treatment.kind is TreatmentKind.SIGN
        if not signs:
            verdict = self._required(verdict)
        if signs or verdict.answer is not PlainAnswer.ACCEPT:
            self.early = verdict
            return
        removals = forged.removals(self.settings, self._envelope, self.header, self.journal)
        changes = (*removals, *verdict.modifications)
        if changes:  # which an MTA takes at the end of the message only
            self._settled = replace(verdict, modifications=changes)
        else:
            self.early = verdict

    def _begin_signing(self, treatment: Treatment, seen: Header, now: int) -> None:
        try:
            self._signing = SigningWork(
                self.settings, self._envelope, seen, treatment, self.journal, now=now
            )
        except UsageError as fault:
            self.early = signing.refused(self.settings, self.journal, fault)

    def _breaks_counts(self) -> bool:
        return self.settings.on("StrictHeaders") and header_fault(self.header) is not None

    @property
    def verifies(self) -> bool:
        """Whether signatures are verified."""
        return self._verifying is not None

    @property
    def verifications(self) -> tuple[Verification, ...]:
        """What was found of each signature, once the message was judged."""
        return () if self._verifying is None else self._verifying.verifications

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        if self._signing is not None:
            self._signing.feed(chunk)
            return True
        return self._verifying is not None and self._verifying.feed(chunk)

    def finish(self) -> Steps[OpendkimVerdict]:
        """End the message and say what to do with it."""
        if self.early is not None:
            return self.early
        if self._settled is not None:
            return self._settled
        if self._malformed:
            return self._required(
                unverified.malformed_verdict(
                    self.settings, self._envelope, self.header, self.journal
                )
            )
        if self._signing is not None:
            return self._signing.finish()
        assert self._verifying is not None  # noqa: S101 - one of the four
        return self._required((yield from self._verifying.finish()))

    def _required(self, verdict: OpendkimVerdict) -> OpendkimVerdict:
        found = Passing() if self._verifying is None else self._verifying.passing
        return required(
            self.settings, self._envelope, self.header, found, verdict, journal=self.journal
        )


def _is_oversize(header: Header, settings: Settings) -> bool:
    beyond = header.beyond
    return len(header.octets) > settings.header_octets or (
        beyond is not None and beyond.limit == "header_octets"
    )


def _refusal(why: str) -> Answer:
    return reply_code(550, "5.0.0", why)
