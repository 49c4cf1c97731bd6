"""Sealing (RFC 8617 §5.1): what a set says, and when there is none."""

from __future__ import annotations

import base64
import hashlib
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.unit.arc.arcs import FOUND, KEYS, NOW, ZONE, chain_of, sealed, signed, verdict

import avowal
from avowal.arc.fields import read_field
from avowal.arc.intent import SEALED_NAMES
from avowal.arc.layout import Alphabetical
from avowal.arc.reasons import ChainStatus, Refusal, SealRefused
from avowal.arc.sealer import Sealer, refusal_of
from avowal.arc.verifier import ArcVerifier
from avowal.authres import AuthenticationResults, MethodResult
from avowal.calls.seal import ResultsLost
from avowal.canonical import relaxed_field
from avowal.crypto.algorithms import ALGORITHMS
from avowal.dkim.hashing import BodyHasher
from avowal.errors import IntentError, StateError
from avowal.lookup import run
from avowal.message import Field, Message
from avowal.taglist import TagList
from avowal.testing import message, tamper

ONE = chain_of(1)


def tags(octets: bytes, name: bytes) -> TagList:
    """The tags of the topmost field of a name."""
    return TagList.parse(Message.parse(octets).header.named(name)[0].value)


def intent(**options: object) -> avowal.Intent:
    names = {"domain": "list.example", "selector": "e", "key": KEYS["e"], "names": SEALED_NAMES}
    return avowal.Intent(**{**names, **options})  # type: ignore[arg-type]


def sealer(octets: bytes, arrived: bytes | None = None, **options: object) -> Sealer:
    header = Message.parse(octets).header
    chosen = options.pop("intent", intent())
    return Sealer(
        header,
        chosen,
        verdict(arrived or octets),
        FOUND,
        now=NOW,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("fields", "most", "whole"),
    [
        pytest.param(6000, None, False, id="beyond-the-default"),
        pytest.param(6000, 7000, True, id="within-a-wider-one"),
        pytest.param(10, 10, False, id="beyond-a-narrower-one"),
    ],
)
def test_the_limits_given_decide_whether_a_header_is_whole(
    fields: int, most: int | None, whole: bool
) -> None:
    limits = avowal.Limits() if most is None else avowal.Limits(header_fields=most)
    octets = b"X: y\r\n" * fields + message()
    with nullcontext() if whole else pytest.raises(IntentError, match="fields"):
        sealed(octets, limits=limits)


def test_a_set_stands_on_top_seal_signature_results() -> None:
    names = Message.parse(ONE).header.names[:3]
    assert names == [b"arc-seal", b"arc-message-signature", b"arc-authentication-results"]


def test_a_seal_has_the_tags_it_may_have_only() -> None:
    assert [tag.name for tag in tags(ONE, b"arc-seal")] == ["i", "a", "cv", "d", "s", "t", "b"]


def test_a_message_signature_has_no_version() -> None:
    found = [tag.name for tag in tags(ONE, b"arc-message-signature")]
    assert found == ["i", "a", "c", "d", "s", "t", "h", "bh", "b"]


def test_the_signature_covers_dkim_and_neither_arc_nor_results() -> None:
    octets = sealed(b"Authentication-Results: mx.list.example; none\r\n" + chain_of(1))
    names = (tags(octets, b"arc-message-signature").get("h") or b"").replace(b"\r\n\t", b"")
    signed_names = names.split(b":")
    assert b"dkim-signature" in signed_names
    assert b"authentication-results" not in signed_names
    assert not [name for name in signed_names if name.startswith(b"arc-")]


@pytest.mark.parametrize(
    ("hops", "status"), [(1, b"none"), (2, b"pass"), (3, b"pass")], ids=["first", "second", "third"]
)
def test_instances_count_up_and_cv_is_none_then_pass(hops: int, status: bytes) -> None:
    octets = chain_of(hops)
    assert tags(octets, b"arc-seal").get("i") == b"%d" % hops
    assert tags(octets, b"arc-seal").get("cv") == status


def test_the_results_are_those_of_this_host() -> None:
    top = b"Authentication-Results: mx.list.example; dkim=pass header.d=a.example\r\n"
    foreign = b"Authentication-Results: other.example; dkim=fail\r\n"
    octets = sealed(
        top + foreign + top.replace(b"dkim=pass", b"spf=none") + message(), results=None
    )
    (field, *_) = Message.parse(octets).header.named(b"arc-authentication-results")
    assert b" ".join(field.value.split()) == (
        b"i=1; mx.list.example; arc=none; dkim=pass header.d=a.example; spf=none header.d=a.example"
    )


