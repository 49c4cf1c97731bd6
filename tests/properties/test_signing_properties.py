from __future__ import annotations

import hashlib
import io
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.properties import oracle
from tests.properties.strategies import (
    DOMAIN,
    NOW,
    ZONE,
    Cut,
    cuts,
    intents,
    messages,
)

import avowal
from avowal import Intent, Reason
from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.rules import Rules
from avowal.dkim.signature import Signature
from avowal.message import Field, Header, split
from avowal.testing import ED25519


class ShortReads(io.RawIOBase):
    """A file whose reads are short; an empty piece would be its end."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = iter([piece for piece in pieces if piece])

    def read(self, _: int = -1) -> bytes:
        return next(self._pieces, b"")


FEW = settings(max_examples=50)  # each example signs and verifies
LENIENT = Rules(accept_unsigned_content=True)


def verdict(octets: bytes, rules: Rules = Rules()) -> avowal.Verification:  # noqa: B008 - frozen
    return avowal.verify(octets, ZONE, now=NOW, rules=rules, line_ends="wire")[0]


@settings(FEW)
@given(message=messages(), intent=intents())
def test_what_is_signed_verifies(message: bytes, intent: Intent) -> None:
    signed = avowal.sign(message, intent, now=NOW) + message
    assert verdict(signed).reason is None


@settings(FEW)
@given(message=messages(), intent=intents())
def test_the_plain_reading_finds_the_signature_good(message: bytes, intent: Intent) -> None:
    own = avowal.sign(message, intent, now=NOW).removesuffix(b"\r\n")
    signature = Signature.parse(Field.of(own))
    section, body = split(message)
    forms = {"simple": oracle.simple_body, "relaxed": oracle.relaxed_body}
    content = forms[signature.body_canon](bytes(body))
    assert hashlib.sha256(content).digest() == signature.body_hash
    assert signature.body_length in (None, len(content))
    data = oracle.signed_octets(
        oracle.fields_of(section),
        list(signature.signed_names),
        signature.header_canon,
        oracle.without_b(own),
    )
    algorithm = ALGORITHMS[signature.algorithm]
    key = algorithm.load_public(intent.key.public_octets)  # type: ignore[union-attr]
    assert algorithm.verify(key, signature.signature, hashlib.sha256(data).digest())


@settings(FEW)
@given(message=messages(), several=st.lists(intents(), min_size=2, max_size=3))
def test_several_signatures_verify_together(message: bytes, several: list[Intent]) -> None:
    signed = avowal.sign(message, *several, now=NOW) + message
    verdicts = avowal.verify(signed, ZONE, now=NOW, line_ends="wire")
    assert [v.reason for v in verdicts] == [None] * len(several)


@settings(FEW)
@given(message=messages(), intent=intents(), cut=st.data())
def test_where_a_signed_message_is_cut_cannot_be_seen(
    message: bytes, intent: Intent, cut: st.DataObject
) -> None:
    pieces: Cut = cut.draw(cuts(st.just(message)))
    own = avowal.sign(message, intent, now=NOW)
    assert avowal.sign(ShortReads(pieces.pieces), intent, now=NOW) == own
    file = ShortReads((own, *pieces.pieces))
    assert avowal.verify(file, ZONE, now=NOW) == avowal.verify(own + message, ZONE, now=NOW)


@settings(FEW)
@given(message=messages(), intent=intents(), where=st.data())
def test_one_changed_octet_of_the_body_fails_as_the_body(
    message: bytes, intent: Intent, where: st.DataObject
) -> None:
    start = len(message) - len(split(message)[1])
    changeable = [at for at in range(start, len(message)) if message[at : at + 1] not in b" \t\r\n"]
    assume(changeable)
    at = where.draw(st.sampled_from(changeable))
    signed = avowal.sign(message, intent, now=NOW)
    changed = message[:at] + bytes((message[at] ^ 0x80,)) + message[at + 1 :]
    assert verdict(signed + changed).reason is Reason.BODY_HASH


@settings(FEW)
@given(message=messages(), intent=intents(), where=st.data())
def test_one_changed_octet_of_a_signed_field_fails_as_the_signature(
    message: bytes, intent: Intent, where: st.DataObject
) -> None:
    header = Header.parse(split(message)[0])
    own = avowal.sign(message, intent, now=NOW)
    names = Signature.parse(Field.of(own)).signed_names
    changeable = []
    start = 0
    for raw, name, colon in zip(header.raws, header.names, header.colons, strict=True):
        if name in names:
            value = range(start + colon + 1, start + len(raw))
            changeable += [at for at in value if message[at : at + 1] not in b" \t\r\n"]
        start += len(raw) + 2
    at = where.draw(st.sampled_from(changeable))
    changed = message[:at] + bytes((message[at] ^ 0x80,)) + message[at + 1 :]
    assert verdict(own + changed).reason is Reason.SIGNATURE


@settings(FEW)
@given(message=messages(), intent=intents(), where=st.data())
def test_one_changed_octet_of_the_signature_field_never_passes(
    message: bytes, intent: Intent, where: st.DataObject
) -> None:
    own = avowal.sign(message, intent, now=NOW)
    colon = own.index(b":")
    at = where.draw(
        st.sampled_from([n for n in range(colon, len(own) - 2) if own[n] not in b" \t\r\n"])
    )
    changed = own[:at] + bytes((own[at] ^ 0x10,)) + own[at + 1 :]
    verdicts = avowal.verify(changed + message, ZONE, now=NOW, line_ends="wire")
    assert not any(v.passed for v in verdicts)


@settings(FEW)
@given(message=messages(), intent=intents(), addition=st.binary(min_size=1, max_size=9))
def test_what_stands_behind_l_is_policy_and_never_a_failure(
    message: bytes, intent: Intent, addition: bytes
) -> None:
    intent = replace(intent, body_length=True, body_canon="simple")
    assume(message.endswith(b"\r\n") and bytes(split(message)[1]).strip(b"\r\n"))
    signed = avowal.sign(message, intent, now=NOW) + message
    longer = signed + b"x" + addition
    assert verdict(longer, LENIENT).reason is None
    assert verdict(longer).reason is Reason.UNSIGNED_CONTENT


@settings(FEW)
@given(message=messages(), intent=intents())
def test_an_oversigned_field_cannot_be_added(message: bytes, intent: Intent) -> None:
    intent = replace(intent, oversigned=frozenset((b"from", b"reply-to", b"x-y")))
    signed = avowal.sign(message, intent, now=NOW)
    for added in (b"Reply-To: eve@example.net\r\n", b"From: eve@example.net\r\n", b"X-Y: z\r\n"):
        assert verdict(signed + added + message).reason is Reason.SIGNATURE
        assert verdict(added + signed + message).reason is Reason.SIGNATURE


@settings(FEW)
@given(message=messages(), intent=intents())
def test_an_unsigned_field_may_be_added(message: bytes, intent: Intent) -> None:
    signed = avowal.sign(message, intent, now=NOW) + message
    assert verdict(b"Received: by somebody\r\n" + signed).reason is None


@settings(FEW)
@given(message=messages(), intent=intents())
def test_copied_fields_are_the_signed_ones(message: bytes, intent: Intent) -> None:
    own = avowal.sign(message, replace(intent, copy_fields=True), now=NOW)
    signature = Signature.parse(Field.of(own))
    header = Header.parse(split(message)[0])
    places = header.select(signature.signed_names)
    chosen = [header[place] for place in places]
    assert [(n.lower(), v) for n, v in signature.copied_fields] == [
        (field.name, field.value) for field in chosen
    ]


@settings(FEW)
@given(message=messages(), intent=intents(), later=st.integers(0, 3 * 86400))
def test_a_signature_expires_when_it_said(message: bytes, intent: Intent, later: int) -> None:
    signed = avowal.sign(message, intent, now=NOW) + message
    found = avowal.verify(signed, ZONE, now=NOW + later, rules=Rules(clock_skew=0))[0]
    expired = intent.lifetime is not None and later > intent.lifetime
    assert found.reason is (Reason.EXPIRED if expired else None)


@settings(FEW)
@given(message=messages())
def test_lines_are_folded_and_short(message: bytes) -> None:
    own = avowal.sign(message, domain=DOMAIN, selector="e", key=ED25519, now=NOW)
    assert max(map(len, own.split(b"\r\n"))) <= 78
