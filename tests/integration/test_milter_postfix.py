"""A real Postfix signs through us, another one verifies through us, keys come from real DNS."""

from __future__ import annotations

import os
import re
import shutil
import signal
import smtplib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.dnsd import NameServer
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, until, workplace

from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
_CONFIGURATION = """
[[listeners]]
socket = "unix:{root}/run/sign.sock"
role = "sign"
group = "postfix"
mode = "0660"

[[listeners]]
socket = "inet:{verify_port}@127.0.0.1"
role = "verify"

[keys.rsa]
domain = "sender.example"
selector = "rsa"
file = "{root}/keys/rsa.pem"

[keys.ed]
domain = "sender.example"
selector = "ed"
file = "{root}/keys/ed.pem"

[results]
authserv_id = "mx.receiver.example"

[dns]
servers = ["127.0.0.1@{dns_port}"]
timeout = 3
cache = {cache}

[server]
workers = 2
user = "nobody"
group = "nogroup"
metrics = "127.0.0.1:{metrics_port}"
"""


class Loop(NamedTuple):
    """Everything that runs."""

    a: Postfix
    b: Postfix
    daemon: Daemon
    inbox: Inbox
    dns: NameServer
    metrics_port: int

    def send(self, octets: bytes, **options: object) -> None:
        submit(self.a.port, octets, **options)  # type: ignore[arg-type]


_ZONE: dict[str, str] = {}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    domain = DomainName.parse(b"sender.example")
    lines = []
    for selector, key_type in (("rsa", "rsa"), ("ed", "ed25519")):
        key = generate(key_type)
        write_key(directory / f"{selector}.pem", key)
        lines.append(zone_line(DomainName.parse(selector.encode()), domain, record_text(key)))
    _ZONE["text"] = "\n".join(lines) + "\n"
    return directory


def running(keys: Path, *, cache: bool = True, settings: str = "") -> Iterator[Loop]:
    with workplace() as root, NameServer(_ZONE["text"]) as dns:
        (root / "run").mkdir()
        shutil.copytree(keys, root / "keys")
        verify_port, metrics_port = free_port(), free_port()
        text = _CONFIGURATION.format(
            root=root,
            verify_port=verify_port,
            dns_port=dns.port,
            metrics_port=metrics_port,
            cache=str(cache).lower(),
        )
        inbox = Inbox(root)
        b = Postfix(root, "b", milter=f"inet:127.0.0.1:{verify_port}", settings=settings)
        a = Postfix(root, "a", milter=f"unix:{root}/run/sign.sock", relay=b.port, settings=settings)
        with Daemon(root, text) as daemon, b, a:
            yield Loop(a, b, daemon, inbox, dns, metrics_port)


@pytest.fixture(scope="module")
def loop(keys: Path) -> Iterator[Loop]:
    yield from running(keys)


@pytest.fixture
def own_loop(keys: Path) -> Iterator[Loop]:
    """A loop that a test may do harm to."""
    yield from running(keys, cache=False)


def message(mark: str, *, fields: bytes = b"", body: bytes = b"a line\r\n") -> bytes:
    return (
        b"From: Alice <alice@sender.example>\r\nTo: bob@receiver.example\r\n"
        b"Subject: " + mark.encode() + b"\r\nDate: Wed, 25 Nov 2026 16:00:00 +0000\r\n"
        b"Message-ID: <" + mark.encode("ascii", "ignore") + b"@sender.example>\r\n"
        + fields + b"\r\n" + body
    )  # fmt: skip


def results(octets: bytes) -> list[str]:
    """Return the Authentication-Results fields, unfolded."""
    header = re.sub(rb"\r\n[ \t]+", b" ", octets.partition(b"\r\n\r\n")[0])
    lines = header.decode("utf-8", "replace").split("\r\n")
    return [line for line in lines if line.startswith("Authentication-Results:")]


def passed(octets: bytes) -> int:
    """How many signatures our verifier found good."""
    ours = [line for line in results(octets) if "mx.receiver.example" in line]
    assert len(ours) == 1, ours
    return ours[0].count("dkim=pass")


