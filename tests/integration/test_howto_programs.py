"""The programs of the pages about judging mail, followed: each block runs, with a stand-in for the
provider's side where an account would be needed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import imaplib
import io
import json
import re
import smtplib
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.mailloop import free_port

import avowal
from avowal.calls import arguments
from avowal.testing import ED25519, Zone, message, record_for

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
BLOCKS = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```py\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ZONE = Zone(
    {
        "s1._domainkey.example.com": record_for(ED25519),
        "_dmarc.example.com": "v=DMARC1; p=reject",
    }
)


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's resolver is a zone."""
    monkeypatch.setattr(arguments, "system_resolver", lambda: ZONE)


def blocks(page: str, heading: str) -> list[str]:
    sections = dict(BLOCKS.findall((HOWTO / page).read_text(encoding="utf-8")))
    found: list[str] = FENCE.findall(sections[heading])
    assert found
    return found


def program(page: str, heading: str, block: int = 0, **names: Any) -> dict[str, Any]:
    """Run a block of a page; give what it defines."""
    made: dict[str, Any] = {"__name__": "howto", **names}
    exec(compile(blocks(page, heading)[block], heading, "exec"), made)
    return made


def signed(**fields: str) -> bytes:
    octets = message(**fields)
    return avowal.sign(octets, domain="example.com", selector="s1", key=ED25519) + octets


# -- where the octets come from ------------------------------------------------------------------

BOX = {"1": signed(), "2": message()}


class Imap(socketserver.StreamRequestHandler):
    """As much of IMAP4rev1 as reading a mailbox takes; FETCH marks nothing as read."""

    def handle(self) -> None:
        self.wfile.write(b"* OK IMAP4rev1 ready\r\n")
        for line in self.rfile:
            tag, *words = line.decode().split()
            self._answer([word.upper() for word in words])
            self.wfile.write(f"{tag} OK done\r\n".encode())

    def _answer(self, words: list[str]) -> None:
        if words[0] == "CAPABILITY":
            self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
        elif words[0] in {"SELECT", "EXAMINE"}:
            assert words[0] == "EXAMINE"  # the page opens it for reading only
            self.wfile.write(b"* 2 EXISTS\r\n* OK [READ-ONLY] here\r\n")
        elif words[:2] == ["UID", "SEARCH"]:
            self.wfile.write(f"* SEARCH {' '.join(BOX)}\r\n".encode())
        elif words[:2] == ["UID", "FETCH"]:
            assert words[3] == "(BODY.PEEK[])"
            octets = BOX[words[2]]
            head = f"* {words[2]} FETCH (UID {words[2]} BODY[] {{{len(octets)}}}\r\n"
            self.wfile.write(head.encode() + octets + b")\r\n")
        elif words[0] == "LOGOUT":
            self.wfile.write(b"* BYE\r\n")


