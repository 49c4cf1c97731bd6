"""The publisher's side: records to put into a zone, each read back before it is handed out.

What is dead in the field is written for those who ask for it by name, and marked as historic:
DMARC says what it said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from avowal.errors import UsageError
from avowal.mailbox import Mailbox
from avowal.members import refuse_single
from avowal.names import MAX_NAME, DomainName, NameFault
from avowal.policy import adsp, atps, ssp, ssp2007
from avowal.policy.dmarc.destinations import consent_name
from avowal.policy.dmarc.record import DmarcRecord, Policy
from avowal.policy.dmarc.uris import ReportUri
from avowal.policy.spf.macros import SpfSyntaxFault
from avowal.policy.spf.record import VERSION, is_record, read_record

_UNQUOTED = "-._~$'*+"  # RFC 3986 §2.3, RFC 6068 §2; a comma and ! mean something in rua=


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One record: its name without final dot, its type and its text; `why` is for people."""

    name: str
    text: str
    rrtype: str = "TXT"
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a DMARC record is to say; what is left at its default is not written."""

    policy: Policy = Policy.NONE
    subdomains: Policy | None = None
    nonexistent: Policy | None = None
    aggregate_to: Sequence[str] = ()
    failures_to: Sequence[str] = ()
    strict_dkim: bool = False
    strict_spf: bool = False
    failure_options: str = "0"
    suffix: str = "u"
    testing: bool = False


def dmarc(domain: DomainName, wish: Wish) -> tuple[Published, ...]:
    """Return the domain's record, and the consent each foreign report address needs.

    Raises UsageError for what a receiver would not read as it was meant.
    """
    refuse_single("aggregate_to", wish.aggregate_to)
    refuse_single("failures_to", wish.failures_to)
    tags = [
        ("p", wish.policy.value),
        ("sp", wish.subdomains),
        ("np", wish.nonexistent),
        ("adkim", "s" if wish.strict_dkim else None),
        ("aspf", "s" if wish.strict_spf else None),
        ("rua", _uris("rua", wish.aggregate_to)),
        ("ruf", _uris("ruf", wish.failures_to)),
        ("fo", wish.failure_options if wish.failure_options != "0" else None),
        ("psd", wish.suffix if wish.suffix != "u" else None),
        ("t", "y" if wish.testing else None),
    ]
    text = "; ".join(["v=DMARC1", *(f"{name}={value}" for name, value in tags if value)])
    record = DmarcRecord.parse(text.encode())
    if record.problems:
        problem = record.problems[0]
        raise UsageError(f"{problem.tag}=: {problem.why}")
    if wish.failure_options != "0" and not wish.failures_to:
        raise UsageError("fo=: ignored without an address for failure reports")
    if wish.suffix == "y" and wish.failures_to:
        raise UsageError("ruf=: a public suffix must not ask for failure reports")
    own = Published(name=f"_dmarc.{domain.ascii}", text=text)
    return (own, *_consents(domain, (*record.rua, *record.ruf)))


def _uris(tag: str, addresses: Iterable[str]) -> str:
    try:
        return ",".join([_uri(address.strip()) for address in addresses])
    except ValueError as fault:
        raise UsageError(f"{tag}=: {fault}") from None


def _uri(address: str) -> str:
    """Write one address as mailto:, its domain in A-labels (RFC 9989 §4.6, RFC 6068 §2).

    Raises ValueError.
    """
    if ":" in address:
        scheme, _, rest = address.partition(":")
        if scheme.lower() == "mailto" and rest.startswith("//"):
            raise ValueError(f"{address}: write mailto:{rest.lstrip('/')}, without slashes")
        return address.replace(",", "%2C").replace("!", "%21")
    local_part, at, host = address.rpartition("@")
    if not at or not local_part:
        raise ValueError(f"{address!r} is no address: write user@example.com")
    if not local_part.isascii():
        raise ValueError(f"{address}: reports go to ASCII local parts only (RFC 8616 §6)")
    try:
        domain = DomainName.parse(host.encode()).ascii
    except NameFault as fault:
        raise ValueError(f"{address}: {host!r} is no domain: {fault.why}") from None
    written = "".join(c if c.isalnum() or c in _UNQUOTED else f"%{ord(c):02X}" for c in local_part)
    return f"mailto:{written}@{domain}"


def _consents(domain: DomainName, uris: Iterable[ReportUri]) -> Iterator[Published]:
    seen = set()
    for uri in uris:
        if uri.domain is None:
            raise UsageError(f"{uri.uri}: no mailto: address that receivers could write to")
        host = uri.domain
        related = host.is_within(domain) or domain.is_within(host)
        if not related and host.ascii not in seen:
            seen.add(host.ascii)
            yield Published(
                name=consent_name(domain, host),
                text="v=DMARC1;",
                why=f"to be published by {host.ascii}: it agrees to receive the reports",
            )


def spf(domain: DomainName, terms: str) -> Published:
    """Return the SPF record of these terms (``mx ip4:192.0.2.0/24 -all``).  Raises UsageError.

    They may begin with the version, as in a record that is there already.
    """
    words = terms.split()
    if words[:1] and is_record(words[0].encode()):
        words = words[1:]
    if any(word.lower().startswith("v=") for word in words):
        raise UsageError(f"SPF: {terms!r}: the version stands first and once, as v=spf1")
    text = " ".join([VERSION.decode(), *words])
    try:
        read_record(text.encode())
    except SpfSyntaxFault as fault:
        raise UsageError(f"SPF: {fault}") from None
    return Published(name=domain.ascii, text=text)


def historic(
    domain: DomainName,
    *,
    symbol: str | None = None,
    practices: str | None = None,
    adsp_practices: str | None = None,
    users: Mapping[str, str] | None = None,
    testing: bool = False,
) -> tuple[Published, ...]:
    """Return the records of before DMARC that are asked for.

    `symbol` is o= of 2005, or its name (``exclusive``), `practices` and `adsp_practices`
    dkim= of 2007 and of ADSP; `users` are the symbols of local parts, which ``o=^`` sends
    receivers on to.  Raises UsageError for what its draft does not know, and for t=y in ADSP.
    """
    given = (symbol, practices, adsp_practices)
    wanted = [(*row, word) for row, word in zip(_HISTORIC, given, strict=True) if word is not None]
    if testing and adsp_practices is not None:
        raise UsageError("t=y: ADSP has no tag for testing (RFC 5617 §4.2); publish dkim=unknown")
    tested = "; t=y" if testing else ""
    records = tuple(
        Published(
            name=f"{prefix}.{domain.ascii}",
            text=f"{tag}={_meaning(tag, word, known)}{tested}",
            why=f"historic, {source}: receivers of today do not ask for it",
        )
        for prefix, tag, known, source, word in wanted
    )
    if users and (symbol is None or _meaning("o", symbol, ssp.MEANINGS) != ssp.USER):
        raise UsageError(f"records of users: only o={ssp.USER} of 2005 sends receivers on to them")
    return (*records, *_of_users(domain, users or {}, tested))


def _of_users(domain: DomainName, users: Mapping[str, str], tested: str) -> Iterator[Published]:
    """Yield the record of each local part (draft-allman-dkim-ssp-01 §4).  Raises UsageError."""
    known = {symbol: said for symbol, said in ssp.MEANINGS.items() if symbol != ssp.USER}
    for user, word in users.items():
        author = Mailbox(local_part=user.encode(), domain=domain, written_domain=b"")
        name = ssp.user_name(author, domain)
        if name is None or len(name) > MAX_NAME:
            raise UsageError(f"{user!r}: no receiver asks for its record: it makes no DNS name")
        text = f"o={_meaning('o', word, known)}{tested}"
        yield Published(name=name, text=text, why=f"of {user}@{domain.text}")


_HISTORIC: tuple[tuple[str, str, dict[str, str], str], ...] = (
    (ssp.PREFIX, "o", ssp.MEANINGS, "draft-allman-dkim-ssp-01"),
    (ssp2007.PREFIX, "dkim", ssp2007.MEANINGS, "draft-ietf-dkim-ssp-01"),
    (adsp.PREFIX, "dkim", adsp.MEANINGS, "RFC 5617"),
)


def _meaning(tag: str, word: str, known: dict[str, str]) -> str:
    """Return what to write.  Raises UsageError."""
    names = {said.partition(":")[0]: symbol for symbol, said in known.items()}
    written = word if word in known else names.get(word, "") if tag == "o" else ""
    if not written:
        raise UsageError(f"{tag}={word}: write one of {', '.join(known)}")
    return written


def no_mail(domain: DomainName) -> tuple[Published, ...]:
    """Return the records of a domain that neither sends nor receives mail."""
    return (
        Published(name=domain.ascii, text="v=spf1 -all", why="nobody sends for it"),
        Published(name=f"_dmarc.{domain.ascii}", text="v=DMARC1; p=reject", why="nor signs"),
        Published(name=f"*._domainkey.{domain.ascii}", text="v=DKIM1; p=", why="no key is valid"),
        Published(name=domain.ascii, text="0 .", rrtype="MX", why="takes none, RFC 7505"),
    )


def third_party(signer: DomainName, author: DomainName, digest: str = "sha256") -> Published:
    """Return the record by which an author lets a third party sign (RFC 6541).

    Raises UsageError for a hash that is not to be published.
    """
    if digest not in atps.PUBLISHED:
        raise UsageError(f"atpsh={digest}: publish {' or '.join(atps.PUBLISHED)} (RFC 8301 §3)")
    return Published(
        name=atps.query_name(signer, author, digest), text=atps.record(signer).decode()
    )
