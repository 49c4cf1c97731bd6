"""Each registered change, done to signed messages of all shapes, and undone with proof."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from itertools import permutations

import pytest

import avowal
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.registry import REGISTRY
from avowal.diagnose.treatments import SYSTEMS, TREATMENTS, Treatment
from avowal.message import Message
from avowal.testing import RSA_2048, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_2048)}
FORMS = [(header, body) for header in ("relaxed", "simple") for body in ("relaxed", "simple")]
PLAIN = (
    "Hello all,\r\n\r\nFrom here on it gets interesting: 2 + 2 = 4.\r\n.hidden\r\n"
    "The menu: https://example.org/menu?day=2&what=a%20b or (http://example.net/).\r\n"
    "Carol Jones <carol@example.org> wrote:\r\n> What do you think?\r\n\r\n-- \r\nAlice\r\n"
)
UMLAUTS = PLAIN.replace("interesting", "spännend und schön für alle")
QUOTED = binascii.b2a_qp(UMLAUTS.replace("\r\n", "\n").encode()).decode().replace("\n", "\r\n")
CODED = base64.encodebytes(UMLAUTS.encode()).decode().replace("\n", "\r\n")


def multipart(*parts: str, boundary: str = "b1") -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def text(body: str, kind: str = "plain", encoding: str = "8bit") -> str:
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return head + "\r\n" + body


HTML = "<html><body><p>Grüße</p></body></html>"
FILE = (
    "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(bytes(200)).decode()
)
ALTERNATIVE = multipart(text(UMLAUTS), text(HTML, "html"))
NESTED = multipart(
    "Content-Type: multipart/alternative; boundary=b2\r\n\r\n"
    + multipart(text(UMLAUTS), text(HTML, "html"), boundary="b2").removesuffix("\r\n"),
    FILE,
)
SHAPES = {
    "plain": (PLAIN, "text/plain; charset=us-ascii", "7bit"),
    "undeclared": (PLAIN, None, None),
    "eight bits": (UMLAUTS, "text/plain; charset=utf-8", "8bit"),
    "quoted-printable": (QUOTED, "text/plain; charset=utf-8", "quoted-printable"),
    "base64": (CODED, "text/plain; charset=utf-8", "base64"),
    "html": (HTML + "\r\n", "text/html; charset=utf-8", "8bit"),
    "alternative": (ALTERNATIVE, "multipart/alternative; boundary=b1", None),
    "attachment": (multipart(text(PLAIN), FILE), "multipart/mixed; boundary=b1", None),
    "nested": (NESTED, "multipart/mixed; boundary=b1", None),
    "long line": (PLAIN + "word " * 450 + "\r\n", "text/plain; charset=utf-8", "8bit"),
}


ZONES = {"undeclared": "GMT", "base64": "+0530", "html": "-0800"}


def original(shape: str, forms: tuple[str, str]) -> bytes:
    body, kind, encoding = SHAPES[shape]
    octets = message(
        body,
        subject="Re: Lunch",
        to="list@lists.example",
        cc="Dave Miller <dave@example.net>, erin@example.net, Carol Jones <carol@example.org>",
        references="<1@example.net>\r\n\t<2@example.net>",
        date="Tue, 24 Nov 2026 12:00:00 " + ZONES.get(shape, "+0000 (UTC)"),
        content_type=kind,
        content_transfer_encoding=encoding,
    )
    field = avowal.sign(
        octets, domain="example.com", selector="s1", key=RSA_2048,
        header_canon=forms[0], body_canon=forms[1],
    )  # fmt: skip
    return field + octets


def explained(changed: Message) -> Explanation:
    octets = changed.octets
    return explain(changed, avowal.verify(octets, ZONE, line_ends="wire"))[0]


NAMES_NOBODY = ("html",)  # whom a list took out of Cc nothing tells there


CASES = [
    pytest.param(treatment, shape, forms, id=f"{treatment.name}-{shape}-{'/'.join(forms)}")
    for treatment in TREATMENTS.values()
    for shape in SHAPES
    for forms in FORMS
    if treatment.change(Message.parse(original(shape, forms))) is not None
    if treatment.name != "take-out" or shape not in NAMES_NOBODY
]


@pytest.mark.parametrize(("treatment", "shape", "forms"), CASES)
def test_a_single_change_is_undone(
    treatment: Treatment, shape: str, forms: tuple[str, str]
) -> None:
    octets = original(shape, forms)
    changed = treatment.change(Message.parse(octets))
    assert changed is not None
    one = explained(changed)
    assert one.passed or one.explained
    if one.original is not None:
        assert avowal.verify(one.original.octets, ZONE, line_ends="wire")[0].passed


def test_every_treatment_is_tried() -> None:
    assert {case.values[0].name for case in CASES} == set(TREATMENTS)


def pairs() -> Iterator[tuple[str, str, str]]:
    for first, second in permutations(TREATMENTS, 2):
        for shape in SHAPES:
            chosen = hashlib.sha256(f"{first} {second} {shape}".encode()).digest()[0]
            if chosen < 15:  # an even sample, the same in every run
                yield first, second, shape


def test_nearly_all_pairs_of_changes_are_undone() -> None:
    done = failed = 0
    left = []
    for first, second, shape in pairs():
        changed = TREATMENTS[first].change(Message.parse(original(shape, FORMS[0])))
        changed = None if changed is None else TREATMENTS[second].change(changed)
        if changed is None:
            continue
        done += 1
        one = explained(changed)
        if not one.passed and not one.explained:
            failed += 1
            left.append((first, second, shape))
    assert done > 100
    assert failed <= 0.05 * done, left


def test_systems_consist_of_treatments_and_treatments_of_steps() -> None:
    assert {name for names in SYSTEMS.values() for name in names} <= set(TREATMENTS)
    assert {step for one in TREATMENTS.values() for step in one.steps} <= set(REGISTRY)


def test_a_date_that_is_tidy_is_left_alone() -> None:
    tidy = Message.parse(message(date="Tue, 24 Nov 2026 12:00:00 +0000"))
    assert TREATMENTS["tidy-date"].change(tidy) is None