@pytest.fixture
def imap_port() -> Iterator[int]:
    with socketserver.TCPServer(("127.0.0.1", 0), Imap) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_imap(imap_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    made = program("raw-mail.md", "IMAP")

    class Plain(imaplib.IMAP4):
        def __init__(self, host: str) -> None:
            super().__init__("127.0.0.1", imap_port)

    loop = blocks("raw-mail.md", "IMAP")[1]
    stand_in = SimpleNamespace(IMAP4_SSL=Plain, IMAP4=imaplib.IMAP4)
    exec(loop, {**made, "imaplib": stand_in, "password": "x"})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("1 authentic alice@example.com example.com:")
    assert second.startswith("2 not-authentic alice@example.com example.com:")


def test_gmail() -> None:
    asked: list[dict[str, str]] = []

    def get(**words: str) -> Any:
        asked.append(words)
        raw = base64.urlsafe_b64encode(signed()).decode()
        return SimpleNamespace(execute=lambda: {"id": "m1", "raw": raw})

    users = SimpleNamespace(messages=lambda: SimpleNamespace(get=get))
    made = program("raw-mail.md", "Gmail API")
    assert made["judge_gmail"](SimpleNamespace(users=lambda: users), "m1").authentic
    assert asked == [{"userId": "me", "id": "m1", "format": "raw"}]


def form_of(octets: bytes, key: str, at: int) -> dict[str, str]:
    """What Mailgun posts to a URL that ends in mime."""
    made = hmac.new(key.encode(), f"{at}token".encode(), hashlib.sha256).hexdigest()
    return {
        "recipient": "bob@example.net", "subject": "Lunch", "timestamp": str(at), "token": "token",
        "signature": made, "body-mime": octets.decode(),
    }  # fmt: skip


def test_mailgun() -> None:
    made = program("raw-mail.md", "Mailgun")
    form = form_of(signed(), "secret", 1000)
    assert made["is_from_mailgun"](form, "secret", 1100.0)
    assert not made["is_from_mailgun"](form, "secret", 2000.0)
    assert not made["is_from_mailgun"](form, "other", 1100.0)
    found = made["judge_mailgun"](form)
    assert found.authentic
    assert found.hints == ()


def test_ses() -> None:
    action = {"type": "S3", "bucketName": "mail", "objectKey": "in/1"}
    receipt = {"recipients": ["bob@example.net"], "action": action}
    notice = json.dumps({"Type": "Notification", "Message": json.dumps({"receipt": receipt})})
    objects = {("mail", "in/1"): signed()}

    def get_object(*, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        return {"Body": io.BytesIO(objects[Bucket, Key])}

    made = program("raw-mail.md", "Amazon SES")
    found = made["judge_ses"](notice.encode(), SimpleNamespace(get_object=get_object))
    assert found.authentic


# -- where it is acted on ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "signing_key", "status", "tickets"),
    [
        pytest.param(signed(), "secret", 200, ["Lunch"], id="authentic"),
        pytest.param(message(), "secret", 200, [], id="not-authentic"),
        pytest.param(signed(), "wrong", 403, [], id="not-from-mailgun"),
    ],
)
def test_flask(octets: bytes, signing_key: str, status: int, tickets: list[str]) -> None:
    pytest.importorskip("flask", reason="flask is not installed (extra: test)")
    mailgun = program("raw-mail.md", "Mailgun")
    opened: list[str] = []
    made = program(
        "judge-in-your-program.md", "A view of Flask", open_ticket=opened.append, **mailgun
    )
    made["app"].config["MAILGUN_SIGNING_KEY"] = "secret"
    form = form_of(octets, signing_key, int(time.time()))
    answer = made["app"].test_client().post("/mail/mime", data=form)
    assert (answer.status_code, opened) == (status, tickets)


@pytest.mark.parametrize(
    ("octets", "answer", "acted"),
    [
        pytest.param(signed(), "authentic", ["alice@example.com"], id="authentic"),
        pytest.param(message(), "not-authentic", [], id="not-authentic"),
    ],
)
def test_django(octets: bytes, answer: str, acted: list[str]) -> None:
    django = pytest.importorskip("django", reason="django is not installed (extra: test)")
    from django.conf import settings
    from django.test import RequestFactory

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    done: list[str] = []
    made = program(
        "judge-in-your-program.md", "A view of Django",
        is_our_gateway=lambda _: True, act_on=lambda author, _: done.append(author),
    )  # fmt: skip
    request = RequestFactory().post("/mail", octets, content_type="message/rfc822")
    response = made["mail"](request)
    assert (json.loads(response.content)["answer"], done) == (answer, acted)
    assert made["mail"](RequestFactory().get("/mail")).status_code == 405


def test_aiosmtpd(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed (extra: test)")
    queue: list[bytes] = []
    port = free_port()
    text = blocks("judge-in-your-program.md", "aiosmtpd")[0].replace("8025", str(port))
    made: dict[str, Any] = {"queue": queue}
    exec(text, made)
    try:
        answers = []
        for octets in (signed(), message(), message(**{"from": "a@other.example"})):
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.ehlo("client.example")
                client.mail("x@client.example")
                client.rcpt("bob@example.net")
                answers.append(client.data(octets)[0])
    finally:
        made["controller"].stop()
    assert answers == [250, 550, 550]
    assert len(queue) == 1
    assert queue[0].startswith(b"Authentication-Results: mx.example.org;")


def test_an_agents_inbox() -> None:
    made = program("judge-in-your-program.md", "An agent's inbox tool")
    read = made["read_message"]
    true = signed()
    assert read(true, "bob@example.net")["role"] == "instruction"
    assert read(true, "bob@example.net")["role"] == "data"  # a second time
    forged, sent_on = message(), signed(message_id="<2@example.com>")
    assert read(forged, "bob@example.net")["role"] == "data"
    assert read(sent_on, "eve@example.net")["role"] == "data"
    renamed = sent_on.replace(b"<2@example.com>", b"<3@example.com>")
    assert read(renamed, "bob@example.net")["role"] == "data"
    assert read(sent_on, "bob@example.net")["role"] == "instruction"


def test_every_program_of_the_pages_is_followed() -> None:
    pages = ("raw-mail.md", "judge-in-your-program.md")
    followed = Path(__file__).read_text(encoding="utf-8")
    for page in pages:
        for heading, text in BLOCKS.findall((HOWTO / page).read_text(encoding="utf-8")):
            assert not FENCE.search(text) or f'"{heading}"' in followed, heading
