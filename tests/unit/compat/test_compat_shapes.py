"""What dkimpy takes as an argument is taken, and gives the same; what it trips over is too.

Where dkimpy raises TypeError or AttributeError for want of bytes, the door takes text as its
octets (never for a message) or raises TypeError with a sentence: the last column says which.
"""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import dkim as theirs
import dkim.crypto
import dkim.util
import pytest
from tests.differential.peers.dkimpy import key_octets

from avowal.arc.fields import NAMES
from avowal.compat import dkim as ours
from avowal.compat.dkim import chains, domainsigner
from avowal.message import Field, Header, Message
from avowal.testing import ED25519, RSA_2048, message, record_for

NOW = int(time.time())
RSA, ED = key_octets("rsa"), key_octets("ed")
RECORD = record_for(RSA_2048).encode()
MESSAGE = (
    b"From: Alice <a@example.com>\r\nTo: b@example.net\r\nSubject: hi  there\r\n\r\nHello \r\n\r\n"
)
RESULTS = b"Authentication-Results: l.example; arc=none; spf=pass smtp.mailfrom=a.example\r\n"
SAME, TAKEN, REFUSED = "same", "taken", "refused"


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(time=lambda: NOW)
    for module in (theirs, domainsigner, chains):
        monkeypatch.setattr(module, "time", clock)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever dkimpy raises
        return error


def compare(call: Callable[[ModuleType], Any], kind: str) -> None:
    one, other = outcome(lambda: call(theirs)), outcome(lambda: call(ours))
    if kind == TAKEN:
        assert isinstance(one, Exception)
        assert not isinstance(other, Exception), other
    elif kind == REFUSED:
        assert isinstance(one, (TypeError, AttributeError))
        assert isinstance(other, TypeError)
        assert " is octets, not " in str(other)
    elif isinstance(one, Exception):
        assert type(other).__name__ == type(one).__name__
    else:
        assert other == one


def shapes(octets: bytes) -> dict[str, Any]:
    return {
        "memoryview": memoryview(octets), "bytearray": bytearray(octets),
        "str": octets.decode("latin-1"), "none": None, "int": 5,
    }  # fmt: skip


SIGN: dict[str, Any] = {
    "message": MESSAGE, "selector": b"rsa", "domain": b"example.com", "privkey": RSA,
    "identity": b"a@example.com", "signature_algorithm": b"rsa-sha256",
}  # fmt: skip
SEAL: dict[str, Any] = {
    "message": RESULTS + MESSAGE, "selector": b"rsa", "domain": b"l.example", "privkey": RSA,
    "srv_id": b"l.example",
}  # fmt: skip
OTHERWISE = {
    ("message", "str"): REFUSED, ("message", "int"): REFUSED,
    ("message", "none"): SAME,  # an empty message
    ("identity", "none"): SAME,  # the default
    ("identity", "memoryview"): TAKEN, ("srv_id", "memoryview"): TAKEN,
    # dkimpy looks an algorithm up in a table of octets before it compares
    ("signature_algorithm", "memoryview"): SAME, ("signature_algorithm", "bytearray"): TAKEN,
}  # fmt: skip


def rows(function: str, arguments: dict[str, Any]) -> list[Any]:
    found = []
    for name, octets in arguments.items():
        for shape, value in shapes(octets).items():
            default = {"str": TAKEN, "none": REFUSED, "int": REFUSED}.get(shape, SAME)
            kind = OTHERWISE.get((name, shape), default)
            found.append(
                pytest.param(function, {**arguments, name: value}, kind, id=f"{name}-{shape}")
            )
    return found


@pytest.mark.parametrize(("function", "arguments", "kind"), rows("sign", SIGN))
def test_an_argument_of_sign_has_the_shapes_dkimpy_takes(
    function: str, arguments: dict[str, Any], kind: str
) -> None:
    compare(lambda door: getattr(door, function)(**arguments), kind)


