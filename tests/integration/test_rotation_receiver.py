"""The whole way round: a wrong record, a receiver's verdicts, its reports, and the key goes back.

Our name server (BIND) has the right record of the new key, and whoever watches sees it there.  The
receiver asks a server that has another: the old key's, as when somebody copied it by hand.  Its
mail goes through Postfix and our milter, its report comes by Postfix to the owner, who reads it.
"""

from __future__ import annotations

import io
import os
import shutil
import smtplib
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.dnsd import NameServer
from tests.integration.test_reports_city import CONFIGURATION
from tests.integration.test_rotation_life import DOMAIN, SECONDS, ran, states
from tests.integration.test_rotation_reports import reports, run_until_signing
from tests.mailloop import Daemon, Inbox, Postfix, free_port, until, workplace
from tests.zone_servers import TSIG, authoritative

from avowal.cli import commands, exits
from avowal.cli.reporting import Reporting
from avowal.dates import DAY
from avowal.dns.dnspython import DnsResolver
from avowal.keys.files import write_key
from avowal.keys.lifecycle import KeyState
from avowal.keys.records import zone_line
from avowal.lookup import Question
from avowal.names import DomainName
from avowal.report.aggregate_mail import AggregateLetter
from avowal.stores.report_tables import ReportTables
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import ED25519, message, record_for

pytestmark = [
    pytest.mark.needs("postfix", "named"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
MESSAGES = 110  # of each key; a hundred are what a comparison wants at least
RECEIVER = DomainName.parse(b"receiver.example")


def signed(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> bytes:
    """Sign a mail by the key that signs now, as the command does it."""
    octets = message(**{"from": f"joe@{DOMAIN.ascii}"})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))
    capfdbinary.readouterr()
    words = ["sign", "--key", f"store:{DOMAIN.ascii}", "--line-ends", "wire"]
    assert exits.run(lambda: commands.run(words)) == 0
    return capfdbinary.readouterr().out


def hand_over(port: int, mails: list[bytes]) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=60) as client:
        for octets in mails:
            client.sendmail(f"joe@{DOMAIN.ascii}", ["bob@receiver.example"], octets)


def receive_and_report(mails: list[bytes], zone: str, place: Path) -> None:
    """Let a receiver judge mails and report on them; put what the owner gets into `place`."""
    dmarc = f'_dmarc.{DOMAIN.ascii}. 60 IN TXT "v=DMARC1; p=none; rua=mailto:d@{DOMAIN.ascii}"\n'
    dmarc += '_dmarc.receiver.example. 60 IN TXT "v=DMARC1; p=reject"\n'
    dmarc += zone_line(DomainName.parse(b"s"), RECEIVER, record_for(ED25519)) + "\n"
    with workplace() as root, NameServer(dmarc + zone) as dns:
        write_key(root / "key.pem", ED25519)
        (root / "events").mkdir()
        shutil.chown(root / "events", "nobody", "nogroup")
        milter, inbox = free_port(), Inbox(root)
        owner = Postfix(root, "owner", milter="")
        receiver = Postfix(root, "mx", milter=f"inet:127.0.0.1:{milter}")
        text = CONFIGURATION.format(root=root, milter=milter, owner=owner.port, dns=dns.port)
        with Daemon(root, text) as daemon, owner, receiver:
            hand_over(receiver.port, mails)
            path = root / "events" / "events.db"
            until(path.exists, what="the store")
            with closing(SqliteEvents(str(path))) as store:
                until(lambda: sum(n for _, n in store.days()) == len(mails), what="every event")
                reporting, today = Reporting.read(str(daemon.file)), int(time.time()) // DAY
                sender = reporting.sender(ReportTables(SqliteEvents(str(path))), print)
                found = reporting.reports(store, today, None, print)
                sender.send(today, (AggregateLetter(one, reporting.reporter) for one in found))
            octets = inbox.containing(b"Report Domain: example.test")
    place.mkdir()
    (place / "report.eml").write_bytes(octets)


def test_a_rotation_with_a_wrong_record_is_halted_by_the_reports_it_caused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVOWAL_KEY_STORE", "keys.db")
    Path("tsig.key").write_text(TSIG)
    Path("tsig.key").chmod(0o600)
    root = tmp_path / "named"
    root.mkdir()
    with authoritative("named", root) as port:
        at = f"127.0.0.1:{port}"
        options = ["--resolver", at, "--port", str(port), "--publish", f"rfc2136:{at}"]
        options += ["--zone-name", "example.test", "--tsig-key", "tsig.key", "--ttl", "1"]
        options += ["--key-directory", "private"]
        given = [f"--set={one}" for one in (*SECONDS.split(), "lead=0", "queue-lifetime=1d")]
        assert ran("store", "create") == 0
        assert ran("schedule", DOMAIN.ascii, "--type", "ed25519", *given) == 0
        old = run_until_signing(options)
        by_old = signed(monkeypatch, capfdbinary)
        question = Question(f"{old}._domainkey.{DOMAIN.ascii}")
        (answer,) = DnsResolver([at]).resolve((question,))
        assert ran("rotate", DOMAIN.ascii) == 0
        new = run_until_signing(options, but=old)
        by_new = signed(monkeypatch, capfdbinary)

        wrong = "".join(
            zone_line(DomainName.parse(one.encode()), DOMAIN, answer.records[0].decode()) + "\n"
            for one in (old, new)
        )
        receive_and_report([by_old, by_new] * MESSAGES, wrong, tmp_path / "in")
        assert reports("read", "in") == 0
        assert reports("shares", DOMAIN.ascii, "--key-store", "keys.db") == 0
        assert states()[new] is KeyState.SIGNING
        capfdbinary.readouterr()
        assert ran("run", "--once", *options) == 1
        told = capfdbinary.readouterr().err.decode()
        assert f"the rotation halted: receiver.example: passed 0 of {MESSAGES} (0.0%" in told
        assert f"and {MESSAGES} of {MESSAGES} (100.0%" in told
        assert states() == {old: KeyState.SIGNING, new: KeyState.DRAINING}
