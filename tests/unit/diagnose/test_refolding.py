"""Folding under simple canonicalization: what a server folded anew is put back, and proven."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.refolding import STYLES, folded_otherwise, restyled
from avowal.message import Message
from avowal.testing import RSA_2048, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_2048)}
PEOPLE = ", ".join(f"Person {number} <p{number}@example.org>" for number in range(4))
FOLDED = PEOPLE.replace(", ", ",\r\n\t")


def explained(octets: bytes) -> Explanation:
    (one,) = explain(Message.parse(octets), avowal.verify(octets, ZONE, line_ends="wire"))
    return one


def signed(octets: bytes) -> bytes:
    field = avowal.sign(
        octets, domain="example.com", selector="s1", key=RSA_2048, header_canon="simple"
    )
    return field + octets


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(FOLDED, PEOPLE, id="unfolded"),
        pytest.param(PEOPLE, FOLDED, id="folded-at-addresses"),
        pytest.param(FOLDED, FOLDED.replace("\t", "        "), id="another-white-space"),
        pytest.param(PEOPLE.replace("2 <p2@", "2\r\n <p2@"), FOLDED,
                     id="filled-lines"),
    ],
)  # fmt: skip
def test_a_field_that_was_folded_anew_is_proven(before: str, after: str) -> None:
    octets = signed(message(cc=before))
    one = explained(octets.replace(before.encode(), after.encode()))
    assert one.explained
    assert one.header_steps == ("refolded",)


def test_a_tag_in_a_field_that_was_folded_is_taken_out_and_the_fold_put_back() -> None:
    subject = "A subject of many words that goes on and on until it has to be\r\n folded somewhere"
    octets = signed(message(subject=subject))
    flat = subject.replace("\r\n", "")
    one = explained(octets.replace(subject.encode(), b"[list] " + flat.encode()))
    assert one.explained
    assert "subject-tag" in one.header_steps


def test_a_server_that_folds_all_fields_and_the_signature_anew_is_undone() -> None:
    octets = signed(message(cc=FOLDED, references="<1@a.example>\r\n\t<2@a.example>"))
    one = explained(octets.replace(b"\r\n\t", b"\r\n "))
    assert one.explained
    assert one.header_steps == ("signature-refolded",)
    assert one.original is not None
    assert avowal.verify(one.original.octets, ZONE, line_ends="wire")[0].passed


@pytest.mark.parametrize("style", STYLES)
def test_folding_changes_white_space_alone(style: object) -> None:
    raw = b"Cc: " + FOLDED.encode() + b";\r\n x"
    made = style(raw)  # type: ignore[operator]
    assert made.split() == raw.split()
    assert Message.parse(made + b"\r\n\r\n").header.names == [b"cc"]


def test_each_way_to_fold_is_tried_once() -> None:
    ways = list(folded_otherwise(b"Subject: a b"))
    assert len(ways) == len(set(ways))
    assert b"Subject: a b" not in ways


def test_a_field_longer_than_servers_fold_is_left_alone() -> None:
    raw = b"Subject: " + b"a " * 10_000
    assert list(folded_otherwise(raw)) == []
    assert restyled(STYLES[6], raw) == raw
