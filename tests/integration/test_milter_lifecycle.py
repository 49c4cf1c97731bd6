"""`avowal milter` as a process: start, refusals to start, reload, workers that die, end."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.mailloop import free_port, until
from tests.mta.client import MtaClient
from tests.mta.session import Transaction

from avowal.crypto.signing import generate
from avowal.keys.files import load_key, write_key
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName

MESSAGE = (
    b"From: a@sender.example\r\nTo: b@receiver.example\r\nSubject: s\r\n"
    b"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <m@sender.example>\r\n\r\nbody\r\n"
)
CONFIGURATION = """
[[listeners]]
socket = "unix:{here}/m.sock"

[keys.k]
domain = "sender.example"
selector = "s"
file = "{here}/s.pem"

[dns]
zone_file = "{here}/zone.json"

[server]
workers = 2
drain = 5
"""


class Process:
    """The daemon, and what it said."""

    def __init__(self, here: Path, *arguments: str, **environment: str) -> None:
        self.here = here
        self.log_file = here / f"log-{len(list(here.glob('log-*')))}"
        with self.log_file.open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "avowal", "milter", *arguments],
                cwd=here, stdout=log, stderr=log, env={**os.environ, **environment},
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    @property
    def workers(self) -> list[int]:
        pid = self.popen.pid
        return [int(w) for w in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def at_work(self, generation: int = 1) -> Process:
        words = f"generation {generation} at work"
        until(lambda: words in self.log or self.popen.poll() is not None, what=words)
        assert self.popen.poll() is None, self.log
        return self

    def end(self) -> int:
        self.popen.terminate()
        return self.popen.wait(60)


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[Process] = []

    def started(*arguments: str, **environment: str) -> Process:
        processes.append(Process(tmp_path, *arguments, **environment))
        return processes[-1]

    yield started
    for process in processes:
        if process.popen.poll() is None:
            process.end()


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    key = generate("ed25519")
    write_key(tmp_path / "s.pem", key)
    zone = {"s._domainkey.sender.example": record_text(key)}
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    path = tmp_path / "avowal.toml"
    path.write_text(CONFIGURATION.format(here=tmp_path))
    return path


def sent(address: str) -> bytes:
    with MtaClient.connected(address) as mta:
        return mta.send(Transaction.of(MESSAGE)).octets


def refusal(start: Start, *arguments: str, **environment: str) -> tuple[int, str]:
    """Start a daemon that must not start; return its status and words."""
    process = start(*arguments, **environment)
    status = process.popen.wait(60)
    return status, process.log


# -- the start ---------------------------------------------------------------------------------


def test_it_signs_says_so_and_ends_in_good_order(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    process = start("--config", str(configuration)).at_work()
    assert len(process.workers) == 2
    assert sent(f"unix:{tmp_path}/m.sock").startswith(b"DKIM-Signature:")
    assert process.end() == 0
    assert not (tmp_path / "m.sock").exists()
    assert 'signed1="d=sender.example s=s a=ed25519-sha256"' in process.log


_ENDED_AT_THE_START = """
import os, signal, sys
from avowal import paths
from avowal.config import toml
from avowal.milter import supervisor

def then_ended(module, name):
    before = getattr(module, name)
    def made(*arguments, **options):
        kept = before(*arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return kept
    setattr(module, name, made)

then_ended({module}, {name!r})
from avowal.__main__ import main
sys.argv = ["avowal", "milter", "--config", {path!r}]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param("toml", "read", id="while-it-reads"),
        pytest.param("supervisor", "open_listener", id="once-the-socket-is-there"),
        pytest.param("paths", "OwnFile", id="once-the-pid-file-is-there"),
        pytest.param("supervisor.Fleet", "fill", id="once-there-are-workers"),
    ],
)
def test_sigterm_at_any_moment_of_the_start_leaves_nothing_behind(
    configuration: Path, tmp_path: Path, module: str, name: str
) -> None:
    with configuration.open("a") as file:
        file.write(f'pid_file = "{tmp_path}/m.pid"\n')
    before = {*tmp_path.iterdir()}
    program = _ENDED_AT_THE_START.format(module=module, name=name, path=str(configuration))
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    assert (ended.returncode, {*tmp_path.iterdir()} - before) == (0, set()), ended.stderr


