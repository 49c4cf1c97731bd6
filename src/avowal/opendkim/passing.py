"""Mail that has to carry a signature which passes, of the author's domain if so wished.

These options are ours: OpenDKIM leaves such decisions to policy scripts (`policy_scripts`).
`IgnoreOtherSigners` has signatures of other domains than the author's ignored,
`On-NoPassingSignature` says what becomes of mail without one that passes, and
`RemoveVerifiedSignatures` takes the signatures out of mail that has one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from avowal.message import Header
from avowal.milter.actions import delete, reply_code
from avowal.milter.packets import Answer, Modification, PlainAnswer, ReplyCode
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.journal import Detail, Journal
from avowal.opendkim.results import Judged
from avowal.opendkim.settings import Settings
from avowal.opendkim.sigerrors import IGNORED, KEY_FAILED, OK
from avowal.opendkim.treatment import is_ours
from avowal.opendkim.verdict import OpendkimVerdict, answer_of, holds

_FIELD = b"DKIM-Signature"
_WHY = "No valid DKIM signature found"
_REPLY = (554, "5.7.1")  # as the scripts that chatmail relays had


@dataclass(frozen=True, slots=True)
class Passing:
    """What the signatures of a message come to.

    `pending` tells that none passes and that DNS gave no answer about one of them.
    """

    passed: bool = False
    pending: bool = False


def screened(
    settings: Settings, author: tuple[str, str] | None, judged: Iterable[Judged]
) -> tuple[Judged, ...]:
    """Have signatures of others than the author's domain ignored, where that is wished."""
    found = tuple(judged)
    if not settings.on("IgnoreOtherSigners") or author is None:
        return found
    domain = author[1].lower()
    return tuple(
        one if (one.verification.domain or "").lower() == domain else replace(one, error=IGNORED)
        for one in found
    )


def deciding(judged: Sequence[Judged]) -> Judged | None:
    """Return the signature that speaks for the message: the first that passes, else the first.

    None where all are ignored: the message counts as unsigned.
    """
    heard = [one for one in judged if one.error is not IGNORED]
    return next((one for one in heard if one.error is OK), heard[0] if heard else None)


def passing(judged: Sequence[Judged]) -> Passing:
    """Tell what the signatures come to."""
    errors = [one.error for one in judged]
    return Passing(OK in errors, OK not in errors and KEY_FAILED in errors)


def required(
    settings: Settings,
    envelope: Envelope,
    header: Header,
    found: Passing,
    verdict: OpendkimVerdict,
    *,
    journal: Journal,
) -> OpendkimVerdict:
    """Return the verdict on mail that was not signed here, once signatures have to pass.

    While DNS gives no answer about one of them, On-DNSError decides.
    """
    if found.passed:
        changes = (*verdict.modifications, *_removals(settings, header))
        return replace(verdict, modifications=changes)
    option = "On-DNSError" if found.pending else "On-NoPassingSignature"
    if settings.actions["On-NoPassingSignature"] == "accept":
        return verdict
    if not _is_milder(verdict.answer) or _is_exempt(settings, envelope):
        return verdict
    action = settings.actions[option]
    if found.pending and action == "accept":
        action = settings.actions["On-NoPassingSignature"]
    journal.info(_WHY.lower())
    answer = reply_code(*_REPLY, _WHY) if action == "reject" else answer_of(action, _WHY, "4.7.5")
    return replace(
        verdict, answer=answer, modifications=(*verdict.modifications, *holds(action, _WHY))
    )


def _is_milder(answer: Answer) -> bool:
    """Whether an answer gives way: one that lets a message through, or refuses it for good."""
    if isinstance(answer, ReplyCode):
        return answer.text.startswith(b"5")
    return answer in (PlainAnswer.ACCEPT, PlainAnswer.REJECT)


def _removals(settings: Settings, header: Header) -> tuple[Modification, ...]:
    if not settings.on("RemoveVerifiedSignatures"):
        return ()
    count = len(header.positions.get(_FIELD.lower(), ()))
    return delete(_FIELD, range(1, count + 1))


def _is_exempt(settings: Settings, envelope: Envelope) -> bool:
    """Whether the mail needs no signature: of the MTA names that are told, or else ours."""
    names = settings.text("SignatureExemptMTA")
    if names is not None:
        told = {name.strip().lower() for name in names.split(",")} - {"-", "."}
        return (envelope.macro("daemon_name") or "").lower() in told
    return is_ours(settings, envelope, Journal(envelope.job, Detail()))
