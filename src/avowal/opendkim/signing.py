"""Signing one message as OpenDKIM does."""

from __future__ import annotations

from collections.abc import Iterable

from avowal.canonical import Octets
from avowal.crypto.algorithms import has_sizes
from avowal.dkim.intent import Intent
from avowal.dkim.lines import BodyLines
from avowal.dkim.reasons import Caution
from avowal.dkim.signer import Signer
from avowal.errors import UsageError
from avowal.message import Header
from avowal.milter.actions import delete, parts
from avowal.milter.packets import InsertHeader, Modification
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.journal import Journal
from avowal.opendkim.layout import OpendkimLayout
from avowal.opendkim.results import software_value
from avowal.opendkim.settings import Settings
from avowal.opendkim.signing_requests import WantedSignature
from avowal.opendkim.treatment import Treatment
from avowal.opendkim.verdict import OpendkimVerdict, answer_of

_FIELD_NAME = "DKIM-Signature"


class SigningWork:
    """Signs one message; `header` is as the MTA will leave it (ReplaceRules)."""

    def __init__(
        self,
        settings: Settings,
        envelope: Envelope,
        header: Header,
        treatment: Treatment,
        journal: Journal,
        *,
        now: int,
    ) -> None:
        """Begin.  Raises UsageError for what cannot be signed."""
        self._settings = settings
        self._envelope = envelope
        self._header = header
        self._signings = treatment.signings
        self._journal = journal
        intents = [_intent(settings, header, treatment, one) for one in treatment.signings]
        self._signer = Signer(header, intents, now=now, accept_malformed=True, lines=BodyLines())

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body."""
        self._signer.feed(chunk)

    def finish(self) -> OpendkimVerdict:
        """Sign, and say what to do."""
        try:
            if Caution.LONG_LINES in self._signer.warnings:
                self._journal.notice(Caution.LONG_LINES.sentence)
            _refuse_short_keys(self._settings, self._signings)
            fields = self._signer.finish()
        except UsageError as fault:
            return refused(self._settings, self._journal, fault)
        modifications = [*self._removals(), *self._insertions(field.raw for field in fields)]
        for signing in self._signings:
            self._journal.success(
                f"{_FIELD_NAME} field added (s={signing.selector}, d={signing.domain})"
            )
        return OpendkimVerdict(modifications=tuple(modifications))

    def _removals(self) -> tuple[Modification, ...]:
        old = self._header.positions.get(b"dkim-signature", ())
        if not old or not self._settings.on("RemoveOldSignatures"):
            return ()
        return delete(_FIELD_NAME.encode(), range(1, len(old) + 1))

    def _insertions(self, fields: Iterable[bytes]) -> Iterable[Modification]:
        """Put the fields on top, in OpenDKIM's order: the last one comes to stand first."""
        for field in fields:
            yield InsertHeader(0, *parts(field))
        yield from software_field(self._settings, self._envelope)


def software_field(settings: Settings, envelope: Envelope) -> tuple[Modification, ...]:
    """Return the insertion of DKIM-Filter, where it is wanted (SoftwareHeader, X-Header)."""
    if not (settings.on("SoftwareHeader") or settings.on("X-Header")):
        return ()
    value = software_value(envelope.hostname, envelope.job)
    return (InsertHeader(0, b"DKIM-Filter", value),)


def refused(settings: Settings, journal: Journal, fault: UsageError) -> OpendkimVerdict:
    """Return what happens to a message that cannot be signed (On-SignatureError)."""
    journal.error(f"signature generation error: {fault}")
    return OpendkimVerdict(
        answer=answer_of(settings.actions["On-SignatureError"], "DKIM signing error")
    )


def _refuse_short_keys(settings: Settings, signings: Iterable[WantedSignature]) -> None:
    """Raise UsageError for a key that MinimumKeyBits rules out, where keys have sizes."""
    least = settings.conf.integer("MinimumKeyBits")
    for signing in signings:
        if has_sizes(signing.key.algorithm) and signing.key.bits < least:
            bits = f"{signing.key.bits} bits, need at least {least}"
            raise UsageError(f"private key too small ({bits})")


def _intent(
    settings: Settings, header: Header, treatment: Treatment, signing: WantedSignature
) -> Intent:
    header_canon, body_canon = _canonicalization(settings, header)
    return Intent(
        domain=signing.domain,
        selector=signing.selector,
        key=signing.key,
        identity=signing.identity,
        header_canon=header_canon,
        body_canon=body_canon,
        names=settings.signed_names,
        oversigned=frozenset(name.lower() for name in settings.oversigned),
        lifetime=settings.lifetime,
        copy_fields=settings.on("Diagnostics"),
        body_length=treatment.with_length,
        most_octets=settings.most_octets,
        request_reports=settings.on("RequestReports"),
        other_tags=_atps_tags(settings, treatment),
        layout=OpendkimLayout(settings.oversigned),
    )


def _canonicalization(settings: Settings, header: Header) -> tuple[str, str]:
    """Return the forms, which a field of the message may choose (SelectCanonicalizationHeader).

    Deliberate: there is no default for that field.  The one of the manual, X-Canonicalization,
    has no effect in OpenDKIM 2.11 either, and a stranger's field should not choose.
    """
    name = settings.text("SelectCanonicalizationHeader")
    chosen = header.named(name.lower().encode()) if name is not None else ()
    if chosen:
        text = chosen[0].value.strip().decode("ascii", "replace")
        head, slash, body = text.partition("/")
        forms = head, body if slash else "simple"
        if all(form in ("relaxed", "simple") for form in forms):
            return forms
    return settings.header_canon, settings.body_canon


def _atps_tags(settings: Settings, treatment: Treatment) -> tuple[tuple[str, bytes], ...]:
    """Return atps= and atpsh= for an author who lets us sign (RFC 6541 §4.2)."""
    if settings.atps_domains is None or treatment.author is None:
        return ()
    domain = treatment.author[1]
    if settings.atps_domains.find(domain) is None:
        return ()
    return ("atpsh", settings.atps_hash.encode()), ("atps", domain.encode())