def test_check_reads_everything_and_stops(start: Start, configuration: Path) -> None:
    assert refusal(start, "--check", "--config", str(configuration)) == (
        0, "the configuration is good\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(("selector", "selektor", r"avowal\.toml:7.*selektor"), id="unknown option"),
        pytest.param(("s.pem", "x.pem", r"keys\.k\.file.*No such file"), id="no key"),
        pytest.param(("unix:{here}/m.sock", "m.sock", "write unix:PATH"), id="no socket"),
        pytest.param(("{here}/m.sock", "/nonexistent/m.sock", "make it first"), id="cannot bind"),
        pytest.param(("workers = 2", 'user = "nobody-here"', "no user"), id="no such user"),
        pytest.param(("workers = 2", "workers = 0", "server.workers"), id="no workers"),
        pytest.param(("[dns]", "[dns", r"line=?.*|avowal\.toml:"), id="no TOML"),
    ],
)
def test_what_keeps_it_from_starting_is_told_and_the_status_is_not_0(
    start: Start, configuration: Path, tmp_path: Path, mistake: tuple[str, str, str]
) -> None:
    old, new, words = mistake
    text = configuration.read_text()
    assert old.format(here=tmp_path) in text
    configuration.write_text(text.replace(old.format(here=tmp_path), new.format(here=tmp_path)))
    status, said = refusal(start, "--config", str(configuration))
    assert status != 0
    assert re.search(words, said), said
    assert "Traceback" not in said


