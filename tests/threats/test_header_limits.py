"""A header beyond a limit is never judged as if what was read of it were all (RFC 4686 §4.1.6).

Every face takes the same messages: junk above what matters, so that it stands beyond a limit.
Nothing is verified in part, every From field is looked at, forged results go wherever they
stand, and no outcome is milder than without the junk.
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest
from tests.inspecting import inspected
from tests.unit.cli.test_policy_command import avowal as policy_command

from avowal import Reason, authres, sign, verify, verify_chain
from avowal.agenda import Rank
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.calls.arguments import read_header
from avowal.compat import dkim as compat_dkim
from avowal.config.opendkim_conf import read_conf
from avowal.config.toml import parse
from avowal.dkim.rules import ARCHIVE
from avowal.dns.drivers import drive
from avowal.errors import ConfigError, UsageError
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.transaction import Transaction
from avowal.message import Header, Message
from avowal.milter.events import SessionLimits
from avowal.milter.header import Gatherer
from avowal.milter.packets import ChangeHeader, InsertHeader, PlainAnswer
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.receiver import limits_of
from avowal.opendkim.settings import compiled
from avowal.testing import ED25519, Zone, message, record_for

NOW = 1_700_000_000
OURS = "mx.example.net"
NAMES = {
    "ed._domainkey.example.com": record_for(ED25519),
    "_dmarc.example.com": "v=DMARC1; p=reject",
    "example.com": "v=spf1 ip4:192.0.2.1 -all",
    "ed._domainkey.example.org": record_for(ED25519),  # without a policy
    "ed._domainkey.attacker.example": record_for(ED25519),
}
ZONE = Zone(NAMES)
JUNK = {
    "header_fields": b"X-Junk: j\r\n" * 5001,
    "header_octets": (b"X-Junk: " + b"j" * 900 + b"\r\n") * 1200,
}
FORGED = b"Authentication-Results: mx.example.net; dkim=pass header.d=example.com\r\n"
OVERSIGNED = (b"from", b"to", b"subject", b"date")


def authentic(domain: str = "example.com") -> bytes:
    """A message whose signature says that there is one From and one Subject."""
    octets = message(From=f"joe@{domain}")
    made = sign(
        octets,
        domain=domain,
        selector="ed",
        key=ED25519,
        now=NOW,
        names=OVERSIGNED,
        oversigned=frozenset(OVERSIGNED),
    )
    return made + octets


def with_field(octets: bytes, field: bytes) -> bytes:
    """Add a field below all others."""
    head, blank, body = octets.partition(b"\r\n\r\n")
    return head + b"\r\n" + field.removesuffix(b"\r\n") + blank + body


class Attack(NamedTuple):
    """A message to be put below junk; whether the domain of its author has a policy."""

    octets: bytes
    policy: bool
    forged: bool = False


ATTACKS = {
    "From-below": Attack(message(From="ceo@example.com"), True),
    "second-From": Attack(
        with_field(authentic("attacker.example"), b"From: ceo@example.com"), True
    ),
    "forged-results": Attack(with_field(message(From="a@example.org"), FORGED), False, True),
    "forged-results-on-signed-mail": Attack(FORGED + authentic(), True, True),
    "added-From": Attack(with_field(authentic(), b"From: eve@example.org"), True),
    "added-Subject": Attack(with_field(authentic(), b"Subject: pay at once"), True),
    "added-Subject-without-a-policy": Attack(
        with_field(authentic("example.org"), b"Subject: pay at once"), False
    ),
    "authentic": Attack(authentic(), True),
    "authentic-without-a-policy": Attack(authentic("example.org"), False),
}
CASES = [
    pytest.param(attack, limit, id=f"{name}-{limit}")
    for name, attack in ATTACKS.items()
    for limit in JUNK
]
attacks = pytest.mark.parametrize(("attack", "limit"), CASES)


# -- the library and the command ---------------------------------------------------------------


@attacks
def test_the_library_says_once_that_it_is_too_large(attack: Attack, limit: str) -> None:
    octets = JUNK[limit] + attack.octets
    for source, rules in ((octets, {}), (io.BytesIO(octets), {}), (octets, {"rules": ARCHIVE})):
        (verdict,) = verify(source, ZONE, now=NOW, **rules)  # type: ignore[arg-type]
        assert (verdict.reason, str(verdict.result)) == (Reason.TOO_LARGE, "policy")
        assert f"limits.{limit}" in verdict.explanation


@pytest.mark.parametrize("limit", JUNK)
def test_a_chain_beyond_a_limit_helps_nobody(limit: str) -> None:
    seal = b"ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=example.com; s=ed; b=YQ==\r\n"
    said = verify_chain(JUNK[limit] + seal + message(), ZONE, now=NOW)
    assert (said.status, said.reason) == (ChainStatus.FAIL, ChainReason.TOO_LARGE)


@pytest.mark.parametrize("limit", JUNK)
def test_nothing_is_signed_beyond_a_limit(limit: str) -> None:
    with pytest.raises(UsageError, match=f"limits.{limit}"):
        sign(JUNK[limit] + message(), domain="example.com", selector="ed", key=ED25519)


@attacks
def test_policy_evaluate_applies_the_authors_policy(
    attack: Attack,
    limit: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "m.eml").write_bytes(JUNK[limit] + attack.octets)
    (tmp_path / "z.zone").write_text('_dmarc.example.com. 60 IN TXT "v=DMARC1; p=reject"\n')
    monkeypatch.chdir(tmp_path)
    status = policy_command("evaluate", "--handling", "full", "--zone", "z.zone", "m.eml")
    assert status == (1 if attack.policy else 0)
    assert "pass" not in capsys.readouterr().out


@pytest.mark.parametrize("limit", JUNK)
def test_dkimpys_calls_say_false_and_raise_nothing(limit: str) -> None:
    def look_up(name: bytes, timeout: int = 5) -> bytes:
        return NAMES["ed._domainkey.example.com"].encode()

    octets = ATTACKS["authentic"].octets
    assert compat_dkim.verify(octets, dnsfunc=look_up)
    assert not compat_dkim.verify(JUNK[limit] + octets, dnsfunc=look_up)


# -- avowal milter -----------------------------------------------------------------------------


def gathered(octets: bytes, limits: SessionLimits | None = None) -> Header:
    """The header as the milter session hands it over."""
    gatherer = Gatherer(limits or SessionLimits(), exact=True)
    for field in Message.parse(octets).header:
        value = field.value.replace(b"\r\n", b"\n")
        gatherer.take([(ord("L"), field.raw[: field.colon] + b"\0" + value + b"\0")])
    return gatherer.header()


def daemon(
    octets: bytes, actions: str = "", limits: SessionLimits | None = None, remove: str = "forged"
) -> Actions:
    """What `avowal milter` does with a stranger's message from a client that SPF passes."""
    results = f'authserv_id = "{OURS}"\nremove = "{remove}"\n'
    text = f"[results]\n{results}[actions]\n{actions}"
    loaded = parse(text.encode(), file="avowal.toml")
    plan = compile_plan(loaded.configuration, loaded.places, load=lambda *_: ED25519)
    transaction = Transaction(
        received_at=NOW, client=ip_address("192.0.2.1"), sender=b"a@example.com", hostname="mx"
    )
    body = [Message.parse(octets).body]
    return decide(inspected(plan, transaction, gathered(octets, limits), body, ZONE, now=NOW))


