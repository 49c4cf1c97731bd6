"""The same calls on dkimpy and on our door to it: results, exceptions and octets agree."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import dkim as theirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.differential.peers.dkimpy import key_octets

from avowal.compat import dkim as ours
from avowal.compat.dkim import domainsigner
from avowal.testing import ED25519, RSA_2048, record_for

BOTH = (theirs, ours)
NOW = int(time.time())  # what is signed below is young in every run
RSA, ED = key_octets("rsa"), key_octets("ed")
RECORD = record_for(RSA_2048)
P = RECORD.partition("p=")[2]
MESSAGE = (
    b"From: Alice <a@example.com>\r\nTo: b@example.net\r\nSubject: hi  there\r\n"
    b"X-Foo: bar\r\nReceived: by x\r\n\tat y\r\nSubject: two\r\n\r\nHello \r\n\r\n"
)


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(time=lambda: NOW)
    monkeypatch.setattr(theirs, "time", clock)
    monkeypatch.setattr(domainsigner, "time", clock)


def look_up(name: bytes, timeout: int = 5) -> bytes | None:
    keys = {b"rsa": RECORD, b"ed": record_for(ED25519)}
    selector, _, domain = name.partition(b".")
    return (
        keys[selector].encode() if domain.endswith(b"example.com.") and selector in keys else None
    )


def outcome(call: Callable[[], Any]) -> Any:
    """The result, or the name of the exception."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever dkimpy raises
        return type(error).__name__


def both(call: Callable[[ModuleType], Any]) -> tuple[Any, Any]:
    return outcome(lambda: call(theirs)), outcome(lambda: call(ours))


# --- signing ----------------------------------------------------------------------------------

SIGNED = [
    pytest.param({}, id="defaults"),
    pytest.param({"canonicalize": (b"simple", b"simple")}, id="simple"),
    pytest.param({"canonicalize": (b"simple", b"relaxed"), "length": True}, id="length"),
    pytest.param({"identity": b"joe@sub.example.com"}, id="identity"),
    pytest.param({"identity": b"joe@other.example"}, id="foreign-identity"),
    pytest.param({"identity": b"nobody"}, id="identity-without-at"),
    pytest.param({"include_headers": [b"From", b"SUBJECT", b"none", b"subject"]}, id="names"),
    pytest.param({"include_headers": [b"to"]}, id="without-from"),
    pytest.param({"include_headers": [b"from", b"received"]}, id="should-not-be-signed"),
    pytest.param({"linesep": b"\n"}, id="line-separator"),
    pytest.param({"tlsrpt": True, "length": True}, id="tlsrpt-ignores-length"),
    pytest.param({"tlsrpt": "strict"}, id="tlsrpt-strict"),
    pytest.param({"selector": b"a-long-selector-that-moves-the-folds._sub"}, id="long-selector"),
    pytest.param({"domain": b"a.very.long.name.of.a.domain.in.example.com"}, id="long-domain"),
    pytest.param({"privkey": ED, "signature_algorithm": b"ed25519-sha256"}, id="ed25519"),
    pytest.param({"privkey": ED}, id="wrong-kind-of-key"),
    pytest.param({"privkey": b"no key"}, id="no-key"),
    pytest.param({"privkey": RSA_2048.pem()}, id="pkcs8"),
    pytest.param({"message": MESSAGE.replace(b"\r\n", b"\n")}, id="lf-message"),
    pytest.param({"message": b"From x@y Mon\n" + MESSAGE}, id="mbox-line"),
    pytest.param({"message": b"To: b\r\n\r\nx"}, id="message-without-from"),
    pytest.param({"message": b"From : a\r\n\r\nx"}, id="space-before-colon"),
    pytest.param({"message": b"no header\r\n\r\nx"}, id="no-message"),
    pytest.param({"message": b"From: a@b.example"}, id="header-only"),
    pytest.param({"message": b"From: a@b.example\r\n\r\n\xff\0\r\n \t\r\n"}, id="8-bit-body"),
]
ARGUMENTS: dict[str, Any] = {
    "message": MESSAGE, "selector": b"rsa", "domain": b"example.com", "privkey": RSA,
}  # fmt: skip


@pytest.mark.parametrize("changes", SIGNED)
def test_signing_gives_the_same_octets(changes: dict[str, Any]) -> None:
    one, other = both(lambda door: door.sign(**{**ARGUMENTS, **changes}))
    assert other == one


