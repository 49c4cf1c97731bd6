"""Three receivers that report, and the owners they report to: real programs on loopback.

========  =====================================  ================================================
avowal    Postfix, `avowal milter`               events, `avowal reports send`
rspamd    Postfix, rspamd with Redis             `rspamadm dmarc_report`
opendmarc Postfix, OpenDKIM and OpenDMARC        history, `opendmarc-import` into MariaDB,
                                                 `opendmarc-reports`
========  =====================================  ================================================

Knot serves the names.  OpenDMARC asks whoever stands in /etc/resolv.conf: it gets a file of its
own, in a mount namespace.  Postfix is told the addresses of clients by XCLIENT.  Each receiver
delivers into a Maildir of its own; the owner's Postfix takes the reports.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import smtplib
import socket
import sqlite3
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.mailloop import Inbox, Postfix, answers, free_port, until

import avowal
from avowal.keys.records import zone_line
from avowal.names import DomainName
from avowal.testing import RSA_2048, message, record_for, tamper

PROGRAMS = (
    "postfix", "knotd", "rspamd", "rspamadm", "redis-server", "opendkim", "opendmarc",
    "opendmarc-import", "opendmarc-reports", "mariadbd", "mariadb-install-db", "mariadb", "unshare",
    "setpriv",
)  # fmt: skip
OWN, FOREIGN = "192.0.2.7", "198.51.100.9"
OWNERS = {"strict.example": "reject", "mild.example": "none"}
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_OWN_RESOLVER = 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"'
_KNOT = """\
server:
  listen: [127.0.0.1@{port}, {address}@53]
  rundir: {root}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {root}
zone:
  - domain: .
    storage: {root}
    file: zone
"""


class Mail(NamedTuple):
    """A kind of mail: what is wrong with it, and from where it comes."""

    domain: str
    kind: str

    @property
    def client(self) -> str:
        return OWN if self.kind in {"good", "unsigned"} else FOREIGN

    @property
    def octets(self) -> bytes:
        text = message(**{"from": f"joe@{self.domain}"})
        if self.kind in {"unsigned", "forged"}:
            return text
        signed = avowal.sign(text, domain=self.domain, selector="s", key=RSA_2048) + text
        return tamper(signed) if self.kind == "broken" else signed

    @property
    def row(self) -> Row:
        """What a report has to say of it."""
        dkim, spf = self.kind in {"good", "forwarded"}, self.client == OWN
        refused = not (dkim or spf) and OWNERS[self.domain] == "reject"
        return Row(self.domain, self.client, dkim, spf, refused)


KINDS = ("good", "forwarded", "unsigned", "broken", "forged")
ALL = tuple(Mail(domain, kind) for domain in OWNERS for kind in KINDS)


class Row(NamedTuple):
    """What reports say of messages: whose they are, from where, and what became of them."""

    domain: str
    source: str
    dkim: bool
    spf: bool
    refused: bool

    @property
    def verdict(self) -> Verdict:
        """The verdict of such a message."""
        return Verdict(self.domain, "pass" if self.dkim or self.spf else "fail", self.refused)


class Verdict(NamedTuple):
    """What a receiver said of a mail: DMARC's result as it wrote it, and what it did."""

    domain: str
    result: str
    refused: bool


class Receiver:
    """One organization: its Postfix, what judges behind it, and how it reports."""

    name = ""

    def __init__(self, root: Path, dns: int, owner: int, resolver: Path) -> None:
        self.root = root / self.name
        self.root.mkdir()
        self.ports = {"milter": free_port(), "owner": owner, "dns": dns}
        self.resolving = ["unshare", "-m", "sh", "-c", _OWN_RESOLVER, "sh", str(resolver)]
        self.postfix = Postfix(
            root, f"mx-{self.name}", milter=self.milters(),
            settings="smtpd_authorized_xclient_hosts = 127.0.0.0/8\n"
            "smtpd_relay_restrictions = reject_unauth_destination\n"
            f"virtual_mailbox_maps = static:{self.name}/\n",
        )  # fmt: skip
        self.inbox = root / "mail" / self.name / "new"
        self.taken = 0

    def milters(self) -> str:
        return f"inet:127.0.0.1:{self.ports['milter']}"

    def text(self, template: str) -> str:
        return template.format(root=self.root, **self.ports)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run what judges."""
        yield

    def report(self) -> str:
        """Send reports to the owners; return what was said."""
        raise NotImplementedError

    def take(self, mails: Mapping[Mail, int]) -> Counter[Verdict]:
        """Hand mails over; return the verdicts as the answers and the delivered mails have them."""
        refused: Counter[Mail] = Counter()
        for mail, number in mails.items():
            octets = mail.octets
            for _ in range(number):
                refused[mail] += not handed(self.postfix.port, mail, octets)
        self.taken += sum(mails.values())
        wanted = sum(mails.values()) - refused.total()
        until(lambda: len(self.delivered()) == wanted, seconds=120, what=f"{self.name}'s mail")
        verdicts: Counter[Verdict] = Counter()
        for path in self.delivered():
            verdicts[_verdict(path.read_bytes())] += 1
        for mail, number in refused.items():
            verdicts[Verdict(mail.domain, "fail", True)] += number
        return +verdicts

    def delivered(self) -> list[Path]:
        return list(self.inbox.glob("*")) if self.inbox.exists() else []


def _verdict(octets: bytes) -> Verdict:
    header = re.sub(rb"\r?\n[ \t]+", b" ", octets.partition(b"\n\n")[0]).decode()
    fields = [line for line in header.splitlines() if line.startswith("Authentication-Results:")]
    results = [found[1] for field in fields if (found := re.search(r"\bdmarc=(\w+)", field))]
    author = re.search(r"^From:.*@([a-z.]+)", header, re.MULTILINE | re.IGNORECASE)
    assert len(results) == 1, f"{len(results)} results of DMARC:\n{header}"
    assert author is not None
    return Verdict(author[1], results[0], False)


def handed(port: int, mail: Mail, octets: bytes) -> bool:
    """Hand a mail to Postfix as the mail's client would; whether it was taken."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=120) as client:
        client.ehlo()
        code, text = client.docmd("XCLIENT", f"ADDR={mail.client} NAME=[UNAVAILABLE]")
        assert code == 220, text
        client.ehlo()
        client.mail(f"joe@{mail.domain}")
        client.rcpt("bob@here.example")
        code, text = client.data(octets)
        assert code in {250, 550, 554}, text
        return code == 250


