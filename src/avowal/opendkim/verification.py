"""Verifying one message as OpenDKIM does: the same verdicts, words and actions.

What RFC 8301 and good sense forbid but OpenDKIM 2.11 lets pass (rsa-sha1, text behind l=,
fields added beside signed ones) passes here as well: who moves over gets the results he
had.  `avowal milter` judges by the standards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from avowal.agenda import Agenda
from avowal.canonical import Octets
from avowal.crypto.algorithms import has_sizes
from avowal.dkim.signature import FIELD_NAME
from avowal.dkim.verification import Verification
from avowal.examine.examination import Examination
from avowal.examine.findings import Receiver, Want
from avowal.lookup import Steps
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.milter.packets import (
    AddHeader,
    AddRecipient,
    DeleteRecipient,
    InsertHeader,
    Modification,
)
from avowal.opendkim import forged, results
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.feedback import Feedback
from avowal.opendkim.journal import Journal
from avowal.opendkim.passing import Passing, passing, screened
from avowal.opendkim.passing import deciding as decider
from avowal.opendkim.results import Judged, key_bits
from avowal.opendkim.settings import Settings
from avowal.opendkim.sigerrors import (
    BAD_SIGNATURE,
    FIELD_UNSIGNED,
    IGNORED,
    KEY_REVOKED,
    KEY_TOO_SMALL,
    KEY_UNUSABLE,
    NO_SIGNATURE,
    OK,
    OnError,
    SigError,
    error_of,
    on_error,
)
from avowal.opendkim.signing import software_field
from avowal.opendkim.treatment import Treatment
from avowal.opendkim.unverified import settled_action
from avowal.opendkim.verdict import OpendkimVerdict, answer_of, holds
from avowal.overflow import Beyond
from avowal.policy import atps
from avowal.policy.evidence import SignatureResult
from avowal.policy.result import PolicyResult

_AR = results.NAME
_LEAST_BITS = 1024  # OpenDKIM's default of MinimumKeyBits


class VerifyingWork:
    """Verifies one message."""

    def __init__(
        self,
        settings: Settings,
        envelope: Envelope,
        header: Header,
        treatment: Treatment,
        journal: Journal,
        *,
        receiver: Receiver,
        now: int,
        draw: int,
        agenda: Agenda,
    ) -> None:
        """Begin; `draw` is a random number from 0 to 99, for failure reports (RFC 6651)."""
        self._settings = settings
        self._envelope = envelope
        self._header = header
        self._author = treatment.author
        self._journal = journal
        self._limits = receiver.limits
        self._examination = Examination(header, receiver, Want.DKIM, now=now, agenda=agenda)
        self.verifications: tuple[Verification, ...] = ()
        self.passing = Passing()
        self._feedback = Feedback(settings, envelope, header, now=now, draw=draw)

    @property
    def signed(self) -> bool:
        """Whether the message carries signatures."""
        return FIELD_NAME in self._header.positions

    def feed(self, chunk: Octets) -> bool:
        """Take the next octets of the body; return whether more can matter."""
        self._feedback.feed(chunk)
        return self._examination.feed(chunk) or self._feedback.wants_body

    def finish(self) -> Steps[OpendkimVerdict]:
        """Judge; asks once more for ATPS and report records where they matter."""
        self._feedback.end()
        findings = yield from self._examination.finish()
        self.verifications = findings.dkim
        judged = screened(self._settings, self._author, self._judged(self.verifications))
        self.passing = passing(judged)
        removals = forged.removals(self._settings, self._envelope, self._header, self._journal)
        excess = self._header.excess(self._limits)
        if excess is not None:
            return self._unread(excess, removals)
        deciding = decider(judged)
        if deciding is None:
            return self._unsigned(removals)
        self._note(judged, deciding)
        passed = deciding.error is OK
        authorized = yield from self._atps([one.verification for one in judged if passed])
        value = results.results_value(
            self._authserv_id,
            judged,
            atps=authorized,
            with_prefix=not self._settings.on("NoHeaderB"),
        )
        wanted = yield from self._feedback.wanted([] if passed else judged)
        consequence = None if passed else self._consequence(deciding)
        action = "accept" if consequence is None else self._settings.actions[consequence.option]
        reply = None if consequence is None else consequence.reply
        if reply is not None and wanted and wanted[0].text:
            reply = f"{wanted[0].text}: {reply}"  # RFC 6651 §3.3 step 10
        return OpendkimVerdict(
            answer=answer_of(action, reply, consequence.tempfail_code if consequence else "4.7.0"),
            modifications=(
                *removals,
                InsertHeader(0, _AR, value),
                *software_field(self._settings, self._envelope),
                *self._redirection(deciding),
                *holds(action, f"dkim: {deciding.error.sentence}"),
            ),
            mails=self._feedback.mails(wanted),
        )

    # -- signatures ------------------------------------------------------------------------

    def _judged(self, verifications: Sequence[Verification]) -> Iterator[Judged]:
        for verification in verifications:
            error = error_of(verification)
            if verification.evidence is not None and self._lacks_field(verification):
                error = FIELD_UNSIGNED
            elif error is OK:
                error = self._passing_error(verification)
            protection = None
            evidence = verification.evidence
            if evidence is not None and not self._settings.conf.setting("TestPublicKeys"):
                protection = None if evidence.secure else self._unprotected
            yield Judged(verification, error, protection)

    @property
    def _unprotected(self) -> str | None:
        """What is said of a key that came without DNSSEC; nothing of test data."""
        return None if self._settings.conf.setting("TestDNSData") else "unprotected"

    def _passing_error(self, verification: Verification) -> SigError:
        """Apply MinimumKeyBits, Minimum and UnprotectedKey to a signature that verified."""
        signature, evidence = verification.signature, verification.evidence
        bits = key_bits(verification)
        least = self._settings.conf.integer("MinimumKeyBits", _LEAST_BITS)
        if has_sizes(verification.algorithm) and bits is not None and bits < least:
            return KEY_TOO_SMALL
        length = None if signature is None else signature.body_length
        if length is not None and self._settings.minimum.refuses(length, self._body_octets):
            return SigError("too little of the body is signed", "fail", explains=True)
        policy = self._settings.unprotected_key
        unprotected = evidence is not None and not evidence.secure and self._unprotected
        if policy != "none" and unprotected:
            return SigError("key is not protected by DNSSEC", policy, explains=policy == "fail")
        return OK

    def _lacks_field(self, verification: Verification) -> bool:
        """Whether a field that has to be signed where present is not (MustBeSigned)."""
        signature = verification.signature
        present = self._settings.required_fields & self._header.positions.keys()
        return signature is not None and not present.issubset(signature.signed_names)

    @property
    def _body_octets(self) -> int:
        return self._feedback.body_octets

    def _note(self, judged: Sequence[Judged], deciding: Judged) -> None:
        """Write the lines of the log."""
        journal = self._journal
        ignored = sum(one.error is IGNORED for one in judged)
        if ignored:
            journal.info(f"ignoring {ignored} signature{'s' if ignored > 1 else ''}")
        if len(judged) > 1:
            domains = ", ".join(one.verification.domain or "" for one in judged)
            journal.info(f"message has signatures from {domains}")
        journal.results(
            f"signature={one.signature_prefix} domain={one.verification.domain} "
            f'selector={one.verification.selector} result="{one.error.sentence}"'
            for one in judged
            if one.error is not IGNORED
        )
        verification = deciding.verification
        names = f"s={verification.selector}, d={verification.domain}"
        if deciding.error is OK:
            journal.success("DKIM verification successful")
        if deciding.error is KEY_REVOKED:
            journal.info(f"key revoked ({names}, a={verification.algorithm})")
        consequence = on_error(deciding.error)
        if key_bits(verification) is not None or deciding.error is KEY_UNUSABLE:
            a = verification.algorithm
            journal.info(f"s={verification.selector} d={verification.domain} a={a} SSL ")
        if consequence is not None and deciding.error is BAD_SIGNATURE:
            journal.info(consequence.log)
        elif consequence is not None and deciding.error is not KEY_REVOKED:
            journal.info(f"{consequence.log} ({names})")

    def _consequence(self, deciding: Judged) -> OnError | None:
        """What follows from the signature that decides; nothing where its key is being tested."""
        key = deciding.verification.key
        if key is not None and key.testing:
            return None
        return on_error(deciding.error)

    def _redirection(self, deciding: Judged) -> Iterator[Modification]:
        """Send a message with a bad signature elsewhere (RedirectFailuresTo)."""
        target = self._settings.text("RedirectFailuresTo")
        if target is None or deciding.error is not BAD_SIGNATURE:
            return
        if self._envelope.more_recipients:  # those not kept would get it too: nobody does
            yield from holds("quarantine", "not redirected: it has more recipients than are kept")
            return
        pairs = zip(self._envelope.raw_recipients, self._envelope.recipients, strict=True)
        for raw, recipient in pairs:
            yield DeleteRecipient(raw)
            value = f" rfc822;{recipient}".encode("utf-8", "surrogateescape")
            yield AddHeader(b"Original-Recipient", value)
        yield AddRecipient(target.encode())

    def _atps(self, verifications: Sequence[Verification]) -> Steps[str]:
        """Return what dkim-atps says, in OpenDKIM's words: neutral where nothing is published."""
        results = [SignatureResult.of(verification) for verification in verifications]
        claiming = [one for one in results if one is not None and one.atps is not None]
        if not claiming:
            return "neutral"
        found = yield from atps.evaluate(Authors.of(self._header), claiming)
        if found.result is PolicyResult.PASS:
            return "pass"
        refused = found.result is PolicyResult.FAIL and any(one.published for one in found.claims)
        return "fail" if refused else "neutral"

    # -- the rest --------------------------------------------------------------------------

    def _unread(self, beyond: Beyond, removals: Iterable[Modification]) -> OpendkimVerdict:
        """Return what happens to a header of more fields than we read: it is not verified.

        Deliberate: OpenDKIM has no such limit, and ours is never a reason for a temporary
        refusal: On-Security decides, and where it says tempfail the message is held.
        """
        action = settled_action(self._settings)
        self._journal.notice(str(beyond))
        value = results.unread_value(self._authserv_id)
        return OpendkimVerdict(
            answer=answer_of(action, None),
            modifications=(
                *removals,
                InsertHeader(0, _AR, value),
                *software_field(self._settings, self._envelope),
                *holds(action, str(beyond)),
            ),
        )

    def _unsigned(self, removals: Iterable[Modification]) -> OpendkimVerdict:
        action = self._settings.actions["On-NoSignature"]
        adds = self._settings.on("AlwaysAddARHeader")
        if action != "accept" or (self._settings.on("LogWhy") and not adds):
            self._journal.info(NO_SIGNATURE.log)
        modifications = [*removals]
        if adds:
            modifications.append(InsertHeader(0, _AR, results.none_value(self._authserv_id)))
        modifications += software_field(self._settings, self._envelope)
        modifications += holds(action, NO_SIGNATURE.log)
        return OpendkimVerdict(
            answer=answer_of(action, NO_SIGNATURE.reply), modifications=tuple(modifications)
        )

    @property
    def _authserv_id(self) -> str:
        return forged.authserv_id(self._settings, self._envelope)