CASES = [
    pytest.param("plain", b"", b"a line\r\n", (), id="plain"),
    pytest.param("empty body", b"", b"", (), id="empty body"),
    pytest.param(
        "folded", b"X-Folded: a\r\n\tb\r\n   c\r\nX-Spaced:   many   blanks\t\r\n",
        b"x \t y\r\n\r\n\r\n", (), id="folds, runs of white space, empty lines at the end",
    ),
    pytest.param(
        "eight bit", b"X-Eight: caf\xe9 \xc3\xa9\r\n", b"caf\xe9\r\n", ("BODY=8BITMIME",),
        id="8-bit",
    ),
    pytest.param(
        "long line", b"References:" + b" <0123456789@sender.example>" * 60 + b"\r\n", b"a line\r\n",
        (), id="a header line of 1700 octets",
    ),
    pytest.param(
        "dots", b"", b".\r\n..\r\n.x\r\n", (), id="dots"
    ),
    pytest.param(
        "many", b"".join(b"X-Field-%d: v\r\n" % n for n in range(300)), b"a line\r\n", (),
        id="300 fields",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("mark", "fields", "body", "options"), CASES)
def test_what_one_postfix_signs_the_other_verifies(
    loop: Loop, mark: str, fields: bytes, body: bytes, options: tuple[str, ...]
) -> None:
    mark = mark.replace(" ", "-")
    loop.send(message(mark, fields=fields, body=body), options=options)
    arrived = loop.inbox.containing(b"Subject: " + mark.encode())
    assert arrived.count(b"DKIM-Signature:") == 2
    assert passed(arrived) == 2
    (line,) = results(arrived)
    assert "header.a=rsa-sha256" in line
    assert "header.a=ed25519-sha256" in line


def test_internationalized_mail_is_signed_and_verified(loop: Loop) -> None:
    octets = message("r\u00e9sum\u00e9-eai").replace(b"Alice", "Al\u00efce".encode())
    loop.send(octets, options=("SMTPUTF8", "BODY=8BITMIME"))
    assert passed(loop.inbox.containing("r\u00e9sum\u00e9-eai".encode())) == 2


def test_a_message_of_25_megabytes_goes_through(loop: Loop) -> None:
    line = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/0123456789ab\r\n"
    loop.send(message("25-megabytes", body=line * (25_000_000 // len(line))))
    assert passed(loop.inbox.containing(b"Subject: 25-megabytes", seconds=60)) == 2


def test_forged_results_are_removed_and_foreign_ones_stay(loop: Loop) -> None:
    forged = (
        b"Authentication-Results: mx.receiver.example; dkim=pass header.d=bank.example\r\n"
        b"Authentication-Results: mx.other.example; spf=pass\r\n"
        b'authentication-results:\r\n\t(a comment) "MX.receiver.EXAMPLE" 1;\r\n\tdkim=pass\r\n'
    )
    submit(loop.b.port, message("forged", fields=forged))
    arrived = loop.inbox.containing(b"Subject: forged")
    assert b"bank.example" not in arrived
    assert b"a comment" not in arrived
    ours, foreign = results(arrived)
    assert "dkim=none" in ours
    assert foreign == "Authentication-Results: mx.other.example; spf=pass"


def test_a_changed_message_fails_and_is_delivered(loop: Loop) -> None:
    loop.send(message("to-be-changed"))
    arrived = loop.inbox.containing(b"Subject: to-be-changed")
    signed = arrived[arrived.index(b"DKIM-Signature:") :]
    changed = signed.replace(b"a line", b"a lie").replace(b"to-be-changed", b"was-changed")
    submit(loop.b.port, changed)
    (line,) = results(loop.inbox.containing(b"Subject: was-changed"))
    assert line.count("dkim=fail") == 2


def test_the_log_has_one_line_for_each_message_with_its_queue_id(loop: Loop) -> None:
    loop.send(message("logged"))
    loop.inbox.containing(b"Subject: logged")
    lines = [line for line in loop.daemon.log.splitlines() if "<logged@sender.example>" in line]
    assert len(lines) == 2
    for line, postfix in zip(lines, (loop.a, loop.b), strict=True):
        found = re.search(r"queue_id=(\w+)", line)
        assert found is not None
        assert f"{found[1]}: message-id=<logged@sender.example>" in postfix.log


def test_workers_run_without_root(loop: Loop) -> None:
    assert loop.daemon.workers
    for pid in loop.daemon.workers:
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\t65534\t65534\t65534", status, re.MULTILINE)


def test_the_numbers_are_those_of_all_workers(loop: Loop) -> None:
    from urllib.request import urlopen

    for number in range(6):
        loop.send(message(f"counted-{number}"))
        loop.inbox.containing(b"Subject: counted-%d" % number)

    def page(name: str) -> str:
        with urlopen(f"http://127.0.0.1:{loop.metrics_port}{name}", timeout=5) as reply:
            text: str = reply.read().decode()
            return text

    def counted() -> dict[str, float]:
        rows = [line.rsplit(" ", 1) for line in page("/metrics").splitlines() if line[0] != "#"]
        return {name: float(value) for name, value in rows}

    first = counted()
    signed = 'avowal_signed_total{algorithm="rsa-sha256",domain="sender.example",selector="rsa"}'
    assert first[signed] >= 6
    assert first['avowal_verified_total{algorithm="rsa-sha256",result="pass"}'] >= 6
    assert first["avowal_configuration_generation"] >= 1
    until(lambda: counted()['avowal_key_published{domain="sender.example",selector="rsa"}'] == 1)
    assert page("/healthz") == "alive\n"
    assert page("/readyz") == "ready\n"


# -- under load --------------------------------------------------------------------------------


class Load:
    """Threads that submit messages until told to stop, and remember which were accepted."""

    def __init__(self, port: int, name: str, *, threads: int = 4) -> None:
        self.accepted: set[str] = set()
        self.deferred = 0
        self._port = port
        self._name = name
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._submit, args=(number,)) for number in range(threads)
        ]

    def _submit(self, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            mark = f"{self._name}-{number}-{count}-end"
            count += 1
            try:
                submit(self._port, message(mark))
            except (smtplib.SMTPException, OSError, AssertionError):
                with self._lock:
                    self.deferred += 1
                time.sleep(0.02)
            else:
                with self._lock:
                    self.accepted.add(mark)

    def more(self, number: int = 12) -> None:
        """Wait until so many more were accepted."""
        wanted = len(self.accepted) + number
        until(lambda: len(self.accepted) >= wanted, what="mail")

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def assert_each_came_once(loop: Loop, load: Load) -> None:
    """Every message that was accepted has arrived, once, signed and verified."""
    wanted = len(load.accepted)
    assert wanted > 20

    def there() -> bool:
        if len(loop.inbox) >= wanted:
            return True
        if time.monotonic() - flushed[-1] > 1.5:
            loop.a.flush()  # what was deferred while a filter was away
            flushed.append(time.monotonic())
        return False

    flushed = [time.monotonic()]
    until(there, seconds=60, what=f"{wanted} messages")
    arrived = loop.inbox.messages()
    marks = [re.search(rb"^Subject: (\S+)", one, re.MULTILINE) for one in arrived]
    names = [mark[1].decode() for mark in marks if mark is not None]
    assert sorted(names) == sorted(load.accepted)
    assert all(passed(one) == 2 for one in arrived)


def test_reloads_under_load_lose_nothing(own_loop: Loop) -> None:
    with Load(own_loop.a.port, "reload") as load:
        for generation in range(2, 5):
            load.more()
            own_loop.daemon.signal(signal.SIGHUP if generation % 2 else signal.SIGUSR1)
            until(lambda g=generation: f"generation {g} at work" in own_loop.daemon.log)
        load.more()
    assert load.deferred == 0
    assert_each_came_once(own_loop, load)


def test_milter_protocol_2_is_enough(keys: Path) -> None:
    """Postfix then hides the white space behind a colon: relaxed headers do not need it."""
    for loop in running(keys, settings="milter_protocol = 2\n"):
        loop.send(message("two", body=b"a line\r\n"))
        assert passed(loop.inbox.containing(b"Subject: two")) == 2


def test_a_mistake_in_the_configuration_changes_nothing_and_is_told(own_loop: Loop) -> None:
    good = own_loop.daemon.file.read_text()
    own_loop.daemon.file.write_text(good.replace('role = "sign"', 'role = "sing"'))
    with Load(own_loop.a.port, "mistake") as load:
        load.more()
        own_loop.daemon.signal(signal.SIGHUP)
        until(lambda: "stays as it was" in own_loop.daemon.log)
        load.more()
    log = own_loop.daemon.log
    assert re.search(r"file=\S*avowal\.toml line=4 key=\S*role", log), log
    assert load.deferred == 0
    assert_each_came_once(own_loop, load)


def test_a_worker_killed_under_load_loses_nothing(own_loop: Loop) -> None:
    with Load(own_loop.a.port, "killed") as load:
        for _ in range(3):
            load.more()
            os.kill(own_loop.daemon.workers[0], signal.SIGKILL)
            until(lambda: len(own_loop.daemon.workers) == 2)
        load.more()
    assert own_loop.daemon.log.count("ended by SIGKILL") == 3
    assert_each_came_once(own_loop, load)


def test_a_stop_and_start_under_load_loses_nothing(own_loop: Loop) -> None:
    with Load(own_loop.a.port, "stopped") as load:
        load.more()
        assert own_loop.daemon.stop() == 0
        until(lambda: load.deferred > 0, what="a mail that finds no filter")
        own_loop.daemon.start()
        load.more()
    assert "unfinished" not in own_loop.daemon.log
    assert load.deferred > 0
    assert_each_came_once(own_loop, load)


def test_while_dns_is_dead_mail_goes_on_with_a_temporary_error(keys: Path) -> None:
    for loop in running(keys, cache=False):
        loop.send(message("before"))
        assert passed(loop.inbox.containing(b"Subject: before")) == 2
        loop.dns.silent = True
        loop.send(message("during"))
        (line,) = results(loop.inbox.containing(b"Subject: during"))
        assert "dkim=temperror" in line
        assert "dkim=fail" not in line
        loop.dns.silent = False
        loop.send(message("after"))
        assert passed(loop.inbox.containing(b"Subject: after")) == 2
