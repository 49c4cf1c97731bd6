"""Every page that `avowal web` has, as a user starts it: with a mailbox, a box and all stores."""

from __future__ import annotations

import json
import mailbox
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.aggregates import METADATA, POLICY, RECORD
from tests.ugly_messages import RECORDS as UGLY_RECORDS
from tests.ugly_messages import UGLY

from avowal.config.model import Capture
from avowal.crypto.age import AgeRecipients
from avowal.dates import DAY
from avowal.keys.audit import deed
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare
from avowal.keys.store import Change
from avowal.milter.capture import CaptureBox
from avowal.names import DomainName
from avowal.report.event import Event, EventKey, EventRule, EventSignature
from avowal.report.received import ReceivedHead
from avowal.stores.events import open_event_sink
from avowal.stores.key_stores import create_key_store
from avowal.stores.received_sqlite import SqliteReceived
from avowal.testing import message

LESSONS: Final = Path(__file__).parents[1] / "src" / "avowal" / "web" / "lessons"
NAMES: Final = ("good", "list", "forged", "replayed", "arc")

DOMAIN: Final = "example.com"
PASSWORD: Final = b"correct horse"


class Site(NamedTuple):
    """An inspector that runs: the link that lets a browser in, and paths by what they show."""

    link: str
    base: str
    paths: dict[str, str]
    client: httpx.Client


class Asked(NamedTuple):
    """An inspector that runs, a client that was let in, and the link for one browser more."""

    client: httpx.Client
    link: str
    base: str

    def token(self) -> str:
        """Return the token that forms of the client's session hold."""
        found = re.search(r'name="token" value="([^"]+)"', self.client.get("/").text)
        assert found is not None
        return found[1]


@contextmanager
def asked(command: Sequence[str]) -> Iterator[Asked]:
    """Start an inspector as a user does, and let a client in."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        try:
            first = _link(running.stderr.readline())
            base = first.partition("/enter")[0]
            with httpx.Client(base_url=base, follow_redirects=True, timeout=60) as client:
                client.get(first.removeprefix(base))
                yield Asked(client, _link(running.stderr.readline()), base)
        finally:
            running.terminate()
            rest = running.stderr.read().splitlines()
    assert all(one.startswith("open http://") for one in rest), rest  # nothing else is logged
    assert running.returncode == 0


@contextmanager
def site(directory: Path) -> Iterator[Site]:
    """Start an inspector with everything in it; a client of its own made the pages."""
    command = [
        sys.executable, "-m", "avowal", "web", "--listen", "127.0.0.1:0",
        "--zone", str(_zone(directory)), *_sources(directory, int(time.time())),
    ]  # fmt: skip
    with asked(command) as made:
        yield Site(made.link, made.base, dict(_paths(made.client, made.token())), made.client)


def _zone(directory: Path) -> Path:
    """The records of the lessons, and those of the ugly messages."""
    records = json.loads((LESSONS / "zone.json").read_text(encoding="utf-8"))
    made = directory / "zone.json"
    made.write_text(json.dumps({**records, **UGLY_RECORDS}), encoding="utf-8")
    return made


def _link(line: str) -> str:
    found = re.search(r"http://\S+", line)
    assert found is not None, line
    return found[0]


def _paths(client: httpx.Client, token: str) -> Iterator[tuple[str, str]]:
    """Give each message in, and return every page there is."""

    def handed(octets: bytes, name: str, **said: str) -> str:
        files = {"file": (name, octets)}
        return client.post("/message", data={"token": token, **said}, files=files).url.path

    for name in NAMES:
        yield f"lesson-{name}", f"/learn/{name}"
    yield "message-list", handed((LESSONS / "list.eml").read_bytes(), "list.eml")
    yield "message-forged", handed((LESSONS / "forged.eml").read_bytes(), "f.eml")
    envelope = {"client": "192.0.2.1", "mail_from": "a@example.com", "helo": "mx.example.com"}
    yield "message-arc", handed((LESSONS / "arc.eml").read_bytes(), "arc.eml", **envelope)
    yield "message-hostile", handed(hostile(), "\u202elme.lamroN.eml")
    bundle = client.get(f"{handed((LESSONS / 'list.eml').read_bytes(), 'x')}/bundle").content
    yield "message-bundle", handed(bundle, "bundle.json")
    for kind, octets in UGLY.items():
        yield f"ugly-{kind}", handed(octets(), f"{kind * 20}.eml")
    form = {"token": token}
    yield "captured", "/captured"
    name = re.findall(r'action="(/captured/[^"]+)"', client.get("/captured").text)[0]
    opened = client.post(name, data=form, files={"n": ("", b"")})
    yield "captured-message", opened.url.path
    yield "mailbox", "/mailbox/0"
    yield "front", "/"
    yield "domain-form", "/domain"
    yield "domain", f"/domain?name={DOMAIN}&selectors=s2026"
    yield "domain-nothing", "/domain?name=nothing.example"
    yield "mail", "/mail"
    yield "mail-queue", "/mail?queue=4ABC"
    yield "learn", "/learn"
    yield "refused", "/message/none"


def hostile() -> bytes:
    """A message of someone who wants to break the page: marks of direction, length, markup."""
    long = "a" * 900 + "@example.com"
    return message(
        "\u202e<script>alert(1)</script>\x1b[2J\r\n" * 3 + "x" * 900 + "\r\n",
        subject="\u05e9\u05dc\u05d5\u05dd \u202e<b>txt.exe</b> " + "long " * 120,
        **{"from": f'"<img src=x onerror=alert(1)>" <{long}>', "list_id": "<" + "l" * 400 + ">"},
    )


def _sources(directory: Path, now: int) -> list[str]:
    _mailbox(directory / "archive.mbox")
    identity = _captured(directory, now)
    return [
        str(directory / "archive.mbox"),
        "--capture", str(directory / "capture"), "--identity", str(identity),
        "--password-file", str(_secret(directory / "password", PASSWORD)),
        "--store", _keys(directory / "keys.db", now),
        "--events", _events(directory / "events.db", now),
        "--reports", _reports(directory / "reports.db", now),
    ]  # fmt: skip


def _secret(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    path.chmod(0o600)
    return path


def _mailbox(path: Path) -> None:
    box = mailbox.mbox(path)
    for name in NAMES:
        box.add((LESSONS / f"{name}.eml").read_bytes())
    box.close()


def _captured(directory: Path, now: int) -> Path:
    """Fill a capture box for a key of SSH with a password; return the file of the key."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    (directory / "capture").mkdir(mode=0o700)
    box = CaptureBox(
        Capture(directory=str(directory / "capture")), AgeRecipients.parse([public.decode()])
    )
    for number, name in enumerate(NAMES):
        box.take((LESSONS / f"{name}.eml").read_bytes(), f"4Q{number}", now - 3600 * number)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.BestAvailableEncryption(PASSWORD),
    )
    return _secret(directory / "id_ed25519", private)


