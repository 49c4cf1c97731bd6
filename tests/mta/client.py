"""An MTA's end on a real socket: for tests, load, and trying a filter by hand.

::

    with MtaClient.connected("unix:/run/avowal/milter.sock") as mta:
        outcome = mta.send(Transaction.of(message))
"""

from __future__ import annotations

import socket
from typing import Self

from tests.mta.session import MtaSession, Outcome, Transaction
from tests.mta.spool import POSTFIX, Flavour

from avowal.errors import PeerError
from avowal.milter.sockets import InetAddress, UnixAddress, parse

_READ = 1 << 16


class MtaClient:
    """Blocking; one message after another over one connection."""

    def __init__(self, opened: socket.socket, *, flavour: Flavour = POSTFIX) -> None:
        self._socket = opened
        self.session = MtaSession(flavour=flavour)
        opened.sendall(self.session.opening())
        while self.session.agreement is None:
            self._exchange()

    @classmethod
    def connected(
        cls, address: str, *, flavour: Flavour = POSTFIX, timeout: float = 30
    ) -> MtaClient:
        """Connect to a socket given as milter specifications are.  Raises OSError."""
        parsed = parse(address)
        if isinstance(parsed, UnixAddress):
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            target: str | tuple[str, int] = parsed.path
        elif isinstance(parsed, InetAddress):
            opened = socket.socket(parsed.family, socket.SOCK_STREAM)
            target = (parsed.host or "localhost", parsed.port)
        else:
            raise PeerError(f"{address}: nothing that can be connected to")
        opened.settimeout(timeout)
        try:
            opened.connect(target)
            return cls(opened, flavour=flavour)
        except (OSError, PeerError):
            opened.close()
            raise

    def send(self, transaction: Transaction) -> Outcome:
        """Send one message; return what became of it.  Raises PeerError and OSError."""
        octets = self.session.submit(transaction)
        if octets:
            self._socket.sendall(octets)
        while self.session.outcome is None:
            self._exchange()
        return self.session.outcome

    def _exchange(self) -> None:
        octets = self._socket.recv(_READ)
        if not octets:
            raise PeerError("the filter hung up")
        reply = self.session.receive(octets)
        if not reply:
            return
        try:
            self._socket.sendall(reply)
        except OSError:
            if self.session.outcome is None:
                raise  # else the filter hung up with its last answer, as a draining one does

    def close(self) -> None:
        """Quit and hang up."""
        try:
            self._socket.sendall(self.session.quit())
        except OSError:
            pass  # it is gone already
        finally:
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
