"""A field from a template is what its layout writes for those values."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.compat.dkim.layout import DKIMPY
from avowal.crypto.signing import PrivateKey
from avowal.dkim.intent import Intent
from avowal.dkim.layout import AVOWAL, Layout, Plain, Said, remembered, written
from avowal.dkim.signer import Signer
from avowal.errors import IntentError, UsageError
from avowal.message import Header
from avowal.opendkim.layout import OpendkimLayout
from avowal.testing import ED25519, RSA_2048, message

EACH_LAYOUT: list[Layout] = [AVOWAL, DKIMPY, OpendkimLayout((b"From",))]
LAYOUTS = st.sampled_from(EACH_LAYOUT)
NAMES = st.lists(
    st.sampled_from([b"from", b"to", b"subject", b"list-unsubscribe-post", b"x%s", b"x" * 30]),
    min_size=1,
    max_size=20,
).map(tuple)
TIMES = st.integers(0, 10**12 - 1).map(lambda time: b"%d" % time)


@st.composite
def values(draw: st.DrawFn) -> dict[str, bytes]:
    made = {"t": draw(TIMES)}
    if draw(st.booleans()):
        made["x"] = draw(TIMES)
    if draw(st.booleans()):
        made["l"] = draw(TIMES)
    return made | {"bh": base64.b64encode(draw(st.binary(min_size=32, max_size=32)))}


@st.composite
def saying(draw: st.DrawFn) -> Said:
    before = (
        ("v", (b"1",)), ("a", (b"rsa-sha256",)), ("c", (b"relaxed/relaxed",)),
        ("d", (b"d" * draw(st.integers(0, 90)) + b".example",)), ("s", (b"50%off",)),
    )  # fmt: skip
    return Said(draw(LAYOUTS), before, draw(st.sampled_from([(), (("r", (b"y",)),)])))


@given(saying(), NAMES, values(), st.lists(st.binary(max_size=40)))
def test_a_filled_template_is_what_the_layout_writes(
    said: Said, names: tuple[bytes, ...], found: dict[str, bytes], copied: list[bytes]
) -> None:
    layout, before, behind = said
    copies = tuple(base64.b16encode(one) for one in copied)
    tags = [*before, *((name, (one,)) for name, one in found.items() if name != "bh"), *behind]
    tags.append(("h", tuple((b":" if at else b"") + name for at, name in enumerate(names))))
    if copies:
        tags.append(("z", copies))
    expected = layout.unsigned([*tags, ("bh", (found["bh"],)), ("b", (b"",))])
    lengths = {name: len(one) for name, one in found.items()}
    template = written(said, names, lengths, copies)
    assert (template.filled(found), template.column) == expected


def signed(header: Header, intent: Intent, now: int, body: bytes = b"x\r\n") -> bytes:
    signer = Signer(header, [intent], now=now)
    signer.feed(body)
    return signer.finish()[0].raw


HEADER = Header.parse(message().partition(b"\r\n\r\n")[0])


@pytest.mark.parametrize("key", [ED25519, RSA_2048], ids=repr)
def test_a_field_does_not_hang_on_the_messages_before_it(key: PrivateKey) -> None:
    """Times that grow by a digit, bodies whose length does, other names."""
    intent = Intent(domain="example.com", selector="s", key=key, lifetime=1, body_length=True)
    other = Header.of([field for field in HEADER if field.name != b"subject"])
    cases = [
        (header, now, body)
        for header in (HEADER, other)
        for now in (5, 9, 10**9)
        for body in (b"x\r\n", b"x" * 100 + b"\r\n")
    ]
    together = [signed(header, intent, now, body) for header, now, body in cases]
    for (header, now, body), field in zip(cases, together, strict=True):
        remembered.cache_clear()
        assert signed(header, intent, now, body) == field


def test_the_same_names_are_folded_once() -> None:
    intent = Intent(domain="example.com", selector="once", key=ED25519)
    remembered.cache_clear()
    for now in range(10**9, 10**9 + 5):
        signed(HEADER, intent, now, b"%d\r\n" % now)
    assert remembered.cache_info().misses == 1


def test_no_key_is_kept_with_what_is_remembered() -> None:
    """A template outlives a reload; the keys of before must not."""
    said = Intent(domain="example.com", selector="once", key=ED25519).checked().said
    kept = [*said.before, *said.behind]
    assert all(type(part) is bytes for _, tokens in kept for part in tokens)
    assert said.layout is AVOWAL


def test_a_layout_that_cannot_be_remembered_is_refused() -> None:
    class Unhashable(Plain):
        __hash__ = None  # type: ignore[assignment]

    intent = Intent(domain="example.com", selector="s", key=ED25519, layout=Unhashable())
    with pytest.raises(UsageError, match="hashable"):
        signed(HEADER, intent, 1)


@pytest.mark.parametrize("octet", [b"\x01", b"\x04"])
def test_an_octet_that_stands_for_a_place_is_signed_by_nobody(octet: bytes) -> None:
    intent = Intent(
        domain="example.com", selector="s", key=ED25519, names=(b"from",),
        oversigned=frozenset((b"x" + octet,)),
    )  # fmt: skip
    with pytest.raises(IntentError):
        signed(HEADER, intent, 1)
