"""What the MTA said of a message, in the terms of the flow, and what is negotiated to hear it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address

from avowal.config.model import Configuration, Role
from avowal.errors import PeerError
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Stage, Wish, later
from avowal.milter.packets import Connect
from avowal.milter.session import FilterSession


def wish(configuration: Configuration) -> Wish:
    """Say what to negotiate: only what this configuration can need."""
    macros = sorted({name.strip("{}") for name in named_macros(configuration)})
    likes = ActionFlags.QUARANTINE
    needs = ActionFlags.ADD_HEADERS | ActionFlags.CHANGE_HEADERS
    if configuration.actions.redirect_failures_to is not None:
        needs |= ActionFlags.ADD_RECIPIENTS | ActionFlags.DELETE_RECIPIENTS
    return Wish(
        needs=needs,
        likes=likes,
        protocol=Wish().protocol | ProtocolFlags.SKIP,  # for an MTA that wants answers to the body
        exact_octets=_needs_exact_octets(configuration),
        macros={
            Stage.CONNECT: ("j", "_", "daemon_name", *macros),
            Stage.MAIL: ("i", "auth_type", "auth_authen", *later(macros)),
            Stage.END_OF_HEADER: ("i", *later(macros)),  # Postfix has the queue id from here on
        },
    )


def _needs_exact_octets(configuration: Configuration) -> bool:
    """Whether a signature of ours would depend on the white space behind a colon (simple)."""
    signing = configuration.signing
    simple = signing.canonicalization.partition("/")[0] == "simple"
    return bool(configuration.keys) and (simple or signing.canonicalization_field is not None)


def named_macros(configuration: Configuration) -> Iterator[str]:
    """Yield the macros that the operator's rules ask for."""
    yield from configuration.origin.macros
    if configuration.signing.author_macro is not None:
        yield configuration.signing.author_macro


def transaction(
    session: FilterSession,
    *,
    received_at: int,
    role: Role,
    wanted_macros: Iterable[str] = (),
    draw: int = 0,
) -> Transaction:
    """Say what is known of a message at the end of its header."""
    macros = session.macros.known()
    connection = session.connection or Connect(b"")
    client = client_address(connection)
    return Transaction(
        received_at=received_at,
        role=role,
        client=client,
        client_name=None if client is None else _client_name(connection, macros.get("_")),
        helo=session.helo,
        auth=_authentication(macros),
        daemon_name=_text(macros.get("daemon_name")),
        sender=None if session.sender is None else bare(session.sender.address),
        recipients=tuple([bare(one.address) for one in session.recipients]),
        more_recipients=session.recipients_truncated,
        queue_id=_text(macros.get("i")),
        hostname=_text(macros.get("j")),
        macros={n: v for n in wanted_macros if (v := macros.get(n)) is not None},
        draw=draw,
    )


def client_address(connection: Connect) -> IPv4Address | IPv6Address | None:
    """Return the client's address, None for a client that came over no network.

    Raises PeerError for an address that is none: it must not be taken for a local one.
    """
    if connection.family not in {b"4", b"6"}:
        return None
    text = (connection.address or b"").decode("ascii", "replace")
    if text[:5].lower() == "ipv6:":  # as Sendmail writes it
        text = text[5:]
    try:
        address = ip_address(text)
    except ValueError:
        raise PeerError(f"CONNECT with {text[:60]!r}, which is no address") from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _client_name(connection: Connect, origin: bytes | None) -> str | None:
    """Return the client's verified name.  Sendmail marks one that is not, in macro _."""
    name = connection.hostname
    if not name or name.startswith(b"[") or name == b"unknown":
        return None
    if origin is not None and b"may be forged" in origin:
        return None
    return name.decode("ascii", "replace").lower()


def _authentication(macros: Mapping[str, bytes]) -> SmtpAuthentication | None:
    mechanism = macros.get("auth_type")
    if not mechanism:
        return None
    return SmtpAuthentication(_text(mechanism) or "", _text(macros.get("auth_authen")))


def _text(value: bytes | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if value else None


def bare(address: bytes) -> bytes:
    """Return an address without its angle brackets."""
    if address[:1] == b"<" and address[-1:] == b">":
        return address[1:-1]
    return address