WILD = [
    pytest.param(
        b"arc=none smtp.remote-ip=2001:db8::3; dkim=pass header.d=a.example",
        b'arc=none smtp.remote-ip="2001:db8::3"; dkim=pass header.d=a.example',
        id="an-unquoted-address-of-ipv6",
    ),
    pytest.param(
        b"spf=pass smtp.mailfrom=<>", b'arc=none; spf=pass smtp.mailfrom=""', id="a-null-sender"
    ),
    pytest.param(
        b"dmarc=pass header.from=<a@b.example>",
        b"arc=none; dmarc=pass header.from=a@b.example",
        id="angle-brackets",
    ),
    pytest.param(
        b"gateway.spf=pass smtp.mailfrom=a@b.example",
        b"arc=none; gateway.spf=pass smtp.mailfrom=a@b.example",
        id="a-method-with-a-dot",
    ),
]


@pytest.mark.parametrize(("found", "carried"), WILD)
def test_every_result_of_ours_is_carried_into_the_set(found: bytes, carried: bytes) -> None:
    # RFC 8617 §4.1.1: all Authentication-Results of the ADMD
    top = b"Authentication-Results: mx.list.example; " + found + b"\r\n"
    (field, *_) = Message.parse(sealed(top + message(), results=None)).header.named(
        b"arc-authentication-results"
    )
    assert b" ".join(field.value.split()) == b"i=1; mx.list.example; " + carried
    assert read_field(field, 0).results is not None  # type: ignore[union-attr]


def test_results_of_ours_that_cannot_be_read_are_named_as_lost() -> None:
    top = b"Authentication-Results: mx.list.example; spf=pass smtp.mailfrom=<a\r\n"
    with pytest.warns(ResultsLost, match="field 1 of the header: expected a value") as warned:
        sealed(top + message(), results=None)
    assert Path(warned[0].filename).name == "arcs.py"  # where `avowal.seal` was called


def test_a_property_too_long_for_a_line_is_named_in_the_set() -> None:
    long = MethodResult("spf", "pass", properties=(("smtp.mailfrom", "a" * 1000),))
    octets = sealed(message(), results=AuthenticationResults("mx.list.example", (long,)))
    (field, *_) = Message.parse(octets).header.named(b"arc-authentication-results")
    assert b"spf=pass (smtp.mailfrom is too long to be written)" in b" ".join(field.value.split())


def test_results_that_contradict_the_status_are_refused() -> None:
    found = AuthenticationResults("mx.list.example", (MethodResult("arc", "pass"),))
    with pytest.raises(IntentError, match="arc=pass beside cv=none"):
        sealed(message(), results=found)


BROKEN = tamper(ONE)
MARKED = sealed(BROKEN, domain="relay.example", mark_failed=True)
REFUSED = [
    pytest.param(BROKEN, False, Refusal.BROKEN, id="a-broken-chain"),
    pytest.param(MARKED, False, Refusal.MARKED_FAILED, id="a-chain-marked-failed"),
    pytest.param(MARKED, True, Refusal.MARKED_FAILED, id="a-chain-marked-failed-whatever-is-asked"),
]


@pytest.mark.parametrize(("octets", "mark_failed", "refusal"), REFUSED)
def test_a_chain_that_cannot_be_continued_is_refused(
    octets: bytes, mark_failed: bool, refusal: Refusal
) -> None:
    with pytest.raises(SealRefused) as caught:
        sealed(octets, mark_failed=mark_failed)
    assert caught.value.refusal is refusal
    assert refusal_of(verdict(octets), mark_failed=mark_failed) is refusal


def test_a_broken_chain_can_be_marked_and_stays_failed() -> None:
    assert tags(MARKED, b"arc-seal").get("cv") == b"fail"
    assert tags(MARKED, b"arc-seal").get("i") == b"2"
    assert verdict(MARKED).status is ChainStatus.FAIL


def test_a_marking_seal_covers_its_own_set_only() -> None:
    """RFC 8617 §5.1.2: it verifies although everything below it has gone."""
    header = Message.parse(MARKED).header
    own = header[2], header[1]
    unsigned = header[0].raw[: header[0].colon + 1] + tags(MARKED, b"arc-seal").without_value("b")
    data = b"".join(relaxed_field(*field) + b"\r\n" for field in own)
    data += relaxed_field(*Field.of(unsigned))
    algorithm = ALGORITHMS["ed25519-sha256"]
    signature = base64.b64decode(
        (tags(MARKED, b"arc-seal").get("b") or b"").translate(None, b"\r\n\t ")
    )
    assert algorithm.verify(KEYS["e"].public, signature, hashlib.sha256(data).digest())


def test_the_fifty_first_set_is_refused() -> None:
    octets = signed(message())
    for _ in range(50):
        octets = sealed(octets)
    said = verdict(octets)
    assert said.passed
    with pytest.raises(SealRefused) as caught:
        sealed(octets)
    assert caught.value.refusal is Refusal.FULL