ENFORCED = 'disposition_reject = "reject"\ndisposition_quarantine = "quarantine"\n'


@attacks
def test_the_daemon_does_what_the_authors_policy_says_and_else_holds(
    attack: Attack, limit: str
) -> None:
    actions = daemon(JUNK[limit] + attack.octets, ENFORCED)
    if attack.policy:
        assert actions.reply is not None
        assert (actions.disposition, actions.reply.code) == (FlowDisposition.REJECT, 550)
    else:
        assert actions.quarantine is not None
        assert f"limits.{limit}" in actions.quarantine


@attacks
def test_where_no_policy_is_applied_the_daemon_holds_and_says_policy(
    attack: Attack, limit: str
) -> None:
    actions = daemon(JUNK[limit] + attack.octets)
    assert (actions.disposition, actions.quarantine is not None) == (FlowDisposition.ACCEPT, True)
    words = {r.method: r.result for r in authres.parse(actions.insert[0].value).results}
    assert words["dkim"] == "policy"
    assert words["spf"] == "pass"  # it is no part of the header
    assert words["dmarc"] in {"fail", "none", "permerror"}
    [checked] = actions.record.checked
    assert (checked.reason, checked.result) == ("too-large", "policy")
    assert f"limits.{limit}" in (checked.detail or "")
    assert actions.delete == (((b"authentication-results", 1),) if attack.forged else ())


def test_within_the_limits_it_passes() -> None:
    actions = daemon(ATTACKS["authentic"].octets, ENFORCED)
    words = {r.method: r.result for r in authres.parse(actions.insert[0].value).results}
    assert (actions.quarantine, words["dkim"], words["dmarc"]) == (None, "pass", "pass")


