"""Collecting and judging chains (RFC 8617 §5.2), step by step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.arc.arcs import NOW, ZONE, chain_of, sealed, signed, verdict

import avowal
from avowal.arc.chain import Chain
from avowal.arc.fields import ArcFault, split_instance
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.arc.verdict import report_comment, result_of
from avowal.authres import AuthenticationResults
from avowal.lookup import Answer, Failure, Question
from avowal.message import Header
from avowal.testing import message, tamper

THREE = chain_of(3)


def without(octets: bytes, name: str, instance: int) -> bytes:
    """A message that has lost one field of one set."""
    header = avowal.Message.parse(octets)
    fields = [
        field.raw
        for field in header.header
        if not (field.name == name.encode() and re.search(rb"\bi=%d;" % instance, field.value))
    ]
    return b"\r\n".join((*fields, b"", header.body))


def changed(octets: bytes, old: bytes, new: bytes) -> bytes:
    assert octets.count(old) == 1
    return octets.replace(old, new)


def test_a_message_without_arc_fields_has_no_chain() -> None:
    said = verdict(signed(message()))
    assert (said.status, said.reason, said.chain.absent) == (ChainStatus.NONE, None, True)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_what_we_seal_validates(hops: int) -> None:
    said = verdict(chain_of(hops))
    assert (said.status, said.reason) == (ChainStatus.PASS, None)
    assert (said.chain.highest, said.oldest_pass) == (hops, 0)
    assert len(said.message_signatures) == len(said.seals) == hops


def test_the_sealers_are_named_from_the_first() -> None:
    assert verdict(THREE).sealers == ("list.example", "relay.example", "list.example")


FAULTS = [
    pytest.param(without(THREE, "arc-seal", 2), ChainReason.INCOMPLETE_SET, id="no-seal"),
    pytest.param(
        without(THREE, "arc-message-signature", 1), ChainReason.INCOMPLETE_SET, id="no-signature"
    ),
    pytest.param(
        without(THREE, "arc-authentication-results", 3), ChainReason.INCOMPLETE_SET, id="no-results"
    ),
    pytest.param(
        without(
            without(without(THREE, "arc-seal", 1), "arc-message-signature", 1),
            "arc-authentication-results",
            1,
        ),
        ChainReason.GAP,
        id="a-gap",
    ),
    pytest.param(
        b"ARC-Authentication-Results: i=1; x.example; none\r\n" + THREE,
        ChainReason.REPEATED_FIELD,
        id="a-field-twice",
    ),
    pytest.param(
        b"ARC-Authentication-Results: x.example; none\r\n" + THREE,
        ChainReason.FIELD_SYNTAX,
        id="no-instance",
    ),
    pytest.param(b"ARC-Seal: i=4; =\r\n" + THREE, ChainReason.FIELD_SYNTAX, id="no-tag-list"),
    pytest.param(
        changed(THREE, b"i=2; a=ed25519-sha256; cv=pass", b"i=2; a=ed25519-sha256; cv=none"),
        ChainReason.STATUS,
        id="cv-none-beyond-the-first",
    ),
    pytest.param(
        changed(THREE, b"cv=none", b"cv=pass"), ChainReason.STATUS, id="cv-pass-in-the-first"
    ),
    pytest.param(
        changed(THREE, b"i=3; a=ed25519-sha256; cv=pass", b"i=3; a=ed25519-sha256; cv=fail"),
        ChainReason.MARKED_FAILED,
        id="cv-fail-in-the-newest",
    ),
    pytest.param(
        changed(THREE, b"i=2; a=ed25519-sha256; cv=pass", b"i=2; a=ed25519-sha256; cv=fail"),
        ChainReason.STATUS,
        id="cv-fail-in-an-older",
    ),
    pytest.param(
        changed(
            THREE, b"i=2; a=ed25519-sha256; cv=pass", b"i=2; h=from; a=ed25519-sha256; cv=pass"
        ),
        ChainReason.SEAL_NAMES_FIELDS,
        id="h-in-a-seal",
    ),
    pytest.param(
        changed(THREE, b"cv=none", b"cv=None"), ChainReason.FIELD_SYNTAX, id="cv-in-capitals"
    ),
    pytest.param(tamper(THREE), ChainReason.MESSAGE_SIGNATURE, id="the-body-changed"),
    pytest.param(tamper(THREE, "Subject"), ChainReason.MESSAGE_SIGNATURE, id="a-field-changed"),
    pytest.param(
        tamper(THREE, "ARC-Authentication-Results"), ChainReason.SEAL, id="old-results-changed"
    ),
]


@pytest.mark.parametrize(("octets", "reason"), FAULTS)
def test_a_chain_that_fails_says_at_which_step(octets: bytes, reason: ChainReason) -> None:
    said = verdict(octets)
    assert (said.status, said.reason) == (ChainStatus.FAIL, reason)
    assert said.explanation.startswith(reason.sentence)


def test_every_reason_names_its_section_once() -> None:
    assert all(reason.source.startswith("RFC 8617 §") for reason in ChainReason)
    assert len({reason.sentence for reason in ChainReason}) == len(ChainReason)


def test_a_change_between_two_hops_shows_in_oldest_pass() -> None:
    once = chain_of(1)
    altered = changed(once, b"Subject: Lunch", b"Subject: [list] Lunch")
    arrived = verdict(once)
    said = verdict(sealed(altered, domain="relay.example", arrived=arrived))
    assert (said.status, said.oldest_pass) == (ChainStatus.PASS, 2)
    assert [v.passed for v in said.message_signatures] == [True, False]


class Unanswering:
    """A resolver that has no answers."""

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return tuple(Answer.failed(Failure.TIMEOUT) for _ in questions)


def test_trouble_with_dns_is_permanent_too() -> None:
    said = avowal.verify_chain(THREE, Unanswering(), now=NOW)  # RFC 8617 §5.2.1
    assert (said.status, said.reason) == (ChainStatus.FAIL, ChainReason.MESSAGE_SIGNATURE)


def test_all_keys_are_asked_for_in_one_round_each_once() -> None:
    rounds: list[tuple[Question, ...]] = []

    class Counting:
        def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
            rounds.append(questions)
            return ZONE.resolve(questions)

    assert avowal.verify_chain(chain_of(4), Counting(), now=NOW).passed
    assert [len(questions) for questions in rounds] == [2]


async def test_waiting_gives_the_same_verdict() -> None:
    assert await avowal.averify_chain(THREE, ZONE, now=NOW) == verdict(THREE)


def test_the_result_to_write_holds_oldest_pass_and_the_client() -> None:
    result = result_of(verdict(THREE), "192.0.2.1")
    assert result.properties == (("header.oldest-pass", "0"), ("smtp.remote-ip", "192.0.2.1"))
    assert (result.method, result.result) == ("arc", "pass")


def test_a_failing_chain_gives_its_reason_to_the_result() -> None:
    result = result_of(verdict(tamper(THREE)))
    assert (result.result, result.value("header.oldest-pass")) == ("fail", None)
    assert result.reason is not None
    assert result.reason.startswith(ChainReason.MESSAGE_SIGNATURE.sentence)


def test_a_dmarc_report_names_the_chain() -> None:
    first = result_of(verdict(signed(message())), "192.0.2.1")
    found = AuthenticationResults("mx.list.example", (first,))
    said = verdict(sealed(signed(message()), results=found))
    assert report_comment(said) == (
        "arc=pass as[1].d=list.example as[1].s=e remote-ip[1]=192.0.2.1"
    )


INSTANCES = [
    pytest.param(b"i=1; x", (1, b" x"), id="plain"),
    pytest.param(b" (c) i (c) = (c) 50 (c) ; x", (50, b" x"), id="cfws-everywhere"),
    pytest.param(b"\r\n i=07;x", (7, b"x"), id="a-fold-and-two-digits"),
    pytest.param(b"i=0;", None, id="zero"),
    pytest.param(b"i=51;", None, id="more-than-50"),
    pytest.param(b"i=001;", None, id="three-digits"),
    pytest.param(b"i=;", None, id="empty"),
    pytest.param(b"i=1", None, id="no-semicolon"),
    pytest.param(b"I=1;", None, id="capital"),
    pytest.param(b"x; i=1;", None, id="not-first"),
    pytest.param(b"(i=1;", None, id="open-comment"),
]


@pytest.mark.parametrize(("value", "expected"), INSTANCES)
def test_results_begin_with_their_instance(
    value: bytes, expected: tuple[int, bytes] | None
) -> None:
    if expected is None:
        with pytest.raises(ArcFault):
            split_instance(value)
    else:
        assert split_instance(value) == expected


NAMES = st.sampled_from([b"ARC-Seal:", b"ARC-Message-Signature:", b"ARC-Authentication-Results:"])
VALUES = st.binary(max_size=60) | st.sampled_from(
    [field.value for field in avowal.Message.parse(THREE).header if field.name.startswith(b"arc-")]
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=9))
def test_no_octets_make_it_raise(fields: list[tuple[bytes, bytes]]) -> None:
    octets = b"\r\n".join([name + value for name, value in fields] + [message()])
    said = verdict(octets, line_ends="wire")
    assert (said.reason is None) == (said.status is not ChainStatus.FAIL)
    chain = Chain.of(Header.parse(octets))
    assert bool(chain.sets) <= (chain.reason is None)


@pytest.mark.parametrize("comments", [b"()" * 512, b"(" * 512 + b")" * 512])
def test_an_instance_behind_too_many_comments_is_none(comments: bytes) -> None:
    with pytest.raises(ArcFault):
        split_instance(comments + b"i=1; a.example; none")
