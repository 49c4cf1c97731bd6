"""Milters under test: a program is started on a unix socket, and transactions are played to it.

The MTA's side is `tests.mta.session`.  With `logged`, the program gets a /dev of its own whose
/dev/log is ours, so that its lines can be read (Linux, root).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from tests.mta.session import MtaSession, Outcome, Transaction
from tests.mta.spool import POSTFIX

from avowal.milter.packets import Connect, InsertHeader

OPENDKIM = ("/usr/sbin/opendkim",)
AVOWAL = (sys.executable, "-c", "from avowal.opendkim.command import main; main()")
ALL_MACROS = replace(
    POSTFIX,
    macros={
        "C": ("{daemon_name}", "{one}", "{two}", "j"),
        "M": ("i", "{auth_type}"),
        "E": ("i",),
    },
    late_queue_id=False,
)
STRANGER = Connect(b"mail.example.org", b"4", 25, b"192.0.2.9")
_PATIENCE = 60.0
_OWN_DEV = r"""
d=$1; shift
mount -t tmpfs tmpfs "$d/dev"
for f in null zero random urandom full tty; do
  touch "$d/dev/$f"; mount --bind "/dev/$f" "$d/dev/$f"
done
mkdir "$d/dev/shm"; ln -s "$d/log" "$d/dev/log"
mount --bind "$d/dev" /dev
exec "$@"
"""
_HEADING = re.compile(rb"^<\d+>\w+ +\d+ [\d:]+ \S+?(?:\[\d+\])?: ")


def own_dev_possible() -> bool:
    """Whether a process can be given a /dev of its own here."""
    command = ["unshare", "-m", "true"]
    return (
        os.geteuid() == 0
        and shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


class Milter:
    """One program with a configuration file; `@DIR@` in texts is its directory."""

    def __init__(
        self,
        program: Sequence[str],
        conf: str,
        files: Mapping[str, str] | None = None,
        *,
        arguments: Sequence[str] = (),
        logged: bool = False,
    ) -> None:
        # Not below /tmp: OpenDKIM refuses keys where others could put theirs.
        base = "/srv" if os.geteuid() == 0 else None
        self.directory = Path(tempfile.mkdtemp(prefix="milter-", dir=base))
        self.directory.chmod(0o755)
        for name, text in {"milter.conf": conf, **(files or {})}.items():
            path = self.directory / name
            path.write_text(text.replace("@DIR@", str(self.directory)))
            path.chmod(0o600)
        self.lines: list[str] = []
        self.path = self.directory / "socket"
        command = [
            *program, "-x", str(self.directory / "milter.conf"),
            "-p", f"local:{self.path}", *arguments,
        ]  # fmt: skip
        self._sink: socket.socket | None = None
        if logged:
            command = self._with_own_dev(command)
        self.process = subprocess.Popen(
            command, cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _with_own_dev(self, command: list[str]) -> list[str]:
        (self.directory / "dev").mkdir()
        self._sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sink.bind(str(self.directory / "log"))
        threading.Thread(target=self._listen, args=(self._sink,), daemon=True).start()
        return ["unshare", "-m", "sh", "-c", _OWN_DEV, "sh", str(self.directory), *command]

    def _listen(self, sink: socket.socket) -> None:
        while True:
            try:
                datagram = sink.recv(65536)
            except OSError:
                return
            text = _HEADING.sub(b"", datagram.rstrip(b"\0\n"))
            self.lines.append(text.decode("utf-8", "replace"))

    def wait(self) -> None:
        """Wait until it takes connections; raise with its output where it ends before."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(str(self.path))
                except OSError:
                    pass
                else:
                    return
            if self.process.poll() is not None:
                output = self.process.stdout.read().decode() if self.process.stdout else ""
                raise RuntimeError(f"ended with {self.process.returncode}: {output}")
            time.sleep(0.02)
        raise TimeoutError("the milter did not open its socket")

    def play(self, *transactions: Transaction) -> list[Outcome]:
        """Play transactions, each over a connection of its own."""
        return [self._played(transaction) for transaction in transactions]

    def _played(self, transaction: Transaction) -> Outcome:
        session = MtaSession(flavour=ALL_MACROS)
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(_PATIENCE)
            link.connect(str(self.path))
            link.sendall(session.opening())
            while session.agreement is None:
                link.sendall(session.receive(link.recv(65536)))
            link.sendall(session.submit(transaction))
            while session.outcome is None:
                octets = link.recv(65536)
                if not octets:
                    raise ConnectionError("the milter hung up")
                link.sendall(session.receive(octets))
            link.sendall(session.quit())
            return session.outcome

    def stop(self) -> str:
        """End it, and return what it printed.  OpenDKIM may take five seconds: it is killed."""
        if self.process.args and AVOWAL[0] in self.process.args:
            self.process.terminate()
        else:
            self.process.kill()
        output, _ = self.process.communicate(timeout=_PATIENCE)
        if self._sink is not None:
            time.sleep(0.05)  # the last lines are on their way
            self._sink.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        return output.decode()

    def __enter__(self) -> Self:
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def inserted(outcome: Outcome, name: bytes) -> list[bytes]:
    """Return the values of the fields of a name that the filter put on top."""
    return [
        modification.value
        for modification in outcome.modifications
        if isinstance(modification, InsertHeader) and modification.name == name
    ]
