"""Signing: what is written, and what is checked before it goes out."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Any

import pytest

from avowal import Caution, Intent, PrivateKey, Signature, Signer, asign, quoted, sign, verify
from avowal.dkim.intent import OVERSIGNED_NAMES, RECOMMENDED_NAMES, lower_names
from avowal.dkim.lines import BodyLines
from avowal.errors import IntentError, UsageError
from avowal.message import Field, Message
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

NOW = 1_700_000_000
ZONE = {
    "s._domainkey.example.com": record_for(ED25519),
    "r._domainkey.example.com": record_for(RSA_2048),
}


def fields_of(octets: bytes, *intents: Intent, **settings: Any) -> tuple[Field, ...]:
    whole = Message.parse(octets)
    signer = Signer(whole.header, intents, now=NOW, **settings)
    signer.feed(whole.body)
    return signer.finish()


def made(octets: bytes | None = None, **options: Any) -> Signature:
    """One signature, read back."""
    octets = message() if octets is None else octets
    key = options.pop("key", ED25519)
    intent = Intent(domain="example.com", selector="s", key=key, **options)
    (field,) = fields_of(octets, intent)
    return Signature.parse(field)


def verdicts(octets: bytes, **settings: Any) -> list[str]:
    return [str(v.result) for v in verify(octets, ZONE, now=NOW + 60, **settings)]


# --- tags -----------------------------------------------------------------------------------------


def test_every_required_tag_and_t_are_written() -> None:
    names = [tag.name for tag in made().tags]
    assert names == ["v", "a", "c", "d", "s", "t", "h", "bh", "b"]


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        pytest.param({}, "timestamp", NOW, id="t-is-now"),
        pytest.param({}, "expiration", None, id="no-x-unless-asked"),
        pytest.param({"lifetime": 3600}, "expiration", NOW + 3600, id="x"),
        pytest.param({}, "body_length", None, id="no-l-unless-asked"),
        pytest.param({"body_length": True}, "body_length", 24, id="l-is-the-canonical-length"),
        pytest.param({}, "identity", None, id="no-i-unless-asked"),
        pytest.param({}, "header_canon", "relaxed", id="relaxed-header-by-default"),
        pytest.param({}, "body_canon", "relaxed", id="relaxed-body-by-default"),
        pytest.param({"body_canon": "simple"}, "body_canon", "simple", id="c"),
        pytest.param({"request_reports": True}, "other_tags", (), id="r"),
        pytest.param({"other_tags": (("zz", b"1"),)}, "other_tags", (("zz", b"1"),), id="others"),
    ],
)
def test_a_tag_says_what_was_asked_for(options: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(made(**options), name) == value


def test_an_identity_is_encoded() -> None:
    signature = made(identity='"a b;c"@sub.example.com')
    assert signature.tags.get("i") == b'"a=20b=3Bc"@sub.example.com'
    assert str(signature.auid) == '"a b;c"@sub.example.com'


def test_reports_are_requested() -> None:
    assert made(request_reports=True).tags.get("r") == b"y"


def test_copies_of_the_signed_fields_can_be_read_back() -> None:
    octets = message(subject="a|b; =20 " + "ü" * 40)
    copies = dict(made(octets, copy_fields=True).copied_fields)
    assert copies[b"Subject"] == b" a|b; =20 " + ("ü" * 40).encode()
    assert copies[b"From"] == b" Alice <alice@example.com>"


# --- which fields ---------------------------------------------------------------------------------


def test_from_and_what_an_attacker_would_add_are_listed_once_more() -> None:
    listed = made().signed_names
    assert listed.count(b"from") == 2
    assert listed.count(b"to") == listed.count(b"subject") == listed.count(b"date") == 2
    assert listed.count(b"cc") == listed.count(b"reply-to") == 1  # absent, and none may come


def test_list_fields_are_signed_when_present_only() -> None:
    assert b"list-id" not in made().signed_names
    assert made(message(list_id="<l.example.com>")).signed_names.count(b"list-id") == 1


def test_trace_fields_and_signatures_are_not_signed() -> None:
    octets = b"Received: by x; now\r\nReturn-Path: <a@example.com>\r\n" + message()
    listed = set(made(octets).signed_names)
    assert listed.isdisjoint({b"received", b"return-path", b"dkim-signature", b"bcc"})


def test_every_instance_of_a_wanted_name_is_signed() -> None:
    octets = message(references=["<1@x>", "<2@x>"])
    assert made(octets).signed_names.count(b"references") == 2


@pytest.mark.parametrize("name", sorted(OVERSIGNED_NAMES))
def test_an_added_field_breaks_the_signature(name: bytes) -> None:
    octets = sign(message(), domain="example.com", selector="s", key=ED25519) + message()
    assert verdicts(octets) == ["pass"]
    assert verdicts(name + b": added\r\n" + octets) == ["fail"]


def test_names_may_be_chosen() -> None:
    signature = made(names=lower_names(["From", b"Subject"]), oversigned=frozenset())
    assert signature.signed_names == (b"from", b"subject")


def test_the_recommended_names_hold_those_of_the_rfc() -> None:
    rfc = b"from reply-to subject date to cc resent-date resent-from resent-to resent-cc"
    rfc += b" in-reply-to references list-id list-help list-unsubscribe list-subscribe"
    rfc += b" list-post list-owner list-archive"
    assert set(rfc.split()) <= set(RECOMMENDED_NAMES)


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [RSA_2048, ED25519], ids=repr)
@pytest.mark.parametrize("form", ["simple", "relaxed"])
@pytest.mark.parametrize("copy", [False, True])
def test_what_is_inserted_is_what_was_hashed(key: PrivateKey, form: str, *, copy: bool) -> None:
    selector = "r" if key is RSA_2048 else "s"
    intent = Intent(
        domain="example.com", selector=selector, key=key, header_canon=form, copy_fields=copy
    )
    (field,) = fields_of(message(), intent)
    assert verdicts(field.raw + b"\r\n" + message()) == ["pass"]


@pytest.mark.parametrize("copy", [False, True])
def test_no_line_is_longer_than_78_columns(*, copy: bool) -> None:
    octets = message(subject="word " * 100)
    intent = Intent(domain="example.com", selector="s", key=RSA_2048, copy_fields=copy)
    (field,) = fields_of(octets, intent)
    assert max(len(line) for line in field.raw.expandtabs(8).split(b"\r\n")) <= 78


def test_folding_never_breaks_a_token() -> None:
    names = tuple(b"x-" + b"n" * width for width in range(20, 90))
    octets = message(**{n.decode().replace("-", "_"): "1" for n in names})
    field = made(octets, names=(b"from", *names), copy_fields=True).field
    unfolded = re.sub(rb"\r\n\t", b" ", field.raw)
    assert all(name in unfolded for name in names)
    assert not re.search(rb"=[0-9A-F]?\r\n", field.raw.partition(b" z=")[2].partition(b" bh=")[0])


def test_a_long_name_stands_on_a_line_of_its_own() -> None:
    name = b"x-" + b"n" * 200
    assert made(message(**{name.decode().replace("-", "_"): "1"}), names=(b"from", name))


def test_rsa_and_ed25519_together_share_one_pass_of_the_body() -> None:
    intents = [
        Intent(domain="example.com", selector="r", key=RSA_2048),
        Intent(domain="example.com", selector="s", key=ED25519),
    ]
    octets = sign(message(), *intents) + message()
    assert verdicts(octets) == ["pass", "pass"]


def test_existing_signatures_stay_below() -> None:
    once = sign(message(), domain="example.com", selector="s", key=ED25519) + message()
    twice = sign(once, domain="example.com", selector="r", key=RSA_2048)
    assert verdicts(twice + once) == ["pass", "pass"]


def test_a_stream_is_signed_like_the_whole() -> None:
    whole = Message.parse(message("a  b\r\n" * 10 + "\r\n\r\n"))
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    signer = Signer(whole.header, [intent], now=NOW)
    for octet in whole.body:
        signer.feed(bytes([octet]))
    assert signer.finish() == fields_of(whole.octets, intent)


def test_bare_line_breaks_are_signed_as_they_will_be_sent() -> None:
    stored = message(b"a\rb\nc\r\n")
    field = sign(stored, domain="example.com", selector="s", key=ED25519)
    assert verdicts(field + message(b"a\r\nb\r\nc\r\n")) == ["pass"]


# --- keys elsewhere -------------------------------------------------------------------------------


def test_a_signature_may_be_made_elsewhere() -> None:
    whole = Message.parse(message())
    signer = Signer(
        whole.header, [Intent(domain="example.com", selector="s", key=ED25519)], now=NOW
    )
    signer.feed(whole.body)
    (unsigned,) = signer.prepare()
    assert unsigned.text.endswith(b"b=")
    signed = unsigned.complete(ED25519.sign(unsigned.digest))
    assert signed[1:] == ("example.com", "s", "ed25519-sha256")
    assert verdicts(signed.field.raw + b"\r\n" + whole.octets) == ["pass"]


class Remote:
    """A key that answers over a network."""

    algorithm = "ed25519-sha256"

    async def asign(self, digest: bytes, /) -> bytes:
        return ED25519.sign(digest)


async def test_a_remote_key_is_waited_for() -> None:
    intents = [
        Intent(domain="example.com", selector="s", key=Remote()),
        Intent(domain="example.com", selector="r", key=RSA_2048),
    ]
    assert verdicts(await asign(message(), *intents) + message()) == ["pass", "pass"]


def test_a_remote_key_is_refused_where_nobody_waits() -> None:
    with pytest.raises(UsageError, match=r"example\.com has to be waited for"):
        sign(message(), Intent(domain="example.com", selector="s", key=Remote()))


class Broken:
    """A key whose public half is not the one it signs with."""

    algorithm = "ed25519-sha256"
    public_octets = ED25519.public_octets

    def sign(self, digest: bytes, /) -> bytes:
        return bytes(64)


def test_a_signature_that_does_not_verify_is_not_let_go() -> None:
    with pytest.raises(IntentError, match="does not verify"):
        made(key=Broken())


def test_no_key_material_is_shown() -> None:
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    seed = base64.b64encode(ED25519._handle.private_bytes_raw()).decode()
    assert seed not in repr(intent) + repr(ED25519) + str(ED25519)


# --- warnings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "caution"),
    [
        pytest.param(message(subject="x" * 999), Caution.LONG_LINES, id="a-long-line"),
        pytest.param(message("x" * 999 + "\r\n"), Caution.LONG_LINES, id="a-long-line-of-body"),
        pytest.param(message("x" * 998 + "\r\n"), None, id="the-longest-line"),
        pytest.param(message(date=None), Caution.NO_DATE, id="no-date"),
        pytest.param(message(subject="ü"), Caution.EIGHT_BIT, id="8-bit-field"),
        pytest.param(message("ü\r\n"), Caution.EIGHT_BIT, id="8-bit-body"),
        pytest.param(message(subject="a\nb"), Caution.BARE_LINE_BREAKS, id="a-bare-lf"),
        pytest.param(message(), None, id="nothing-odd"),
    ],
)
def test_what_may_break_later_is_pointed_out(octets: bytes, caution: Caution | None) -> None:
    whole = Message.parse(octets)
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    signer = Signer(whole.header, [intent], now=NOW, lines=BodyLines())
    signer.feed(whole.body)
    assert signer.warnings == (() if caution is None else (caution,))


def test_an_intent_is_looked_at_once() -> None:
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    assert intent.checked() is intent.checked()


def test_an_intent_looked_at_for_one_purpose_is_looked_at_again_for_another() -> None:
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    intent.checked()
    with pytest.raises(IntentError, match="date changes in transit"):
        intent.checked(unsuitable=frozenset((b"date",)))


def test_an_algorithm_that_is_unregistered_signs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    intent.checked()
    monkeypatch.setattr("avowal.dkim.intent.ALGORITHMS", {})
    with pytest.raises(IntentError, match="a="):
        intent.checked()


def test_a_changed_copy_of_an_intent_is_looked_at_anew() -> None:
    intent = Intent(domain="example.com", selector="s", key=ED25519)
    intent.checked()
    with pytest.raises(IntentError):
        replace(intent, domain="example").checked()


@pytest.mark.parametrize("part", ["body", "from", "to", "subject", "date", "message-id"])
def test_every_signed_part_is_guarded(part: str) -> None:
    octets = sign(message(), domain="example.com", selector="s", key=ED25519) + message()
    assert verdicts(tamper(octets, part)) == ["fail"]


def test_a_zone_object_serves_as_well_as_a_mapping() -> None:
    octets = sign(message(), domain="example.com", selector="s", key=ED25519) + message()
    assert [v.passed for v in verify(octets, Zone(ZONE))] == [True]


def test_a_header_too_large_to_be_copied_is_signed_without_copies() -> None:
    long = b", ".join([b"<%d@example.net>" % n for n in range(4000)])
    octets = message(to=long.decode())
    assert b" z=" not in made(octets, copy_fields=True).field.raw


def test_a_header_too_large_to_be_copied_is_not_even_encoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = 0

    def counting(octets: bytes, *, also: bytes = b"") -> bytes:
        nonlocal encoded
        encoded += len(octets)
        return encode(octets, also=also)

    encode = quoted.encode
    monkeypatch.setattr(quoted, "encode", counting)
    octets = message(subject="x\r\n " * 20_000)
    assert made(octets, copy_fields=True).copied_fields == ()
    assert encoded == 0


@pytest.mark.parametrize(
    ("subject", "domain", "selector", "identity"),
    [
        pytest.param(
            "Lunch",
            "xn--bcher-kva.example",
            "xn--schlssel-95a",
            "a@xn--bcher-kva.example",
            id="ascii",
        ),
        pytest.param("Frühstück", "bücher.example", "schlüssel", "a@bücher.example", id="smtputf8"),
    ],
)
def test_u_labels_stand_in_internationalized_messages_only(
    subject: str, domain: str, selector: str, identity: str
) -> None:
    octets = message(from_="a@xn--bcher-kva.example", subject=subject)
    intent = Intent(
        domain="bücher.example", selector="schlüssel", identity="a@bücher.example", key=ED25519
    )
    (field,) = fields_of(octets, intent)
    read = Signature.parse(field)  # RFC 6376 §3.5 d=, RFC 8616 §5
    assert (read.domain.text, read.selector.text) == (domain, selector)
    assert str(read.identity) == identity
    assert field.raw.isascii() is (subject == "Lunch")


def test_a_name_in_ascii_is_written_as_it_was_given() -> None:
    (field,) = fields_of(message(), Intent(domain="Example.COM", selector="S1", key=ED25519))
    assert b" d=Example.COM; s=S1;" in field.raw.replace(b"\r\n\t", b" ")
