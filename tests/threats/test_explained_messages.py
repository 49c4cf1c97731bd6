"""Whatever somebody puts around a proven original is shown as not the author's, and no pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.crafting import craft

import avowal
from avowal.cli.explanation_report import as_text
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation, PartState
from avowal.message import Message
from avowal.testing import RSA_2048, message, record_for

ZONE = {
    "s1._domainkey.example.com": record_for(RSA_2048),
    "_dmarc.example.com": "v=DMARC1; p=reject",
}
TEXT = "Dear all,\r\n\r\nPlease pay Bob 10 euros.\r\n"
EVIL = b"Please pay Mallory 10,000 euros."


def signed(body: str = TEXT) -> bytes:
    octets = message(body)
    return avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets


def wrapped(octets: bytes) -> bytes:
    head, _, body = octets.partition(b"\r\n\r\n")
    kind = b"Content-Type: text/plain; charset=utf-8"
    head = head.replace(kind, b"Content-Type: multipart/mixed; boundary=x")
    evil = b"--x\r\nContent-Type: text/html\r\n\r\n<p>" + EVIL + b"</p>\r\n"
    return head + b"\r\n\r\n" + evil + b"--x\r\n" + kind + b"\r\n\r\n" + body + b"\r\n--x--\r\n"


def bare(body: str = TEXT) -> bytes:
    """A message whose signature lists no name once more: others may stand above."""
    octets = message(body)
    return (
        avowal.sign(
            octets, domain="example.com", selector="s1", key=RSA_2048, oversigned=frozenset()
        )
        + octets
    )


ATTACKS = {
    "a From above the signed one": b"From: "
    + EVIL
    + b" <m@m.example>\r\n"
    + bare()
    + b"footer\r\n",
    "a Subject above the changed one": b"Subject: "
    + EVIL
    + b"\r\n"
    + bare().replace(b"Subject: Lunch", b"Subject: [food] Lunch"),
    "text behind it": signed() + EVIL + b"\r\n",
    "text before it": signed().replace(b"Dear all", EVIL + b"\r\n\r\nDear all"),
    "another part that is shown first": wrapped(signed()),
    "a Subject of his own": signed().replace(b"Subject: Lunch", b"Subject: [" + EVIL + b"] Lunch"),
}


def only(octets: bytes) -> Explanation:
    (one,) = explain(Message.parse(octets), avowal.verify(octets, ZONE))
    return one


@pytest.mark.parametrize("name", ATTACKS)
def test_what_an_attacker_adds_is_shown_as_not_signed(name: str) -> None:
    one = only(ATTACKS[name])
    assert one.explained
    assert one.original is not None
    assert EVIL not in one.original.octets
    assert one.changes is not None
    came = [
        row
        for script in (one.changes.fields, one.changes.body)
        for step in script.replacements
        for row in step.added
    ]
    assert any(EVIL in row for row in came)
    shown = as_text("post", (one,), coloured=False)
    added = [line for line in shown.split("\n") if line.lstrip().startswith("+")]
    assert any(EVIL.decode() in line for line in added)


def test_an_original_has_no_field_that_was_not_signed() -> None:
    one = only(b"X-Unsigned: " + EVIL + b"\r\n" + signed() + b"footer\r\n")
    assert one.original is not None
    assert EVIL not in one.original.octets
    assert avowal.verify(one.original.octets, ZONE, line_ends="wire")[0].passed


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_explained_passes_anywhere(name: str) -> None:
    octets = ATTACKS[name]
    assert only(octets).explained
    assert not any(one.passed for one in avowal.verify(octets, ZONE))
    assert not avowal.verdict(octets, ZONE).authentic
    found = avowal.authenticate(octets, ZONE)
    assert "dmarc=fail" in str(found) or "dmarc=pass" not in str(found)


def test_no_layer_that_decides_imports_explanations() -> None:
    root = Path(avowal.__file__).parent
    deciding = ("flow", "milter", "policy", "examine", "calls", "opendkim", "report", "serve")
    behind = {"milter/explainer.py", "milter/explaining.py"}  # when mail has its answer
    importing = {
        path.relative_to(root).as_posix()
        for folder in deciding
        for path in (root / folder).rglob("*.py")
        if "avowal.diagnose" in path.read_text(encoding="utf-8")
    }
    assert importing == behind


def test_a_signature_over_nothing_proves_nothing() -> None:
    field = avowal.sign(message(""), domain="example.com", selector="s1", key=RSA_2048)
    one = only(field + message(TEXT))
    assert (one.signed_nothing, one.explained, one.body) == (True, False, PartState.CHANGED)


def test_l_0_proves_nothing() -> None:
    octets = craft(message(TEXT), RSA_2048, tags={"l": "0"}, signed=message(""))
    one = only(octets + EVIL)
    assert not one.explained
    assert not one.passed


def test_a_replaced_body_is_not_explained_by_chance() -> None:
    for number in range(200):
        body = TEXT.replace("10", f"{11 + number}")
        octets = signed().replace(TEXT.encode(), body.encode())
        one = only(octets)
        assert (one.explained, one.body) == (False, PartState.CHANGED)
