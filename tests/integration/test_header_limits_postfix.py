"""Headers beyond a limit on their way through a real Postfix and each of the daemons."""

from __future__ import annotations

import json
import os
import smtplib
import subprocess
from collections.abc import Iterator

import pytest
from tests.mailloop import Daemon, Inbox, Postfix, answers, free_port, submit, until, workplace
from tests.milters import AVOWAL
from tests.threats.test_header_limits import ATTACKS, FORGED, JUNK, NAMES

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
spf = "off"
[actions]
disposition_reject = "reject"
[dns]
zone_file = "{root}/zone.json"
"""


def _marked(octets: bytes, mark: str) -> bytes:
    """A mark on top, by which the message is found again."""
    return f"X-Mark: {mark}\r\n".encode() + octets


class Held:
    """The hold queue of a Postfix."""

    def __init__(self, postfix: Postfix) -> None:
        self._etc = str(postfix.home / "etc")

    def _run(self, *command: str) -> bytes:
        return subprocess.run(
            [command[0], "-c", self._etc, *command[1:]], capture_output=True, check=True, timeout=30
        ).stdout

    def containing(self, mark: bytes) -> bytes:
        """Wait for the header of the message that has these octets."""
        found: list[bytes] = []

        def there() -> bool:
            listed = self._run("/usr/sbin/postqueue", "-j").splitlines()
            held = [one for one in map(json.loads, listed) if one["queue_name"] == "hold"]
            headers = [self._run("/usr/sbin/postcat", "-hq", one["queue_id"]) for one in held]
            found[:] = [header for header in headers if mark in header]
            return bool(found)

        until(there, what=f"a held message with {mark!r}")
        return found[0]


@pytest.fixture(scope="module")
def milter() -> Iterator[tuple[Postfix, Inbox]]:
    with workplace() as root:
        (root / "zone.json").write_text(json.dumps(NAMES))
        port, inbox = free_port(), Inbox(root)
        text = _CONFIGURATION.format(root=root, port=port)
        postfix = Postfix(root, "b", milter=f"inet:127.0.0.1:{port}")
        with Daemon(root, text), postfix:
            yield postfix, inbox


@pytest.fixture(scope="module")
def opendkim() -> Iterator[tuple[Postfix, Inbox]]:
    with workplace() as root:
        keys = (f"{name} {text}\n" for name, text in NAMES.items() if "_domainkey" in name)
        (root / "keys").write_text("".join(keys))
        port, inbox = free_port(), Inbox(root)
        (root / "conf").write_text(
            f"Mode v\nSocket inet:{port}@127.0.0.1\nBackground no\nSyslog no\n"
            f"AuthservID mx.example.net\nTestPublicKeys {root}/keys\n"
        )
        process = subprocess.Popen([*AVOWAL, "-f", "-x", "conf"], cwd=root)
        try:
            until(lambda: answers(port) or process.poll() is not None, what="avowal-opendkim")
            with Postfix(root, "o", milter=f"inet:127.0.0.1:{port}") as postfix:
                yield postfix, inbox
        finally:
            process.terminate()
            process.wait(60)


@pytest.mark.parametrize(
    "name",
    ["From-below", "added-From", "added-Subject", "authentic", "forged-results-on-signed-mail"],
)
@pytest.mark.parametrize("limit", JUNK)
def test_the_authors_policy_refuses(milter: tuple[Postfix, Inbox], name: str, limit: str) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(milter[0].port, JUNK[limit] + ATTACKS[name].octets)
    assert refused.value.smtp_code == 550


@pytest.mark.parametrize(
    "name", ["forged-results", "authentic-without-a-policy", "added-Subject-without-a-policy"]
)
@pytest.mark.parametrize("limit", JUNK)
def test_without_a_policy_it_is_held_and_forged_results_go(
    milter: tuple[Postfix, Inbox], name: str, limit: str
) -> None:
    mark = f"{name}-{limit}"
    submit(milter[0].port, _marked(JUNK[limit] + ATTACKS[name].octets, mark))
    header = Held(milter[0]).containing(f"X-Mark: {mark}".encode())
    assert FORGED.rstrip() not in header
    assert b"dkim=policy" in header
    assert b"dkim=fail" not in header
    assert b"dkim=pass" not in header


def test_within_the_limits_authentic_mail_passes(milter: tuple[Postfix, Inbox]) -> None:
    submit(milter[0].port, _marked(ATTACKS["authentic"].octets, "control"))
    assert b"dkim=pass" in milter[1].containing(b"X-Mark: control")


@pytest.mark.parametrize("name", ["forged-results", "authentic", "authentic-without-a-policy"])
def test_opendkims_face_removes_and_verifies_behind_thousands_of_fields(
    opendkim: tuple[Postfix, Inbox], name: str
) -> None:
    submit(opendkim[0].port, _marked(JUNK["header_fields"] + ATTACKS[name].octets, name))
    arrived = opendkim[1].containing(f"X-Mark: {name}".encode())
    assert FORGED.rstrip() not in arrived
    assert (b"dkim=pass" in arrived) is name.startswith("authentic")


def test_opendkims_face_puts_off_what_is_beyond_maximum_headers(
    opendkim: tuple[Postfix, Inbox],
) -> None:
    with pytest.raises((smtplib.SMTPDataError, AssertionError)) as refused:
        submit(opendkim[0].port, JUNK["header_octets"] + ATTACKS["forged-results"].octets)
    assert "451" in str(refused.value)