@pytest.mark.parametrize(("function", "arguments", "kind"), rows("arc_sign", SEAL))
def test_an_argument_of_arc_sign_has_the_shapes_dkimpy_takes(
    function: str, arguments: dict[str, Any], kind: str
) -> None:
    compare(lambda door: getattr(door, function)(timestamp=NOW, **arguments), kind)


OPTIONS = [
    pytest.param({"include_headers": ["from", "subject"]}, SAME, id="names-as-text"),
    pytest.param({"include_headers": ["From", b"subject"]}, TAKEN, id="names-mixed"),
    pytest.param({"include_headers": (b"from",)}, SAME, id="names-in-a-tuple"),
    pytest.param({"include_headers": {b"from"}}, SAME, id="names-in-a-set"),
    pytest.param({"include_headers": []}, SAME, id="no-names"),
    pytest.param({"include_headers": "from"}, SAME, id="one-text-of-names"),
    pytest.param({"include_headers": [b"from"] * 3}, SAME, id="one-name-thrice"),
    pytest.param({"canonicalize": [b"relaxed", b"simple"]}, SAME, id="forms-in-a-list"),
    pytest.param({"canonicalize": (b"relaxed",)}, SAME, id="one-form"),
    pytest.param({"canonicalize": ("relaxed", "simple")}, TAKEN, id="forms-as-text"),
    pytest.param({"canonicalize": b"relaxed/simple"}, REFUSED, id="forms-in-one"),
    pytest.param({"length": 1}, SAME, id="length-as-number"),
    pytest.param({"linesep": "\n"}, TAKEN, id="line-end-as-text"),
    pytest.param({"privkey": memoryview(ED), "signature_algorithm": b"ed25519-sha256"}, SAME,
                 id="seed-in-a-memoryview"),
    pytest.param({"privkey": ED.decode(), "signature_algorithm": b"ed25519-sha256"}, SAME,
                 id="seed-as-text"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "kind"), OPTIONS)
def test_an_option_of_sign_has_the_shapes_dkimpy_takes(changes: dict[str, Any], kind: str) -> None:
    arguments = {**SIGN, "identity": None, **changes}
    if "linesep" in changes:
        arguments["message"] = MESSAGE
    compare(lambda door: door.sign(**arguments), kind)


def test_names_that_can_be_read_once_are_read_once() -> None:
    arguments = {**SIGN, "include_headers": (name for name in (b"from", b"to"))}
    assert b"h=from : to;" in b" ".join(ours.sign(**arguments).split())


SIGNED = ours.sign(MESSAGE, b"rsa", b"example.com", RSA) + MESSAGE
TWICE = ours.sign(MESSAGE, b"bad", b"example.com", RSA) + SIGNED
READERS = ["verify", "arc_verify", "rfc822_parse"]


def look_up(name: bytes, timeout: int = 5) -> bytes | None:
    return RECORD if name.startswith(b"rsa.") else None


@pytest.mark.parametrize("function", READERS)
@pytest.mark.parametrize("shape", ["memoryview", "bytearray", "str", "int"])
def test_a_message_has_the_shapes_dkimpy_takes(function: str, shape: str) -> None:
    options = {} if function == "rfc822_parse" else {"dnsfunc": look_up}
    given = shapes(SIGNED)[shape]
    kind = REFUSED if shape in {"str", "int"} else SAME
    compare(lambda door: getattr(door, function)(given, **options), kind)


RECORDS = [
    pytest.param(RECORD, SAME, id="octets"),
    pytest.param(RECORD.decode(), SAME, id="text"),
    pytest.param(RECORD + b"\n", SAME, id="a-line-break-at-the-end"),
    pytest.param(RECORD.decode() + "\r\n", SAME, id="crlf-at-the-end"),
    pytest.param(b" " + RECORD, SAME, id="a-space-before"),
    pytest.param(b'"' + RECORD + b'"', SAME, id="quotes-around"),
    pytest.param("", SAME, id="nothing"),
    pytest.param(None, SAME, id="none"),
    pytest.param(memoryview(RECORD), TAKEN, id="memoryview"),
    pytest.param([RECORD], REFUSED, id="a-list"),
    pytest.param(5, REFUSED, id="a-number"),
]


