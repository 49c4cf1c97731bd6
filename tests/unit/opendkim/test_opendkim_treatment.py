"""What becomes of a message, decided at the end of its header."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avowal.config.opendkim_conf import read_conf
from avowal.message import Header
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.journal import Detail, Journal
from avowal.opendkim.settings import compiled
from avowal.opendkim.treatment import Treatment, TreatmentKind, header_fault, treat
from avowal.testing import RSA_2048

_KEY = "Domain example.com\nSelector s1\nKeyFile @DIR@/key\nRequireSafeKeys no\n"
_TABLES = "KeyTable @DIR@/keys\nSigningTable refile:@DIR@/authors\nRequireSafeKeys no\n"
_OURS = Envelope(client_name="localhost", client="127.0.0.1", recipients=("bob@x.example",))
_STRANGER = Envelope(client_name="mail.example.org", client="192.0.2.9")
_WITH_LOGIN = Envelope(client="192.0.2.9", macros={"auth_type": b"PLAIN"})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "key").write_bytes(RSA_2048.pem())
    (tmp_path / "keys").write_text(
        f"one example.com:s1:{tmp_path}/key\ntwo %:s2:{tmp_path}/key\nlost x.example:s3:/none\n"
    )
    (tmp_path / "authors").write_text(
        "*@example.com one\n*@any.example two\n*@lost.example lost\n*@absent.example absent\n"
    )
    return tmp_path


def _treat(home: Path, conf: str, author: str, envelope: Envelope) -> tuple[Treatment, str]:
    text = conf.replace("@DIR@", str(home))
    generation = OpendkimGeneration.of(compiled(read_conf("conf", read=lambda _: text)))
    journal = Journal("job", Detail(any=True, success=True, why=True))
    header = Header.parse(f"From: {author}\r\nDate: today\r\n".encode())
    treatment = treat(generation.settings, generation.keyring, envelope, header, journal)
    return treatment, "\n".join(line.text for line in journal.lines)


@pytest.mark.parametrize(
    ("more", "author", "envelope", "kind"),
    [
        pytest.param("", "a@example.com", _OURS, TreatmentKind.SIGN, id="ours, from ours"),
        pytest.param("", "A@EXAMPLE.COM", _OURS, TreatmentKind.SIGN, id="case means nothing"),
        pytest.param(
            "", "a@example.com", _WITH_LOGIN, TreatmentKind.SIGN, id="a client that logged in"
        ),
        pytest.param(
            "", "a@example.com", _STRANGER, TreatmentKind.VERIFY, id="ours, from a stranger"
        ),
        pytest.param("", "a@other.example", _OURS, TreatmentKind.VERIFY, id="another domain"),
        pytest.param("", "a@sub.example.com", _OURS, TreatmentKind.VERIFY, id="a subdomain"),
        pytest.param(
            "SubDomains y\n", "a@sub.example.com", _OURS, TreatmentKind.SIGN, id="SubDomains"
        ),
        pytest.param(
            "Mode v\n", "a@example.com", _OURS, TreatmentKind.LEAVE, id="ours, but only verifying"
        ),
        pytest.param("Mode s\n", "a@other.example", _OURS, TreatmentKind.LEAVE, id="only signing"),
        pytest.param(
            "ExemptDomains example.com\n", "a@example.com", _OURS, TreatmentKind.LEAVE, id="exempt"
        ),
        pytest.param(
            "ExemptDomains example.com\n",
            "a@example.com, b@bank.example",
            _STRANGER,
            TreatmentKind.VERIFY,
            id="exempt, beside another",
        ),
        pytest.param(
            "DontSignMailTo bob@x.example\n",
            "a@example.com",
            _OURS,
            TreatmentKind.LEAVE,
            id="DontSignMailTo",
        ),
        pytest.param(
            "DontSignMailTo bob@y.example\n",
            "a@example.com",
            replace(_OURS, more_recipients=True),
            TreatmentKind.LEAVE,
            id="DontSignMailTo and more recipients than are kept",
        ),
        pytest.param(
            "",
            "a@example.com",
            replace(_OURS, more_recipients=True),
            TreatmentKind.SIGN,
            id="more recipients than are kept",
        ),
        pytest.param("", "nobody", _OURS, TreatmentKind.MALFORMED, id="no address"),
        pytest.param(
            "", '"A <a@example.com>', _OURS, TreatmentKind.MALFORMED, id="a quote without end"
        ),
        pytest.param(
            "", "(A <a@example.com>", _OURS, TreatmentKind.MALFORMED, id="a comment without end"
        ),
        pytest.param("", "a@[192.0.2.1]", _OURS, TreatmentKind.VERIFY, id="an address literal"),
        pytest.param(
            "WeakSyntaxChecks y\n", "nobody", _OURS, TreatmentKind.VERIFY, id="WeakSyntaxChecks"
        ),
        pytest.param(
            "WeakSyntaxChecks y\nMode s\n",
            "nobody",
            _OURS,
            TreatmentKind.MALFORMED,
            id="WeakSyntaxChecks is of verifying",
        ),
        pytest.param(
            "SenderMacro user\n",
            "a@example.com",
            _OURS,
            TreatmentKind.SIGN,
            id="a macro that is not there",
        ),
        pytest.param(
            "SenderHeaders Sender\n",
            "a@example.com",
            _OURS,
            TreatmentKind.SIGN,
            id="From stands in for other SenderHeaders",
        ),
    ],
)
def test_a_message_is_treated(
    home: Path, more: str, author: str, envelope: Envelope, kind: TreatmentKind
) -> None:
    assert _treat(home, _KEY + more, author, envelope)[0].kind is kind


@pytest.mark.parametrize(
    ("author", "signed"),
    [
        pytest.param("a@example.com", [("example.com", "s1")], id="a named domain"),
        pytest.param("a@any.example", [("any.example", "s2")], id="the author's domain for %"),
        pytest.param("a@other.example", [], id="no row"),
    ],
)
def test_the_tables_name_domain_and_selector(
    home: Path, author: str, signed: list[tuple[str, str]]
) -> None:
    treatment, _ = _treat(home, _TABLES, author, _OURS)
    assert [(one.domain, one.selector) for one in treatment.signings] == signed


@pytest.mark.parametrize(
    ("author", "words"),
    [
        pytest.param("a@lost.example", "error loading key 'lost'", id="no file"),
        pytest.param("a@absent.example", "unknown key 'absent'", id="no row in KeyTable"),
    ],
)
def test_a_key_that_is_not_there_makes_the_message_wait(
    home: Path, author: str, words: str
) -> None:
    treatment, log = _treat(home, _TABLES, author, _OURS)
    assert treatment.kind is TreatmentKind.UNAVAILABLE
    assert words in log


def test_a_stranger_in_our_name_is_noted(home: Path) -> None:
    _, log = _treat(home, _KEY, "a@example.com", _STRANGER)
    assert "external host mail.example.org attempted to send as example.com" in log


def test_required_headers_refuse_only_what_would_be_signed_or_verified(home: Path) -> None:
    conf = f"{_KEY}Mode s\nRequiredHeaders y\n"
    two = "{}\r\nFrom: again@example.com"
    assert _treat(home, conf, two.format("a@example.com"), _OURS)[0].kind is TreatmentKind.REFUSE
    assert _treat(home, conf, two.format("a@other.example"), _OURS)[0].kind is TreatmentKind.LEAVE


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        pytest.param(b"From: a\r\nDate: b\r\n", None, id="good"),
        pytest.param(b"Date: b\r\n", "message does not have exactly one From field", id="no From"),
        pytest.param(b"From: a\r\n", "message does not have exactly one Date field", id="no Date"),
        pytest.param(
            b"From: a\r\nDate: b\r\nSubject: c\r\nsubject: d\r\n",
            "message has multiple Subject fields",
            id="two Subjects",
        ),
    ],
)
def test_counts_of_fields_are_checked(octets: bytes, fault: str | None) -> None:
    assert header_fault(Header.parse(octets)) == fault
