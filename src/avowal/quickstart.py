"""From a domain's name to a configuration that works: two keys, one listener, nothing else.

An RSA key is made because every verifier knows RSA (RFC 6376 §3.3), an Ed25519 key because
it is the better one where it is known (RFC 8463 §3); both sign each message.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from avowal import paths
from avowal.config.model import Configuration, Dns, Key, Listener, Server, Signing
from avowal.crypto.signing import PrivateKey, generate
from avowal.errors import StoreError, UsageError
from avowal.keys.files import load_key, write_key
from avowal.keys.records import record_text, zone_line
from avowal.members import refuse_single
from avowal.names import DomainName, NameFault

_SELECTORS = {"rsa": "avowal-rsa", "ed25519": "avowal-ed25519"}
_SOCKET = "inet:8891@localhost"


class MadeKey(NamedTuple):
    """A key of a domain: its file, the zone line that publishes it, and whether it is new."""

    domain: str
    selector: str
    path: Path
    record: str
    made: bool


def keys(domains: Sequence[str], directory: str) -> tuple[MadeKey, ...]:
    """Return the keys of domains, made where there are none.

    A file is called ``DIRECTORY/DOMAIN.SELECTOR.pem`` and readable by its owner only.
    Raises UsageError for a name that is none, StoreError and KeyMaterialError for files.
    """
    refuse_single("domains", domains)
    place = Path(directory)
    try:
        paths.make_directory(place)
    except OSError as error:
        raise StoreError(f"{directory}: {error.strerror}") from None
    return tuple(
        _key(_domain(text), key_type, selector, place)
        for text in domains
        for key_type, selector in _SELECTORS.items()
    )


def _domain(text: str) -> DomainName:
    try:
        return DomainName.parse(text.encode())
    except NameFault as fault:
        raise UsageError(f"--domain {text!r}: {fault.why}") from None


def _key(domain: DomainName, key_type: str, selector: str, place: Path) -> MadeKey:
    path = place / f"{domain.ascii}.{selector}.pem"
    made = not path.exists()
    key: PrivateKey
    if made:
        key = generate(key_type)
        write_key(path, key)
    else:
        key = load_key(path)
    line = zone_line(DomainName.parse(selector.encode()), domain, record_text(key))
    return MadeKey(domain.text, selector, path, line, made)


def configuration(
    made: Sequence[MadeKey],
    *,
    sockets: Sequence[str] = (),
    servers: Sequence[str] = (),
    workers: int | None = None,
    require_published: bool = True,
    publication_file: str | None = None,
) -> Configuration:
    """Return the configuration that signs with these keys and verifies what is not ours."""
    refuse_single("sockets", sockets)
    refuse_single("servers", servers)
    return Configuration(
        listeners=tuple(Listener(socket=socket) for socket in sockets or (_SOCKET,)),
        keys={
            f"{one.domain}/{one.selector}": Key(
                domain=one.domain, selector=one.selector, file=str(one.path)
            )
            for one in made
        },
        signing=Signing(require_published=require_published, publication_file=publication_file),
        dns=Dns(servers=tuple(servers)),
        server=Server(workers=workers or 1),
    )
