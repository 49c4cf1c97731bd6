"""What a signed message gets: the form of its signatures, and edits before they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from avowal import verify
from avowal.agenda import Agenda, Rank
from avowal.dkim.signature import Signature
from avowal.errors import KeyMaterialError
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.decide import decide
from avowal.flow.inspection import Inspection
from avowal.message import Header, Message, split
from avowal.testing import ED25519, Zone, message

Make = Callable[[str], Any]

KEY = '[keys.main]\ndomain = "example.com"\nselector = "ed"\ninline = "ed"\n'
BOTH = KEY + '[keys.rsa]\ndomain = "example.com"\nselector = "rsa"\ninline = "rsa"\n'


def signatures(actions: Actions) -> list[Signature]:
    return [Signature.parse(f) for f in actions.insert if f.name == b"dkim-signature"]


def leaving(octets: bytes, actions: Actions) -> bytes:
    """The message as the MTA will send it: changes and deletions first, then what goes on top."""
    head, body = split(octets)
    header = Header.parse(head)
    changed = {(c.field.name, c.instance): c.field for c in actions.change}
    gone = {(d.name, d.instance) for d in actions.delete}
    fields = list(actions.insert)
    for name, places in header.positions.items():
        assert all((name, n + 1) not in gone.intersection(changed) for n in range(len(places)))
    for place, field in enumerate(header):
        number = header.positions[field.name].index(place) + 1
        if (field.name, number) not in gone:
            fields.append(changed.get((field.name, number), field))
    return b"".join(f.raw + b"\r\n" for f in fields) + b"\r\n" + bytes(body)


def test_two_keys_make_two_signatures_that_verify(site: Make, zone: Zone) -> None:
    actions = site(BOTH).actions(message())
    assert [s.algorithm for s in signatures(actions)] == ["ed25519-sha256", "rsa-sha256"]
    verdicts = verify(leaving(message(), actions), zone, now=1_700_000_000)
    assert [v.passed for v in verdicts] == [True, True]


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [
        pytest.param("", {}, {"header_canon": "relaxed", "body_canon": "relaxed"}, id="forms"),
        pytest.param(
            'canonicalization = "simple"\n', {}, {"header_canon": "simple", "body_canon": "simple"},
            id="one-form-leaves-the-body-simple",
        ),
        pytest.param(
            'canonicalization = "relaxed/simple"\n', {},
            {"header_canon": "relaxed", "body_canon": "simple"}, id="two-forms",
        ),
        pytest.param(
            'canonicalization_field = "X-Canon"\n', {"X_Canon": "simple/relaxed"},
            {"header_canon": "simple", "body_canon": "relaxed"}, id="forms-asked-by-the-message",
        ),
        pytest.param(
            'canonicalization_field = "X-Canon"\n', {"X_Canon": "nonsense"},
            {"header_canon": "relaxed", "body_canon": "relaxed"}, id="nonsense-asked-for",
        ),
        pytest.param("lifetime = 60\n", {}, {"expiration": 1_700_000_060}, id="lifetime"),
        pytest.param("", {}, {"body_length": None}, id="no-length"),
        pytest.param("body_length_limit = 5\n", {}, {"body_length": 5}, id="length-limit"),
    ],
)  # fmt: skip
def test_options_shape_the_signature(
    site: Make, options: str, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    [signature] = signatures(site(f"{KEY}[signing]\n{options}").actions(message(**more)))
    assert {name: getattr(signature, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("recipient", "length"),
    [
        pytest.param(b"a@list.example", 24, id="named"),
        pytest.param(b"a@example.net", None, id="another"),
    ],
)
def test_the_length_is_written_for_named_recipients(
    site: Make, recipient: bytes, length: int | None
) -> None:
    options = '[signing]\nbody_length_recipients = ["list.example"]\n'
    actions = site(KEY + options).actions(message(), recipients=(b"b@x.example", recipient))
    assert [s.body_length for s in signatures(actions)] == [length]


@pytest.mark.parametrize(
    ("options", "present", "absent"),
    [
        pytest.param('omitted_names = ["Subject", "to"]\n', b"date", b"subject", id="omitted"),
        pytest.param('signed_names = ["From", "X-A"]\n', b"x-a", b"to:to", id="chosen"),
    ],
)
def test_names_can_be_chosen(site: Make, options: str, present: bytes, absent: bytes) -> None:
    actions = site(f"{KEY}[signing]\n{options}").actions(message(X_A="1"))
    [signature] = signatures(actions)
    assert present in signature.signed_names
    assert absent not in b":".join(signature.signed_names)


RULE = '[[signing.rules]]\nfrom = "example.com"\nkeys = ["main"]\nidentity = "{}"\n'


@pytest.mark.parametrize(
    ("identity", "written"),
    [
        pytest.param("@example.com", "@example.com", id="domain"),
        pytest.param("mail@lists.example.com", "mail@lists.example.com", id="subdomain"),
        pytest.param("%a", "alice@example.com", id="address"),
        pytest.param("%u@x.%", "alice@x.example.com", id="parts"),
    ],
)
def test_a_rule_gives_the_identity(site: Make, identity: str, written: str) -> None:
    [signature] = signatures(site(KEY + RULE.format(identity)).actions(message()))
    assert str(signature.auid) == written


@pytest.mark.parametrize(
    ("field", "written"),
    [
        pytest.param("bob@example.com", "bob@example.com", id="within-the-domain"),
        pytest.param("bob@example.net", "@example.com", id="elsewhere"),
        pytest.param("bob", "@example.com", id="no-identity"),
    ],
)
def test_the_message_may_name_the_identity_within_the_domain(
    site: Make, field: str, written: str
) -> None:
    options = '[signing]\nidentity_field = "X-Identity"\nremove_identity_field = true\n'
    actions = site(KEY + options).actions(message(X_Identity=field))
    assert [str(s.auid) for s in signatures(actions)] == [written]
    assert [(d.name, d.instance) for d in actions.delete] == [(b"x-identity", 1)]


def test_a_key_without_a_domain_signs_for_the_authors(site: Make) -> None:
    text = '[keys.any]\nselector = "ed"\ninline = "ed"\n'
    text += '[[signing.rules]]\nfrom = "*"\nkeys = ["any"]\n'
    [signature] = signatures(site(text).actions(message(From="a@example.org")))
    assert str(signature.domain) == "example.org"


def test_third_parties_name_who_authorized_them(site: Make) -> None:
    text = KEY + '[[signing.rules]]\nfrom = "*"\nkeys = ["main"]\n'
    text += '[signing]\natps_domains = ["author.example"]\n'
    [field] = site(text).actions(message(From="a@author.example")).insert
    assert b"atps=author.example; atpsh=sha256" in field.raw.replace(b"\r\n\t", b" ")
    [own] = site(text).actions(message()).insert
    assert b"atps" not in own.raw


def test_what_the_mta_will_rewrite_is_signed_as_rewritten(site: Make, zone: Zone) -> None:
    text = KEY + '[signing]\nrewritten_names = ["From"]\n'
    text += "[[signing.rewrites]]\npattern = 'inner\\.example\\.com'\nreplacement = 'example.com'\n"
    text += '[[signing.rules]]\nfrom = "*"\nkeys = ["main"]\n'
    inside = message(From="alice@inner.example.com", To="bob@inner.example.com")
    actions = site(text).actions(inside)
    outside = leaving(inside, actions).replace(b"alice@inner.", b"alice@")
    assert [v.passed for v in verify(outside, zone, now=1_700_000_000)] == [True]


LONG = " ".join(f"<{n}.{'x' * 40}@example.com>" for n in range(40))


def test_long_lines_are_folded_before_signing(site: Make, zone: Zone) -> None:
    octets = message(References=LONG)
    actions = site(KEY).actions(octets)
    [change] = actions.change
    assert (change.field.name, change.instance) == (b"references", 1)
    assert max(map(len, change.field.raw.split(b"\r\n"))) <= 990
    assert change.field.raw.replace(b"\r\n", b"") == f"References: {LONG}".encode()
    assert [v.passed for v in verify(leaving(octets, actions), zone, now=1_700_000_000)] == [True]
    assert actions.record.refolded == 1


@pytest.mark.parametrize(
    ("option", "value", "counted"),
    [
        pytest.param("log", LONG, 1, id="only-logged"),
        pytest.param("ignore", LONG, 0, id="ignored"),
        pytest.param("refold", "x" * 2000, 1, id="without-white-space"),
        pytest.param("refold", f"\0 {LONG}", 1, id="with-a-nul"),
        pytest.param("refold", f"a\rb {LONG}", 1, id="with-a-bare-cr"),
        pytest.param("refold", LONG * 30, 1, id="longer-than-a-packet"),
    ],
)
def test_long_lines_can_stay(site: Make, option: str, value: str, counted: int) -> None:
    text = f'{KEY}[signing]\nlong_lines = "{option}"\n'
    actions = site(text).actions(message(References=value))
    assert (actions.change, actions.record.long_lines) == ((), counted)


def test_old_signatures_can_be_removed_from_what_we_sign(site: Make, zone: Zone) -> None:
    once = leaving(message(), site(KEY).actions(message()))
    actions = site(KEY + "[signing]\nremove_old_signatures = true\n").actions(once)
    assert [(d.name, d.instance) for d in actions.delete] == [(b"dkim-signature", 1)]
    assert [v.passed for v in verify(leaving(once, actions), zone, now=1_700_000_000)] == [True]


def test_old_signatures_stay_by_default(site: Make) -> None:
    once = leaving(message(), site(KEY).actions(message()))
    again = site(KEY).actions(once)
    assert again.delete == ()
    assert leaving(once, again).startswith(b"DKIM-Signature:")  # SGN-04: above the others


def test_a_message_that_cannot_be_signed_is_passed_and_logged(site: Make) -> None:
    actions = site(KEY).actions(message(Subject=["one", "two"]))
    assert (actions.disposition, actions.insert) == (FlowDisposition.ACCEPT, ())
    assert actions.record.class_ == "malformed"
    assert "Subject: 2 of them" in (actions.record.fault or "")


class Broken:
    algorithm = "ed25519-sha256"

    def sign(self, digest: bytes, /) -> bytes:
        raise KeyMaterialError("token", "unplugged")


@pytest.mark.parametrize(
    ("action", "disposition"),
    [
        pytest.param("accept", FlowDisposition.ACCEPT, id="accept"),
        pytest.param("tempfail", FlowDisposition.TEMPFAIL, id="tempfail"),
    ],
)
def test_a_key_that_fails_is_an_internal_error(
    site: Make, action: str, disposition: FlowDisposition
) -> None:
    plan = site(f'{KEY}[actions]\ninternal_error = "{action}"\n').plan
    [use] = plan.keys.values()
    rule = replace(plan.rules.find(b"a", use.domain)[0], keys=(replace(use, loaded=Broken()),))

    class OneRule:
        def find(self, *_: object) -> list[object]:
            return [rule]

    broken = type(site(KEY))(replace(plan, rules=OneRule()))
    actions = broken.actions(message())
    assert actions.disposition is disposition
    assert actions.record.fault == "token: unplugged"
    if actions.reply is not None:
        assert actions.reply.code == 451
        assert "unplugged" not in actions.reply.text


class Remote:
    """A key behind a network."""

    algorithm = "ed25519-sha256"

    async def asign(self, digest: bytes, /) -> bytes:
        await asyncio.sleep(0)
        return ED25519.sign(digest)


async def test_keys_that_answer_later_are_waited_for(site: Make, zone: Zone) -> None:
    plan = site(BOTH).plan
    uses = plan.keys
    [rule] = plan.rules.find(b"a", uses["main"].domain)
    keys = (replace(uses["main"], loaded=Remote()), uses["rsa"])

    class OneRule:
        def find(self, *_: object) -> list[object]:
            return [replace(rule, keys=keys)]

    remote = type(site(KEY))(replace(plan, rules=OneRule()))
    whole = Message.parse(message())
    agenda = Agenda()
    inspection = Inspection(
        remote.plan, remote.transaction(), whole.header, now=1_700_000_000, agenda=agenda
    )
    inspection.feed(whole.body)
    outcome = agenda.add(inspection.finish(), Rank.POLICY).value
    actions = decide(await inspection.asealed(outcome))
    verdicts = verify(leaving(message(), actions), zone, now=1_700_000_000)
    assert [v.passed for v in verdicts] == [True, True]


def test_the_software_can_be_named(site: Make) -> None:
    actions = site(f"{KEY}[signing]\nsoftware_field = true\n").actions(
        message(), hostname="mx.example.com", queue_id="4X"
    )
    assert actions.insert[-1].raw == b"DKIM-Filter: avowal mx.example.com 4X"


def test_a_record_names_the_signatures_made(site: Make) -> None:
    record = site(BOTH).actions(message(), queue_id="4X").record
    assert [(m.domain, m.selector, m.algorithm) for m in record.made] == [
        ("example.com", "ed", "ed25519-sha256"),
        ("example.com", "rsa", "rsa-sha256"),
    ]
    assert dict(record.items())["queue_id"] == "4X"


RESIGN = (
    KEY + '[results]\nauthserv_id = "mx.example.com"\n'
    '[[signing.resign]]\nto = "list@example.com"\nkeys = ["main"]\n'
)


@pytest.mark.parametrize(
    ("options", "tampered", "made"),
    [
        pytest.param("", False, 1, id="verified"),
        pytest.param("", True, 0, id="broken"),
        pytest.param("[signing]\nresign_unverified = true\n", True, 1, id="broken-but-wanted"),
    ],
)
def test_lists_sign_again_what_verified(
    site: Make, options: str, tampered: bool, made: int
) -> None:
    author = message(From="a@example.org")
    key = KEY.replace("example.com", "example.org")
    octets = leaving(author, site(key).actions(author))
    if tampered:
        octets += b"x\r\n"
    actions = site(RESIGN + options).actions(
        octets, client="192.0.2.1", recipients=(b"list@example.com",)
    )
    assert len(signatures(actions)) == made
    assert actions.insert[0].name == b"authentication-results"
