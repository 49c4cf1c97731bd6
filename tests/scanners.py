"""rspamd and ClamAV on loopback, with what they need to know two test patterns and no more.

ClamAV's signatures cannot be had without the network: one of our own knows EICAR's test file.
rspamd knows the GTUBE patterns by itself.  Both patterns are put together here, so that no
scanner takes this file for what it looks for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.mailloop import answers, free_port, until

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-" + b"TEST-FILE!$H+H*"
_GTUBE = b"JS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
REJECTED, MARKED, RENAMED = b"X" + _GTUBE, b"Y" + _GTUBE, b"Z" + _GTUBE

_CLAMD = """
DatabaseDirectory {root}/signatures
Foreground true
TCPSocket {clamd}
TCPAddr 127.0.0.1
User clamav
"""
_CLAMAV_MILTER = """
MilterSocket inet:{clamav}@127.0.0.1
ClamdSocket tcp:127.0.0.1:{clamd}
Foreground true
User clamav
OnInfected Reject
OnFail Defer
"""
_RSPAMD = """
options {{
    filters = "";
    pidfile = "{root}/rspamd/pid";
    tempdir = "{root}/rspamd";
    hs_cache_dir = "{root}/rspamd";
    control_socket = "{root}/rspamd/control.sock";
    url_tld = "{root}/tlds";
    disable_hyperscan = true;
    enable_test_patterns = true;
    dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "console"; level = "warning"; }}
actions {{ reject = 15; rewrite_subject = 8; add_header = 6; }}
worker "normal" {{ bind_socket = "127.0.0.1:{rspamd}"; count = 1; }}
worker "rspamd_proxy" {{
    bind_socket = "127.0.0.1:{rspamd_milter}"; milter = yes; timeout = 30s; count = 1;
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""


class Scanners(NamedTuple):
    """What runs: configuration files and ports."""

    clamd_conf: Path
    rspamd: int
    clamav_milter: int
    rspamd_milter: int


@contextlib.contextmanager
def scanners(root: Path) -> Iterator[Scanners]:
    """Start clamd, clamav-milter and rspamd below a directory that their users can reach."""
    names = ("clamd", "clamav", "rspamd", "rspamd_milter")
    ports = {name: free_port() for name in names}
    (root / "signatures").mkdir()
    signature = f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n"
    (root / "signatures" / "eicar.ndb").write_text(signature)
    (root / "rspamd").mkdir()
    shutil.chown(root / "rspamd", "_rspamd")
    (root / "tlds").write_text("com\nexample\n")
    files = {}
    texts = (("clamd", _CLAMD), ("clamav-milter", _CLAMAV_MILTER), ("rspamd", _RSPAMD))
    for name, text in texts:
        files[name] = root / f"{name}.conf"
        files[name].write_text(text.format(root=root, **ports))
    commands = (
        (("clamd", "-c", files["clamd"]), ports["clamd"]),
        (("clamav-milter", "-c", files["clamav-milter"]), ports["clamav"]),
        (("rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", files["rspamd"]),
         ports["rspamd"]),
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        for command, port in commands:
            stack.enter_context(_running(root, [str(word) for word in command], port))
        until(lambda: answers(ports["rspamd_milter"]), what="rspamd's milter")
        yield Scanners(files["clamd"], ports["rspamd"], ports["clamav"], ports["rspamd_milter"])


@contextlib.contextmanager
def _running(root: Path, command: list[str], port: int) -> Iterator[None]:
    with (root / f"{command[0]}.out").open("wb") as output:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "PATH": path}
        )
    try:
        said = root / f"{command[0]}.out"
        until(lambda: answers(port) or process.poll() is not None, seconds=120, what=command[0])
        assert process.poll() is None, said.read_text(errors="replace")
        yield
    finally:
        process.terminate()
        process.wait(60)
