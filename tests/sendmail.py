"""A real Sendmail on loopback, with a port for each milter; its mail goes to one next hop.

::

    smtp client --> Sendmail "sign"   --> next hop
                --> Sendmail "verify" -->

Debian lets one MTA be installed, so Sendmail lives in a root directory of its own:
``scripts/sendmail-chroot DIR`` makes one, and AVOWAL_SENDMAIL=DIR names it.  Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.mailloop import answers, free_port, until

ROOT = os.environ.get("AVOWAL_SENDMAIL", "")
_PROGRAM = "/usr/libexec/sendmail/sendmail"
_HEAD = """divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`generic')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `sendmail.sender.example')dnl
define(`confPID_FILE', `{home}/pid')dnl
define(`QUEUE_DIR', `{home}/mqueue')dnl
define(`STATUS_FILE', `{home}/status')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
define(`confSERVICE_SWITCH_FILE', `{home}/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `true')dnl
define(`confTO_IDENT', `0')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`nocanonify')dnl
MASQUERADE_AS(`sender.example')dnl
MASQUERADE_DOMAIN(`sender.example')dnl
FEATURE(`masquerade_entire_domain')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {relay}')dnl
"""
_MILTER = """MAIL_FILTER(`{name}', `S=inet:{milter}@127.0.0.1, F=T, T=S:30s;R:60s;E:5m')dnl
DAEMON_OPTIONS(`Name={name}, Family=inet, Addr=127.0.0.1, Port={port}, InputMailFilters={name}')dnl
"""
_TAIL = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"


def missing() -> str | None:
    """Say why Sendmail cannot be started here, None where it can."""
    if os.geteuid() != 0:
        return "Sendmail has to be started by root"
    if not ROOT or not Path(ROOT + _PROGRAM).exists():
        return "AVOWAL_SENDMAIL names no root directory with Sendmail (scripts/sendmail-chroot)"
    return None


class Sendmail:
    """One daemon; `milters` are the ports of filters by name, `ports` where each serves."""

    def __init__(self, milters: Mapping[str, int], *, relay: int) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="sendmail-", dir=f"{ROOT}/srv"))
        self._home = "/" + str(self._place.relative_to(ROOT))
        self.ports = {name: free_port() for name in milters}
        self._process: subprocess.Popen[bytes] | None = None
        self._place.chmod(0o755)
        (self._place / "mqueue").mkdir(mode=0o700)
        (self._place / "service.switch").write_text("hosts files\n")
        Path(ROOT, "etc/hosts").write_text("127.0.0.1 localhost sendmail.sender.example\n")
        text = _HEAD.format(home=self._home, relay=relay)
        for name, milter in milters.items():
            text += _MILTER.format(name=name, milter=milter, port=self.ports[name])
        (self._place / "test.mc").write_text(text + _TAIL)
        made = self._run("m4", f"{self._home}/test.mc")
        (self._place / "sendmail.cf").write_bytes(made)

    def _run(self, *command: str) -> bytes:
        return subprocess.run(
            ["chroot", ROOT, *command], capture_output=True, check=True, timeout=60
        ).stdout

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["chroot", ROOT, _PROGRAM, "-bD", f"-C{self._home}/sendmail.cf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for port in self.ports.values():
            until(lambda port=port: answers(port), what="Sendmail")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        shutil.rmtree(self._place, ignore_errors=True)

    @property
    def quarantined(self) -> str:
        """What `mailq -qQ` says."""
        return self._run(_PROGRAM, "-bp", "-qQ", f"-C{self._home}/sendmail.cf").decode()
