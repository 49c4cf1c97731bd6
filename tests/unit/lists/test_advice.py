"""lists.advice: the decision for one message, row by row, and what goes with it."""

from __future__ import annotations

from typing import Any

import pytest

import avowal
from avowal.lists.advice import Act, AuthorPolicy, Habits, advise, breaks
from avowal.lists.findings import ListFindingKind
from avowal.message import Message
from avowal.names import DomainName
from avowal.testing import RSA_2048, Zone, message, record_for

MESSAGE = message()
ZONE = Zone({"s._domainkey.example.com": record_for(RSA_2048)})
DOMAIN = DomainName.parse(b"example.com")
TAGGING = Habits(subject_tag=True, footer=True)


def acts(
    habits: Habits,
    *policies: AuthorPolicy,
    signed: bool = True,
    octets: bytes = MESSAGE,
    **options: Any,
) -> list[Act]:
    field = b""
    if signed:
        field = avowal.sign(octets, domain="example.com", selector="s", key=RSA_2048, **options)
    verdicts = avowal.verify(field + octets, ZONE)
    header = Message.parse(field + octets).header
    return [advice.act for advice in advise(header, verdicts, habits, policies)]


def policy(**values: Any) -> AuthorPolicy:
    return AuthorPolicy(domain=DOMAIN, **{"authenticated": True, **values})


@pytest.mark.parametrize(
    ("habits", "policies", "signed", "expected"),
    [
        pytest.param(Habits(), (), True, Act.PASS, id="a list that changes nothing"),
        pytest.param(TAGGING, (), True, Act.MODIFY, id="changes, and nobody minds"),
        pytest.param(TAGGING, (policy(dmarc="none"),), True, Act.MODIFY, id="p=none"),
        pytest.param(TAGGING, (policy(dmarc="reject"),), True, Act.KEEP_BODY, id="p=reject"),
        pytest.param(Habits(), (policy(dmarc="reject"),), True, Act.PASS, id="p=reject, intact"),
        pytest.param(
            Habits(footer=True, can_leave_unchanged=False),
            (policy(dmarc="quarantine"),),
            True,
            Act.REWRITE_FROM,
            id="p=quarantine and a footer that has to stay",
        ),
        pytest.param(
            Habits(footer=True, can_leave_unchanged=False, can_rewrite_from=False),
            (policy(dmarc="reject"),),
            True,
            Act.REFUSE,
            id="p=reject and no way out",
        ),
        pytest.param(
            TAGGING, (policy(adsp="discardable"),), True, Act.REFUSE, id="discardable and broken"
        ),
        pytest.param(
            Habits(), (policy(adsp="discardable"),), True, Act.PASS, id="discardable and intact"
        ),
        pytest.param(
            Habits(),
            (policy(dmarc="reject", authenticated=False),),
            False,
            Act.REFUSE,
            id="p=reject and nothing valid",
        ),
        pytest.param(
            Habits(),
            (policy(dmarc="quarantine", authenticated=False),),
            False,
            Act.HOLD,
            id="p=quarantine and nothing valid",
        ),
        pytest.param(
            Habits(holds_unauthenticated=True),
            (policy(authenticated=False),),
            False,
            Act.HOLD,
            id="a list that wants to know its authors",
        ),
        pytest.param(TAGGING, (), False, Act.PASS, id="unsigned: nothing to break"),
    ],
)
def test_the_decision(
    habits: Habits, policies: tuple[AuthorPolicy, ...], signed: bool, expected: Act
) -> None:
    assert acts(habits, *policies, signed=signed)[0] is expected


def test_a_footer_behind_l_is_no_way_around_a_strict_policy() -> None:
    """RFC 6376 §8.2: our own rules refuse unsigned content; what we advise may not rest on it."""
    found = acts(Habits(footer=True), policy(dmarc="reject"), body_length=True)
    assert found[0] is Act.KEEP_BODY


def test_a_message_without_a_clear_author_is_refused() -> None:
    twice = b"From: b@other.example\r\n" + MESSAGE
    assert acts(Habits(), signed=False, octets=twice) == [Act.REFUSE]


def test_a_list_that_modifies_records_removes_and_signs() -> None:
    """RFC 6377 §5.7."""
    assert acts(TAGGING) == [Act.MODIFY, Act.RECORD, Act.REMOVE, Act.SIGN]


def test_the_reason_names_the_domain_the_policy_and_what_breaks() -> None:
    signed = avowal.sign(MESSAGE, domain="example.com", selector="s", key=RSA_2048) + MESSAGE
    header = Message.parse(signed).header
    first = advise(header, avowal.verify(signed, ZONE), TAGGING, [policy(dmarc="reject")])[0]
    assert first.why == "example.com publishes p=reject, and Subject is signed"


@pytest.mark.parametrize(
    ("habits", "options", "why"),
    [
        pytest.param(Habits(subject_tag=True), {}, "Subject is signed", id="subject"),
        pytest.param(
            Habits(fields=frozenset((b"reply-to",))), {}, "Reply-To is signed", id="oversigned"
        ),
        pytest.param(Habits(footer=True), {}, "the whole body is signed", id="footer"),
        pytest.param(Habits(footer=True), {"body_length": True}, None, id="footer behind l="),
        pytest.param(
            Habits(fields=frozenset((b"list-id",))), {}, None, id="a field that is not signed"
        ),
    ],
)
def test_what_breaks_a_signature(habits: Habits, options: dict[str, Any], why: str | None) -> None:
    field = avowal.sign(MESSAGE, domain="example.com", selector="s", key=RSA_2048, **options)
    (verdict,) = avowal.verify(
        field + MESSAGE, Zone({"s._domainkey.example.com": record_for(RSA_2048)})
    )
    assert verdict.signature is not None
    assert breaks(habits, verdict.signature) == why


def test_habits_are_read_off_what_was_seen() -> None:
    habits = Habits.observed(
        [ListFindingKind.SUBJECT_TAG, ListFindingKind.FOOTER, ListFindingKind.MIME_WRAPPED],
        [b"reply-to"],
    )
    assert habits.touched == {
        b"subject", b"reply-to", b"content-type", b"content-transfer-encoding",
    }  # fmt: skip
