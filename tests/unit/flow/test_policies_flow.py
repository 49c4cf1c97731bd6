"""SPF and the author's policy in the daemon: results, actions, rounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.evidence import Counting
from tests.inspecting import inspected
from tests.unit.flow.conftest import NOW, Site, load, steps_about

from avowal.agenda import Agenda
from avowal.config.toml import parse
from avowal.dns.drivers import drive
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.inspection import Inspection
from avowal.flow.trace import Topic
from avowal.lookup import Failure
from avowal.message import Message
from avowal.testing import ED25519, Zone, message, record_for

STRANGER = "192.0.2.7"
BASE = '[results]\nauthserv_id = "mx.example.net"\n[policies]\n'
NAMES: dict[str, Any] = {
    "ed._domainkey.example.com": record_for(ED25519),
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"], "A": ["192.0.2.1"]},
    "_dmarc.example.com": "v=DMARC1; p=reject",
}
Made = Callable[[str], Site]


@pytest.fixture
def site() -> Made:
    """With every mechanism, as the daemon has it."""

    def made(toml: str) -> Site:
        loaded = parse(toml.encode(), file="avowal.toml")
        return Site(compile_plan(loaded.configuration, loaded.places, load=load))

    return made


def taken(site: Made, toml: str = "", *, zone: dict[str, Any] | None = None, **how: Any) -> Actions:
    how = {"client": STRANGER, "sender": b"alice@example.com", "helo": b"mx.example.com", **how}
    octets = how.pop("octets", message())
    return site(BASE + toml).actions(octets, zone=Zone({**NAMES, **(zone or {})}), **how)


def written(actions: Actions) -> str:
    assert actions.insert
    return " ".join(actions.insert[0].value.decode().split())


def test_spf_and_dmarc_are_reported_by_default(site: Made) -> None:
    text = written(taken(site))
    assert "spf=pass smtp.mailfrom=example.com" in text
    assert "dmarc=pass header.from=example.com policy.dmarc=reject" in text


def test_a_failing_policy_is_reported_and_nothing_else_by_default(site: Made) -> None:
    """RFC 9989 §7.4: p=reject alone rejects nothing."""
    actions = taken(site, client="198.51.100.9")
    assert "dmarc=fail" in written(actions)
    assert (actions.disposition, actions.quarantine) == (FlowDisposition.ACCEPT, None)


@pytest.mark.parametrize(
    ("policy", "toml", "disposition", "held"),
    [
        ("reject", 'disposition_reject = "reject"', FlowDisposition.REJECT, False),
        ("reject", 'disposition_reject = "quarantine"', FlowDisposition.ACCEPT, True),
        ("quarantine", 'disposition_quarantine = "quarantine"', FlowDisposition.ACCEPT, True),
        ("quarantine", 'disposition_reject = "reject"', FlowDisposition.ACCEPT, False),
        ("none", 'disposition_reject = "reject"', FlowDisposition.ACCEPT, False),
    ],
)
def test_what_follows_is_the_operator_s_decision(
    site: Made, policy: str, toml: str, disposition: FlowDisposition, held: bool
) -> None:
    zone = {"_dmarc.example.com": f"v=DMARC1; p={policy}"}
    actions = taken(site, f"[actions]\n{toml}\n", zone=zone, client="198.51.100.9")
    assert (actions.disposition, actions.quarantine is not None) == (disposition, held)


def test_a_refusal_names_dmarc_and_its_code(site: Made) -> None:
    """RFC 9989 §7.2: 550 5.7.1, and the word DMARC."""
    actions = taken(site, '[actions]\ndisposition_reject = "reject"\n', client="198.51.100.9")
    assert actions.reply is not None
    assert (actions.reply.code, actions.reply.enhanced) == (550, "5.7.1")
    assert "DMARC of example.com" in actions.reply.text


def test_discardable_mail_without_its_author_s_signature_is_accepted_and_dropped(
    site: Made,
) -> None:
    """RFC 6377 §5.11: a refusal would make lists unsubscribe their members."""
    toml = (
        'generations = ["adsp"]\ndeciding = ["adsp"]\n[actions]\ndisposition_discard = "discard"\n'
    )
    zone = {"_adsp._domainkey.example.com": "dkim=discardable"}
    actions = taken(site, toml, zone=zone)
    assert (actions.disposition, actions.reply) == (FlowDisposition.DISCARD, None)


@pytest.mark.parametrize(
    ("generation", "name", "record", "cause"),
    [
        pytest.param(
            "2005", "_policy._domainkey.example.com", "o=!",
            "o=! and signed by nobody (draft-allman-dkim-ssp-01 §5)", id="ssp-2005",
        ),
        pytest.param(
            "2007", "_ssp._domainkey.example.com", "dkim=strict",
            "dkim=strict (draft-ietf-dkim-ssp-01 §4.4)", id="ssp-2007",
        ),
        pytest.param(
            "adsp", "_adsp._domainkey.example.com", "dkim=all",
            "dkim=all and no author domain signature (RFC 5617 §4.3)", id="adsp",
        ),
        pytest.param(
            "2026", "_dmarc.example.com", "v=DMARC1; p=quarantine",
            "nothing is aligned, p=quarantine of example.com (RFC 9989 §5.4)", id="dmarc",
        ),
    ],
)  # fmt: skip
def test_the_log_names_the_policy_that_decided_its_symbol_and_section(
    site: Made, generation: str, name: str, record: str, cause: str
) -> None:
    toml = f'generations = ["{generation}"]\ndeciding = ["{generation}"]\nspf = "off"\n'
    toml += '[actions]\ndisposition_quarantine = "quarantine"\n'
    actions = taken(site, toml, zone={name: record})
    facts = dict(actions.record.items())
    assert str(facts["cause"]).endswith(f" of example.com: {cause}")
    assert cause in str(actions.quarantine)
    assert any(cause in str(step) for step in actions.trace)


def test_a_policy_that_cannot_be_looked_up_is_a_temporary_error(site: Made) -> None:
    toml = '[actions]\ndisposition_unknown = "tempfail"\n'
    zone = {"_dmarc.example.com": Failure.TIMEOUT}
    actions = taken(site, toml, zone=zone, client="198.51.100.9")
    assert actions.disposition is FlowDisposition.TEMPFAIL


@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"client": "127.0.0.1"}, id="ours"),
        pytest.param({"client": None}, id="over no network"),
        pytest.param({"auth": "alice"}, id="authenticated"),
    ],
)
def test_mail_of_ours_is_not_judged(site: Made, how: dict[str, Any]) -> None:
    assert "spf" not in written(taken(site, **how))


@pytest.mark.parametrize(
    ("toml", "absent"),
    [
        ('spf = "off"\n', "spf="),
        ("generations = []\n", "dmarc="),
    ],
)
def test_each_can_be_turned_off(site: Made, toml: str, absent: str) -> None:
    assert absent not in written(taken(site, toml))


def test_older_generations_are_reported_on_request(site: Made) -> None:
    toml = 'generations = ["2026", "adsp"]\natps = true\ncertifiers = ["vouch.example"]\n'
    zone = {
        "_adsp._domainkey.example.com": "dkim=all",
        "example.com._vouch.vouch.example": "all",
    }
    octets = message(vbr_info="md=example.com; mc=all; mv=vouch.example;")
    text = written(taken(site, toml, zone=zone, octets=octets))
    assert "dkim-adsp=fail" in text
    assert "dkim-atps=none" in text
    assert "vbr=pass header.md=example.com header.mv=vouch.example" in text


def test_a_host_of_ours_is_believed_about_spf(site: Made) -> None:
    toml = '[results]\nauthserv_id = "mx.example.net"\ntrusted_hosts = ["192.0.2.7"]\n[policies]\n'
    field = "mx.example.net; spf=fail smtp.mailfrom=example.com"
    actions = site(toml).actions(
        message(authentication_results=field),
        zone=Zone(NAMES),
        client=STRANGER,
        sender=b"alice@example.com",
    )
    assert "spf=fail" in written(actions)


def test_a_stranger_is_not_believed_about_spf(site: Made) -> None:
    """RFC 8601 §5: what claims our name and came from outside is removed, and means nothing."""
    toml = '[results]\nauthserv_id = "mx.example.net"\n[policies]\nspf = "trust"\n'
    field = "mx.example.net; spf=pass smtp.mailfrom=example.com"
    actions = site(toml).actions(
        message(authentication_results=field),
        zone=Zone(NAMES),
        client=STRANGER,
        sender=b"alice@example.com",
    )
    assert "spf=" not in written(actions)
    assert "dmarc=fail" in written(actions)


def test_the_trace_tells_the_record_and_the_decision(site: Made) -> None:
    steps = [str(step) for step in steps_about(Topic.POLICY, taken(site).trace)]
    assert any("spf=pass for example.com: ip4:192.0.2.0/24" in step for step in steps)
    assert any("_dmarc.example.com" in step for step in steps)


def test_dkim_spf_and_dmarc_take_no_more_rounds_than_the_longest(site: Made) -> None:
    plan = site(BASE).plan
    transaction = site(BASE).transaction(client=STRANGER, sender=b"alice@example.com")
    header = Message.parse(message()).header
    agenda = Agenda()
    Inspection(plan, transaction, header, now=NOW, agenda=agenda)
    counting = Counting(Zone(NAMES))
    drive(agenda, counting, seconds=20)
    assert len(counting.rounds) <= 2


def test_answers_that_never_came_give_temporary_errors(site: Made) -> None:
    made = site(BASE)
    transaction = made.transaction(client=STRANGER, sender=b"alice@example.com")
    header = Message.parse(message()).header
    outcome = inspected(made.plan, transaction, header, [], None, now=NOW)
    text = written(decide(outcome))
    assert "spf=temperror" in text
    assert "dmarc=temperror" in text


@pytest.mark.parametrize(
    ("secure", "word", "said"),
    [
        pytest.param(True, "yes", "DNSSEC vouches for every answer", id="all"),
        pytest.param(False, "no", "DNSSEC does not vouch for _dmarc.example.com TXT", id="none"),
    ],
)
def test_whether_dnssec_vouches_for_the_policy_stands_in_the_log_and_in_the_trace(
    site: Made, secure: bool, word: str, said: str
) -> None:
    zone = Zone(NAMES, secure=secure)
    actions = site(BASE).actions(message(), zone=zone, client=STRANGER)
    assert dict(actions.record.items())["policy_dnssec"] == word
    assert said in [step.why for step in steps_about(Topic.POLICY, actions.trace)]


def test_nothing_is_said_of_dnssec_where_no_policy_was_asked_for(site: Made) -> None:
    actions = taken(site, "generations = []\n")
    assert "policy_dnssec" not in dict(actions.record.items())
