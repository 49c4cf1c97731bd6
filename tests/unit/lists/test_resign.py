"""The re-signer: record, clear up, sign (RFC 6377 §5.7)."""

from __future__ import annotations

import dataclasses

import pytest

import avowal
from avowal import authres
from avowal.calls.examine import examine
from avowal.examine.findings import Findings, Receiver, Want
from avowal.examine.posts import as_it_leaves, recorded_results
from avowal.header_reader import HeaderReader
from avowal.lists.resign import Removal, Resigned, Resigner
from avowal.message import Header, Message
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

NOW = 1_800_000_000
ZONE = Zone(
    {
        "a._domainkey.example.com": record_for(ED25519),
        "l._domainkey.lists.example": record_for(RSA_2048),
    }
)
LIST = avowal.Intent(domain="lists.example", selector="l", key=RSA_2048)
POST = avowal.sign(message(), domain="example.com", selector="a", key=ED25519, now=NOW) + message()


RECEIVER = Receiver()


@dataclasses.dataclass(frozen=True)
class Arrival:
    message: Message
    found: Findings


def arrival(octets: bytes = POST) -> Arrival:
    message = Message.parse(octets)
    found = examine(message.header, [message.body], RECEIVER, Want.DKIM, ZONE, now=NOW)
    return Arrival(message, found)


def with_footer(post: Message) -> Message:
    return dataclasses.replace(post, body=post.body + b"-- \r\nlist\r\n")


def resigned(
    came: Arrival, *, removal: Removal = Removal.NONE, change: bool = True, also: tuple = ()
) -> Resigned:
    outgoing = with_footer(came.message) if change else came.message
    resigner = Resigner(authserv_id="lists.example", intents=(LIST,), removal=removal)
    verdicts = as_it_leaves(outgoing, came.found, RECEIVER, now=NOW)
    results = (*recorded_results(came.found), *also)
    return resigner.resign(outgoing, results, verdicts=verdicts, now=NOW)


def verdicts(done: Resigned) -> dict[str | None, str]:
    found = avowal.verify(done.message.octets, ZONE, now=NOW)
    return {verdict.domain: str(verdict.result) for verdict in found}


def test_the_list_signs_what_leaves_and_the_author_s_broken_signature_stays() -> None:
    assert verdicts(resigned(arrival())) == {"lists.example": "pass", "example.com": "fail"}


@pytest.mark.parametrize(
    ("removal", "change", "expected"),
    [
        pytest.param(Removal.BROKEN, True, {"lists.example"}, id="a broken one goes"),
        pytest.param(
            Removal.BROKEN, False, {"lists.example", "example.com"}, id="an intact one stays"
        ),
        pytest.param(Removal.ALL, False, {"lists.example"}, id="all go"),
    ],
)
def test_signatures_of_others_go_as_asked(
    removal: Removal, change: bool, expected: set[str]
) -> None:
    assert set(verdicts(resigned(arrival(), removal=removal, change=change))) == expected


def test_what_was_verified_on_arrival_is_recorded_and_signed() -> None:
    done = resigned(arrival(), removal=Removal.BROKEN)
    reading = authres.read(done.message, trusted={"lists.example"})
    assert [(r.result, r.value("header.d")) for r in reading.named("dkim")] == [
        ("pass", "example.com")
    ]
    (verdict,) = avowal.verify(done.message.octets, ZONE, now=NOW)
    assert verdict.signature is not None
    assert b"authentication-results" in verdict.signature.signed_names


def test_fields_from_outside_that_claim_results_are_dropped() -> None:
    claim = b"Authentication-Results: lists.example; dkim=pass header.d=bank.example\r\n"
    done = resigned(arrival(claim + POST))
    assert len(done.message.header.named(b"authentication-results")) == 1


def test_further_results_are_recorded() -> None:
    spf = authres.MethodResult("spf", "pass", properties=(("smtp.mailfrom", "example.com"),))
    done = resigned(arrival(), also=(spf,))
    assert authres.read(done.message, trusted={"lists.example"}).named("spf")


def test_our_own_signature_of_an_earlier_round_does_not_stand_beside_the_new_one() -> None:
    first = resigned(arrival())
    second = resigned(arrival(first.message.octets))
    domains = [v.domain for v in avowal.verify(second.message.octets, ZONE, now=NOW)]
    assert domains.count("lists.example") == 1


def test_the_new_fields_stand_on_top_signature_first() -> None:
    names = resigned(arrival()).message.header.names
    assert names[:2] == [b"dkim-signature", b"authentication-results"]


def test_an_unsigned_post_is_recorded_as_such() -> None:
    done = resigned(arrival(message()))
    reading = authres.read(done.message, trusted={"lists.example"})
    assert [r.result for r in reading.named("dkim")] == ["none"]


async def test_keys_may_answer_asynchronously() -> None:
    came = arrival()
    resigner = Resigner(authserv_id="lists.example", intents=(LIST,))
    results = recorded_results(came.found)
    done = await resigner.aresign(with_footer(came.message), results, now=NOW)
    assert verdicts(done)["lists.example"] == "pass"


def test_the_message_that_came_is_not_touched() -> None:
    came = arrival()
    before = came.message.octets
    resigned(came)
    assert came.message.octets == before
    assert isinstance(came.message.header, Header)


def test_a_header_of_which_only_a_part_was_read_is_refused() -> None:
    reader = HeaderReader(limits=avowal.Limits(header_fields=3))
    reader.feed(POST)
    part = Message(reader.finish(), b"")
    with pytest.raises(avowal.UsageError, match=r"is beyond limits\.header_fields"):
        Resigner(authserv_id="lists.example", intents=(LIST,)).resign(part, (), now=NOW)
