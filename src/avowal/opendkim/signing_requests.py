"""Which signatures OpenDKIM makes for an author: by the SigningTable, or by Domain and KeyFile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from avowal.crypto.signing import PrivateKey
from avowal.errors import KeyMaterialError
from avowal.keys.opendkim import DataSet, parents
from avowal.names import is_below
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.journal import Journal
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSignature:
    """One signature to make."""

    domain: str
    selector: str
    key: PrivateKey
    identity: str | None = None


class Unavailable(Exception):
    """A table or key failed; the journal says which."""


def with_default_key(
    settings: Settings, author: tuple[str, str], journal: Journal
) -> WantedSignature:
    """Return the signature of KeyFile, Selector and Domain; for a subdomain by its parent.

    Raises Unavailable where no key or domain is configured.
    """
    default, domains = settings.default_key, settings.domains
    if default is None or domains is None:
        journal.error("failed to add default signing request")
        raise Unavailable
    domain = author[1]
    if not in_domains(domains, domain):
        parent = parent_in(domains, domain) or domain
        return WantedSignature(
            domain=parent, selector=default.selector, key=default.key, identity=f"@{parent}"
        )
    return WantedSignature(domain=domain, selector=default.selector, key=default.key)


def from_table(
    settings: Settings, keyring: Keyring, author: tuple[str, str], journal: Journal
) -> Iterator[WantedSignature]:
    """Yield the signatures that SigningTable and KeyTable ask for.

    Raises Unavailable for a key that is not in the table or of no use; the journal says which.
    """
    table, keys = settings.signing_table, settings.key_table
    if table is None or keys is None:
        return
    local_part, domain = author
    every = settings.on("MultipleSignatures")
    for request in table.requests(local_part, domain, every=every):
        try:
            entry = keys.key(request.key, domain)
            if entry is None:
                journal.error(f"signing table references unknown key '{request.key}'")
                raise Unavailable
            key = keyring.key(entry)
        except KeyMaterialError as fault:
            journal.error(str(fault))
            journal.error(f"error loading key '{request.key}'")
            raise Unavailable from None
        yield WantedSignature(
            domain=entry.domain,
            selector=entry.selector,
            key=key,
            identity=_fitting(request.identity, entry.domain),
        )


def _fitting(identity: str | None, domain: str) -> str | None:
    """Return i= where it is within d=; a conflicting one is left out (opendkim.conf(5))."""
    if identity is None:
        return None
    _, at, named = identity.lower().rpartition("@")
    return identity if at and is_below(named, domain.lower()) else None


def in_domains(domains: DataSet, domain: str) -> bool:
    """Whether a domain is in the set, by its name or by `*`."""
    return domains.find(domain) is not None or domains.find("*") is not None


def parent_in(domains: DataSet, domain: str) -> str | None:
    """Return the nearest domain above that is in the set."""
    above = (parent[1:] for parent in parents(domain))
    return next((name for name in above if domains.find(name) is not None), None)


def length_recipient(settings: Settings, envelope: Envelope, journal: Journal) -> bool:
    """Whether l= is wanted for one of the recipients (BodyLengthDB)."""
    data = settings.length_recipients
    if data is None:
        return False
    for recipient in envelope.recipients:
        local_part, _, domain = recipient.rpartition("@")
        levels = (domain, *parents(domain), "*")
        keys = (*(f"{local_part}@{level}" for level in levels), "*")
        if any(data.find(key) is not None for key in keys):
            journal.info(f"BodyLengthDB matched {recipient}, signing with l= requested")
            return True
    return False