UNFIT = [
    pytest.param({"names": (b"from", b"authentication-results")}, "h=", id="results"),
    pytest.param({"names": (b"from", b"arc-seal")}, "h=", id="arc"),
    pytest.param({"names": (b"subject",)}, "h=", id="no-from"),
    pytest.param({"identity": "@list.example"}, "identity", id="an-identity"),
    pytest.param({"lifetime": 60}, "lifetime", id="an-end"),
    pytest.param({"body_length": True}, "body_length", id="a-length"),
    pytest.param({"other_tags": (("x", b"y"),)}, "other_tags", id="other-tags"),
]


@pytest.mark.parametrize(("options", "field"), UNFIT)
def test_an_intent_that_does_not_fit_a_set_is_refused(
    options: dict[str, object], field: str
) -> None:
    with pytest.raises(IntentError) as caught:
        sealer(message(), intent=intent(**options))
    assert caught.value.field == field


def test_signing_can_happen_elsewhere() -> None:
    octets = signed(message())
    work = sealer(octets)
    work.feed(Message.parse(octets).body)
    unsigned = work.prepare()
    seal = work.seal(unsigned.complete(KEYS["e"].sign(unsigned.digest)).field)
    fields = work.fields(seal.complete(KEYS["e"].sign(seal.digest)).field)
    top = b"".join(field.raw + b"\r\n" for field in fields)
    assert verdict(top + octets).passed


def test_a_wrong_signature_is_not_let_go() -> None:
    work = sealer(message())
    unsigned = work.prepare()
    with pytest.raises(IntentError, match="does not verify"):
        unsigned.complete(KEYS["e"].sign(bytes(32)))


def test_steps_out_of_order_are_refused() -> None:
    work = sealer(message())
    work.prepare()
    with pytest.raises(StateError):
        work.feed(b"more")
    with pytest.raises(StateError):
        work.prepare()


class Remote:
    """A key that answers asynchronously."""

    algorithm = "rsa-sha256"

    async def asign(self, digest: bytes, /) -> bytes:
        return KEYS["r"].sign(digest)


async def test_a_remote_key_can_seal() -> None:
    octets = signed(message())
    fields = await avowal.aseal(
        octets, ZONE, authserv_id="mx.list.example", domain="list.example", selector="r",
        key=Remote(), now=NOW,
    )  # fmt: skip
    assert verdict(fields + octets).passed


def test_another_layout_says_the_same() -> None:
    octets = signed(message())
    work = sealer(octets, layout=Alphabetical())
    work.feed(Message.parse(octets).body)
    seal, signature, results = work.finish()
    assert seal.raw.startswith(b"ARC-Seal: a=ed25519-sha256; b=")
    top = b"".join(field.raw + b"\r\n" for field in (seal, signature, results))
    assert verdict(top + octets).passed


def test_lines_are_folded_at_78() -> None:
    fields = [field for field in Message.parse(ONE).header if field.name.startswith(b"arc-")]
    lines = [line for field in fields for line in field.raw.split(b"\r\n")]
    assert max(len(line.replace(b"\t", b" " * 8)) for line in lines) <= 78


@pytest.mark.parametrize(
    ("subject", "domain"),
    [
        pytest.param("Lunch", "xn--bcher-kva.example", id="ascii"),
        pytest.param("Frühstück", "bücher.example", id="smtputf8"),
    ],
)
def test_a_seal_has_u_labels_in_internationalized_messages_only(subject: str, domain: str) -> None:
    octets = sealed(signed(message(subject=subject)), domain="bücher.example")
    for name in (b"arc-seal", b"arc-message-signature"):  # RFC 6376 §3.5 d=, RFC 8616 §5
        assert tags(octets, name).get("d") == domain.encode()
    assert verdict(octets).passed


def test_of_thousands_of_signatures_only_those_that_are_checked_are_sealed() -> None:
    octets = sealed(b"DKIM-Signature: x\r\n" * 4000 + message())
    assert (tags(octets, b"arc-message-signature").get("h") or b"").count(b"dkim-signature") == 50
    assert verdict(octets).passed


def test_a_body_hasher_can_be_shared_with_dkim() -> None:
    octets = chain_of(2)
    parsed = Message.parse(octets)
    hasher = BodyHasher()
    dkim = avowal.Verifier(parsed.header, now=NOW, hasher=hasher)
    arc = ArcVerifier(parsed.header, now=NOW, hasher=hasher)
    hasher.feed(parsed.body)
    hasher.finish()
    assert dkim.finish(run(dkim.keys(), ZONE))[0].passed
    assert arc.finish(run(arc.keys(), ZONE)).passed
    assert hasher.register("relaxed", "sha256", None) is hasher.register("relaxed", "sha256", None)
