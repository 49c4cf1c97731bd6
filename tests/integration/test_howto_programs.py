"""The programs of the pages about judging mail, followed: each block runs, with a stand-in for the
provider's side where an account would be needed."""

from __future__ import annotations

import base64
import imaplib
import io
import json
import re
import smtplib
import socketserver
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.mail_providers import (
    CERTIFICATE_URL,
    TOPIC,
    YES_URL,
    Gmail,
    Sns,
    arrived,
    mailgun_form,
    post,
    post_form,
    ses_notice,
)
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


def signed(octets: bytes | None = None, **fields: str) -> bytes:
    octets = message(**fields) if octets is None else octets
    return avowal.sign(octets, domain="example.com", selector="s1", key=ED25519) + octets


# -- where the octets come from ------------------------------------------------------------------

BOX = {"1": signed(), "2": message()}


FAR = "2099-01-01T00:00:00Z"  # a token is asked for anew when it expires


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


@contextmanager
def serving(make: Callable[..., socketserver.BaseServer]) -> Iterator[str]:
    """A server on a free port, and its URL."""
    with make() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host, port = server.server_address[:2]
        yield f"http://{host}:{port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "padded", [pytest.param(True, id="padded"), pytest.param(False, id="bare")]
)
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_gmail(
    padded: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    discovery = pytest.importorskip(
        "googleapiclient.discovery", reason="no client of Google's APIs"
    )
    whose = {"client_id": "i", "client_secret": "s", "refresh_token": "r", "expiry": FAR}
    (tmp_path / "token.json").write_text(json.dumps({"token": Gmail.token, **whose}))
    monkeypatch.chdir(tmp_path)

    class Mailbox(Gmail):
        pass

    Mailbox.mailbox, Mailbox.padded = BOX, padded
    with serving(lambda: ThreadingHTTPServer(("127.0.0.1", 0), Mailbox)) as url:
        there = partial(discovery.build, client_options={"api_endpoint": url})
        monkeypatch.setattr(discovery, "build", there)
        made = program("raw-mail.md", "Gmail API")
        program("raw-mail.md", "Gmail API", 1, judge_gmail=made["judge_gmail"])["service"].close()
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("1 authentic alice@example.com example.com:")
    assert second.startswith("2 not-authentic alice@example.com example.com:")


def test_mailgun() -> None:
    made = program("raw-mail.md", "Mailgun")
    form = mailgun_form(signed(), "secret", 1000)
    says = made["is_from_mailgun"]
    assert says(form, "secret", 1100.0)
    assert says(form, "secret", 1000.0 + 8 * 3600)  # the last time that it is posted again
    assert not says(form, "secret", 1000.0 + 10 * 3600)
    assert not says(form, "other", 1100.0)
    found = made["judge_mailgun"](form)
    assert found.authentic
    assert found.hints == ()


@pytest.mark.parametrize(
    "form",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"timestamp": "x", "token": "", "signature": "0" * 64}, id="no-number"),
        pytest.param({"timestamp": "1", "token": "1", "signature": "\u00e9"}, id="not-ascii"),
    ],
)
def test_a_stranger_s_form_is_not_mailgun_s(form: dict[str, str]) -> None:
    assert not program("raw-mail.md", "Mailgun")["is_from_mailgun"](form, "secret", 1.0)


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Sns:
    """Amazon's notices, and what is to be opened at its URLs."""
    made = Sns()
    kept = made.certificate()

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        made.opened.append(url)
        return io.BytesIO({CERTIFICATE_URL: kept, YES_URL: b"<ConfirmSubscriptionResponse/>"}[url])

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return made


LATIN_1 = signed(message() + b"caf\xe9\r\n")


@pytest.mark.parametrize(
    ("octets", "encoding", "answer"),
    [
        pytest.param(signed(), "Base64", "authentic", id="base64"),
        pytest.param(signed(), "UTF-8", "authentic", id="utf-8"),
        pytest.param(LATIN_1, "Base64", "authentic", id="base64-keeps-octets-that-are-no-utf-8"),
        pytest.param(LATIN_1, "UTF-8", "not-authentic", id="utf-8-loses-octets-that-are-none"),
    ],
)
def test_ses_with_the_content_in_the_notice(
    octets: bytes, encoding: str, answer: str, sns: Sns
) -> None:
    whole = arrived(octets, b"X-SES-Virus-Verdict: PASS")
    content = (
        base64.b64encode(whole).decode()
        if encoding == "Base64"
        else whole.decode("utf-8", "replace")
    )
    notice = sns.notice(ses_notice({"type": "SNS", "encoding": encoding}, content=content))
    assert program("raw-mail.md", "Amazon SES")["judge_ses"](notice, None).answer == answer


