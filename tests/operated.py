"""Both daemons between two Postfix, for runs that do them harm."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.mailloop import Daemon, until

from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName

_AVOWAL = """
[[listeners]]
socket = "unix:{root}/run/sign.sock"
role = "sign"
mode = "0666"
[[listeners]]
socket = "inet:{verify}@127.0.0.1"
role = "verify"
[keys.main]
domain = "sender.example"
selector = "s1"
file = "{root}/s1.pem"
[signing]
require_published = true
publication_file = "{root}/state/published"
[results]
authserv_id = "mx.receiver.example"
[dns]
servers = ["127.0.0.1@{dns}"]
timeout = 3
[server]
workers = 2
user = "nobody"
group = "nogroup"
"""
_OPENDKIM = """
Background no
Mode sv
InternalHosts -
MTA a
AuthservID mx.receiver.example
KeyTable csl:k=sender.example:s1:{root}/s1.pem
SigningTable csl:sender.example=k
Canonicalization relaxed/simple
On-DNSError accept
Nameservers 127.0.0.1@{dns}
DNSTimeout 3
Socket inet:{verify}@127.0.0.1
"""


def published(root: Path) -> str:
    """Make the key; return the zone with its record."""
    key = generate("rsa")
    write_key(root / "s1.pem", key)
    domain, selector = DomainName.parse(b"sender.example"), DomainName.parse(b"s1")
    return zone_line(selector, domain, record_text(key)) + "\n"


class Face(Daemon):
    """A daemon; `signing` is the milter that Postfix signs with."""

    signing = ""

    def __init__(self, root: Path, dns: int, verify: int) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        """Kill the daemon, and what is left of it, as a service manager does before a start."""
        assert self.process is not None
        left = self.workers
        self.process.kill()
        self.process.wait()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Avowal(Face):
    """`avowal milter` with two workers, which signs only what DNS shows."""

    def __init__(self, root: Path, dns: int, verify: int) -> None:
        (root / "run").mkdir()
        (root / "state").mkdir()
        for name in ("run", "state"):
            shutil.chown(root / name, "nobody", "nogroup")
        self.signing = f"unix:{root}/run/sign.sock"
        Daemon.__init__(self, root, _AVOWAL.format(root=root, dns=dns, verify=verify))


class Opendkim(Face):
    """`avowal-opendkim`, one process and one socket for both sides."""

    def __init__(self, root: Path, dns: int, verify: int) -> None:
        self.signing = f"inet:127.0.0.1:{verify}"
        Daemon.__init__(self, root, _OPENDKIM.format(root=root, dns=dns, verify=verify))

    def start(self) -> None:
        """Start it, and wait until it serves."""
        before = self.log.count("starting (args")
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from avowal.opendkim.command import main; main()",
                 "-x", str(self.file)],
                stderr=log, stdout=log, cwd=self.file.parent,
            )  # fmt: skip
        process = self.process
        until(
            lambda: self.log.count("starting (args") > before or process.poll() is not None,
            what="the filter",
        )
        assert process.poll() is None, self.log

    @property
    def workers(self) -> list[int]:
        """There are none."""
        return []
