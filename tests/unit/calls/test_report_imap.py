"""Report mails from a mailbox on a server."""

from __future__ import annotations

import imaplib

import pytest

from avowal.calls.report_imap import ImapFolder, ImapMail, ImapPlace, place_of
from avowal.errors import PeerError, UsageError

PLACE = ImapPlace("mx.example", 993, "dmarc@example.org", "INBOX/Reports", encrypted=True)


class Server:
    """A client whose mailbox holds what it is given."""

    def __init__(self, mails: dict[int, bytes], *, password: str = "right") -> None:
        self.mails = mails
        self.password = password
        self.said: list[object] = []

    def login(self, user: str, password: str, /) -> object:
        if password != self.password:
            raise imaplib.IMAP4.error("LOGIN failed")
        return None

    def select(self, mailbox: str, *, readonly: bool) -> tuple[str, list[bytes | None]]:
        self.said.append((mailbox, readonly))
        return ("NO", [b"no such mailbox"]) if "none" in mailbox else ("OK", [b"3"])

    def response(self, code: str, /) -> tuple[str, list[bytes | None]]:
        return code, [b"77"]

    def uid(self, command: str, /, *args: str) -> tuple[str, list[object]]:
        self.said.append((command, *args))
        if command == "SEARCH":
            first = int(args[0].removeprefix("UID ").partition(":")[0])
            found = [uid for uid in self.mails if uid >= first] or [max(self.mails)]
            return "OK", [b" ".join(b"%d" % uid for uid in found)]
        octets = self.mails[int(args[0])]
        if "SIZE" in args[1]:
            return "OK", [b"1 (UID %s RFC822.SIZE %d)" % (args[0].encode(), len(octets))]
        return "OK", [(b"1 (BODY[] {%d}" % len(octets), octets), b")"]

    def logout(self) -> object:
        raise OSError("gone")


def folder(server: Server, place: ImapPlace = PLACE) -> ImapFolder:
    return ImapFolder(server, place, "right")


def test_mails_behind_a_number_come_in_order() -> None:
    server = Server({9: b"nine", 3: b"three", 7: b"seven"})
    found = folder(server)
    assert list(found.mails(3, 100)) == [ImapMail(7, b"seven"), ImapMail(9, b"nine")]
    assert found.validity == 77


def test_the_last_mail_does_not_come_again() -> None:
    assert list(folder(Server({5: b"x"})).mails(5, 100)) == []


def test_a_mail_too_large_is_not_fetched() -> None:
    server = Server({5: b"x" * 101})
    assert list(folder(server).mails(0, 100)) == [ImapMail(5, None)]
    assert ("FETCH", "5", "(BODY.PEEK[])") not in server.said


def test_nothing_on_the_server_is_changed() -> None:
    server = Server({5: b"x"})
    list(folder(server).mails(0, 100))
    assert server.said == [
        ('"INBOX/Reports"', True), ("SEARCH", "UID 1:*"), ("FETCH", "5", "(RFC822.SIZE)"),
        ("FETCH", "5", "(BODY.PEEK[])"),
    ]  # fmt: skip


def test_a_name_cannot_end_its_quotes() -> None:
    server = Server({})
    folder(server, PLACE._replace(folder='a" b\\'))
    assert server.said == [('"a\\" b\\\\"', True)]


def test_a_server_that_refuses_is_an_error_in_a_sentence() -> None:
    with pytest.raises(PeerError, match="LOGIN failed"):
        ImapFolder(Server({}), PLACE, "wrong")
    with pytest.raises(PeerError, match="no such mailbox"):
        folder(Server({}), PLACE._replace(folder="none"))


def test_a_server_that_is_gone_at_the_end_is_no_error() -> None:
    folder(Server({})).close()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("imaps://dmarc%40example.org@mx.example/INBOX/Reports", PLACE),
        ("imap://a@localhost", ImapPlace("localhost", 143, "a", "INBOX", encrypted=False)),
        ("imaps://a@h:1993/", ImapPlace("h", 1993, "a", "INBOX", encrypted=True)),
    ],
)
def test_a_url_names_a_mailbox(url: str, place: ImapPlace) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url", ["imaps://host/x", "imaps://a:secret@host", "imap://a@host", "imaps://a@h:99999", "x"]
)
def test_what_names_no_mailbox_safely_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        place_of(url)