@settings(max_examples=60)
@given(
    names=st.lists(st.sampled_from([b"To", b"Subject", b"X-Y", b"Cc", b"Date"]), max_size=9),
    domain=st.from_regex(rb"([a-z]{1,12}\.){1,5}example", fullmatch=True),
    canonicalize=st.tuples(*[st.sampled_from([b"simple", b"relaxed"])] * 2),
)
def test_any_fold_falls_in_the_same_place(
    names: list[bytes], domain: bytes, canonicalize: tuple[bytes, bytes]
) -> None:
    fields = b"".join(name + b": some  value\r\n\tand more\r\n" for name in names)
    message = b"From: a@b.example\r\n" + fields + b"\r\nbody\r\n"
    arguments = (message, b"s", domain, ED)
    options = {"canonicalize": canonicalize, "signature_algorithm": b"ed25519-sha256"}
    one, other = (
        door.sign(*arguments, **options).replace(b"t=%d" % now, b"t=")
        for door, now in ((theirs, NOW), (ours, NOW))
    )
    assert other == one


@given(text=st.text("ab; =", max_size=300).map(str.encode), taken=st.integers(0, 20))
def test_folding_is_the_same(text: bytes, taken: int) -> None:
    assert ours.fold(text, namelen=taken) == theirs.fold(text, namelen=taken)


@given(
    lines=st.lists(st.sampled_from([b"A: b", b" fold", b"\tfold", b"", b"C:\xff d", b"bad", b"\r"]))
    .filter(lambda lines: not lines or lines[0][:1] not in b" \t")  # dkimpy: IndexError
    .map(b"\n".join)
)
def test_a_message_is_split_the_same(lines: bytes) -> None:
    one, other = both(lambda door: door.rfc822_parse(lines))
    assert other == one


# --- verifying --------------------------------------------------------------------------------

FIELD = ours.sign(MESSAGE, b"rsa", b"example.com", RSA)
L_FIELD = ours.sign(MESSAGE, b"rsa", b"example.com", RSA, length=True)
VERIFIED = [
    pytest.param(FIELD + MESSAGE, id="good"),
    pytest.param(FIELD + MESSAGE.replace(b"\r\n", b"\n"), id="mixed-line-ends"),
    pytest.param(MESSAGE, id="unsigned"),
    pytest.param(b"", id="empty"),
    pytest.param(FIELD + MESSAGE.replace(b"Hello", b"Hallo"), id="body"),
    pytest.param(FIELD + MESSAGE.replace(b"hi", b"ho"), id="header"),
    pytest.param(b"From: x@y\r\n" + FIELD + MESSAGE, id="from-added-on-top"),
    pytest.param(FIELD + b"From: x@y\r\n" + MESSAGE, id="from-added-below"),
    pytest.param(L_FIELD + MESSAGE + b"more", id="octets-behind-l"),
    pytest.param(L_FIELD + MESSAGE.replace(b"Hello \r\n\r\n", b"H"), id="shorter-than-l"),
    *(
        pytest.param(FIELD.replace(old, new) + MESSAGE, id=name)
        for name, old, new in (
            ("other-selector", b"s=rsa", b"s=xxx"),
            ("version-2", b"v=1", b"v=2"),
            ("no-version", b"v=1; ", b""),
            ("no-algorithm", b"a=rsa-sha256; ", b""),
            ("no-body-hash", b"bh=", b"xh="),
            ("tag-twice", b"v=1", b"v=1; v=1"),
            ("empty-tag", b"v=1;", b"v=1;;"),
            ("b-no-base64", b" b=", b" b=!"),
            ("foreign-identity", b"i=@example.com", b"i=@evil.example"),
            ("identity-below", b"i=@example.com", b"i=@sub.example.com"),
            ("t-no-number", b"t=", b"t=x"),
            ("l-no-number", b"q=dns/txt", b"l=x; q=dns/txt"),
            ("l-changed", b"q=dns/txt", b"l=2; q=dns/txt"),
            ("x-past", b"q=dns/txt", b"x=2; q=dns/txt"),
            ("x-no-number", b"q=dns/txt", b"x=x; q=dns/txt"),
            ("future", b"; t=", b"; t=9"),
            ("unknown-algorithm", b"a=rsa-sha256", b"a=foo-sha256"),
            ("unknown-form", b"c=relaxed/", b"c=foo/"),
            ("unknown-query", b"q=dns/txt", b"q=foo"),
            ("other-form", b"c=relaxed/", b"c=simple/"),
            ("from-not-signed", b"h=from", b"h=frm"),
        )
    ),
]


@pytest.mark.parametrize("message", VERIFIED)
def test_verifying_gives_the_same_answer(message: bytes) -> None:
    one, other = both(lambda door: door.verify(message, dnsfunc=look_up))
    assert other is one


@pytest.mark.parametrize("message", VERIFIED)
def test_the_class_answers_or_raises_the_same(message: bytes) -> None:
    one, other = both(lambda door: door.DKIM(message).verify(dnsfunc=look_up))
    assert other == one


