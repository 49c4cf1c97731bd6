"""Real authoritative name servers on loopback, with a zone that takes dynamic updates."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.mailloop import answers, free_port, until

from avowal.dns.authority import NameServers
from avowal.lookup import Outcome, Question

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MDA="
TSIG = f'key "avowal" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
ZONE = """\
$TTL 300
@ SOA ns1 host 5 3600 600 86400 2
@ NS ns1
ns1 A 127.0.0.1
"""
_NAMED = """\
options {{
  directory "{root}"; pid-file "{root}/pid"; session-keyfile "{root}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no;
}};
controls {{ }};
key "avowal" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "example.test" {{
  type primary; file "zone"; notify no;
  update-policy {{ grant avowal subdomain _domainkey.example.test TXT; }};
}};
"""
_KNOT = """\
server:
  listen: 127.0.0.1@{port}
  rundir: {root}
database:
  storage: {root}
key:
  - id: avowal
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: update
    key: avowal
    action: update
    update-type: TXT
    update-owner: name
    update-owner-match: sub
    update-owner-name: [_domainkey]
zone:
  - domain: example.test
    storage: {root}
    file: zone
    acl: update
"""
_COMMANDS: dict[str, tuple[str, Callable[[str], list[str]]]] = {
    "named": (_NAMED, lambda path: ["named", "-g", "-c", path]),
    "knotd": (_KNOT, lambda path: ["knotd", "-c", path]),
}


@contextmanager
def authoritative(program: str, root: Path, zone: str = ZONE) -> Iterator[int]:
    """Run `named` or `knotd` with example.test; gives its port.  Skips where it is not there."""
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip(f"{program} is not installed")
    port = free_port()
    configuration, command = _COMMANDS[program]
    (root / "zone").write_text(zone)
    path = root / f"{program}.conf"
    path.write_text(configuration.format(root=root, port=port, secret=SECRET))
    _, *arguments = command(str(path))
    with (root / "log").open("wb") as log:
        server = subprocess.Popen([found, *arguments], stdout=log, stderr=log)
    try:
        until(lambda: _serves(port) or server.poll() is not None, what=program)
        assert server.poll() is None, (root / "log").read_text()
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _serves(port: int) -> bool:
    """Whether the zone is loaded; before that a server answers, and says SERVFAIL."""
    if not answers(port):
        return False
    (told,) = NameServers(port=port).ask(["127.0.0.1"], Question("example.test", "SOA"))
    return told.answer is not None and told.answer.outcome is Outcome.FOUND
