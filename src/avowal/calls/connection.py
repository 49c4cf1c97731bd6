"""How a message came in: the client that the caller saw, or what a host of its own wrote down."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from avowal.authres.reader import read
from avowal.errors import UsageError
from avowal.limits import Limits
from avowal.members import refuse_other
from avowal.message import Header
from avowal.policy.authentication_results import envelope_result
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.spf import SpfRequest
from avowal.valueclass import value

Client: TypeAlias = IPv4Address | IPv6Address | str
Address: TypeAlias = str | bytes


@value
class TrustedHost:
    """A host of one's own that checked SPF when a message came in, and wrote down what it found.

    For programs behind a mail server that they know: one that reads a mailbox of its own
    company's server by IMAP.  The header of a message proves nothing about who wrote it, so
    this may be used only where all of this is true:

    - `authserv_id` is the id that the border host writes, for every message that comes in;
    - the border deletes every Authentication-Results field with that id that a message brings
      along (RFC 8601 §5); `removes_forgeries` is that promise, and has to be given as True;
    - `own_hops` is the number of Received fields that hosts of one's own put above the
      border's Authentication-Results: 0 where the border delivers into the mailbox itself.
      A field further down is not believed;
    - no message gets to the program by another way: not around the border, not as an
      attachment, not moved into the mailbox by a user.

    Only SPF is taken from there, which nobody can check later; signatures and policies are
    always looked at anew.  Raises UsageError without the promise.
    """

    authserv_id: str
    own_hops: int
    removes_forgeries: bool

    def __post_init__(self) -> None:
        refuse_other("authserv_id", self.authserv_id, str)
        refuse_other("own_hops", self.own_hops, int, what="the number of own Received fields")
        if self.removes_forgeries is not True or not self.authserv_id or self.own_hops < 0:
            raise UsageError(
                "a TrustedHost needs an authserv-id, own_hops of 0 or more, and"
                " removes_forgeries=True: anybody can write Authentication-Results, so that they"
                " count only where the border deletes those with its id (RFC 8601 §5)"
            )

    def envelope(self, header: Header, limits: Limits) -> EnvelopeResult | None:
        """Return what the host found, None where its field tells nothing of SPF."""
        hosts = frozenset((self.authserv_id,))
        found = read(header, trusted=hosts, own_hops=self.own_hops, limits=limits).named("spf")
        return envelope_result(found[0]) if found else None


class Connection:
    """The arguments of a call about the connection, read.  Raises UsageError."""

    __slots__ = ("_request", "_trusted", "client")

    def __init__(
        self,
        client: Client | None,
        mail_from: Address | None,
        helo: Address | None,
        trusted: TrustedHost | None,
        *,
        now: int,
    ) -> None:
        refuse_other("trusted", trusted, TrustedHost, type(None))
        refuse_other("mail_from", mail_from, str, bytes, type(None))
        refuse_other("helo", helo, str, bytes, type(None))
        self.client = _address(client)
        self._trusted = trusted
        self._request: SpfRequest | None = None
        if self.client is None:
            if mail_from is not None or helo is not None:
                raise UsageError("mail_from and helo need a client: SPF is about an IP address")
            return
        if trusted is not None:
            raise UsageError("either the client or a host that saw it: not both")
        if mail_from is None:
            raise UsageError("client: give mail_from too, the reverse-path ('' for a bounce)")
        self._request = SpfRequest(
            client=self.client,
            mail_from=_octets(mail_from).strip(b"<>"),
            helo=_octets(helo or b""),
            now=now,
        )

    @property
    def client_text(self) -> str | None:
        """The client's address as text."""
        return None if self.client is None else str(self.client)

    def envelope(self, header: Header, limits: Limits) -> SpfRequest | EnvelopeResult | None:
        """Return whom to check SPF for, or what a trusted host found; None for neither."""
        if self._trusted is not None:
            return self._trusted.envelope(header, limits)
        return self._request


def _address(client: Client | None) -> IPv4Address | IPv6Address | None:
    if client is None or isinstance(client, IPv4Address | IPv6Address):
        return client
    refuse_other("client", client, str, what="an IP address")
    try:
        return ip_address(client)
    except ValueError:
        raise UsageError(f"client: {client!r} is no IP address") from None


def _octets(written: Address) -> bytes:
    return written if isinstance(written, bytes) else written.encode("utf-8", "surrogateescape")