@contextlib.contextmanager
def program(root: Path, command: list[str], port: int, **more: str) -> Iterator[None]:
    """Run a program until it listens; end it afterwards."""
    said = root / f"{Path(command[0]).name}.out"
    environment = {**os.environ, "PATH": _PATH, **more}
    with said.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment, cwd=root)
    try:
        until(lambda: answers(port) or process.poll() is not None, seconds=120, what=command[0])
        assert process.poll() is None, said.read_text(errors="replace")
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def told(command: list[str], cwd: Path) -> str:
    """Run a command to its end; return what it said.  AssertionError where it fails."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, "PATH": f"{_PATH}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def kept_rows(store: Path) -> dict[str, Counter[Row]]:
    """Return what stands in a store of `avowal reports read`, by the organization that said it."""
    found: defaultdict[str, Counter[Row]] = defaultdict(Counter)
    with contextlib.closing(sqlite3.connect(store)) as connection:
        for organization, domain, source, dkim, spf, disposition, messages in connection.execute(
            "SELECT p.organization, o.header_from, r.source, o.dkim, o.spf, o.disposition,"
            " r.messages FROM record r JOIN report p ON p.id = r.report"
            " JOIN outcome o ON o.id = r.outcome"
        ):
            row = Row(domain, source, bool(dkim), bool(spf), disposition == "reject")
            found[organization][row] += messages
    return found


class City(NamedTuple):
    """What runs: the receivers by name, and where the owners' reports arrive."""

    receivers: Mapping[str, Receiver]
    reports: Path

    def take(self, mails: Mapping[Mail, int]) -> dict[str, Counter[Verdict]]:
        """Hand the same mails to every receiver, side by side; return their verdicts."""
        with ThreadPoolExecutor(len(self.receivers)) as pool:
            verdicts = pool.map(lambda one: one.take(mails), self.receivers.values())
            return dict(zip(self.receivers, verdicts, strict=True))


@contextlib.contextmanager
def city(root: Path, kinds: Sequence[type[Receiver]]) -> Iterator[City]:
    """Run name server, receivers and owner."""
    with contextlib.ExitStack() as running:
        port, resolver = running.enter_context(_names(root))
        Inbox(root)
        owner = running.enter_context(Postfix(root, "owner", milter=""))
        made = [kind(root, port, owner.port, resolver) for kind in kinds]
        with ThreadPoolExecutor(len(made)) as pool:
            starts = [pool.submit(_started, one) for one in made]
        running.callback(_closed, [one.result() for one in starts if one.exception() is None])
        for one in starts:
            one.result()
        yield City({one.name: one for one in made}, root / "mail" / "inbox")


def _closed(started: Sequence[contextlib.ExitStack]) -> None:
    """End what was started, side by side."""
    with ThreadPoolExecutor(len(started) or 1) as pool:
        list(pool.map(lambda one: one.close(), started))


def _started(receiver: Receiver) -> contextlib.ExitStack:
    with contextlib.ExitStack() as running:
        running.enter_context(receiver.running())
        running.enter_context(receiver.postfix)
        return running.pop_all()


@contextlib.contextmanager
def _names(root: Path) -> Iterator[tuple[int, Path]]:
    """Run Knot with all names there are; give its port, and a resolv.conf that names it."""
    place = root / "names"
    place.mkdir()
    port, random_address = free_port(), _address()
    lines = ["$TTL 60", ". SOA ns.example. host.example. 1 3600 600 86400 60", ". NS ns.example.",
             "ns.example. A 127.0.0.1"]  # fmt: skip
    selector = DomainName.parse(b"s")
    for domain in (*OWNERS, "avowal.example"):
        name = DomainName.parse(domain.encode())
        lines.append(zone_line(selector, name, record_for(RSA_2048)))
        lines.append(f'{domain}. TXT "v=spf1 ip4:{OWN} -all"')
    lines += [
        f'_dmarc.{domain}. TXT "v=DMARC1; p={policy}; rua=mailto:d@{domain}"'
        for domain, policy in OWNERS.items()
    ]
    lines.append('_dmarc.avowal.example. TXT "v=DMARC1; p=reject"')
    (place / "zone").write_text("\n".join(lines) + "\n")
    (place / "knot.conf").write_text(_KNOT.format(root=place, port=port, address=random_address))
    (place / "resolv.conf").write_text(f"nameserver {random_address}\noptions timeout:5\n")
    with program(place, ["knotd", "-c", str(place / "knot.conf")], port):
        yield port, place / "resolv.conf"


def _address() -> str:
    """Return an address of loopback where nobody listens on port 53."""
    while True:
        address = (
            f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, 53))
            except OSError:
                continue
            return address
