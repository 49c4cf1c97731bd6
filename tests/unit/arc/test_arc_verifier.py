"""Validating: what stands between structure and verdict."""

from __future__ import annotations

import base64

import pytest
from tests.unit.arc.arcs import FOUND, KEYS, NOW, ZONE, chain_of, signed, verdict

import avowal
from avowal.arc.intent import SEALED_NAMES
from avowal.arc.layout import Folded
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.arc.sealer import Sealer
from avowal.dkim.layout import Tags
from avowal.dkim.reasons import Reason
from avowal.limits import Limits
from avowal.message import Field, Message
from avowal.testing import ED25519, RSA_1024, Zone, message, record_for

ONE = chain_of(1)
WHERE = "e._domainkey.list.example"


class WithoutForms(Folded):
    """Leaves c= out."""

    def unsigned(self, field_name: bytes, tags: Tags) -> tuple[bytes, bytes, int]:
        return super().unsigned(field_name, [pair for pair in tags if pair[0] != "c"])


FORMS = [
    pytest.param("simple", ChainStatus.PASS, id="simple-is-the-default"),
    pytest.param("relaxed", ChainStatus.FAIL, id="relaxed-has-to-be-said"),
]


@pytest.mark.parametrize(("form", "status"), FORMS)
def test_a_message_signature_without_c_is_simple_simple(form: str, status: ChainStatus) -> None:
    # RFC 8617 §4.1.2: the tags are those of DKIM-Signature; RFC 6376 §3.5 c=
    octets = signed(message("Hello,  you\r\n\r\n"))
    parsed = Message.parse(octets)
    intent = avowal.Intent(
        domain="list.example", selector="e", key=KEYS["e"], names=SEALED_NAMES,
        header_canon=form, body_canon=form,
    )  # fmt: skip
    sealer = Sealer(parsed.header, intent, verdict(octets), FOUND, now=NOW, layout=WithoutForms())
    sealer.feed(parsed.body)
    unsigned = sealer.prepare()
    # made by hand: our own reader, which follows RFC 6376 §3.5, would refuse to let it go
    made = unsigned.text + base64.b64encode(KEYS["e"].sign(unsigned.digest))
    seal = sealer.seal(Field(made, unsigned.colon))
    fields = sealer.fields(seal.complete(KEYS["e"].sign(seal.digest)).field)
    said = verdict(b"".join(field.raw + b"\r\n" for field in fields) + octets)
    assert said.status is status, said.explanation


def test_an_empty_name_in_h_is_a_syntax_error() -> None:
    # RFC 8617 §4.1.2, RFC 6376 §3.5 h=: hdr-name *( [FWS] ":" [FWS] hdr-name )
    said = verdict(ONE.replace(b" h=from:", b" h=from::", 1))
    assert (said.status, said.reason) == (ChainStatus.FAIL, ChainReason.MESSAGE_SIGNATURE)
    assert "colon-separated list" in said.explanation


SEALS = [
    pytest.param(b"a=rsa-sha512", Reason.ALGORITHM, id="an-unknown-algorithm"),
    pytest.param(b"a=rsa-sha256", Reason.KEY_ALGORITHM, id="another-kind-of-key"),
]


@pytest.mark.parametrize(("algorithm", "reason"), SEALS)
def test_a_seal_that_fails_says_why(algorithm: bytes, reason: Reason) -> None:
    said = verdict(ONE.replace(b"a=ed25519-sha256", algorithm, 1))
    assert said.reason is ChainReason.SEAL
    assert [seal.reason for seal in said.seals] == [reason]
    assert said.seals[0].explanation.startswith(reason.sentence)


RECORDS = [
    pytest.param(record_for(ED25519, flags=("s",)), True, id="t=s-fits-the-domain-itself"),
    pytest.param(["v=spf1 -all", record_for(ED25519)], True, id="one-record-of-several"),
    pytest.param(record_for(RSA_1024), False, id="another-kind-of-key"),
    pytest.param(record_for(ED25519, services=("tlsrpt",)), False, id="another-service"),
    pytest.param("v=DKIM1; k=ed25519; p=", False, id="revoked"),
    pytest.param("no key", False, id="malformed"),
    pytest.param("NXDOMAIN", False, id="absent"),
]


@pytest.mark.parametrize(("record", "passes"), RECORDS)
def test_keys_are_judged_as_for_dkim(record: object, passes: bool) -> None:
    said = avowal.verify_chain(ONE, Zone({WHERE: record}), now=NOW)
    assert said.passed is passes
    assert (said.seals[0].reason is None) is passes


def test_a_key_in_test_mode_counts_unless_the_rules_say_otherwise() -> None:
    zone = Zone({WHERE: record_for(ED25519, flags=("y",))})
    assert avowal.verify_chain(ONE, zone, now=NOW).passed
    strict = avowal.Rules(accept_testing=False)
    said = avowal.verify_chain(ONE, zone, now=NOW, rules=strict)
    assert said.seals[0].reason is Reason.KEY_TESTING


async def test_a_header_beyond_the_limit_fails_without_being_read() -> None:
    limits = Limits(header_octets=100)
    said = avowal.verify_chain(ONE, ZONE, now=NOW, limits=limits)
    assert (said.status, said.reason) == (ChainStatus.FAIL, ChainReason.TOO_LARGE)
    assert await avowal.averify_chain(ONE, ZONE, now=NOW, limits=limits) == said


def test_a_set_whose_results_cannot_be_read_is_a_set_all_the_same() -> None:
    octets = ONE.replace(b"mx.list.example;", b"mx.list.example !!", 1)
    (arc_set,) = verdict(octets).chain.sets
    assert arc_set.results.results is None


def test_verdicts_can_be_told_in_a_sentence() -> None:
    assert verdict(message()).explanation == "there is no chain"
    said = verdict(ONE)
    assert (said.explanation, said.seals[0].explanation) == (
        "the chain validates",
        "the seal verifies",
    )
