"""Messages that a program holds as objects: what is sent, and that it is what is signed."""

from __future__ import annotations

import email
import email.policy
import io
import smtplib
from collections.abc import Callable
from email.message import EmailMessage, Message
from email.mime.text import MIMEText
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import avowal
from avowal.calls.email_message import wire_octets
from avowal.errors import IntentError, UsageError
from avowal.testing import ED25519, Zone, message, record_for

ZONE = Zone({"s._domainkey.example.com": record_for(ED25519)})
SIGNING: dict[str, Any] = {"domain": "example.com", "selector": "s", "key": ED25519}
URL = "<https://example.com/leave/" + "y" * 200 + ">"


def written(policy: email.policy.Policy = email.policy.default, **fields: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Alice <alice@example.com>"
    made["To"] = "bob@example.net"
    made["Subject"] = "Lunch"
    made["Date"] = "Tue, 24 Nov 2026 12:00:00 +0000"
    made["Message-ID"] = "<1@example.com>"
    for name, value in fields.items():
        del made[name.replace("_", "-")]
        made[name.replace("_", "-")] = value
    made.set_content("Shall we meet?\n")
    made.policy = policy  # last: Python cannot set a text under some policies
    return made


def with_body(octets: bytes) -> Message[str, str]:
    """A message that was read, its body as it came."""
    return email.message_from_bytes(message(octets), policy=email.policy.default)


def mime(subtype: str, part: bytes) -> Message[str, str]:
    inner = b'--b\r\nContent-Type: text/plain; charset="utf-8"\r\n\r\n' + part + b"\r\n--b--\r\n"
    return email.message_from_bytes(
        message(inner, content_type=f'multipart/{subtype}; boundary="b"'),
        policy=email.policy.default,
    )


def old() -> Message[str, str]:
    made = MIMEText("From here\nSchöne Grüße\n", "plain", "utf-8")
    for name, value in written().items():
        if not name.lower().startswith(("mime", "content")):
            made[name] = str(value)
    return made


def without_boundary() -> EmailMessage:
    made = written()
    made.add_alternative("<p>Shall we meet?</p>", subtype="html")
    made.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream")
    return made


MESSAGES = [
    pytest.param(written, id="plain"),
    pytest.param(lambda: written(email.policy.SMTP), id="smtp-policy"),
    pytest.param(lambda: written(email.policy.SMTPUTF8, Subject="Grüße"), id="utf8-policy"),
    pytest.param(lambda: written(email.policy.default.clone(max_line_length=0)), id="no-folding"),
    pytest.param(lambda: written(email.policy.default.clone(linesep="\r")), id="cr"),
    pytest.param(lambda: written(Subject="Grüße " * 60), id="long-subject"),
    pytest.param(lambda: written(From="Ålice <alice@example.com>"), id="name-beyond-ascii"),
    pytest.param(lambda: written(To="bøb@example.net"), id="address-beyond-ascii"),
    pytest.param(lambda: written(List_Unsubscribe=URL), id="long-url"),
    pytest.param(lambda: written(Bcc="carol@example.org"), id="bcc"),
    pytest.param(old, id="an-older-message"),
    pytest.param(without_boundary, id="boundary-still-to-be-made"),
    pytest.param(lambda: with_body("Grüße\r\n".encode()), id="eight-bit"),
    pytest.param(lambda: with_body(b"From here\r\n.\r\n..\r\n"), id="from-and-dots"),
    pytest.param(lambda: with_body(b"a\rb\nc"), id="mixed-line-ends"),
    pytest.param(lambda: with_body(b"x" * 2000 + b"\r\n"), id="long-line"),
    pytest.param(lambda: with_body(b""), id="no-body"),
    pytest.param(lambda: mime("signed", "Grüße".encode()), id="signed-part"),
    pytest.param(lambda: mime("mixed", "Grüße".encode()), id="eight-bit-part"),
]


@pytest.mark.parametrize("make", MESSAGES)
def test_what_is_signed_is_what_is_sent(make: Callable[[], Message[Any, Any]]) -> None:
    sent = make()
    field = avowal.sign(sent, **SIGNING)
    octets = field + wire_octets(sent)
    assert [str(verdict.result) for verdict in avowal.verify(octets, ZONE)] == ["pass"]


@pytest.mark.parametrize("make", MESSAGES)
def test_a_message_is_written_the_same_each_time_and_left_as_it_is(
    make: Callable[[], Message[Any, Any]],
) -> None:
    sent = make()
    first = wire_octets(sent)
    fields = [(name, str(value)) for name, value in sent.items()]
    assert wire_octets(sent) == first
    assert [(name, str(value)) for name, value in sent.items()] == fields


@pytest.mark.parametrize("make", MESSAGES)
def test_what_is_sent_has_crlf_line_ends_alone(make: Callable[[], Message[Any, Any]]) -> None:
    rest = wire_octets(make()).replace(b"\r\n", b"")
    assert b"\r" not in rest
    assert b"\n" not in rest


def header_of(sent: Message[Any, Any]) -> bytes:
    return wire_octets(sent).partition(b"\r\n\r\n")[0]


def test_bcc_is_not_sent() -> None:
    assert b"carol" not in wire_octets(written(Bcc="carol@example.org", Resent_Bcc="carol@x.org"))


def test_a_url_longer_than_a_line_is_not_encoded() -> None:
    assert b"=?" in written(List_Unsubscribe=URL).as_bytes()  # what as_bytes makes of it
    assert b"List-Unsubscribe: " + URL.encode() in header_of(written(List_Unsubscribe=URL))


def test_other_fields_are_folded_where_their_policy_says() -> None:
    long = "word " * 60
    assert max(map(len, header_of(written(Subject=long)).split(b"\r\n"))) <= 78


def test_no_line_of_a_header_is_longer_than_may_be_sent() -> None:
    endless = written(email.policy.default.clone(max_line_length=0), Subject="word " * 500)
    assert max(map(len, header_of(endless).split(b"\r\n"))) <= 998  # RFC 5322 §2.1.1


def test_a_line_that_begins_with_from_is_not_changed() -> None:
    assert wire_octets(with_body(b"From here\r\n")).endswith(b"\r\n\r\nFrom here\r\n")


def test_an_address_beyond_ascii_is_written_as_smtputf8_has_it() -> None:
    # RFC 6532: no encoded word may stand for a local part (RFC 2047 §5)
    assert "To: bøb@example.net".encode() in header_of(written(To="bøb@example.net"))


def test_eight_bit_text_becomes_seven() -> None:
    assert wire_octets(with_body("Grüße\r\n".encode())).isascii()  # RFC 6376 §5.3
    assert wire_octets(mime("mixed", "Grüße".encode())).isascii()


def test_a_signed_part_is_not_changed() -> None:
    assert "Grüße".encode() in wire_octets(mime("signed", "Grüße".encode()))  # RFC 1847 §2.1


def test_fields_that_were_read_stay_as_they_were() -> None:
    folded = b"Subject: one\r\n two" + b" three" * 30 + b"\r\n"
    octets = message(subject=None).replace(b"From:", folded + b"From:", 1)
    read = email.message_from_bytes(octets, policy=email.policy.default)
    assert folded in wire_octets(read)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a\r\nBcc: eve@example.org", id="a-field"),
        pytest.param("a\n\nEvil", id="a-body"),
        pytest.param("a\rb", id="bare-cr"),
    ],
)
def test_a_value_with_a_line_end_is_refused(value: str) -> None:
    injected = old()
    injected["X-Note"] = value
    with pytest.raises(UsageError, match=r"X-Note|written"):
        wire_octets(injected)


