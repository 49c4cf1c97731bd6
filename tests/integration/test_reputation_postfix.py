"""Opinions counted from folders of mail while a real Postfix takes mail by them."""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, until, workplace

import avowal
from avowal.testing import ED25519, message, record_for

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
_CONFIGURATION = """
mode = "verify"
[[listeners]]
socket = "inet:{port}@127.0.0.1"
[origin]
internal_hosts = []
[results]
authserv_id = "mx.example.net"
[policies]
generations = []
spf = "off"
[reputation]
database = "{root}/opinions.db"
limits = [{{ assertion = "spam", rating = 0.8, confidence = 0.5 }}]
[actions]
disreputable = "reject"
[log]
why = true
[dns]
zone_file = "{root}/zone.json"
"""
DOMAINS = ("news.example.com", "shop.example.org")
SPAM = 12


class Border(NamedTuple):
    """A host that takes mail, and what it knows of those who sign."""

    root: Path
    postfix: Postfix
    daemon: Daemon
    inbox: Inbox

    def take(self, domain: str, number: int) -> None:
        """Submit a signed message; SMTPDataError where it is refused."""
        text = message(subject=f"No {number} of {domain}", **{"from": f"a@{domain}"})
        field = avowal.sign(text, domain=domain, selector="s", key=ED25519)
        submit(self.postfix.port, field + text)

    def reputation(self, *words: str) -> str:
        """Run `avowal reputation`; return what it printed."""
        command = [sys.executable, "-m", "avowal", "reputation", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def count(self) -> list[str]:
        """The words that count the folder of spam."""
        zone, database = f"{self.root}/zone.json", f"{self.root}/opinions.db"
        return ["count", "--zone", zone, "--database", database, f"{self.root}/Junk"]

    def rated(self, domain: str) -> dict[str, object]:
        """What the table has about a domain."""
        text = self.reputation("show", "--database", f"{self.root}/opinions.db", "--json", domain)
        found: dict[str, object] = json.loads(text)
        return found


@pytest.fixture(scope="module")
def border() -> Iterator[Border]:
    with workplace() as root:
        zone = {f"s._domainkey.{domain}": record_for(ED25519) for domain in DOMAINS}
        (root / "zone.json").write_text(json.dumps(zone))
        port, inbox = free_port(), Inbox(root)
        postfix = Postfix(root, "r", milter=f"inet:127.0.0.1:{port}")
        database = ["--database", str(root / "opinions.db")]
        made = [sys.executable, "-m", "avowal", "reputation", "set", *database]
        subprocess.run([*made, "other.example", "spam", "0"], check=True)
        daemon = Daemon(root, _CONFIGURATION.format(root=root, port=port))
        with daemon, postfix:
            yield Border(root, postfix, daemon, inbox)


def test_what_users_call_spam_is_refused_from_the_next_message_on(border: Border) -> None:
    """And nobody else's, while the folder is counted again and again."""
    news, shop = DOMAINS
    for number in range(SPAM):
        border.take(news, number)
    until(lambda: len(border.inbox) == SPAM, what="the mail")
    shutil.copytree(border.root / "mail" / "inbox", border.root / "Junk")
    told = border.reputation(*border.count())
    assert told == f"{SPAM} messages, 0 of them signed by nobody; 1 identity\n"

    with pytest.raises(smtplib.SMTPDataError) as refused:
        border.take(news, SPAM)
    assert refused.value.smtp_code == 550
    border.take(shop, 0)
    log = border.daemon.log
    assert f"opinions.db: {news} spam 1.000, confidence 0.55" in log
    assert "spam is rated 0.8 or more" in log

    counting = [
        subprocess.Popen([sys.executable, "-m", "avowal", "reputation", *border.count()])
        for _ in range(3)
    ]
    number = 0
    while any(one.poll() is None for one in counting):
        number += 1
        border.take(shop, number)  # none is refused nor put off by whoever writes the table
    assert [one.returncode for one in counting] == [0, 0, 0]
    assert border.rated(news)["sample_size"] == 4 * SPAM
    until(lambda: len(border.inbox) == SPAM + 1 + number, what="the mail")
    assert border.postfix.queued == 0
    assert "opinions.db: another program holds it locked" not in border.daemon.log
