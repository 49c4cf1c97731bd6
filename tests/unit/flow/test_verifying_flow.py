"""What an incoming message gets: results on top, forgeries out, and the configured action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from avowal import Intent, authres, sign
from avowal.dkim.reasons import Reason
from avowal.flow import inspection
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.classes import CLASS_OF
from avowal.flow.decide import decide, failure
from avowal.flow.seals import Sealed
from avowal.flow.trace import Topic
from avowal.lookup import Answer, Failure
from avowal.message import CRLF, Field
from avowal.testing import ED25519, RSA_2048, Zone, message, tamper

Make = Callable[[str], Any]

NOW = 1_700_000_000
OUTSIDE = "192.0.2.1"
ID = '[results]\nauthserv_id = "mx.example.net"\n'


def modifies(actions: Actions) -> bool:
    """Whether anything is asked besides the disposition."""
    asked = actions.delete, actions.change, actions.insert, actions.quarantine, actions.redirect
    return any(asked)


def signed(selector: str = "ed", domain: str = "example.com", **more: Any) -> bytes:
    octets = more.pop("octets", None) or message()
    key = RSA_2048 if selector == "rsa" else ED25519
    intent = Intent(domain=domain, selector=selector, key=key, **more)
    return sign(octets, intent, now=NOW) + octets


def with_field(raw: bytes, octets: bytes | None = None) -> bytes:
    return raw + CRLF + (message() if octets is None else octets)


def results(actions: Any) -> list[str]:
    """`method=result` of the field that was written on top."""
    first = actions.insert[0]
    assert first.name == b"authentication-results"
    return [f"{r.method}={r.result}" for r in authres.parse(first.value).results]


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        pytest.param(message(), ["dkim=none"], id="unsigned"),
        pytest.param(signed(), ["dkim=pass"], id="pass"),
        pytest.param(signed(octets=signed("rsa")), ["dkim=pass", "dkim=pass"], id="two"),
        pytest.param(tamper(signed()), ["dkim=fail"], id="changed-body"),
        pytest.param(signed("nokey"), ["dkim=permerror"], id="no-key"),
        pytest.param(with_field(b"DKIM-Signature: junk"), ["dkim=neutral"], id="unreadable"),
    ],
)
def test_each_signature_has_its_result_on_top(site: Make, octets: bytes, found: list[str]) -> None:
    assert results(site(ID).actions(octets, client=OUTSIDE)) == found


@pytest.mark.parametrize("word", ["neutral", "permerror"])
def test_the_word_for_unreadable_signatures_can_be_chosen(site: Make, word: str) -> None:
    octets = with_field(b"DKIM-Signature: junk")
    actions = site(f'{ID}syntax_result = "{word}"\n').actions(octets, client=OUTSIDE)
    assert results(actions) == [f"dkim={word}"]


def test_results_stand_above_every_signature(site: Make) -> None:
    text = ID + "[verifying]\nsigned_too = true\n"
    text += '[keys.main]\ndomain = "example.com"\nselector = "ed"\ninline = "ed"\n'
    actions = site(text).actions(signed())
    assert [f.name for f in actions.insert] == [b"authentication-results", b"dkim-signature"]


def test_a_result_says_which_signature_it_is_about(site: Make) -> None:
    octets = signed("rsa", octets=signed("ed"))
    field = site(ID).actions(octets, client=OUTSIDE).insert[0]
    one, other = authres.parse(field.value).results
    assert [one.value(f"header.{p}") for p in "dsa"] == ["example.com", "rsa", "rsa-sha256"]
    assert other.value("header.i") == "@example.com"
    beginnings = one.value("header.b"), other.value("header.b")
    assert all(b is not None and len(b) == 8 for b in beginnings)
    assert one.comment == "2048-bit key"


def test_signatures_that_begin_alike_are_told_apart(site: Make) -> None:
    octets = with_field(
        b"DKIM-Signature: v=1; b=AAAAAAAAAAAAB\r\nDKIM-Signature: v=1; b=AAAAAAAAAAAAC"
    )
    field = site(ID).actions(octets, client=OUTSIDE).insert[0]
    found = [r.value("header.b") for r in authres.parse(field.value).results]
    assert found == ["AAAAAAAAAAAAB", "AAAAAAAAAAAAC"]


def test_the_name_of_the_host_serves_where_none_is_configured(site: Make) -> None:
    actions = site("").actions(message(), client=OUTSIDE, hostname="mx7.example.net")
    assert authres.parse(actions.insert[0].value).authserv_id == "mx7.example.net"


def test_without_any_name_nothing_is_reported(site: Make) -> None:
    assert site("").actions(message(), client=OUTSIDE).insert == ()


@pytest.mark.parametrize(
    ("options", "octets", "written"),
    [
        pytest.param('write = "never"\n', signed(), False, id="never"),
        pytest.param('write = "signed"\n', signed(), True, id="signed"),
        pytest.param('write = "signed"\n', message(), False, id="unsigned"),
    ],
)
def test_when_to_write_results(site: Make, options: str, octets: bytes, written: bool) -> None:
    assert bool(site(ID + options).actions(octets, client=OUTSIDE).insert) is written


def test_the_queue_id_can_stand_behind_our_name(site: Make) -> None:
    text = ID + "queue_id = true\n"
    field = site(text).actions(message(), client=OUTSIDE, queue_id="4XYZ").insert[0]
    assert authres.parse(field.value).authserv_id == "mx.example.net/4XYZ"


OURS = b"Authentication-Results: mx.example.net; dkim=pass"
OTHERS = b"Authentication-Results: mx.example.org; dkim=pass"
BELOW = b"Authentication-Results: a.old.example; dkim=pass"


@pytest.mark.parametrize(
    ("options", "more", "gone"),
    [
        pytest.param("", {}, [2, 4], id="ours-only"),
        pytest.param("", {"role": "sign", "client": None}, [], id="a-signer-removes-nothing"),
        pytest.param('own_ids = ["mx.example.org"]\n', {}, [2, 3, 4], id="another-name-of-ours"),
        pytest.param('remove_ids = ["mx.example.org"]\n', {}, [2, 3, 4], id="a-foreign-name"),
        pytest.param('remove_ids = [".old.example"]\n', {}, [1, 2, 4], id="a-foreign-domain"),
        pytest.param('remove = "all"\n', {}, [1, 2, 3, 4], id="all"),
        pytest.param('remove = "none"\n', {}, [], id="none"),
        pytest.param(f'trusted_hosts = ["{OUTSIDE}"]\n', {}, [], id="from-a-trusted-host"),
    ],
)
def test_forged_results_are_removed(
    site: Make, options: str, more: dict[str, Any], gone: list[int]
) -> None:
    spelled = b'authentication-results : (x) "MX.Example.NET" 1; dkim=pass'
    octets = with_field(CRLF.join((BELOW, OURS, OTHERS, spelled)))
    actions = site(ID + options).actions(octets, **{"client": OUTSIDE, **more})
    assert [d.instance for d in actions.delete] == gone
    assert actions.record.removed == len(gone)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"mx.corp.example; dkim=pass", id="plain"),
        pytest.param(b"mx.corp.example; dkim=pass (x", id="unreadable"),
        pytest.param(b"mx.corp.example/7; dkim=pass", id="a-queue-id-behind-it"),
        pytest.param(b"=?utf-8?q?mx.corp.example?=; dkim=pass", id="an-encoded-word"),
        pytest.param(b"mx.corp.ex\0ample; dkim=pass", id="a-control"),
        pytest.param(b"MX.Corp.Example. ; dkim=pass", id="case-and-a-dot"),
    ],
)
def test_a_foreign_domain_is_removed_however_it_is_spelled(site: Make, value: bytes) -> None:
    octets = with_field(b"Authentication-Results: " + value)
    text = ID + 'remove_ids = [".corp.example"]\n'
    assert [d.instance for d in site(text).actions(octets, client=OUTSIDE).delete] == [1]


@pytest.mark.parametrize("value", [b"corp.example; dkim=pass", b"mx.corp.example.net; dkim=pass"])
def test_what_is_not_below_a_foreign_domain_stays(site: Make, value: bytes) -> None:
    octets = with_field(b"Authentication-Results: " + value)
    text = ID + 'remove_ids = [".corp.example"]\n'
    assert site(text).actions(octets, client=OUTSIDE).delete == ()


def test_an_exempt_author_brings_no_results_in_our_name(site: Make) -> None:
    text = '[origin]\nexempt_domains = ["example.com"]\n' + ID
    actions = site(text).actions(with_field(OURS), client=OUTSIDE)
    assert (actions.record.treatment, len(actions.delete)) == ("none", 1)


def test_mail_of_an_ignored_host_stays_as_it_is(site: Make) -> None:
    text = f'[origin]\nignored_hosts = ["{OUTSIDE}"]\n' + ID
    assert site(text).actions(with_field(OURS), client=OUTSIDE).delete == ()


ACTION = ID + "[actions]\n"


@pytest.mark.parametrize(
    ("octets", "option", "code", "enhanced"),
    [
        pytest.param(message(), "no_signature", 550, "5.7.20", id="no-signature"),
        pytest.param(tamper(signed()), "bad_signature", 550, "5.7.20", id="bad-signature"),
        pytest.param(tamper(signed(), "subject"), "bad_signature", 550, "5.7.20", id="bad-header"),
        pytest.param(signed("nokey"), "key_not_found", 550, "5.7.20", id="no-key"),
        pytest.param(signed("gone"), "key_not_found", 550, "5.7.20", id="revoked-key"),
        pytest.param(
            with_field(b"DKIM-Signature: junk"), "syntax", 550, "5.7.20", id="unreadable"
        ),
        pytest.param(
            signed(lifetime=1), "policy", 550, "5.7.21", id="expired"
        ),
        pytest.param(message(Subject=["a", "b"]), "malformed", 550, "5.6.0", id="malformed"),
    ],
)  # fmt: skip
def test_a_class_of_results_can_be_refused(
    site: Make, octets: bytes, option: str, code: int, enhanced: str
) -> None:
    text = f'{ACTION}{option} = "reject"\n[verifying]\nclock_skew = 0\n'
    plan = site(text)
    actions = plan.actions(octets, client=OUTSIDE, now=NOW + 100)
    assert actions.disposition is FlowDisposition.REJECT
    assert actions.reply is not None
    assert (actions.reply.code, actions.reply.enhanced) == (code, enhanced)
    assert not modifies(actions)
    assert actions.record.class_ == option


@pytest.mark.parametrize("octets", [
    pytest.param(message(), id="unsigned"),
    pytest.param(tamper(signed()), id="changed"),
    pytest.param(signed("nokey"), id="no-key"),
    pytest.param(with_field(b"DKIM-Signature: junk"), id="unreadable"),
    pytest.param(message(Subject=["a", "b"]), id="malformed"),
])  # fmt: skip
def test_everything_is_accepted_by_default(site: Make, octets: bytes) -> None:
    actions = site(ID).actions(octets, client=OUTSIDE)
    assert (actions.disposition, actions.reply) == (FlowDisposition.ACCEPT, None)


def test_a_passing_signature_makes_up_for_a_broken_one(site: Make) -> None:
    octets = with_field(b"DKIM-Signature: junk", signed())
    actions = site(ACTION + 'syntax = "reject"\n').actions(octets, client=OUTSIDE)
    assert actions.disposition is FlowDisposition.ACCEPT


FAILING = Zone({"ed._domainkey.example.com": Answer.failed(Failure.TIMEOUT)})


@pytest.mark.parametrize(
    ("action", "disposition", "code"),
    [
        pytest.param("accept", FlowDisposition.ACCEPT, None, id="accept"),
        pytest.param("tempfail", FlowDisposition.TEMPFAIL, (451, "4.7.5"), id="tempfail"),
        pytest.param("reject", FlowDisposition.REJECT, (550, "5.7.5"), id="reject"),
    ],
)
def test_trouble_with_dns_is_an_error_for_now(
    site: Make, action: str, disposition: FlowDisposition, code: tuple[int, str] | None
) -> None:
    actions = site(f'{ACTION}dns_error = "{action}"\n').actions(
        signed(), client=OUTSIDE, zone=FAILING
    )
    assert actions.disposition is disposition
    assert (None if actions.reply is None else actions.reply[:2]) == code
    if disposition is FlowDisposition.ACCEPT:
        assert results(actions) == ["dkim=temperror"]


def test_answers_that_never_came_are_an_error_for_now(site: Make) -> None:
    outcome = site(ID).outcome(signed(), zone=None, client=OUTSIDE)
    assert results(decide(outcome)) == ["dkim=temperror"]


@pytest.mark.parametrize("option", [
    "bad_signature", "no_signature", "policy", "key_not_found", "syntax",
])  # fmt: skip
def test_a_key_in_test_mode_never_does_harm(site: Make, option: str) -> None:
    text = f'{ACTION}{option} = "reject"\n'
    actions = site(text).actions(tamper(signed("test")), client=OUTSIDE)
    assert actions.disposition is FlowDisposition.ACCEPT
    [result] = authres.parse(actions.insert[0].value).results
    assert "test mode" in (result.comment or "")


@pytest.mark.parametrize(
    ("action", "disposition", "quarantine", "tag"),
    [
        pytest.param("quarantine", FlowDisposition.ACCEPT, True, False, id="quarantine"),
        pytest.param("tag", FlowDisposition.ACCEPT, False, True, id="tag"),
        pytest.param("discard", FlowDisposition.DISCARD, False, False, id="discard"),
    ],
)
def test_gentler_actions(
    site: Make, action: str, disposition: FlowDisposition, quarantine: bool, tag: bool
) -> None:
    text = f'{ACTION}bad_signature = "{action}"\n'
    actions = site(text).actions(tamper(signed()), client=OUTSIDE)
    assert actions.disposition is disposition
    assert (actions.quarantine is not None) is quarantine
    assert any(f.raw == b"X-DKIM-Verdict: bad_signature" for f in actions.insert) is tag


def test_a_tag_that_came_along_is_removed(site: Make) -> None:
    text = ACTION + 'bad_signature = "tag"\n'
    octets = with_field(b"x-dkim-verdict: fine", signed())
    actions = site(text).actions(octets, client=OUTSIDE)
    assert [(d.name, d.instance) for d in actions.delete] == [(b"x-dkim-verdict", 1)]


def test_failures_can_be_sent_elsewhere(site: Make) -> None:
    text = ACTION + 'redirect_failures_to = "abuse@example.net"\n'
    made = site(text)
    assert made.actions(tamper(signed()), client=OUTSIDE).redirect == b"abuse@example.net"
    assert made.actions(signed(), client=OUTSIDE).redirect is None
    assert made.actions(message(), client=OUTSIDE).redirect is None


def test_a_failure_for_more_recipients_than_are_kept_is_held(site: Make) -> None:
    text = ACTION + 'redirect_failures_to = "abuse@example.net"\n'
    actions = site(text).actions(tamper(signed()), client=OUTSIDE, more_recipients=True)
    assert actions.redirect is None
    assert actions.quarantine == "DKIM: not redirected: it has more recipients than are looked at"


def test_a_dry_run_changes_nothing_and_says_what_it_would_do(site: Make) -> None:
    text = "dry_run = true\n" + ACTION + 'bad_signature = "reject"\n'
    actions = site(text).actions(tamper(signed()), client=OUTSIDE)
    assert (actions.disposition, modifies(actions)) == (FlowDisposition.ACCEPT, False)
    assert actions.withheld is not None
    assert actions.withheld.disposition is FlowDisposition.REJECT
    assert actions.record.dry_run
    assert actions.record.action == "reject"


def test_a_reply_holds_nothing_but_printable_ascii(site: Make) -> None:
    octets = with_field(b"DKIM-Signature: v=1; d=ex\xc3\xa4mple\x07.com; b=x")
    actions = site(ACTION + 'syntax = "reject"\n').actions(octets, client=OUTSIDE)
    assert actions.reply is not None
    assert all(" " <= c <= "~" for c in actions.reply.text)
    assert len(actions.reply.text) <= 300


VERIFYING = ACTION + 'unsigned_author = "reject"\nno_signature = "reject"\n[verifying]\n'


@pytest.mark.parametrize(
    ("options", "octets", "class_"),
    [
        pytest.param(
            'must_be_signed = ["example.com"]\n', signed(), None, id="signed-by-the-author"
        ),
        pytest.param(
            'must_be_signed = ["example.com"]\n', message(), "unsigned_author", id="unsigned"
        ),
        pytest.param(
            'must_be_signed = ["example.com"]\n', signed(domain="example.org"), "unsigned_author",
            id="signed-by-another",
        ),
        pytest.param(
            'must_be_signed = ["example.com"]\n', message(From="a@example.net"), "no_signature",
            id="another-author",
        ),
        pytest.param('must_be_signed = ["*"]\n', signed(), None, id="anybody-by-the-author"),
        pytest.param(
            'must_be_signed = ["*"]\n', message().replace(b"From:", b"Other:", 1),
            "unsigned_author", id="nobody-signed-for",
        ),
        pytest.param(
            'trusted_signers = ["good.example"]\n', signed(domain="example.org"), "no_signature",
            id="untrusted-third-party",
        ),
        pytest.param(
            'trusted_signers = ["example.org"]\n', signed(domain="example.org"), None,
            id="trusted-third-party",
        ),
        pytest.param('trusted_signers = ["good.example"]\n', signed(), None, id="the-author"),
        pytest.param('unprotected_key = "fail"\n', signed(), "policy", id="key-without-dnssec"),
        pytest.param(
            "min_signed_percent = 50\n", signed(body_length=True) + b"x" * 100, "policy",
            id="half-the-body-is-not-signed",
        ),
        pytest.param(
            "min_signed_percent = 50\n", signed(body_length=True) + b"x" * 10, None,
            id="half-the-body-is-signed",
        ),
        pytest.param(
            "min_signed_octets = 30\n", signed(body_length=True) + b"x" * 10, "policy",
            id="too-few-octets",
        ),
        pytest.param(
            "max_unsigned_octets = 5\n", signed(body_length=True) + b"x" * 10, "policy",
            id="too-much-behind",
        ),
        pytest.param(
            "max_unsigned_octets = 50\n", signed(body_length=True) + b"x" * 10, None,
            id="a-little-behind",
        ),
        pytest.param(
            'unacceptable_domains = ["example.com"]\n', signed(), "policy", id="refused-domain"
        ),
        pytest.param('required_fields = ["X-A"]\n', signed(octets=message(X_A="1")), "policy",
                     id="a-field-that-must-be-signed"),
        pytest.param("min_key_bits = 4096\n", signed("rsa"), "policy", id="short-key"),
        pytest.param("max_signatures = 1\n", signed(octets=tamper(signed("rsa"), "to")),
                     "policy", id="too-many-signatures"),
    ],
)  # fmt: skip
def test_a_site_has_its_own_rules(
    site: Make, options: str, octets: bytes, class_: str | None
) -> None:
    made = site(VERIFYING + options)
    record = made.actions(octets, client=OUTSIDE).record
    if (
        "max_signatures" in options
    ):  # the author's own signatures come first; the second is over the cap
        assert record.checked[-1].reason == "too-many-signatures"
    else:
        assert record.class_ == class_


def test_a_record_keeps_the_exact_reason(site: Make) -> None:
    record = site(ID).actions(tamper(signed()), client=OUTSIDE).record
    [checked] = record.checked
    assert (checked.domain, checked.result, checked.reason) == (
        "example.com", "fail", "body-hash",
    )  # fmt: skip
    assert ("dkim1", "fail body-hash d=example.com s=ed a=ed25519-sha256") in record.items()


def test_a_stranger_cannot_put_controls_into_the_log(site: Make) -> None:
    octets = message(Message_ID="<a\x1b[31m\r\n b\x00@c>")
    record = site(ID).actions(octets, client=OUTSIDE).record
    assert all(c.isprintable() for value in dict(record.items()).values() for c in str(value))


def test_every_reason_of_a_verification_has_a_class() -> None:
    assert set(CLASS_OF) == set(Reason)


def test_a_quarantine_says_why_once(site: Make) -> None:
    actions = site(ACTION + 'no_signature = "quarantine"\n').actions(message(), client=OUTSIDE)
    assert actions.quarantine == "DKIM: there is no DKIM signature"


def test_the_trace_ends_with_the_action(site: Make) -> None:
    trace = site(ACTION + 'no_signature = "reject"\n').actions(message(), client=OUTSIDE).trace
    decided = trace.decision(Topic.ACTION)
    assert decided is not None
    assert str(decided) == "reject: there is no DKIM signature, avowal.toml line 4"


@pytest.mark.parametrize(
    ("action", "disposition"),
    [
        pytest.param("accept", FlowDisposition.ACCEPT, id="accept"),
        pytest.param("tempfail", FlowDisposition.TEMPFAIL, id="tempfail"),
        pytest.param("reject", FlowDisposition.REJECT, id="reject"),
    ],
)
def test_a_face_that_fails_answers_as_configured(
    site: Make, action: str, disposition: FlowDisposition
) -> None:
    made = site(f'{ACTION}internal_error = "{action}"\n')
    actions = failure(made.plan, made.transaction(queue_id="4X"), "deadline")
    assert (actions.disposition, modifies(actions)) == (disposition, False)
    assert (actions.record.fault, actions.record.queue_id) == ("deadline", "4X")


# -- room for more sealers -------------------------------------------------------------------


class Cap:
    """A sealer that adds a field saying what is reported."""

    def begin(self, context: Any, hasher: Any, /) -> Cap:
        return self

    def seal(self, closing: Any, /) -> Any:
        yield ()
        text = ",".join(f"{r.method}={r.result}" for r in closing.results.results)
        return Sealed((Field.of(f"X-Cap: {text}".encode()),))


def test_sealers_plug_in(site: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sealers = (*inspection.SEALERS, inspection.FlowSealer(lambda _: True, Cap().begin))
    monkeypatch.setattr(inspection, "SEALERS", sealers)
    actions = site(ACTION).actions(tamper(signed()), client=OUTSIDE)
    assert [f.raw for f in actions.insert[1:]] == [b"X-Cap: dkim=fail"]


@pytest.mark.parametrize(
    ("options", "read"),
    [
        pytest.param("", False, id="by default"),
        pytest.param("accept_drafts = true\n", True, id="accept_drafts"),
        pytest.param('profile = "archive"\n', True, id="archive"),
        pytest.param(
            'profile = "archive"\naccept_drafts = false\n', False, id="archive-without-drafts"
        ),
    ],
)
def test_domain_keys_are_verified_where_drafts_are_accepted(
    site: Make, options: str, read: bool
) -> None:
    octets = with_field(
        b"DomainKey-Signature: a=rsa-sha1; q=dns; c=simple; s=ed; d=example.com; b=YQ=="
    )
    judgements = site(f"[verifying]\n{options}").outcome(octets, client="192.0.2.1").judgements
    fields = [one.verification.field.name for one in judgements]
    assert (b"domainkey-signature" in fields) is read


REMOVING = ID + "[verifying]\nremove_signatures = true\n"


@pytest.mark.parametrize(
    ("octets", "gone"),
    [
        pytest.param(signed(), [1], id="one that passes"),
        pytest.param(signed(octets=tamper(signed("rsa"))), [1, 2], id="all of them"),
        pytest.param(tamper(signed()), [], id="none where none passes"),
    ],
)
def test_signatures_can_be_taken_out_once_one_passes(
    site: Make, octets: bytes, gone: list[int]
) -> None:
    actions = site(REMOVING).actions(octets, client=OUTSIDE)
    assert [one.instance for one in actions.delete] == gone