@pytest.mark.parametrize(
    ("changed", "true"),
    [
        pytest.param({}, True, id="as-signed"),
        pytest.param({"version": "2"}, True, id="sha256"),
        pytest.param({"Subject": "added"}, False, id="a-field-more"),
        pytest.param({"Message": "{}"}, False, id="another-message"),
        pytest.param({"Type": "UnsubscribeConfirmation"}, False, id="another-type"),
        pytest.param({"TopicArn": TOPIC + "2"}, False, id="another-topic"),
        pytest.param({"Signature": "AAAA"}, False, id="another-signature"),
        pytest.param({"SigningCertURL": "https://a.example/x.pem"}, False, id="a-key-of-strangers"),
        pytest.param(
            {"SigningCertURL": "https://sns.a.amazonaws.com.b.example/x.pem"}, False, id="likeness"
        ),
    ],
)
def test_a_notice_is_amazon_s(changed: dict[str, str], true: bool, sns: Sns) -> None:
    says = program("raw-mail.md", "Amazon SES", 1, base64=base64, json=json)["is_from_sns"]
    assert says(sns.notice("{}" if not changed else "{ }", **changed), TOPIC) is true
    assert set(sns.opened) <= {CERTIFICATE_URL}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"Type": []}', b'{"Type": null}'])
def test_what_is_no_notice_is_not_amazon_s(body: bytes) -> None:
    says = program("raw-mail.md", "Amazon SES", 1, base64=base64, json=json)["is_from_sns"]
    assert not says(body, TOPIC)


# -- where it is acted on ------------------------------------------------------------------------


LARGE = signed(message() + b"a line of text\r\n" * 70_000)


@pytest.mark.parametrize(
    "in_parts", [pytest.param(False, id="urlencoded"), pytest.param(True, id="in-parts")]
)
@pytest.mark.parametrize(
    ("octets", "signing_key", "status", "tickets"),
    [
        pytest.param(signed(), "secret", 200, ["Lunch"], id="authentic"),
        pytest.param(message(), "secret", 200, [], id="not-authentic"),
        pytest.param(signed(), "wrong", 403, [], id="not-from-mailgun"),
        pytest.param(LARGE, "secret", 200, ["Lunch"], id="a-megabyte"),
    ],
)
def test_flask(
    octets: bytes, signing_key: str, status: int, tickets: list[str], in_parts: bool
) -> None:
    pytest.importorskip("flask", reason="flask is not installed (extra: test)")
    opened: list[str] = []
    made = program(
        "judge-in-your-program.md", "A view of Flask", open_ticket=opened.append,
        **program("raw-mail.md", "Mailgun"),
    )  # fmt: skip
    made["app"].config["MAILGUN_SIGNING_KEY"] = "secret"
    form = mailgun_form(octets, signing_key, time.time())
    with of_flask(made["app"]) as url:
        answer = post_form(f"{url}/mail/mime", form, in_parts=in_parts)
    assert (answer, opened) == (status, tickets)


def of_flask(app: Any) -> AbstractContextManager[str]:
    """An application of Flask on a socket."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            """Say nothing."""

    return serving(lambda: make_server("127.0.0.1", 0, app, request_handler=Silent))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_webhook_of_ses(sns: Sns, monkeypatch: pytest.MonkeyPatch) -> None:
    """SNS posts, the program fetches from S3 with Amazon's own client, and judges."""
    pytest.importorskip("flask", reason="flask is not installed (extra: test)")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed (extra: test)")
    moto = pytest.importorskip("moto.server", reason="moto is not installed (extra: test)")
    emulator = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    emulator.start()
    host, port = emulator.get_host_and_port()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_CONFIG_FILE", "/nonexistent"), ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    bucket = boto3.client("s3", region_name="eu-west-1")
    bucket.create_bucket(
        Bucket="mail", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    for key, octets in (("in/1", signed()), ("in/2", message())):
        whole = arrived(octets, b"Return-Path: <alice@example.com>", b"X-SES-Spam-Verdict: PASS")
        bucket.put_object(Bucket="mail", Key=key, Body=whole)
    octets_of = program("raw-mail.md", "Amazon SES")
    octets_of |= program("raw-mail.md", "Amazon SES", 1, base64=base64, json=json)
    opened: list[str] = []
    made = program(
        "judge-in-your-program.md", "A webhook of Amazon SES", open_ticket=opened.append,
        **octets_of,
    )  # fmt: skip
    notices = [
        sns.notice(ses_notice({"type": "S3", "bucketName": "mail", "objectKey": key}))
        for key in ("in/1", "in/2")
    ]
    forged = notices[0].replace(b"in/1", b"in/2")
    plain = {"Content-Type": "text/plain; charset=UTF-8"}
    with of_flask(made["app"]) as url:
        statuses = [
            post(f"{url}/mail/ses", body, plain)
            for body in (sns.question(), *notices, forged, b"{}")
        ]
    made["s3"].close()
    bucket.close()
    emulator.stop()
    assert statuses == [200, 200, 200, 403, 403]
    assert opened == ["alice@example.com"]
    assert sns.opened.count(YES_URL) == 1


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