def test_a_key_that_others_may_read_keeps_it_from_starting(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    (tmp_path / "s.pem").chmod(0o644)
    status, said = refusal(start, "--config", str(configuration))
    assert status != 0
    assert "chmod 600" in said


def test_a_socket_in_use_keeps_it_from_starting(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    start("--config", str(configuration)).at_work()
    status, said = refusal(start, "--config", str(configuration))
    assert status != 0
    assert "another process listens there" in said
    assert sent(f"unix:{tmp_path}/m.sock").startswith(b"DKIM-Signature:")


@pytest.mark.parametrize(
    "arguments",
    [(), ("--config", "a", "--domain", "b"), ("--config", "a", "--workers", "2")],
    ids=["nothing", "both", "options that stand in the file"],
)
def test_contradicting_options_are_refused(start: Start, arguments: tuple[str, ...]) -> None:
    status, said = refusal(start, *arguments)
    assert status == 2
    assert said.startswith("avowal: ")


# -- a domain alone ----------------------------------------------------------------------------


def test_a_domain_is_enough(start: Start, tmp_path: Path) -> None:
    arguments = ("--domain", "sender.example", "--socket", f"unix:{tmp_path}/m.sock")
    process = start(*arguments, "--sign-unpublished", "--resolver", "127.0.0.1:9").at_work()
    files = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert files == ["sender.example.avowal-ed25519.pem", "sender.example.avowal-rsa.pem"]
    for name in files:
        path = tmp_path / "keys" / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert record_text(load_key(path)).rpartition("p=")[2][:60] in process.log
    assert sent(f"unix:{tmp_path}/m.sock").count(b"DKIM-Signature:") == 2
    assert process.end() == 0
    again = start(*arguments, "--sign-unpublished", "--resolver", "127.0.0.1:9").at_work()
    assert again.log.count("; found keys/") == 2


def test_it_does_not_sign_before_dns_shows_the_records(start: Start, tmp_path: Path) -> None:
    from tests.dnsd import NameServer

    with NameServer() as dns:
        process = start(
            "--domain", "sender.example", "--socket", f"unix:{tmp_path}/m.sock",
            "--resolver", dns.address,
        ).at_work()  # fmt: skip
        until(lambda: process.log.count("it does not sign") == 2)
        unsigned = sent(f"unix:{tmp_path}/m.sock")
    assert b"DKIM-Signature" not in unsigned
    assert re.search(r"treatment=verify .*message_id=<m@sender.example>", process.log)


def test_what_dns_showed_outlasts_dead_workers_reloads_and_starts_while_dns_is_silent(
    start: Start, tmp_path: Path
) -> None:
    from tests.dnsd import NameServer

    socket_name = f"unix:{tmp_path}/m.sock"
    arguments = ("--domain", "sender.example", "--socket", socket_name, "--workers", "2")
    with NameServer() as dns:
        process = start(*arguments, "--resolver", dns.address).at_work()
        assert b"DKIM-Signature" not in sent(socket_name)
        assert 'event="our domain, left unsigned" reason=signing.require_published' in process.log
        assert process.end() == 0
    domain = DomainName.parse(b"sender.example")
    records = [
        zone_line(DomainName.parse(name), domain, record_text(load_key(path)))
        for name in (b"avowal-rsa", b"avowal-ed25519")
        for path in [tmp_path / "keys" / f"sender.example.{name.decode()}.pem"]
    ]
    (tmp_path / "keys" / "published").unlink()  # else they are missing for half a minute
    with NameServer("\n".join(records) + "\n") as dns:
        process = start(*arguments, "--resolver", dns.address).at_work()
        assert sent(socket_name).count(b"DKIM-Signature:") == 2
        dns.silent = True
        for worker in process.workers:
            os.kill(worker, signal.SIGKILL)
        assert sent(socket_name).count(b"DKIM-Signature:") == 2
        process.popen.send_signal(signal.SIGHUP)
        process.at_work(2)
        assert sent(socket_name).count(b"DKIM-Signature:") == 2
        assert process.end() == 0
        process = start(*arguments, "--resolver", dns.address).at_work()
        assert sent(socket_name).count(b"DKIM-Signature:") == 2


# -- generations -------------------------------------------------------------------------------


def test_a_reload_brings_in_new_keys_and_rules(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    process = start("--config", str(configuration)).at_work()
    old = process.workers
    configuration.write_text(configuration.read_text().replace('"s"', '"t"'))
    process.popen.send_signal(signal.SIGHUP)
    process.at_work(2)
    assert b"s=t;" in sent(f"unix:{tmp_path}/m.sock")
    until(lambda: not set(old) & set(process.workers), what="the end of the old workers")


def test_a_reload_opens_and_closes_sockets(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    process = start("--config", str(configuration)).at_work()
    port = free_port()
    text = configuration.read_text()
    configuration.write_text(text.replace(f"unix:{tmp_path}/m.sock", f"inet:{port}@127.0.0.1"))
    process.popen.send_signal(signal.SIGUSR1)
    process.at_work(2)
    assert sent(f"inet:{port}@127.0.0.1").startswith(b"DKIM-Signature:")
    until(lambda: not (tmp_path / "m.sock").exists())
    configuration.write_text(text)
    process.popen.send_signal(signal.SIGHUP)
    process.at_work(3)
    assert sent(f"unix:{tmp_path}/m.sock").startswith(b"DKIM-Signature:")


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(("selector", "selektor", r"line=7 key=\S*selektor"), id="unknown option"),
        pytest.param(("s.pem", "gone.pem", r"key=keys\.k\.file"), id="no key"),
        pytest.param(("{here}/m.sock", "/nonexistent/m.sock", "make it first"), id="cannot bind"),
        pytest.param(("zone.json", "gone.json", "gone.json"), id="no zone"),
    ],
)
def test_a_mistake_in_a_reload_is_told_and_changes_nothing(
    start: Start, configuration: Path, tmp_path: Path, mistake: tuple[str, str, str]
) -> None:
    old, new, words = mistake
    process = start("--config", str(configuration)).at_work()
    workers = process.workers
    text = configuration.read_text()
    configuration.write_text(text.replace(old.format(here=tmp_path), new.format(here=tmp_path)))
    process.popen.send_signal(signal.SIGHUP)
    until(lambda: "stays as it was: generation 1" in process.log)
    assert re.search(words, process.log), process.log
    assert process.workers == workers
    assert sent(f"unix:{tmp_path}/m.sock").startswith(b"DKIM-Signature:")
    configuration.write_text(text)
    process.popen.send_signal(signal.SIGHUP)
    process.at_work(3)


def test_connections_of_the_old_generation_are_served_to_their_end(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    process = start("--config", str(configuration)).at_work()
    with MtaClient.connected(f"unix:{tmp_path}/m.sock") as mta:
        mta.send(Transaction.of(MESSAGE))
        process.popen.send_signal(signal.SIGHUP)
        process.at_work(2)
        assert mta.send(Transaction.of(MESSAGE)).octets.startswith(b"DKIM-Signature:")
        assert len(process.workers) >= 3
    until(lambda: len(process.workers) == 2)


# -- deaths ------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_replaced(start: Start, configuration: Path, tmp_path: Path) -> None:
    process = start("--config", str(configuration)).at_work()
    first, second = process.workers
    os.kill(first, signal.SIGKILL)
    assert sent(f"unix:{tmp_path}/m.sock").startswith(b"DKIM-Signature:")
    until(lambda: len(process.workers) == 2 and first not in process.workers)
    assert second in process.workers
    assert f"worker {first} ended by SIGKILL" in process.log


def test_a_worker_that_dies_again_and_again_is_replaced_ever_slower(
    start: Start, configuration: Path
) -> None:
    text = configuration.read_text().replace("workers = 2", "workers = 1")
    configuration.write_text(text)
    process = start("--config", str(configuration)).at_work()
    for deaths in range(1, 4):
        until(lambda: len(process.workers) == 1)
        os.kill(process.workers[0], signal.SIGKILL)
        until(lambda n=deaths: process.log.count("another starts in") == n)
    pauses = [float(p) for p in re.findall(r"another starts in ([\d.]+) s", process.log)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]


def test_workers_end_when_their_supervisor_is_killed(start: Start, configuration: Path) -> None:
    process = start("--config", str(configuration)).at_work()
    workers = process.workers
    process.popen.kill()
    process.popen.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def unread(connection: socket.socket) -> int:
    """Return how many octets that we sent on a unix socket the other side has not taken."""
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]  # type: ignore[no-any-return]


def test_a_message_under_way_is_answered_before_the_end(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    process = start("--config", str(configuration)).at_work()
    mta = MtaClient.connected(f"unix:{tmp_path}/m.sock")
    octets = mta.session.submit(Transaction.of(MESSAGE))
    mta._socket.sendall(octets[:-20])
    until(lambda: unread(mta._socket) == 0)
    process.popen.terminate()
    until(lambda: "stopping" in process.log)
    mta._socket.sendall(octets[-20:])
    while mta.session.outcome is None:
        mta._exchange()
    assert mta.session.outcome.octets.startswith(b"DKIM-Signature:")
    mta.close()
    assert process.popen.wait(60) == 0


# -- systemd -----------------------------------------------------------------------------------


def test_systemd_is_told_and_its_watchdog_fed(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        process = start(
            "--config", str(configuration),
            NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="600000",
        )  # fmt: skip

        def said(word: bytes) -> None:
            while not manager.recv(1000).startswith(word):
                pass

        said(b"READY=1")
        said(b"WATCHDOG=1")
        process.popen.send_signal(signal.SIGHUP)
        said(b"RELOADING=1\nMONOTONIC_USEC=")
        said(b"READY=1")
        process.popen.terminate()
        said(b"STOPPING=1")
        assert process.popen.wait(60) == 0


def test_a_socket_of_systemd_is_taken_over(
    start: Start, configuration: Path, tmp_path: Path
) -> None:
    """A shell puts the socket at descriptor 3 and our pid into LISTEN_PID, as systemd does."""
    text = configuration.read_text()
    configuration.write_text(text.replace(f"unix:{tmp_path}/m.sock", "systemd:milter"))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        script = (
            "import os,sys; os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', "
            "LISTEN_FDNAMES='milter'); "
            f"os.dup2({listening.fileno()}, 3); os.set_inheritable(3, True); "
            f"os.execv(sys.executable, [sys.executable, '-m', 'avowal', 'milter', '-c', "
            f"'{configuration}'])"
        )
        log = (tmp_path / "log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-c", script], pass_fds=[listening.fileno()], stdout=log, stderr=log
        )
    log.close()
    try:
        until(lambda: "at work" in (tmp_path / "log").read_text())
        assert sent(f"inet:{port}@127.0.0.1").startswith(b"DKIM-Signature:")
    finally:
        process.terminate()
        assert process.wait(60) == 0