@pytest.mark.parametrize("limit", JUNK)
def test_results_in_a_header_that_is_not_whole_are_not_believed(limit: str) -> None:
    header, _ = read_header(FORGED + JUNK[limit] + message())
    [instance] = authres.read(header, trusted={OURS})
    assert instance.distrust is authres.Distrust.NOT_WHOLE


@pytest.mark.parametrize("limit", JUNK)
def test_a_refusal_for_size_is_552(limit: str) -> None:
    actions = daemon(JUNK[limit] + ATTACKS["authentic"].octets, 'security = "reject"\n')
    assert actions.reply is not None
    assert (actions.reply.code, actions.reply.enhanced) == (552, "5.3.4")


def test_a_refusal_for_size_is_never_temporary() -> None:
    with pytest.raises(ConfigError, match="never shrinks"):
        daemon(message(), 'security = "tempfail"\n')


@pytest.mark.parametrize(
    "stricter",
    [
        pytest.param('no_signature = "reject"', id="no-signature"),
        pytest.param('bad_signature = "reject"', id="bad-signature"),
        pytest.param('malformed = "reject"', id="malformed"),
    ],
)
def test_junk_makes_no_outcome_milder(stricter: str) -> None:
    added = with_field(with_field(message(From="a@example.org"), b"Date: x"), b"Date: y")
    actions = daemon(JUNK["header_fields"] + added, f'security = "accept"\n{stricter}\n')
    assert actions.reply is not None
    assert (actions.reply.code, actions.reply.enhanced) == (552, "5.3.4")


def test_forged_results_within_and_beyond_a_limit_go() -> None:
    octets = FORGED + JUNK["header_fields"] + with_field(message(), FORGED * 3)
    deleted = daemon(octets, 'security = "accept"\n').delete
    assert [instance for _, instance in deleted] == [1, 2, 3, 4]


def test_a_tag_of_ours_beyond_a_limit_goes() -> None:
    octets = JUNK["header_fields"] + with_field(message(), b"X-DKIM-Verdict: pass")
    watched = SessionLimits(watched=frozenset((b"x-dkim-verdict",)))
    deleted = daemon(octets, 'security = "tag"\n', watched).delete
    assert deleted == ((b"x-dkim-verdict", 1),)


def test_more_forged_results_than_can_be_removed_are_refused() -> None:
    octets = FORGED * 10_002 + message()
    actions = daemon(octets, 'security = "accept"\n')
    assert actions.reply is not None
    assert (actions.reply.code, actions.reply.enhanced) == (552, "5.3.4")


def test_authors_beyond_the_limits_of_their_own_do_not_pass() -> None:
    octets = JUNK["header_fields"] + b"From: a@example.org\r\n" * 101 + message()
    actions = daemon(octets, ENFORCED)
    assert ("dmarc", "permerror") in actions.record.results
    assert actions.disposition is FlowDisposition.REJECT


# -- avowal-opendkim ---------------------------------------------------------------------------


def opendkim(octets: bytes, conf: str = "") -> tuple[Filtering, Any]:
    """What `avowal-opendkim` does with a stranger's message."""
    settings = compiled(read_conf("conf", read=lambda _: f"Mode sv\nAuthservID {OURS}\n{conf}"))
    limits = limits_of(settings)
    kept = SessionLimits(header_octets=limits.header_octets, header_fields=limits.header_fields)
    filtering = Filtering(
        OpendkimGeneration.of(settings),
        Envelope(client="192.0.2.1", macros={"j": b"mx"}),
        gathered(octets, kept),
        now=NOW,
        draw=0,
    )
    drive(filtering.agenda, ZONE, seconds=5)
    filtering.feed(Message.parse(octets).body)
    slot = filtering.agenda.add(filtering.finish(), Rank.POLICY)
    drive(filtering.agenda, ZONE, seconds=5)
    return filtering, slot.value


def inserted(verdict: Any) -> bytes:
    return b" ".join(m.value for m in verdict.modifications if isinstance(m, InsertHeader))


def removed(verdict: Any) -> list[int]:
    return [m.index for m in verdict.modifications if isinstance(m, ChangeHeader)]


@pytest.mark.parametrize("name", ATTACKS)
def test_opendkims_face_reads_as_many_fields_as_opendkim(name: str) -> None:
    attack = ATTACKS[name]
    _, verdict = opendkim(JUNK["header_fields"] + attack.octets)
    _, control = opendkim(attack.octets)
    assert inserted(verdict) == inserted(control)
    assert removed(verdict) == removed(control) == ([1] if attack.forged else [])


