"""Between the milter protocol and the flow: what is negotiated, what the MTA said and is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from avowal.config.model import Configuration, Role
from avowal.errors import PeerError
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.milter import actions as packets_of
from avowal.milter.negotiation import ActionFlags, ProtocolFlags, Stage, Wish, later
from avowal.milter.packets import (
    AddRecipient,
    Answer,
    ChangeHeader,
    Connect,
    DeleteRecipient,
    Modification,
    PlainAnswer,
)
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
    return _address(connection.address)


@lru_cache(maxsize=1024)  # the same clients come again
def _address(octets: bytes | None) -> IPv4Address | IPv6Address:
    text = (octets or b"").decode("ascii", "replace")
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


# -- what the flow decided, in milter packets -----------------------------------------------

_PLAIN: Final[Mapping[FlowDisposition, PlainAnswer]] = {
    # Not ACCEPT: at the end of a message the two are the same to both MTAs.
    FlowDisposition.ACCEPT: PlainAnswer.CONTINUE,
    FlowDisposition.REJECT: PlainAnswer.REJECT,
    FlowDisposition.TEMPFAIL: PlainAnswer.TEMPFAIL,
    FlowDisposition.DISCARD: PlainAnswer.DISCARD,
}


def answer_of(actions: Actions) -> Answer:
    """Return the final answer."""
    if actions.reply is not None:
        return packets_of.reply_code(*actions.reply)
    return _PLAIN[actions.disposition]


def modifications_of(actions: Actions, session: FilterSession) -> tuple[Modification, ...]:
    """Return the modifications; the session puts them into an order that keeps indices true.

    Raises UsageError for a field that no MTA would take as it is.
    """
    wanted: list[Modification] = [
        ChangeHeader(one.instance, one.name, b"") for one in actions.delete
    ]
    wanted += [packets_of.replace_field(one.instance, one.field.raw) for one in actions.change]
    wanted += packets_of.on_top([field.raw for field in actions.insert])
    if actions.redirect is not None:
        wanted += [DeleteRecipient(one.address) for one in session.recipients]
        wanted.append(AddRecipient(b"<%b>" % bare(actions.redirect)))
    if actions.quarantine is not None:
        wanted.append(packets_of.quarantine(actions.quarantine))
    return tuple(wanted)