def _keys(path: Path, now: int) -> str:
    domain = DomainName.parse(DOMAIN.encode())
    zone = json.loads((LESSONS / "zone.json").read_text(encoding="utf-8"))
    states = (("s2025", KeyState.REVOKED, 90), ("s2026", KeyState.SIGNING, 30))
    keys = tuple(
        ManagedKey(
            domain=domain, selector=DomainName.parse(selector.encode()), algorithm="rsa-sha256",
            record=zone["s2026._domainkey.example.com"], private="file:/s.pem", state=state,
            since=now - days * DAY, created=now - (days + 5) * DAY,
        )
        for selector, state, days in states
    )  # fmt: skip
    shares = tuple(
        PassShare(
            domain=domain.ascii, selector="s2026", receiver=receiver, day=now // DAY - day,
            passed=passed, failed=1000 - passed,
        )
        for day in range(1, 20)
        for receiver, passed in (("gmail.com", 990 - day), ("yahoo.com", 700 if day < 3 else 995))
    )  # fmt: skip
    store = create_key_store(str(path))
    done = (deed("added", "s2026.example.com"), deed("signing", "s2026.example.com"))
    store.commit(Change(who="alice", at=now, deeds=done, keys=keys, shares=shares))
    store.close()
    return str(path)


def _events(path: Path, now: int) -> str:
    name = f"sqlite:{path}"
    sink = open_event_sink(name)
    sink.append([_event(now, number) for number in range(400)])
    sink.close()
    return name


def _event(now: int, number: int) -> Event:
    result, reason = ("fail", "body-hash") if number < 40 else ("pass", None)
    domain = ("example.org", "news.example.com", "a-rather-long-name.of.a.sender.example")[
        number % 3
    ]
    signature = EventSignature(domain, "k", result, reason)
    rules = (EventRule("sign", "keys.example", "/etc/avowal/avowal.toml line 10"),)
    action = "quarantine" if number % 9 == 0 else "accept"
    made = EventKey(author=domain, dmarc=result, dkim=(signature,), action=action)
    queue_id = "4ABC" if number == 50 else None
    return Event(now - 200 * number, "mx.example.net", made, queue_id, rules=rules)


def _reports(path: Path, now: int) -> str:
    policy = replace(POLICY, domain=DOMAIN)
    with SqliteReceived(str(path)) as store:
        for day in range(14):
            begin = (now // DAY - 15 + day) * DAY
            told = replace(METADATA, report_id=str(day), begin=begin, end=begin + DAY - 1)
            head = ReceivedHead(metadata=told, policy=policy, origin="a file", received=0)
            with store.adding(head) as adding:
                adding.rows(
                    replace(RECORD, source_ip=f"192.0.2.{number}", count=80 + 7 * day)
                    for number in range(6)
                )
                adding.close(lost=0, damaged=False)
    return str(path)
