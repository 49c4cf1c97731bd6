"""Lists, forwarders and chains in the daemon (RFC 6377, RFC 8617)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.flow.conftest import NOW, Site, carried_out, load, steps_about

import avowal
from avowal import authres
from avowal.config.toml import parse
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.flow.trace import Topic
from avowal.keys.sightings import Sighting
from avowal.keys.watch import WatchedKey
from avowal.lookup import Failure
from avowal.message import Message
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

STRANGER = "192.0.2.7"
LIST = b"bees@lists.example"
BASE = """
[results]
authserv_id = "lists.example"
[keys.list]
domain = "lists.example"
selector = "l"
inline = "rsa"
"""
RESIGN = """
[[signing.resign]]
to = "bees@lists.example"
keys = ["list"]
"""
NAMES: dict[str, Any] = {
    "a._domainkey.example.com": record_for(ED25519),
    "l._domainkey.lists.example": record_for(RSA_2048),
    "s._domainkey.sealer.example": record_for(ED25519),
    "example.com": {"TXT": ["v=spf1 -all"], "A": ["192.0.2.1"]},
}
POST = avowal.sign(message(), domain="example.com", selector="a", key=ED25519, now=NOW) + message()
Made = Callable[[str], Site]


@pytest.fixture
def site() -> Made:
    def made(toml: str) -> Site:
        loaded = parse((BASE + toml).encode(), file="avowal.toml")
        return Site(compile_plan(loaded.configuration, loaded.places, load=load))

    return made


def taken(
    site: Made, toml: str, octets: bytes = POST, *, zone: dict[str, Any] | None = None, **how: Any
) -> Actions:
    envelope = {"client": STRANGER, "sender": b"alice@example.com", "recipients": (LIST,), **how}
    return site(toml).actions(octets, zone=Zone({**NAMES, **(zone or {})}), **envelope)


def results(octets: bytes) -> list[tuple[str | None, str]]:
    return [(v.domain, str(v.result)) for v in avowal.verify(octets, Zone(NAMES), now=NOW)]


# -- signing again -------------------------------------------------------------------------


def test_a_post_is_recorded_and_signed_again_and_keeps_its_signature(site: Made) -> None:
    sent = carried_out(taken(site, RESIGN), POST)
    assert results(sent) == [("lists.example", "pass"), ("example.com", "pass")]
    reading = authres.read(sent, trusted={"lists.example"})
    assert [r.result for r in reading.named("dkim")] == ["pass"]


def test_the_record_stands_on_top_and_is_covered_by_the_new_signature(site: Made) -> None:
    """RFC 6377 §5.7 step 6."""
    sent = carried_out(taken(site, RESIGN), POST)
    assert Message.parse(sent).header.names[:2] == [b"authentication-results", b"dkim-signature"]
    forged = sent.replace(b"dkim=pass", b"dkim=fail", 1)
    assert results(forged)[0] == ("lists.example", "fail")


@pytest.mark.parametrize(
    ("remove", "octets", "expected"),
    [
        pytest.param("none", tamper(POST), ["lists.example", "example.com"], id="kept"),
        pytest.param("broken", tamper(POST), ["lists.example"], id="a broken one goes"),
        pytest.param("broken", POST, ["lists.example", "example.com"], id="an intact one stays"),
        pytest.param("all", POST, ["lists.example"], id="all go"),
    ],
)
def test_signatures_of_others_go_as_configured(
    site: Made, remove: str, octets: bytes, expected: list[str]
) -> None:
    toml = f'[signing]\nresign_unverified = true\n{RESIGN}remove = "{remove}"\n'
    sent = carried_out(taken(site, toml, octets), octets)
    assert [domain for domain, _ in results(sent)] == expected


def test_our_own_signature_of_an_earlier_round_never_stands_beside_the_new_one(site: Made) -> None:
    first = carried_out(taken(site, RESIGN), POST)
    second = carried_out(taken(site, RESIGN, first), first)
    assert [domain for domain, _ in results(second)].count("lists.example") == 1
    assert results(second)[0] == ("lists.example", "pass")


def test_a_post_that_does_not_verify_is_not_signed_again(site: Made) -> None:
    sent = carried_out(taken(site, RESIGN, message()), message())
    assert results(sent) == []


def test_what_list_software_sends_is_signed_for_the_list(site: Made) -> None:
    toml = '[[signing.resign]]\nsender = "bees-bounces@lists.example"\nkeys = ["list"]\n'
    changed = tamper(POST)
    actions = taken(site, toml, changed, client="127.0.0.1", sender=b"bees-bounces@lists.example")
    sent = carried_out(actions, changed)
    assert results(sent) == [("lists.example", "pass"), ("example.com", "fail")]


def test_what_was_recorded_on_arrival_stays_and_is_signed_as_the_list_sends_it(site: Made) -> None:
    """RFC 6377 §5.7 steps 3 and 6: the record is made before the changes, signed after them."""
    toml = '[[signing.resign]]\nsender = "bees-bounces@lists.example"\nkeys = ["list"]\n'
    arrived = carried_out(taken(site, toml), POST)
    changed = tamper(arrived)
    actions = taken(site, toml, changed, client="127.0.0.1", sender=b"bees-bounces@lists.example")
    sent = carried_out(actions, changed)
    assert [r.result for r in authres.read(sent, trusted={"lists.example"}).named("dkim")] == [
        "pass"
    ]
    assert results(sent)[0] == ("lists.example", "pass")
    assert results(sent.replace(b"dkim=pass", b"dkim=fail", 1))[0] == ("lists.example", "fail")


def test_results_from_outside_do_not_survive_inside_the_list(site: Made) -> None:
    claim = b"Authentication-Results: lists.example; dkim=pass header.d=bank.example\r\n"
    sent = carried_out(taken(site, RESIGN, claim + POST), claim + POST)
    reading = authres.read(sent, trusted={"lists.example"})
    assert {r.value("header.d") for r in reading.named("dkim")} == {"example.com"}


# -- local policy on posts -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "record", "toml", "disposition"),
    [
        pytest.param(
            message(),
            None,
            'unauthenticated_post = "reject"',
            FlowDisposition.REJECT,
            id="unsigned",
        ),
        pytest.param(
            POST, None, 'unauthenticated_post = "reject"', FlowDisposition.ACCEPT, id="signed"
        ),
        pytest.param(
            POST, "p=reject", 'strict_author = "reject"', FlowDisposition.REJECT, id="p=reject"
        ),
        pytest.param(
            POST,
            "p=quarantine",
            'strict_author = "reject"',
            FlowDisposition.REJECT,
            id="p=quarantine",
        ),
        pytest.param(
            POST, "p=none", 'strict_author = "reject"', FlowDisposition.ACCEPT, id="p=none"
        ),
        pytest.param(message(), "p=none", "", FlowDisposition.ACCEPT, id="nothing by default"),
    ],
)
def test_posts_are_judged_as_configured(
    site: Made, octets: bytes, record: str | None, toml: str, disposition: FlowDisposition
) -> None:
    zone = {} if record is None else {"_dmarc.example.com": f"v=DMARC1; {record}"}
    actions = taken(site, f"{RESIGN}[actions]\n{toml}\n", octets, zone=zone)
    assert actions.disposition is disposition


def test_an_author_who_calls_unsigned_mail_discardable_is_refused(site: Made) -> None:
    """RFC 6377 §5.2; whether ADSP is among the generations or not."""
    zone = {"_adsp._domainkey.example.com": "dkim=discardable"}
    toml = f'{RESIGN}[actions]\nstrict_author = "reject"\n'
    assert taken(site, toml, zone=zone).disposition is FlowDisposition.REJECT
    assert taken(site, toml).disposition is FlowDisposition.ACCEPT


@pytest.mark.parametrize(
    ("action", "disposition", "held"),
    [
        pytest.param("reject", FlowDisposition.ACCEPT, False, id="reject"),
        pytest.param("tempfail", FlowDisposition.TEMPFAIL, False, id="tempfail"),
        pytest.param("quarantine", FlowDisposition.ACCEPT, True, id="hold"),
    ],
)
@pytest.mark.parametrize("name", ["a._domainkey.example.com", "_dmarc.example.com"])
def test_while_dns_is_silent_nobody_is_refused_for_good(
    site: Made, name: str, action: str, disposition: FlowDisposition, held: bool
) -> None:
    octets = message() if name.startswith("_dmarc") else POST
    toml = f'{RESIGN}[actions]\nunauthenticated_post = "{action}"\n'
    actions = taken(site, toml, octets, zone={name: Failure.TIMEOUT})
    assert (actions.disposition, actions.quarantine is not None) == (disposition, held)


@pytest.mark.parametrize(
    ("how", "limits"),
    [
        pytest.param({"recipients": (b"a@b.example",), "more_recipients": True}, "", id="unseen"),
        pytest.param({}, "[limits]\nheader_fields = 20\n", id="a-header-beyond-a-limit"),
    ],
)
def test_no_post_escapes_by_a_limit(site: Made, how: dict[str, Any], limits: str) -> None:
    octets = b"X-Junk: junk\r\n" * 30 + message()
    toml = f'{RESIGN}[actions]\nunauthenticated_post = "reject"\n{limits}'
    assert taken(site, toml, octets, zone={}, **how).disposition is FlowDisposition.REJECT


def test_a_refused_post_does_not_look_like_a_missing_mailbox(site: Made) -> None:
    """RFC 6377 §5.11."""
    actions = taken(
        site, RESIGN + '[actions]\nunauthenticated_post = "reject"\n', message(), zone={}
    )
    assert actions.reply is not None
    assert (actions.reply.code, actions.reply.enhanced) == (550, "5.7.1")


# -- chains --------------------------------------------------------------------------------


def sealed(octets: bytes, dmarc: str = "pass") -> bytes:
    """A message as a sealer passed it on, who saw this DMARC result."""
    found = authres.MethodResult("dmarc", dmarc, properties=(("header.from", "example.com"),))
    fields = avowal.seal(
        octets,
        Zone(NAMES),
        authserv_id="sealer.example",
        domain="sealer.example",
        selector="s",
        key=ED25519,
        results=authres.AuthenticationResults("sealer.example", (found,)),
        now=NOW,
    )
    return fields + octets


REJECT = {"_dmarc.example.com": "v=DMARC1; p=reject"}
TRUSTING = '[arc]\ntrusted_sealers = ["sealer.example"]\n[actions]\ndisposition_reject = "reject"\n'


def test_nothing_of_arc_is_done_by_default(site: Made) -> None:
    actions = taken(site, "", sealed(POST))
    assert actions.insert
    assert all(b"\tarc=" not in field.raw and b"ARC-" not in field.raw for field in actions.insert)


def test_a_chain_is_reported_where_that_is_wanted(site: Made) -> None:
    sent = carried_out(taken(site, "[arc]\nverify = true\n", sealed(POST)), sealed(POST))
    (result,) = authres.read(sent, trusted={"lists.example"}).named("arc")
    assert result.result == "pass"
    assert result.value("smtp.remote-ip") == STRANGER
    assert result.value("header.oldest-pass") == "0"


@pytest.mark.parametrize("octets", [POST, sealed(POST)], ids=["first", "second"])
def test_mail_that_passes_on_is_sealed_last(site: Made, octets: bytes) -> None:
    actions = taken(site, '[arc]\nseal = "list"\n' + RESIGN, octets)
    sent = carried_out(actions, octets)
    verdict = avowal.verify_chain(sent, Zone(NAMES), now=NOW)
    assert verdict.passed
    assert verdict.sealers[-1] == "lists.example"
    assert ("lists.example", "pass") in results(sent)


def test_a_broken_chain_is_not_continued(site: Made) -> None:
    """RFC 8617 §5.1.3."""
    broken = tamper(sealed(POST))
    sent = carried_out(taken(site, '[arc]\nseal = "list"\n', broken), broken)
    assert sent.count(b"ARC-Seal:") == 1


def test_only_mail_for_some_recipients_is_sealed(site: Made) -> None:
    toml = '[arc]\nseal = "list"\nrecipients = ["other@lists.example"]\n'
    assert b"ARC-Seal:" not in carried_out(taken(site, toml), POST)


@pytest.mark.parametrize(
    ("octets", "toml", "disposition"),
    [
        pytest.param(sealed(message()), TRUSTING, FlowDisposition.ACCEPT, id="trusted"),
        pytest.param(message(), TRUSTING, FlowDisposition.REJECT, id="no chain"),
        pytest.param(tamper(sealed(message())), TRUSTING, FlowDisposition.REJECT, id="broken"),
        pytest.param(sealed(message(), "fail"), TRUSTING, FlowDisposition.REJECT, id="saw a fail"),
        pytest.param(
            sealed(message()),
            TRUSTING.replace("sealer.example", "friend.example"),
            FlowDisposition.REJECT,
            id="not trusted",
        ),
    ],
)
def test_a_chain_of_trusted_sealers_is_local_policy(
    site: Made, octets: bytes, toml: str, disposition: FlowDisposition
) -> None:
    """RFC 8617 §7.2.1, §9.4."""
    assert taken(site, toml, octets, zone=REJECT).disposition is disposition


def test_a_chain_speaks_only_for_the_author_it_names(site: Made) -> None:
    """RFC 9989 §11.5: with several authors the strictest policy, whoever vouches for another."""
    octets = sealed(message(From="alice@example.com, boss@bank.example"))
    zone = {**REJECT, "_dmarc.bank.example": "v=DMARC1; p=reject"}
    assert taken(site, TRUSTING, octets, zone=zone).disposition is FlowDisposition.REJECT


def test_the_trace_names_a_sealer_that_is_not_trusted(site: Made) -> None:
    actions = taken(site, TRUSTING.replace("sealer.example", "friend.example"), sealed(message()))
    said = [str(step) for step in steps_about(Topic.ARC, actions.trace)]
    assert any("sealer.example is not in trusted_sealers" in step for step in said)


def test_the_trace_says_why_a_chain_is_not_continued(site: Made) -> None:
    actions = taken(site, '[arc]\nseal = "list"\n', tamper(sealed(POST)))
    said = [str(step) for step in steps_about(Topic.ARC, actions.trace)]
    assert any(step.startswith("not sealed: ") for step in said)


@pytest.mark.parametrize("role", ["verify", "sign"])
def test_a_listener_that_does_one_thing_alone_seals_nothing(site: Made, role: str) -> None:
    assert b"ARC-Seal:" not in carried_out(taken(site, '[arc]\nseal = "list"\n', role=role), POST)


def test_a_key_that_is_not_published_yet_seals_nothing() -> None:
    missing = Sighting()
    missing.when = -1
    withheld = WatchedKey(RSA_2048, missing, strict=True)
    loaded = parse((BASE + '[arc]\nseal = "list"\n').encode(), file="avowal.toml")
    plan = compile_plan(loaded.configuration, loaded.places, load=lambda *_: withheld)
    actions = Site(plan).actions(POST, client=STRANGER, zone=Zone(NAMES))
    assert b"ARC-Seal:" not in carried_out(actions, POST)
    assert actions.disposition is FlowDisposition.ACCEPT


def test_the_reason_of_the_override_stands_in_the_trace_and_the_result(site: Made) -> None:
    """RFC 8617 §7.2.2."""
    actions = taken(site, TRUSTING, sealed(message()), zone=REJECT)
    steps = [str(step) for step in steps_about(Topic.POLICY, actions.trace)]
    assert any("as[1].d=sealer.example as[1].s=s" in step for step in steps)
    (result,) = authres.read(
        carried_out(actions, sealed(message())), trusted={"lists.example"}
    ).named("dmarc")
    assert (result.result, "local_policy arc=pass" in (result.comment or "")) == ("fail", True)