RECORDS = [
    pytest.param(None, id="no-record"),
    pytest.param(b"", id="empty"),
    pytest.param(b"garbage", id="garbage"),
    pytest.param(b"v=DKIM1; p=", id="revoked"),
    pytest.param(f"p={P}".encode(), id="p-alone"),
    pytest.param(f"v=DKIM2; p={P}".encode(), id="version"),
    pytest.param(f"v=DKIM1; k=ed25519; p={P}".encode(), id="other-type"),
    pytest.param(f"v=DKIM1; k=foo; p={P}".encode(), id="unknown-type"),
    pytest.param(f"v=DKIM1; s=tlsrpt; p={P}".encode(), id="other-service"),
    pytest.param(f"v=DKIM1; t=s:y; p={P}".encode(), id="flags"),
    pytest.param(b"v=DKIM1; p=AAAA", id="no-key"),
    pytest.param(b"v=DKIM1; p=!", id="no-base64"),
    pytest.param(RECORD, id="text"),
]


@pytest.mark.parametrize("tlsrpt", [False, True, "strict"])
@pytest.mark.parametrize("record", RECORDS)
def test_key_records_count_the_same(record: bytes | None, tlsrpt: bool | str) -> None:
    one, other = both(
        lambda door: door.verify(
            FIELD + MESSAGE, dnsfunc=lambda name, timeout: record, tlsrpt=tlsrpt
        )
    )
    assert other is one


@pytest.mark.parametrize("minkey", [1024, 4096])
def test_the_smallest_key_is_the_callers_choice(minkey: int) -> None:
    one, other = both(
        lambda door: door.DKIM(FIELD + MESSAGE, minkey=minkey).verify(dnsfunc=look_up)
    )
    assert other == one


def test_a_dns_timeout_is_false() -> None:
    def slow(door: ModuleType) -> Callable[..., bytes]:
        def look_up(name: bytes, timeout: int) -> bytes:
            raise door.DnsTimeoutError(name)

        return look_up

    assert both(lambda door: door.verify(FIELD + MESSAGE, dnsfunc=slow(door))) == (False, False)


def test_dns_is_asked_the_same() -> None:
    asked = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        asked.append((name, timeout))
        return RECORD.encode()

    assert both(lambda door: door.verify(FIELD + MESSAGE, dnsfunc=look_up, timeout=7)) == (
        True,
        True,
    )
    assert asked[0] == asked[1]


async def test_verifying_can_be_awaited() -> None:
    async def look_up(name: bytes, **options: int) -> bytes:
        return RECORD.encode()

    assert await ours.verify_async(FIELD + MESSAGE, dnsfunc=look_up) is True
    assert await ours.verify_async(FIELD + MESSAGE + b"x", dnsfunc=look_up) is False
    assert await ours.verify_async(MESSAGE, dnsfunc=look_up) is False


def test_each_signature_can_be_verified() -> None:
    again = ours.sign(FIELD + MESSAGE, b"nobody", b"example.com", RSA)
    message = again + FIELD + MESSAGE
    for place in range(3):
        one, other = both(lambda door, at=place: door.DKIM(message).verify(at, dnsfunc=look_up))
        assert other == one


# --- what the classes show ----------------------------------------------------------------------

SHOWN = ("domain", "selector", "signature_fields", "include_headers", "keysize", "headers", "body")


@pytest.mark.parametrize("header_canon", [b"simple", b"relaxed"])
def test_verifying_shows_the_same(header_canon: bytes) -> None:
    field = ours.sign(MESSAGE, b"rsa", b"example.com", RSA, canonicalize=(header_canon, b"relaxed"))
    one, other = (door.DKIM(field + MESSAGE) for door in BOTH)
    assert (one.verify(dnsfunc=look_up), other.verify(dnsfunc=look_up)) == (True, True)
    for name in SHOWN:
        assert getattr(other, name) == getattr(one, name), name
    assert list(map(tuple, other.signed_headers)) == list(map(tuple, one.signed_headers))


def test_signing_shows_the_same() -> None:
    one, other = (door.DKIM(MESSAGE) for door in BOTH)
    assert one.sign(b"rsa", b"example.com", RSA) == other.sign(b"rsa", b"example.com", RSA)
    for name in SHOWN:
        assert getattr(other, name) == getattr(one, name), name
    assert list(map(tuple, other.signed_headers)) == list(map(tuple, one.signed_headers))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: None, id="as-made"),
        pytest.param(lambda d: d.add_frozen([b"subject", b"Date", b"received"]), id="frozen"),
        pytest.param(lambda d: d.add_should_not([b"X-Foo", b"to", b"from"]), id="should-not"),
        pytest.param(lambda d: d.add_frozen(type(d).RFC5322_SINGLETON), id="singleton"),
        pytest.param(lambda d: d.set_message(b"From: b@c\r\n\r\n"), id="another-message"),
    ],
)
def test_the_choice_of_fields_is_the_same(change: Callable[[Any], None]) -> None:
    one, other = (door.DKIM(MESSAGE) for door in BOTH)
    for chosen in (one, other):
        change(chosen)
    assert other.default_sign_headers() == one.default_sign_headers()
    assert other.all_sign_headers() == one.all_sign_headers()
    for name in ("frozen_sign", "should_not_sign", "should_sign"):
        assert getattr(other, name) == getattr(one, name)