@pytest.mark.parametrize(("record", "kind"), RECORDS)
def test_a_record_has_the_shapes_dkimpy_takes(record: Any, kind: str) -> None:
    compare(lambda door: door.verify(SIGNED, dnsfunc=lambda name, timeout=5: record), kind)


@pytest.mark.parametrize("place", [-3, -2, -1, 0, 1, 2, True])
def test_a_place_counts_as_in_dkimpy(place: int) -> None:
    compare(lambda door: door.DKIM(TWICE).verify(place, dnsfunc=look_up), SAME)


EMPTIED = [
    pytest.param([b"from", b"dkim-signature"], id="a-signature"),
    pytest.param([b"received", b"from", b"bcc"], id="received"),
    pytest.param(None, id="all"),
]


@pytest.mark.parametrize("names", EMPTIED)
def test_an_emptied_should_not_sign_lets_every_field_be_signed(names: list[bytes] | None) -> None:
    def call(door: ModuleType) -> Any:
        signer = door.DKIM(b"Received: by x\r\n" + SIGNED)
        signer.should_not_sign.clear()
        wanted = signer.all_sign_headers() if names is None else names
        return signer.sign(b"rsa", b"example.com", RSA, include_headers=wanted)

    compare(call, SAME)
    assert not isinstance(call(ours), Exception)


SETTERS = [
    pytest.param(lambda d: d.add_frozen(["date"]), id="frozen-as-text"),
    pytest.param(lambda d: d.add_should_not(["date"]), id="should-not-as-text"),
    pytest.param(lambda d: setattr(d, "should_sign", {b"from"}), id="another-set"),
]


@pytest.mark.parametrize("change", SETTERS)
def test_the_choice_of_fields_takes_what_dkimpy_takes(change: Callable[[Any], Any]) -> None:
    def call(door: ModuleType) -> Any:
        signer = door.DKIM(MESSAGE)
        change(signer)
        return (signer.frozen_sign, signer.should_not_sign, signer.default_sign_headers())

    compare(call, SAME)


# --- the modules below dkim ----------------------------------------------------------------------

KEYS = [
    pytest.param(RSA, id="pkcs1"),
    pytest.param(RSA_2048.pem(), id="pkcs8"),
    pytest.param(memoryview(RSA), id="memoryview"),
    pytest.param(b"no key", id="no-key"),
    pytest.param(ED, id="a-seed"),
    pytest.param(b"--\nAAAA\n--", id="damaged"),
]


@pytest.mark.parametrize("key", KEYS)
def test_a_private_key_is_read_into_the_same_numbers(key: Any) -> None:
    compare(lambda door: door.crypto.parse_pem_private_key(key), SAME)


def test_an_ed25519_key_has_no_such_numbers() -> None:
    with pytest.raises(ours.UnparsableKeyError, match="no RSA key"):
        ours.crypto.parse_pem_private_key(ED25519.pem())


def test_a_key_that_cannot_be_parsed_is_no_dkim_exception() -> None:
    assert not issubclass(ours.UnparsableKeyError, ours.DKIMException)
    assert not issubclass(theirs.UnparsableKeyError, theirs.DKIMException)
    assert ours.crypto.UnparsableKeyError is ours.UnparsableKeyError


TAG_LISTS = [
    pytest.param(b" v=1; a = b ;c=d e;", id="spaces"),
    pytest.param(b"v=1; v=2", id="twice"),
    pytest.param(b"v=1; 9=2", id="no-name"),
    pytest.param(b"v=1; x", id="no-value"),
    pytest.param(b"a=\r\n b;\r\n c=", id="folded"),
]