@pytest.mark.parametrize("name", ATTACKS)
def test_beyond_maximum_headers_on_security_decides(name: str) -> None:
    octets = JUNK["header_octets"] + ATTACKS[name].octets
    filtering, verdict = opendkim(octets)
    assert (verdict.answer, filtering.verifications) == (PlainAnswer.TEMPFAIL, ())


@pytest.mark.parametrize("name", ATTACKS)
def test_what_on_security_lets_through_loses_forged_results(name: str) -> None:
    attack = ATTACKS[name]
    _, verdict = opendkim(JUNK["header_octets"] + attack.octets, "On-Security accept\n")
    assert (verdict.answer, inserted(verdict)) == (PlainAnswer.ACCEPT, b"")
    assert removed(verdict) == ([1] if attack.forged else [])


def test_one_large_field_is_beyond_maximum_headers_too() -> None:
    octets = b"X-Junk: " + b"j" * 200_000 + b"\r\n" + message()
    _, verdict = opendkim(octets)
    assert verdict.answer is PlainAnswer.TEMPFAIL


@pytest.mark.parametrize("name", ["second-From", "forged-results", "authentic"])
def test_without_a_maximum_more_fields_than_are_read_are_policy_and_held(name: str) -> None:
    attack = ATTACKS[name]
    octets = b"X: j\r\n" * 262_200 + attack.octets
    filtering, verdict = opendkim(octets, "MaximumHeaders 0\n")
    assert b"dkim=policy" in inserted(verdict)
    assert filtering.verifications[0].reason is Reason.TOO_LARGE
    assert verdict.answer is PlainAnswer.ACCEPT  # in quarantine
    assert removed(verdict) == ([1] if attack.forged else [])


@pytest.mark.parametrize(
    "spoiler",
    [
        pytest.param(b"DKIM-Signature: junk\r\n", id="a-signature-that-is-no-tag-list"),
        pytest.param(b"From: nobody\r\n", id="no-author"),
    ],
)
def test_what_cannot_be_judged_loses_forged_results(spoiler: bytes) -> None:
    octets = spoiler + with_field(message(), FORGED)
    _, verdict = opendkim(octets)
    assert removed(verdict) == [1]


# -- memory ------------------------------------------------------------------------------------


def peak(fields: Iterable[bytes]) -> int:
    gatherer = Gatherer(SessionLimits(), exact=True)
    tracemalloc.start()
    for payload in fields:
        gatherer.take([(ord("L"), bytes(payload))])
    assert gatherer.header().beyond is not None
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"X-Junk %d\0 j\0", id="junk"),
        pytest.param(b"From\0 a%d@example.com\0", id="From-fields"),
        pytest.param(b"Authentication-Results\0 x%d; none\0", id="results"),
    ],
)
def test_the_memory_of_a_session_is_bounded(payload: bytes) -> None:
    few = peak(payload % number for number in range(10_000))
    many = peak(payload % number for number in range(200_000))
    assert many < 1.2 * few


# -- results behind a bare line break ------------------------------------------------------------

CLAIM = b"Authentication-Results: " + OURS.encode() + b"; dmarc=pass"
BROKEN = {
    "alone": (b"Subject: x\r" + CLAIM, [(b"subject", 1)]),
    "beside-results-of-others": (
        b"Authentication-Results: mx.else.example; spf=pass\r\nSubject: x\r" + CLAIM,
        [(b"subject", 1)],
    ),
    "within-results-of-others": (
        b"Authentication-Results: mx.else.example; spf=pass\r" + CLAIM,
        [(b"authentication-results", 1)],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("remove", ["forged", "all"])
def test_results_in_our_name_behind_a_bare_line_break_leave_with_their_field(
    name: str, remove: str
) -> None:
    field, gone = BROKEN[name]
    octets = b"From: a@example.org\r\n" + field + b"\r\n\r\nbody\r\n"
    actions = daemon(octets, 'security = "accept"\n', remove=remove)
    deleted = {(one.name.lower(), one.instance) for one in actions.delete}
    assert deleted >= {*gone}


@pytest.mark.parametrize("name", BROKEN)
def test_they_leave_by_opendkims_face_too(name: str) -> None:
    field, gone = BROKEN[name]
    _, verdict = opendkim(b"From: a@example.org\r\n" + field + b"\r\n\r\nbody\r\n")
    deleted = [
        (one.name.lower(), one.index)
        for one in verdict.modifications
        if isinstance(one, ChangeHeader)
    ]
    assert deleted == gone