@pytest.mark.parametrize("message", [MESSAGE, FIELD + MESSAGE])
def test_the_presence_of_a_signature_is_the_same(message: bytes) -> None:
    assert ours.DKIM(message).present() is theirs.DKIM(message).present()


# --- the names --------------------------------------------------------------------------------

LATER = {"ARC", "arc_sign", "arc_verify"}


def test_every_public_name_is_there() -> None:
    assert set(theirs.__all__) - set(ours.__all__) - LATER == set()


@pytest.mark.parametrize(
    "name", ["sign", "verify", "dkim_sign", "dkim_verify", "fold", "rfc822_parse"]
)
def test_functions_take_the_same_arguments(name: str) -> None:
    assert shape(getattr(ours, name)) == shape(getattr(theirs, name))


@pytest.mark.parametrize(
    ("cls", "name"),
    [("DKIM", n) for n in ("__init__", "sign", "verify", "present", "set_message", "add_frozen",
                           "add_should_not", "default_sign_headers", "all_sign_headers")],
)  # fmt: skip
def test_methods_take_the_same_arguments(cls: str, name: str) -> None:
    mine, yours = (getattr(getattr(door, cls), name) for door in (ours, theirs))
    assert shape(mine) == shape(yours)


@pytest.mark.parametrize("name", [n for n in theirs.__all__ if n.endswith(("Error", "Exception"))])
def test_exceptions_stand_in_the_same_tree(name: str) -> None:
    mine, yours = (getattr(door, name) for door in (ours, theirs))
    assert [c.__name__ for c in mine.__mro__] == [c.__name__ for c in yours.__mro__]


@pytest.mark.parametrize(
    "name", ["Relaxed", "Simple", "CV_Pass", "CV_Fail", "CV_None", "USE_ASYNC"]
)
def test_constants_have_the_same_values(name: str) -> None:
    assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("name", ["SHOULD", "SHOULD_NOT", "FROZEN", "RFC5322_SINGLETON"])
def test_the_lists_of_fields_are_the_same(name: str) -> None:
    assert getattr(ours.DKIM, name) == getattr(theirs.DKIM, name)


def shape(function: Callable[..., Any]) -> list[tuple[str, object]]:
    """Parameters and defaults; a default that is a function counts by its name."""
    return [
        (p.name, getattr(p.default, "__name__", p.default))
        for p in inspect.signature(function).parameters.values()
    ]


# --- where a MUST decides otherwise -------------------------------------------------------------


def test_rsa_sha1_is_neither_made_nor_accepted() -> None:
    # RFC 8301 §3.1
    field = theirs.sign(MESSAGE, b"rsa", b"example.com", RSA, signature_algorithm=b"rsa-sha1")
    assert both(lambda door: door.verify(field + MESSAGE, dnsfunc=look_up)) == (True, False)
    with pytest.raises(ours.ParameterError):
        ours.sign(MESSAGE, b"rsa", b"example.com", RSA, signature_algorithm=b"rsa-sha1")


def test_the_hashes_of_a_key_record_count() -> None:
    # RFC 6376 §6.1.2 step 6
    record = f"v=DKIM1; h=sha1; p={P}".encode()
    answers = both(lambda door: door.verify(FIELD + MESSAGE, dnsfunc=lambda name, timeout: record))
    assert answers == (True, False)


def test_a_key_may_forbid_subdomains() -> None:
    # RFC 6376 §3.6.1 t=
    record = f"v=DKIM1; t=s; p={P}".encode()
    field = ours.sign(MESSAGE, b"rsa", b"example.com", RSA, identity=b"joe@sub.example.com")
    answers = both(lambda door: door.verify(field + MESSAGE, dnsfunc=lambda name, timeout: record))
    assert answers == (True, False)


def test_a_top_level_domain_signs_nothing() -> None:
    # RFC 6376 §6.1.1
    field = theirs.sign(MESSAGE, b"rsa", b"com", RSA)
    answers = both(lambda door: door.verify(field + MESSAGE, dnsfunc=lambda name, timeout: RECORD))
    assert answers == (True, False)
    with pytest.raises(ours.ParameterError):
        ours.sign(MESSAGE, b"rsa", b"com", RSA)
