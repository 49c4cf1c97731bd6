"""Report mails from a mailbox on a server (IMAP, RFC 9051), by Python's own client.

Nothing on the server is changed: the mailbox is opened for reading and no mail is marked.  What
was read is known by its number (UID) as long as the server keeps its numbering (UIDVALIDITY).
The connection is TLS with a certificate that is checked; without it only to this machine.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from avowal.errors import PeerError, UsageError

SCHEMES = ("imaps", "imap")
_SECONDS = 60  # that a server may be silent
_OWN = ("localhost", "127.0.0.1", "::1")
_NUMBER = re.compile(rb"\b(?:UIDVALIDITY|RFC822\.SIZE) ([0-9]{1,10})\b")


class ImapPlace(NamedTuple):
    """Where mails are: ``imaps://user@host:port/folder``; of the user ``@`` is written ``%40``."""

    host: str
    port: int
    user: str
    folder: str
    encrypted: bool

    def __str__(self) -> str:
        return f"{self.user}@{self.host}/{self.folder}"


class ImapMail(NamedTuple):
    """One mail: its number, and its octets; None where it is larger than is read."""

    uid: int
    octets: bytes | None


class Client(Protocol):
    """What is used of `imaplib.IMAP4`."""

    def login(self, user: str, password: str, /) -> object: ...
    def select(self, mailbox: str, *, readonly: bool) -> tuple[str, list[bytes | None]]: ...
    def response(self, code: str, /) -> tuple[str, list[bytes | None]]: ...
    def uid(self, command: str, /, *args: str) -> tuple[str, list[object]]: ...
    def logout(self) -> object: ...


def place_of(url: str) -> ImapPlace:
    """Read a URL.  Raises UsageError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from None
    if parts.scheme not in SCHEMES or not host or not parts.username:
        raise UsageError(f"{url}: a mailbox is written imaps://user@host/folder")
    if parts.password is not None:
        raise UsageError("a password has no place in a URL: others see command lines")
    if parts.scheme == "imap" and host not in _OWN:
        raise UsageError(f"{host}: without TLS only this machine is asked: write imaps://")
    encrypted = parts.scheme == "imaps"
    return ImapPlace(
        host=host, port=port or (993 if encrypted else 143), user=unquote(parts.username),
        folder=unquote(parts.path.strip("/")) or "INBOX", encrypted=encrypted,
    )  # fmt: skip


def connected(place: ImapPlace) -> Client:
    """Return a client.  Raises PeerError."""
    try:
        if place.encrypted:
            context = ssl.create_default_context()
            return imaplib.IMAP4_SSL(
                place.host, place.port, ssl_context=context, timeout=_SECONDS
            )  # fmt: skip
        return imaplib.IMAP4(place.host, place.port, timeout=_SECONDS)
    except (OSError, imaplib.IMAP4.error) as error:
        raise PeerError(f"{place.host}: {error}") from None


class ImapFolder:
    """A mailbox that is open for reading."""

    def __init__(self, client: Client, place: ImapPlace, password: str) -> None:
        """Log in and open the mailbox.  Raises PeerError."""
        self._client = client
        self._place = place
        try:
            client.login(place.user, password)
            quoted = '"' + place.folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
            done, said = client.select(quoted, readonly=True)
        except (OSError, imaplib.IMAP4.error) as error:
            raise PeerError(f"{place}: {error}") from None
        if done != "OK":
            raise PeerError(f"{place}: {_text(said)}")
        found = client.response("UIDVALIDITY")[1]
        number = found[0] if found else None
        self.validity = int(number) if isinstance(number, bytes) and number.isdigit() else 0

    def mails(self, after: int, most: int) -> Iterator[ImapMail]:
        """Yield the mails with larger numbers than `after`, in order.  Raises PeerError."""
        try:
            for uid in self._numbers(after):
                if self._size(uid) > most:
                    yield ImapMail(uid, None)
                    continue
                _, found = self._client.uid("FETCH", str(uid), "(BODY.PEEK[])")
                literal = next((one[1] for one in found if isinstance(one, tuple)), None)
                if isinstance(literal, bytes):
                    yield ImapMail(uid, literal if len(literal) <= most else None)
        except (OSError, imaplib.IMAP4.error) as error:
            raise PeerError(f"{self._place}: {error}") from None

    def close(self) -> None:
        """Log out."""
        try:
            self._client.logout()
        except (OSError, imaplib.IMAP4.error):
            return

    def _numbers(self, after: int) -> list[int]:
        _, found = self._client.uid("SEARCH", f"UID {after + 1}:*")
        words = found[0].split() if found and isinstance(found[0], bytes) else []
        # "n:*" names the last mail even where its number is smaller than n (RFC 9051 §9)
        return sorted(uid for uid in map(int, filter(bytes.isdigit, words)) if uid > after)

    def _size(self, uid: int) -> int:
        _, found = self._client.uid("FETCH", str(uid), "(RFC822.SIZE)")
        told = next((_NUMBER.search(one) for one in found if isinstance(one, bytes)), None)
        return 0 if told is None else int(told[1])


def _text(said: list[bytes | None]) -> str:
    return " ".join(one.decode("utf-8", "replace") for one in said if one) or "refused"
