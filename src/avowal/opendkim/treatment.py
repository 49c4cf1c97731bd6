"""What OpenDKIM does with a message, decided at the end of its header.

The order of the questions is OpenDKIM's (opendkim(8), OPERATION, and measured), and each
negative answer leaves the line that LogWhy shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from avowal.errors import StoreError
from avowal.mailbox import Authors, mailboxes
from avowal.message import Header
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.hosts import holds_host
from avowal.opendkim.journal import Journal
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.settings import Settings
from avowal.opendkim.signing_requests import (
    Unavailable,
    WantedSignature,
    from_table,
    in_domains,
    length_recipient,
    parent_in,
    with_default_key,
)
from avowal.tokens import JUNK, scan

# RFC 5322 §3.6, in the order in which OpenDKIM complains
_EXACTLY_ONE = (b"from", b"date")
_AT_MOST_ONE = (
    b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"in-reply-to", b"references", b"subject",
)  # fmt: skip


class TreatmentKind(Enum):
    """What becomes of a message."""

    SIGN = "sign"
    VERIFY = "verify"
    LEAVE = "leave"  # accepted at once, nothing done
    MALFORMED = "malformed"  # accepted, said to be malformed
    REFUSE = "refuse"  # breaks RFC 5322, and RequiredHeaders says so
    UNAVAILABLE = "unavailable"  # a table or key is of no use for now


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """The decision; `author` is (local part, domain) as far as it is known."""

    kind: TreatmentKind
    author: tuple[str, str] | None = None
    signings: tuple[WantedSignature, ...] = ()
    with_length: bool = False
    why: str | None = None


def treat(
    settings: Settings, keyring: Keyring, envelope: Envelope, header: Header, journal: Journal
) -> Treatment:
    """Decide what to do with a message.  `header` is as ReplaceRules leave it.  Raises nothing."""
    try:
        decided = _decided(settings, keyring, envelope, header, journal)
        if settings.on("RequiredHeaders") and decided.kind in (
            TreatmentKind.SIGN,
            TreatmentKind.VERIFY,
        ):
            return _required(decided, header, journal)
        return decided
    except Unavailable:
        return Treatment(kind=TreatmentKind.UNAVAILABLE)
    except StoreError as fault:
        journal.error(f"error looking up in database: {fault}")
        return Treatment(kind=TreatmentKind.UNAVAILABLE)


def header_fault(header: Header) -> str | None:
    """Return how a header breaks the counts of RFC 5322 §3.6, or None."""
    counts = {name: len(header.positions.get(name, ())) for name in (*_EXACTLY_ONE, *_AT_MOST_ONE)}
    for name in _EXACTLY_ONE:
        if counts[name] != 1:
            return f"message does not have exactly one {_shown(name)} field"
    for name in _AT_MOST_ONE:
        if counts[name] > 1:
            return f"message has multiple {_shown(name)} fields"
    return None


def _decided(
    settings: Settings, keyring: Keyring, envelope: Envelope, header: Header, journal: Journal
) -> Treatment:
    name, value = _author_value(settings, envelope, header)
    if value is None:
        journal.info("can't determine message sender; accepting")
        return Treatment(kind=TreatmentKind.MALFORMED)
    ours = is_ours(settings, envelope, journal)
    author = _address(value)
    if author is None:
        if ours and settings.signs:
            journal.why(f"can't parse {name} value '{value.decode('utf-8', 'replace')}'")
        weak = settings.on("WeakSyntaxChecks") and settings.verifies
        return Treatment(kind=TreatmentKind.VERIFY if weak else TreatmentKind.MALFORMED)
    if _exempt(settings, value, author[1]):
        journal.info(f"domain '{author[1]}' exempted, accepting")
        return Treatment(kind=TreatmentKind.LEAVE, author=author)
    if _domain_matches(settings, author[1], journal):
        doubt = Authors.parse(value).doubt
        if not ours:
            _warn_of_impostor(settings, envelope, author, journal)
        elif doubt is None:
            return _sign(settings, keyring, envelope, author, journal)
        else:  # Deliberate: none where other readers may show another domain (RFC 9989 §11.5)
            journal.why(f"{name} value not signed for: {doubt.sentence}")
    kind = TreatmentKind.VERIFY if settings.verifies else TreatmentKind.LEAVE
    return Treatment(kind=kind, author=author)


def _exempt(settings: Settings, value: bytes, first: str) -> bool:
    """Whether a domain is in ExemptDomains, and every other that the field may show as well.

    Deliberate: OpenDKIM looks at the first alone, so that naming an exempt domain before
    the forged one is enough to be let through.
    """
    exempt = settings.exempt_domains
    if exempt is None or exempt.find(first) is None:
        return False
    authors = Authors.parse(value)
    return authors.complete and all(exempt.find(name.ascii) is not None for name in authors.domains)


def _required(treatment: Treatment, header: Header, journal: Journal) -> Treatment:
    """Refuse what breaks the counts of RFC 5322 (RequiredHeaders)."""
    why = header_fault(header)
    if why is None:
        return treatment
    journal.info(f"RFC5322 header requirement error: {why}")
    return Treatment(kind=TreatmentKind.REFUSE, author=treatment.author, why=why)


def _author_value(
    settings: Settings, envelope: Envelope, header: Header
) -> tuple[str, bytes | None]:
    """Return what names the author, and the value.

    That is the macro of SenderMacro, or the first field there is of SenderHeaders and From.
    """
    macro = settings.text("SenderMacro")
    text = None if macro is None else envelope.macro(macro)
    if text is not None:
        return f"macro {macro}", text.encode("utf-8", "surrogateescape")
    for name in (*settings.sender_fields, b"from"):
        fields = header.named(name)
        if fields:
            return f"{_shown(name)}: header", fields[0].value
    return "", None


def _address(value: bytes) -> tuple[str, str] | None:
    """Return local part and lower-cased domain of the first address in a field.

    OpenDKIM reads none in a field where a quote or a comment has no end.
    """
    found = mailboxes(value)
    if not found or any(t.kind == JUNK and value[t.start] in b'"()' for t in scan(value)):
        return None
    name, written = found[0].domain, found[0].written_domain.lower()
    domain = written.decode("latin-1") if name is None else name.ascii
    return found[0].local_part.decode("utf-8", "surrogateescape"), domain


def is_ours(settings: Settings, envelope: Envelope, journal: Journal) -> bool:
    """Whether the message comes from ours: by MTA name, macro, host or authentication."""
    if settings.mta_names is not None:
        name = envelope.macro("daemon_name")
        if name is not None and settings.mta_names.find(name) is not None:
            return True
        journal.why(
            f"no MTA name match (host={envelope.macro('j') or '(null)'}, MTA={name or '?'})"
        )
    if settings.macros:
        for macro, values in settings.macros:
            value = envelope.macro(macro)
            if value is not None and (not values or value in values):
                return True
        journal.why("no macros match")
    if holds_host(settings.internal_hosts, envelope.client_name, envelope.client):
        return True
    if envelope.macro("auth_type"):
        return True
    journal.why(f"{envelope.client_name} [{envelope.client or 'unknown'}] not internal")
    journal.why("not authenticated")
    return False


def _domain_matches(settings: Settings, domain: str, journal: Journal) -> bool:
    """Whether we sign for an author domain; the SigningTable is asked later, for whole authors."""
    if settings.signing_table is not None:
        return True
    if settings.domains is None:
        return False
    if in_domains(settings.domains, domain):
        return True
    journal.why(f"no signing domain match for '{domain}'")
    if settings.on("SubDomains") and parent_in(settings.domains, domain):
        return True
    journal.why(f"no signing subdomain match for '{domain}'")
    return False


def _warn_of_impostor(
    settings: Settings, envelope: Envelope, author: tuple[str, str], journal: Journal
) -> None:
    """Say that a stranger uses one of our domains, but for hosts that may (ExternalIgnoreList).

    With a SigningTable the table would have to be asked; OpenDKIM does not warn then.
    """
    ignored = settings.external_ignore
    if settings.signing_table is not None or settings.domains is None:
        return
    if ignored is not None and holds_host(ignored, envelope.client_name, envelope.client):
        return
    domain = author[1]
    named = domain if in_domains(settings.domains, domain) else parent_in(settings.domains, domain)
    journal.notice(f"external host {envelope.client_name} attempted to send as {named or domain}")


def _sign(
    settings: Settings,
    keyring: Keyring,
    envelope: Envelope,
    author: tuple[str, str],
    journal: Journal,
) -> Treatment:
    if settings.signing_table is not None:
        signings = tuple(from_table(settings, keyring, author, journal))
        if not signings:
            journal.why(f"no signing table match for '{author[0]}@{author[1]}'")
            kind = TreatmentKind.VERIFY if settings.verifies else TreatmentKind.LEAVE
            return Treatment(kind=kind, author=author)
    else:
        signings = (with_default_key(settings, author, journal),)
    if not settings.signs:
        return Treatment(kind=TreatmentKind.LEAVE, author=author)
    unsigned = settings.unsigned_recipients
    recipient = None if unsigned is None else envelope.recipient_in(unsigned.find)
    if recipient is not None:
        journal.info(f"skipping signing of mail to '{recipient}'")
        return Treatment(kind=TreatmentKind.LEAVE, author=author)
    with_length = length_recipient(settings, envelope, journal)
    return Treatment(
        kind=TreatmentKind.SIGN, author=author, signings=signings, with_length=with_length
    )


def _shown(name: bytes) -> str:
    return "-".join(word.capitalize() for word in name.decode("ascii", "replace").split("-"))