@pytest.mark.parametrize("octets", TAG_LISTS)
def test_a_tag_list_is_read_the_same(octets: bytes) -> None:
    compare(lambda door: door.util.parse_tag_value(octets), SAME)


# --- silence -------------------------------------------------------------------------------------

CALLS = """
import sys
from avowal.compat import dkim
dkim.verify(b"x")
dkim.verify(b"DKIM-Signature: v=1\\r\\n\\r\\n", dnsfunc=lambda name, timeout=5: None)
dkim.arc_verify(b"x")
dkim.arc_verify(b"ARC-Seal: i=1\\r\\n\\r\\n", dnsfunc=lambda name, timeout=5: None)
"""


def test_nothing_is_written_where_nobody_gave_a_logger() -> None:
    done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_logger_that_is_given_hears_of_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    assert not ours.verify(b"x", logger=logging.getLogger("of-the-caller"))
    assert caplog.records[0].name == "of-the-caller"


# --- what is said of chains ----------------------------------------------------------------------


def chain(hops: int) -> Message:
    octets = message()
    for hop in range(hops):
        domain = f"h{hop}.example"
        status = "pass" if hop else "none"
        octets = f"Authentication-Results: {domain}; arc={status}\r\n".encode() + octets
        fields = ours.arc_sign(octets, b"rsa", domain.encode(), RSA, domain.encode())
        octets = b"".join(fields) + octets
    return Message.parse(octets)


TWO = chain(2)


def without(name: bytes, instance: int) -> bytes:
    mark = b"i=%d;" % instance
    kept = [f for f in TWO.header if not (f.name == name and f.value.strip().startswith(mark))]
    return Header.of(kept).octets + b"\r\n" + TWO.body


def doubled(name: bytes, instance: int) -> bytes:
    mark = b"i=%d;" % instance
    one = [f for f in TWO.header if f.name == name and f.value.strip().startswith(mark)]
    return Header.of([*TWO.header, *one]).octets + b"\r\n" + TWO.body


def changed(name: bytes, instance: int, old: bytes, new: bytes) -> bytes:
    mark = b"i=%d;" % instance

    def edited(field: Field) -> Field:
        hit = field.name == name and field.value.strip().startswith(mark)
        return Field.of(field.raw.replace(old, new)) if hit else field

    return Header.of([edited(f) for f in TWO.header]).octets + b"\r\n" + TWO.body


SAID = [
    *(
        pytest.param(make(name, instance), id=f"{make.__name__}-{name.decode()}-{instance}")
        for make, name, instance in itertools.product((without, doubled), NAMES, (1, 2))
    ),
    pytest.param(TWO.octets + b"more", id="the-body-changed"),
    pytest.param(
        changed(b"arc-authentication-results", 1, b"arc=none", b"arc=pass"), id="seal-1-broken"
    ),
    pytest.param(changed(b"arc-seal", 2, b"cv=pass", b"cv=none"), id="a-second-none"),
    pytest.param(changed(b"arc-seal", 2, b"cv=pass", b"cv=fail"), id="marked-failed"),
    pytest.param(changed(b"arc-seal", 1, b"cv=none", b"h=from; cv=none"), id="a-seal-with-h"),
]
# dkimpy looks at the signatures of a set before its cv=: there the seal is broken, here it may not
# be read any further (RFC 8617 §5.2 step 3C)
EARLIER = "ARC-Seal[2] reported invalid status b'none'"


@pytest.mark.parametrize("octets", SAID)
def test_what_is_said_of_a_broken_chain_is_dkimpys(octets: bytes) -> None:
    (status, _, one), (ours_status, _, other) = (
        door.arc_verify(octets, dnsfunc=look_up) for door in (theirs, ours)
    )
    assert ours_status == status
    assert other in {one, EARLIER}