@pytest.mark.parametrize("name", ["Date", "Message-ID"])
def test_a_message_to_which_the_next_host_adds_a_signed_field_is_refused(name: str) -> None:
    lacking = written()
    del lacking[name]
    with pytest.raises(IntentError, match=f"{name}: there is none"):
        avowal.sign(lacking, **SIGNING)
    assert avowal.sign(lacking, accept_malformed=True, **SIGNING)
    assert avowal.sign(lacking, leave_out=[name], **SIGNING)


def test_what_cannot_be_written_is_a_usage_error() -> None:
    unknown = email.message_from_bytes(
        b"From: a@example.com\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff\r\n"
    )
    unknown.set_payload([1])
    with pytest.raises(UsageError, match="cannot be written"):
        wire_octets(unknown)


@pytest.mark.parametrize("source", ["text", 7, None, io.StringIO("x")])
def test_what_is_no_message_is_a_usage_error(source: Any) -> None:
    with pytest.raises(UsageError):
        avowal.sign(source, **SIGNING)
    with pytest.raises(UsageError):
        wire_octets(source)


def test_a_message_that_was_parsed_is_not_verified() -> None:
    with pytest.raises(UsageError, match="has lost the octets"):
        avowal.verify(written(), ZONE)  # type: ignore[arg-type]


def test_octets_are_brought_into_wire_form() -> None:
    assert wire_octets(b"A: 1\n\nx\ry") == b"A: 1\r\n\r\nx\r\ny"


def test_smtplib_changes_what_was_signed_and_so_its_octets_are_not_those_to_sign() -> None:
    """Why the pages say to send `wire_octets`: send_message writes ">From "."""
    changed = []

    class Server(smtplib.SMTP):
        def ehlo_or_helo_if_needed(self) -> None:
            """Not connected."""

        def sendmail(self, _from: Any, _to: Any, msg: Any, *rest: Any) -> dict[str, Any]:
            changed.append(msg)
            return {}

    sent = with_body(b"From here\r\n")
    Server().send_message(sent)
    assert b">From here" in changed[0]
    field = avowal.sign(sent, **SIGNING)
    assert not avowal.verify(field + changed[0], ZONE)[0].passed


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=200)


@given(subject=TEXT, name=TEXT, body=st.text(max_size=300), line=st.integers(0, 200))
def test_whatever_a_program_writes_what_is_signed_is_sent(
    subject: str, name: str, body: str, line: int
) -> None:
    made = EmailMessage()
    made["From"] = "alice@example.com"
    made["Date"] = "Tue, 24 Nov 2026 12:00:00 +0000"
    made["Message-ID"] = "<1@example.com>"
    made["Subject"] = subject
    made["X-Name"] = name
    try:
        made.set_content(body)
        made.policy = email.policy.default.clone(max_line_length=line)
        field = avowal.sign(made, **SIGNING)
    except (UnicodeError, UsageError):
        reject()  # lone surrogates, line ends in a value
    assert avowal.verify(field + wire_octets(made), ZONE)[0].passed
