"""A mail loop on loopback: Postfix A with a signer, Postfix B with a verifier, a maildir.

::

    smtp client --> Postfix A --> Postfix B --> maildir
                      | milter      | milter --> name server

Both Postfix instances live in one directory of their own, listen on ports that were free,
and are gone at the end.  Needs root and postfix.
"""

from __future__ import annotations

import contextlib
import grp
import itertools
import os
import pwd
import random
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_DAEMONS = "/usr/lib/postfix/sbin"
_MAIN = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/log/{name}.log
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {hostname}
mydestination =
local_transport = error:nobody lives here
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtputf8_enable = yes
biff = no
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_client_message_rate_limit = 0
default_process_limit = 40
message_size_limit = 52428800
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
milter_default_action = tempfail
milter_connect_timeout = 5s
milter_command_timeout = 30s
"""
_RELAY = "relayhost = [127.0.0.1]:{port}\n"
_MAILBOX = """
virtual_mailbox_domains = static:all
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
virtual_transport = virtual
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_milters={milter}
  -o milter_macro_daemon_name={daemon_name}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def _once(settings: str) -> str:
    """Leave out what is set again further below.

    Each process of Postfix warns of every such line, and master waits for ever once ten datagrams
    stand before postlogd, which it has to start.
    """
    lines = [line for line in settings.splitlines() if line.strip()]
    last = {line.partition("=")[0].strip(): line for line in lines}
    return "".join(f"{line}\n" for line in last.values())


_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.cycle(
    # Each process that runs tests has its own, away from those that the kernel gives to whoever
    # connects: what is free now must be so still when the server has started.
    random.Random(os.getpid()).sample(range(10_000 + _WORKER % 8, 32_000, 8), 2_750)
)


def free_port() -> int:
    """Return a port nobody listens on, and that nobody else will be given."""
    for port in _PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def until(true: Callable[[], bool], *, seconds: float = 60, what: str = "it") -> None:
    """Wait for something; AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come about within {seconds} s"
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A directory that other users can reach, gone at the end.

    Not under /tmp: opendkim refuses keys below a directory that others can write to.
    """
    above = next((p for p in ("/srv", "/opt") if os.access(p, os.W_OK)), "/var/tmp")
    root = Path(tempfile.mkdtemp(prefix="avowal-loop-", dir=above))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


class Postfix:
    """One instance; `log` is what it said."""

    def __init__(
        self,
        root: Path,
        name: str,
        *,
        milter: str,
        relay: int | None = None,
        daemon_name: str = "",
        settings: str = "",
        services: str = "",
    ) -> None:
        self.root = root
        self.name = name
        self.home = root / name
        self.port = free_port()
        self.log_file = root / "log" / f"{name}.log"
        for directory in (self.home / "etc", self.home / "queue", self.home / "data"):
            directory.mkdir(parents=True)
        (root / "log").mkdir(exist_ok=True)
        shutil.chown(self.home / "data", "postfix")
        main = _MAIN.format(
            home=self.home, root=root, name=name, daemons=_DAEMONS, hostname=f"{name}.example"
        )
        main += _MAILBOX.format(root=root) if relay is None else _RELAY.format(port=relay)
        (self.home / "etc" / "main.cf").write_text(_once(main + settings))
        (self.home / "etc" / "master.cf").write_text(
            _MASTER.format(port=self.port, milter=milter, daemon_name=daemon_name or name)
            + services
        )

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.home / "etc"), *command],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def __enter__(self) -> Postfix:
        if not Path("/etc/postfix/main.cf").exists():
            Path("/etc/postfix/main.cf").write_text("compatibility_level = 3.6\n")
        self._run("check")
        said = self._run("start")
        until(lambda: answers(self.port), what=f"Postfix {self.name} ({said.stderr})")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("stop")
        with contextlib.suppress(AssertionError):
            until(lambda: not answers(self.port))

    @property
    def log(self) -> str:
        """Everything it logged."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def queued(self) -> int:
        """How many messages are in the queue."""
        said = subprocess.run(
            ["/usr/sbin/postqueue", "-c", str(self.home / "etc"), "-j"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        return len(said.stdout.splitlines())

    def flush(self) -> None:
        """Try to deliver what is queued."""
        self._run("flush")


class Daemon:
    """`avowal milter` as a process of its own."""

    def __init__(self, root: Path, configuration: str) -> None:
        self.file = root / "avowal.toml"
        self.file.write_text(configuration)
        self.log_file = root / "avowal.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Daemon:
        self.start()
        return self

    def start(self) -> None:
        """Start it, and wait until it serves."""
        before = self.log.count("at work")
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "avowal", "milter", "--config", str(self.file)],
                stderr=log, stdout=log, cwd=self.file.parent,
            )  # fmt: skip
        process = self.process
        until(
            lambda: self.log.count("at work") > before or process.poll() is not None,
            seconds=90,
            what="the daemon",
        )
        assert process.poll() is None, self.log

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """End it in good order; return its status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def signal(self, number: int) -> None:
        """Send a signal to the supervisor."""
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    @property
    def log(self) -> str:
        """Everything it logged."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""


class Inbox:
    """The maildir at the end of the loop."""

    def __init__(self, root: Path) -> None:
        self._new = root / "mail" / "inbox" / "new"
        (root / "mail").mkdir()
        os.chown(root / "mail", pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid)

    def __len__(self) -> int:
        return sum(1 for _ in self._new.glob("*")) if self._new.exists() else 0

    def messages(self) -> list[bytes]:
        """The messages, wire line ends, oldest first."""
        files = sorted(self._new.glob("*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes().replace(b"\n", b"\r\n") for path in files]

    def containing(self, mark: bytes, *, seconds: float = 30) -> bytes:
        """Wait for the message that has these octets."""
        found: list[bytes] = []

        def there() -> bool:
            found[:] = [one for one in self.messages() if mark in one]
            return bool(found)

        until(there, seconds=seconds, what=f"a message with {mark!r}")
        assert len(found) == 1, f"{len(found)} messages with {mark!r}"
        return found[0]


def submit(
    port: int,
    octets: bytes,
    *,
    sender: str = "alice@sender.example",
    recipient: str = "bob@receiver.example",
    options: tuple[str, ...] = (),
) -> None:
    """Hand over one message in wire form, octet by octet."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=60) as client:
        client.ehlo()
        code, text = client.mail(sender, list(options))
        assert code == 250, text
        code, text = client.rcpt(recipient)
        assert code == 250, text
        code, text = client.docmd("DATA")
        assert code == 354, text
        stuffed = octets.replace(b"\r\n.", b"\r\n..")
        stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
        client.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, text = client.getreply()
        if code != 250:
            raise smtplib.SMTPDataError(code, text)
