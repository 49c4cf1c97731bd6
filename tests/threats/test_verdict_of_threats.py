"""Every message of the threats, put to the application's question: who is taken for whom?

Two answers each: where the author's domain publishes p=reject, and where it publishes nothing.
AUTHENTIC stands only where the author's domain signed these octets; what is a replay of a true
message then has a hint, or a bound on its age.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.crafting import SIGNED_AT, ZONE, craft, rsa_record
from tests.threats.test_forged_results import DISGUISES
from tests.threats.test_header_limits import ATTACKS as BEYOND
from tests.threats.test_header_limits import JUNK
from tests.threats.test_list_threats import ATTACKS as CHAINS
from tests.threats.test_list_threats import NAMES as CHAIN_NAMES
from tests.threats.test_list_threats import TRUE
from tests.threats.test_repeated_fields import NAMES as ONCE

import avowal
from avowal import Authenticity, Ground, Hint, verdict
from avowal.crypto.signing import PrivateKey
from avowal.testing import ED25519, RSA_1024, RSA_2048, message, record_for, tamper

NOT, OPEN, YES = Authenticity
NOW: Final = SIGNED_AT + 60
KEY: Final = record_for(ED25519)
KEY_NAME: Final = "s1._domainkey.example.com"
WHOLE: Final = {"h": "from:to:cc:reply-to:subject:date:message-id:mime-version:content-type"}
SIGNED: Final = craft(message(), tags=WHOLE)
REJECT: Final = {
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "_dmarc.bank.example": "v=DMARC1; p=reject",
}
EVIL: Final = {
    f"s1._domainkey.{domain}": KEY
    for domain in ("evil.example", "examp1e.com", "com", "co.uk", "news.example.com",
                   "xn--xample-2of.com", "child.example.com")
}  # fmt: skip


def made(octets: bytes | None = None, key: PrivateKey = ED25519, **tags: str | None) -> bytes:
    return craft(message() if octets is None else octets, key, tags={**WHOLE, **tags})


def from_(value: str) -> bytes:
    return message(**{"from": value})


HTML: Final = b"<p>Pay to account 1.</p>\r\n"
PAGE: Final = message(HTML, content_type="text/html")
KEYS_AT_FAULT: Final[dict[str, Any]] = {
    "revoked": "v=DKIM1; k=ed25519; p=", "other-hash": KEY + "; h=sha1", "other-type":
    KEY.replace("ed25519", "rsa"), "other-service": KEY + "; s=tlsrpt", "other-version":
    KEY.replace("DKIM1", "DKIM2"), "no-such-name": "NXDOMAIN", "nothing": b"", "zeros": bytes(100),
    "not-text": b"\xff\xfe" * 1000, "spf": "v=spf1 -all", "quoted": f'"{KEY}"',
}  # fmt: skip

# Absent and not signed: who adds one changes nothing that `covered` names.
UNSEEN: Final = {"content-transfer-encoding", "in-reply-to", "references", "sender"}

# name, octets, the answer under p=reject, the answer without a policy, what DNS has besides
MESSAGES: Final[list[tuple[str, bytes, Authenticity, Authenticity, dict[str, Any]]]] = [
    ("true", SIGNED, YES, YES, {}),
    ("true-by-our-own-signer", avowal.sign(message(), domain="example.com", selector="s1",
     key=ED25519, now=SIGNED_AT) + message(), YES, YES, {}),
    ("forged", message(), NOT, OPEN, {}),
    # RFC 4686 §4.1: signatures and keys
    *((f"4.1.1-key-{name}", made(), NOT, OPEN, {KEY_NAME: record})
      for name, record in KEYS_AT_FAULT.items()),
    ("4.1.2-key-kept-from-subdomains", made(i="ceo@board.example.com"), NOT, OPEN,
     {KEY_NAME: KEY + "; t=s"}),
    ("4.1.2-key-of-a-subdomain", made(d="news.example.com", i="ceo@example.com"), NOT, OPEN, {}),
    ("4.1.2-subdomain-signs-for-its-parent-by-relaxed-alignment", made(d="news.example.com"), YES,
     OPEN, {}),
    *((f"4.1.4-replay-with-another-{field.split(b':')[0].decode()}", field + b"\r\n" + SIGNED, NOT,
       OPEN, {}) for field in (b"Subject: free", b"To: victim@example.net")),
    ("4.1.4-replay-after-its-end", made(x=str(SIGNED_AT - 600), t=str(SIGNED_AT - 9000)), NOT,
     OPEN, {}),
    ("4.1.6-a-thousand-signatures", SIGNED.replace(b" s=s1;", b" s=gone;").partition(b"From:")[0]
     * 1000 + message(), NOT, OPEN, {}),
    ("4.1.6-a-thousand-signatures-above-a-true-one",
     made(d="evil.example").partition(b"From:")[0] * 1000 + SIGNED, NOT, OPEN, {}),
    ("4.1.6-key-of-16384-bits", made(None, RSA_2048), NOT, OPEN, {KEY_NAME: rsa_record(16384)}),
    *((f"4.1.8-{name}", craft(message(other), signed=message(body), tags=WHOLE), NOT, OPEN, {})
      for name, body, other in (("merged-lines", b"a\r\nb\r\n", b"a b\r\n"),
                                ("joined-words", b"a b\r\n", b"ab\r\n"))),
    ("4.1.9-length-that-covers-all", made(PAGE, l=str(len(HTML))), YES, YES, {}),
    ("4.1.9-html-behind-the-length", made(PAGE, l=str(len(HTML))) + b"<p>2</p>\r\n", NOT, OPEN, {}),
    ("4.1.9-unsigned-body", made(l="0"), NOT, OPEN, {}),
    ("4.1.11-replaced-key", made(None, RSA_2048), NOT, OPEN, {KEY_NAME: rsa_record(2048)}),
    ("4.1.13-malformed-signature", b"DKIM-Signature: \xff\r\n" + message(), NOT, OPEN, {}),
    ("4.1.14-sha1", made(None, RSA_2048, a="rsa-sha1"), NOT, OPEN,
     {KEY_NAME: record_for(RSA_2048)}),
    ("4.1.14-512-bits", made(None, RSA_2048), NOT, OPEN, {KEY_NAME: rsa_record(512)}),
    ("4.1.14-1024-bits", made(None, RSA_1024), YES, YES, {KEY_NAME: record_for(RSA_1024)}),
    ("4.1.15-display-name", made(from_('"ceo@bank.example" <x@example.com>')), OPEN, OPEN, {}),
    *((f"4.1.15-display-name-in-{name}", made(from_(f"=?utf-8?{word}?= <x@example.com>")),
       OPEN, OPEN, {}) for name, word in (
          ("base64-without-padding", "b?Y2VvQGJhbmsuZXhhbXBsZSE"),
          ("base64-with-a-letter-too-many", "b?Y2VvQGJhbmsuZXhhbXBsZSEhA"),
          ("base64-with-padding-inside", "b?Y2VvQGJhbms=LmV4YW1wbGUh"),
          ("quoted-printable-behind-a-sign", "q?ceo==40bank.example"))),
    ("4.1.18-top-level-domain", made(d="com", i="a@example.com"), NOT, OPEN, {}),
    ("4.1.18-public-suffix", made(from_("a@example.co.uk"), d="co.uk", i="a@example.co.uk"), OPEN,
     OPEN, {}),
    # A registry's record without psd=y makes it the organization of all its customers.
    *((f"4.1.18-{name}", made(from_(author), d=signer, i=None), answer, OPEN,
       {f"s1._domainkey.{signer}": KEY, "_dmarc.co.uk": "v=DMARC1; p=reject"})
      for name, author, signer, answer in (
          ("another-customer-of-the-registry", "a@bank.co.uk", "evil.co.uk", OPEN),
          ("another-customer-in-the-display-name", '"a@bank.co.uk" <a@evil.co.uk>', "evil.co.uk",
           OPEN))),
    ("4.1.18-the-same-organization-below-the-registry", made(from_("a@bank.co.uk"),
     d="mail.bank.co.uk", i=None), YES, YES,
     {"s1._domainkey.mail.bank.co.uk": KEY, "_dmarc.co.uk": "v=DMARC1; p=reject"}),
    # RFC 4686 §4.2: what readers see
    ("4.2.1-look-alike-of-the-signer", made(d="examp1e.com"), NOT, OPEN, {}),
    ("4.2.1-look-alike-author", made(from_("a@examp1e.com"), d="examp1e.com"), YES, YES, {}),
    ("4.2.2-internationalized", made(d="еxample.com"), NOT, OPEN, {}),
    ("4.2.3-silenced-key", made(), OPEN, OPEN, {KEY_NAME: "SERVFAIL"}),
    ("4.2.3-silenced-policy", message(), OPEN, OPEN, {"_dmarc.example.com": "SERVFAIL"}),
    ("4.2.4-second-from-above", b"From: m@example.net\r\n" + SIGNED, NOT, OPEN, {}),
    ("4.2.4-second-from-below", SIGNED.replace(b"\r\nTo:", b"\r\nFrom: m@example.net\r\nTo:", 1),
     NOT, OPEN, {}),
    ("4.2.5-third-party", made(from_("a@bank.example")), NOT, OPEN, {}),
    # RFC 6376 §8
    ("8.1-moved-white-space", made(message(b"/\\ /\\\r\n")).replace(b"/\\ /\\", b"/\\   /\\"), YES,
     YES, {}),
    ("8.2-content-type-unsigned", made(h="from:to:subject:date"), OPEN, OPEN, {}),
    ("8.2-content-type-changed", SIGNED.replace(b"text/plain", b"text/html"), NOT, OPEN, {}),
    ("8.6-equal-signatures", SIGNED.partition(b"From:")[0] + SIGNED, YES, YES, {}),
    ("8.7-one-selector-withdrawn", made(SIGNED, s="s2"), YES, YES,
     {"s2._domainkey.example.com": "v=DKIM1; p="}),
    ("8.12-signed-signatures", made(h=WHOLE["h"] + ":dkim-signature"), YES, YES, {}),
    ("8.13-exponent", made(None, RSA_2048), NOT, OPEN,
     {KEY_NAME: rsa_record(2048, exponent=(1 << 33) + 1)}),
    ("8.14-parent-for-its-child", made(from_("a@child.example.com")), YES, OPEN, {}),
    ("8.15-several-from-all-signed", craft(b"From: b@example.com\r\n" + message(), tags={
        "h": "from:from:from:to:subject:date:mime-version:content-type"}), OPEN, OPEN, {}),
    *((f"8.15-added-{name}", f"{name}: m@evil.example\r\n".encode() + SIGNED, NOT, OPEN, {})
      for name in ONCE if name not in UNSEEN),
    ("8.15-added-content-transfer-encoding", b"Content-Transfer-Encoding: 7bit\r\n" + SIGNED,
     OPEN, OPEN, {}),
    *((f"8.15-added-{name}-that-is-not-covered", f"{name}: m@evil.example\r\n".encode() + SIGNED,
       YES, YES, {}) for name in sorted(UNSEEN - {"content-transfer-encoding"})),
    ("changed", tamper(SIGNED), NOT, OPEN, {}),
    # mistakes of implementers
    ("05-odd-white-space", made(message("a\u2028b\u3000\r\n")), YES, YES, {}),
    # RFC 5322 §4.5 has it read, and Python's `email` ends the header there: readers part
    ("07-space-before-a-colon", made(message().replace(b"Subject:", b"Subject :")), OPEN, OPEN, {}),
    ("22-from-not-signed", made(h="to:subject:date"), NOT, OPEN, {}),
    ("24-a-tag-twice", made(d="example.com; d=example.com"), NOT, OPEN, {}),
    ("39-testing", made(), OPEN, OPEN, {KEY_NAME: KEY + "; t=y"}),
    ("48-a-bad-one-above-a-good-one", made(b="QUJD")[: -len(message())] + SIGNED, YES, YES, {}),
    # practices: whoever is shown answers (RFC 4686 §4.2.4)
    *((f"4.2.4-{name}", made(from_(value), d="evil.example", i="@evil.example"), NOT, OPEN, {})
      for name, value in (
          ("second-address", "a@evil.example, boss@bank.example"),
          ("first-address", "boss@bank.example, a@evil.example"),
          ("group", "Team: a@evil.example, boss@bank.example;"),
          ("address-before-angle", "boss@bank.example <a@evil.example>"),
          ("two-angles", "<a@evil.example> <boss@bank.example>"),
          ("in-a-comment", "boss@bank.example (a@evil.example)"),
          ("in-a-quote", '"a@evil.example" <boss@bank.example>'),
          ("quote-never-closed", '"a@evil.example <boss@bank.example>'),
          ("source-route", "<@evil.example:boss@bank.example>"),
          ("nul", "boss@bank.example\x00@evil.example"),
          ("spaces", "boss @ bank . example"),
          ("comment-in-the-domain", "boss@(evil.example)bank.example"),
          ("case", "boss@BANK.example"),
      )),
    ("4.2.4-quoted-bank", made(from_('"boss@bank.example" <a@evil.example>'), d="evil.example"),
     OPEN, OPEN, {}),
    # results that a stranger wrote (RFC 8601 §7.1)
    *((f"forged-results-{param.id}",
       b"Authentication-Results:" + bytes(param.values[0]) + b"\r\n" + message(), NOT, OPEN, {})  # type: ignore[arg-type]
      for param in DISGUISES),
]  # fmt: skip


def names() -> Iterator[Any]:
    for name, octets, strict, none, dns in MESSAGES:
        yield pytest.param(octets, strict, {**ZONE, **EVIL, **REJECT, **dns}, id=f"{name}-reject")
        yield pytest.param(octets, none, {**ZONE, **EVIL, **dns}, id=f"{name}-no-policy")


@pytest.mark.parametrize(("octets", "answer", "zone"), list(names()))
def test_every_message_has_its_answer(
    octets: bytes, answer: Authenticity, zone: dict[str, Any]
) -> None:
    found = verdict(octets, zone, now=NOW)
    assert found.answer is answer, found.explanation


@pytest.mark.parametrize("limit", JUNK)
@pytest.mark.parametrize("name", BEYOND)
def test_beyond_a_limit_nothing_is_authentic(name: str, limit: str) -> None:
    attack = BEYOND[name]
    names_ = {**ZONE, "_dmarc.example.com": "v=DMARC1; p=reject",
              "ed._domainkey.example.com": KEY, "ed._domainkey.example.org": KEY}  # fmt: skip
    found = verdict(JUNK[limit] + attack.octets, names_, now=NOW)
    assert found.answer is (NOT if attack.policy else OPEN)


@pytest.mark.parametrize("octets", CHAINS)
def test_no_strange_seal_makes_a_message_authentic(octets: bytes) -> None:
    found = verdict(octets, CHAIN_NAMES, accept_trusted_arc=("sealer.example",), now=1_700_000_000)
    assert found.answer is NOT


def test_a_true_seal_of_a_trusted_sealer_does() -> None:
    found = verdict(TRUE, CHAIN_NAMES, accept_trusted_arc=("sealer.example",), now=1_700_000_000)
    assert found.by == "arc"


# -- what programs met that act on From ----------------------------------------------------------

SITUATIONS: Final[list[tuple[str, bytes, Authenticity, Ground]]] = [
    ("an agent is started by whoever writes its owner's From", message(), NOT, Ground.UNSIGNED),
    ("an allowlist of addresses, and a domain without a policy", from_("owner@other.example"),
     OPEN, Ground.UNSIGNED),
    ("results in the provider's name, put in by the sender",
     b"Authentication-Results: mx.provider.example; dkim=pass header.d=example.com; dmarc=pass "
     b"header.from=example.com\r\n" + message(), NOT, Ground.UNSIGNED),
    ("the first field of results is not the provider's",
     b"Authentication-Results: evil.example; dmarc=pass\r\nAuthentication-Results: "
     b"mx.provider.example; dmarc=fail\r\n" + message(), NOT, Ground.UNSIGNED),
    ("dkim=pass, but for the sender's own domain", made(d="evil.example"), NOT, Ground.UNALIGNED),
    ("several signatures, the author's not the first",
     made(SIGNED, d="evil.example"), YES, Ground.SIGNED),
    ("several signatures, one of them fails", made(b="QUJD")[: -len(message())] + SIGNED, YES,
     Ground.SIGNED),
    ("the owner's address in the display name",
     made(from_('"alice@example.com" <a@evil.example>'), d="evil.example"), OPEN,
     Ground.IMPERSONATES),
    ("the owner's address within a longer one",
     made(from_("alice@example.com.evil.example"), d="evil.example"), OPEN, Ground.UNSIGNED),
    ("two From fields, the signed one below", b"From: a@evil.example\r\n" + SIGNED, NOT,
     Ground.BROKEN),
    ("a list added its footer", b"List-Id: <l.lists.example>\r\n" + SIGNED + b"-- \r\nfooter\r\n",
     NOT, Ground.BROKEN),
    ("a relay passed it on unchanged", b"Received: from a by b; x\r\n" + SIGNED, YES,
     Ground.SIGNED),
    ("a ticket by a forged From with a Reply-To of the sender's",
     b"Reply-To: a@evil.example\r\n" + message(), NOT, Ground.UNSIGNED),
    ("DMARC has nothing to pass: the domain signs and publishes no policy",
     made(from_("owner@quiet.example"), d="quiet.example"), YES, Ground.SIGNED),
    ("an order exchanged in the text, the header as it was", tamper(SIGNED), NOT, Ground.BROKEN),
    ("a relay marked the Subject as external", SIGNED.replace(b"Subject: ", b"Subject: [EXT] "),
     NOT, Ground.BROKEN),
    ("the ticket number in a Subject that nobody signed", made(h="from:to:date:mime-version:"
     "content-type"), OPEN, Ground.WEAKLY_COVERED),
    ("a mailbox tool's own headers say that it was checked",
     b"X-Verified: yes\r\nReceived-SPF: pass\r\nX-Mailgun-Dkim-Check-Result: Pass\r\n"
     + message(), NOT, Ground.UNSIGNED),
    ("an ARC chain of the sender's own making says dmarc=pass",
     avowal.seal(message(), {}, authserv_id="evil.example", domain="evil.example", selector="s1",
                 key=ED25519, now=SIGNED_AT) + message(), NOT, Ground.UNSIGNED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("octets", "answer", "ground"), [pytest.param(*rest, id=name) for name, *rest in SITUATIONS]
)
def test_a_program_that_acts_on_from_gets_the_right_answer(
    octets: bytes, answer: Authenticity, ground: Ground
) -> None:
    names_ = {**ZONE, **EVIL, **REJECT, "s1._domainkey.quiet.example": KEY}
    found = verdict(octets, names_, now=NOW)
    assert (found.answer, found.ground) == (answer, ground)


@pytest.mark.parametrize("accept_spf", [False, True])
def test_a_forwarders_connection_vouches_for_nobody_else(*, accept_spf: bool) -> None:
    names_ = {**ZONE, **REJECT, "relay.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}}
    found = verdict(
        message(), names_, now=NOW, client="192.0.2.1", mail_from="srs@relay.example",
        helo="relay.example", accept_spf=accept_spf,
    )  # fmt: skip
    assert found.answer is NOT


def test_a_message_within_a_message_is_not_its_author() -> None:
    inner = b"--x\r\nContent-Type: message/rfc822\r\n\r\n" + SIGNED + b"--x--\r\n"
    outer = message(inner, **{"from": "a@evil.example"},
                    content_type="multipart/mixed; boundary=x")  # fmt: skip
    found = verdict(made(outer, d="evil.example"), {**ZONE, **EVIL, **REJECT}, now=NOW)
    assert (found.answer, found.author) == (YES, "a@evil.example")


# -- replays: true messages, named by hints ------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "options", "hint"),
    [
        pytest.param(b"To: victim@example.net\r\n" + made(message(to=None), h=WHOLE["h"].replace(
            "to:", "", 1)), {}, Hint.TO_UNSIGNED, id="to-added"),
        pytest.param(b"Cc: victim@example.net\r\n" + made(h=WHOLE["h"].replace("cc:", "")), {},
                     Hint.CC_UNSIGNED, id="cc-added"),
        pytest.param(SIGNED, {"recipients": ("victim@example.net",)}, Hint.NOT_NAMED,
                     id="sent-on-as-it-was"),
    ],
)  # fmt: skip
def test_a_replay_is_authentic_and_has_a_hint(
    octets: bytes, options: dict[str, Any], hint: Hint
) -> None:
    found = verdict(octets, {**ZONE, **REJECT}, now=NOW, **options)
    assert found.authentic
    assert hint in found.hints


def test_a_late_replay_is_bounded_by_its_age() -> None:
    found = verdict(SIGNED, {**ZONE, **REJECT}, now=SIGNED_AT + 86400 * 30, max_age=86400 * 7)
    assert (found.answer, found.ground) == (OPEN, Ground.OLD)
