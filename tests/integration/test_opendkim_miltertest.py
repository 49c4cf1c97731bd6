"""miltertest, OpenDKIM's own MTA, drives avowal-opendkim, and OpenDKIM to prove the scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.crafting import craft

from avowal.message import Header, split
from avowal.testing import RSA_1024, message, record_for

pytestmark = pytest.mark.needs("miltertest", "opendkim")

_SCRIPT = Path(__file__).parent / "miltertest" / "exchange.lua"
_ALWAYS = "Background No\nRequireSafeKeys No\n"
_SIGNING = "Mode s\nDomain example.com\nSelector s1\nKeyFile key.pem\n"
_TABLES = "Mode s\nKeyTable file:table\n"
_VERIFYING = "Mode v\nTestPublicKeys keys\n"
_DNS = "Mode v\nTestDNSData file:dns\nSendReports yes\nMTACommand ./command\n"
_RECORD = f"s1._domainkey.example.com {record_for(RSA_1024)}\n"
_FILES = {
    "key.pem": RSA_1024.pem().decode(),
    "keys": _RECORD,
    "table": "one example.com:s1:./key.pem\ntwo %:s2:./key.pem\n",
    "authors": "*@example.com one\nalice@* two\n",
    "rules": "@example\\.com\t@masked.example\n",
    "dns": _RECORD + "_report._domainkey.example.com ra=errors; rs=see=20our=20page\n",
    "command": "#!/bin/sh\ncat > report\n",
}
_SIGNED = craft(message(), RSA_1024, tags={"r": "y"})
_CHANGED = _SIGNED.replace(b"Lunch", b"Dinner")
_OUTSIDE = 'host = "mail.example.org", address = "192.0.2.9",'


def _field(name: str, *patterns: str) -> str:
    """A check: a field was inserted whose value matches all of the Lua patterns."""
    tests = "".join(
        f'\n    if not value:find("{pattern}") then error("not {pattern}: " .. value) end'
        for pattern in patterns
    )
    return f"""
    if not mt.eom_check(conn, MT_HDRINSERT, "{name}") then error("no {name}") end
    local value = mt.getheader(conn, "{name}", 0){tests}"""


def _no_field(name: str) -> str:
    return f'\n    if mt.eom_check(conn, MT_HDRINSERT, "{name}") then error("{name} was added") end'


def _reply(code: str, enhanced: str, text: str) -> str:
    return (
        f'\n    if not mt.eom_check(conn, MT_SMTPREPLY, "{code}", "{enhanced}", "{text}")'
        ' then error("another SMTP reply") end'
    )


def _case(octets: bytes, check: str, more: str = "") -> str:
    """Write the Lua table of one exchange."""
    header, body = split(octets)
    fields = "".join(
        f"{{{_lua(field.raw[: field.colon])}, {_lua(field.value.removeprefix(b' '))}}},"
        for field in Header.parse(header)
    )
    return (
        f"return {{{more} fields = {{{fields}}}, body = {_lua(bytes(body))},"
        f" check = function(conn){check}\nend}}\n"
    )


def _lua(octets: bytes) -> str:
    return '"' + "".join(f"\\{octet:03d}" for octet in octets) + '"'


CASES: Mapping[str, tuple[str, str]] = {
    "signs": (
        _SIGNING,
        _case(message(), _field("DKIM-Signature", "d=example.com; s=s1", "c=simple/simple")),
    ),
    "Canonicalization and SignatureTTL": (
        _SIGNING + "Canonicalization relaxed/relaxed\nSignatureTTL 3600\n",
        _case(message(), _field("DKIM-Signature", "c=relaxed/relaxed", "x=%d+")),
    ),
    "KeyTable, SigningTable, MultipleSignatures": (
        _TABLES + "SigningTable refile:authors\nMultipleSignatures yes\n",
        _case(
            message(),
            _field("DKIM-Signature", "s=s2;")  # the last one inserted stands on top
            + '\n    value = mt.getheader(conn, "DKIM-Signature", 1)'
            '\n    if not value:find("s=s1;") then error("second: " .. value) end',
        ),
    ),
    "InternalHosts": (
        _SIGNING + "InternalHosts 192.0.2.0/24\n",
        _case(message(), _field("DKIM-Signature", "d=example.com"), _OUTSIDE),
    ),
    "strangers are not signed for": (
        _SIGNING,
        _case(
            message(), "", _OUTSIDE + 'answers = {["end of header"] = SMFIR_ACCEPT},'
        ),
    ),
    "PeerList": (
        _SIGNING + "PeerList 127.0.0.1\n",
        _case(message(), "", "answers = {connect = SMFIR_ACCEPT},"),
    ),
    "MacroList": (
        _SIGNING + "MacroList {tls_version}=TLSv1.2|TLSv1.3,trusted\n",
        _case(
            message(), _field("DKIM-Signature", "d="), _OUTSIDE + 'macros = {"{trusted}", "1"},'
        ),
    ),
    "DontSignMailTo": (
        _SIGNING + "DontSignMailTo bob@receiver.example\n",
        _case(message(), "", 'answers = {["end of header"] = SMFIR_ACCEPT},'),
    ),
    "BodyLengthDB": (
        _SIGNING + "BodyLengthDB bob@receiver.example\n",
        _case(message(), _field("DKIM-Signature", "l=%d+")),
    ),
    "ReplaceRules": (
        _SIGNING.replace("example.com", "masked.example", 1) + "ReplaceRules rules\n",
        _case(message(), _field("DKIM-Signature", "d=masked.example")),
    ),
    "ATPSDomains": (
        _TABLES + "SigningTable csl:other.example=one\nATPSDomains other.example\n",
        _case(
            message(**{"from": "alice@other.example"}),
            _field("DKIM-Signature", "atps=other.example", "d=example.com"),
        ),
    ),
    "RequestReports": (
        _SIGNING + "RequestReports yes\n",
        _case(message(), _field("DKIM-Signature", "r=y")),
    ),
    "a good signature": (
        _VERIFYING, _case(_SIGNED, _field("Authentication-Results", "dkim=pass"), _OUTSIDE),
    ),
    "a bad one": (
        _VERIFYING, _case(_CHANGED, _field("Authentication-Results", "dkim=fail"), _OUTSIDE),
    ),
    "On-BadSignature": (
        _VERIFYING + "On-BadSignature reject\n",
        _case(
            _CHANGED,
            _reply("550", "5.7.0", "bad DKIM signature data"),
            _OUTSIDE + 'answers = {["end"] = SMFIR_REPLYCODE},',
        ),
    ),
    "no results for unsigned mail": (
        _VERIFYING, _case(message(), _no_field("Authentication-Results"), _OUTSIDE),
    ),
    "AlwaysAddARHeader": (
        _VERIFYING + "AlwaysAddARHeader yes\n",
        _case(message(), _field("Authentication-Results", "dkim=none"), _OUTSIDE),
    ),
    "StrictHeaders": (
        _VERIFYING + "StrictHeaders yes\n",
        _case(
            b"Subject: two\r\n" + _SIGNED,
            _field("Authentication-Results", "dkim=permerror"),
            _OUTSIDE,
        ),
    ),
    "SendReports": (
        _DNS + "On-BadSignature reject\nReportAddress postmaster@receiver.example\n",
        _case(
            _CHANGED,
            _reply("550", "5.7.0", "see our page: bad DKIM signature data"),
            _OUTSIDE + 'answers = {["end"] = SMFIR_REPLYCODE},',
        ),
    ),
}  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, text in _FILES.items():
        path = tmp_path / name
        path.write_text(text)
        path.chmod(0o700)
    program = tmp_path / "avowal-opendkim"
    program.write_text(f"#!{sys.executable}\nfrom avowal.opendkim.command import main\nmain()\n")
    program.chmod(0o700)
    # OpenDKIM takes five seconds to end where it is asked to: it is killed instead.
    killed = tmp_path / "opendkim"
    killed.write_text(
        '#!/bin/sh\n/usr/sbin/opendkim "$@" &\ntrap "kill -9 $!" TERM\nwait\nexit 0\n'
    )
    killed.chmod(0o700)
    return tmp_path


def _run(filter_: str, directory: Path, conf: str, case: str) -> None:
    (directory / "conf").write_text(_ALWAYS + conf)
    (directory / "case.lua").write_text(case)
    defined = {
        "FILTER": filter_, "CONF": "conf", "CASE": "case.lua", "SOCK": f"local:{directory}/s",
    }  # fmt: skip
    flags = [word for name, value in defined.items() for word in ("-D", f"{name}={value}")]
    command = ["miltertest", *flags, "-s", str(_SCRIPT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_miltertest_is_content_with_us(name: str, directory: Path) -> None:
    _run(str(directory / "avowal-opendkim"), directory, *CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_miltertest_is_content_with_opendkim(name: str, directory: Path) -> None:
    _run(str(directory / "opendkim"), directory, *CASES[name])


def test_the_report_is_sent_before_the_answer(directory: Path) -> None:
    _run(str(directory / "avowal-opendkim"), directory, *CASES["SendReports"])
    report = (directory / "report").read_text()
    assert "To: errors@example.com\n" in report
    assert "Auth-Failure: signature\n" in report
