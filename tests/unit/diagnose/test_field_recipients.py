"""What To and Cc may have been, and what is said of the list that changed them."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose.budget import Budget
from avowal.diagnose.explain import Explainer
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.field_recipients import steps_between
from avowal.diagnose.field_subject import subjects
from avowal.diagnose.surroundings import Surroundings
from avowal.message import Message
from avowal.testing import RSA_1024, message, record_for

ZONE = {"s1._domainkey.example.com": record_for(RSA_1024)}
ALICE = "Alice <alice@example.com>"  # who writes the messages
MAILMAN_2 = b"\r\nX-Mailman-Version: 2.1.29\r\n\r\n"


def sent(signed: str, came: str, text: str = "Hello\r\n", subject: str = "Lunch") -> Message:
    """A message that a list changed the Cc of."""
    octets = message(text, cc=signed, subject=subject)
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024)
    changed = octets.replace(f"Cc: {signed}\r\n".encode(), f"Cc: {came}\r\n".encode() * bool(came))
    return Message.parse(field + changed.replace(b"\r\n\r\n", MAILMAN_2, 1))


def explained(explainer: Explainer, came: Message) -> Explanation:
    return explainer.explain(came, avowal.verify(came.octets, ZONE, line_ends="wire"))[0]


def test_a_list_that_takes_the_author_out_of_cc_is_known_for_it_afterwards() -> None:
    explainer = Explainer()
    dave, erin = "Dave <dave@example.net>", "Erin <erin@example.net>"
    first = sent(f"{ALICE}, {dave}, {erin}", f"{dave}, {erin}", f"{ALICE} wrote:\r\n> Hello\r\n")
    assert explained(explainer, first).header_steps == ("cc-removed",)
    assert explained(explainer, sent(ALICE, "")).header_steps == ("cc-removed",)


@pytest.mark.parametrize(
    ("signed", "came", "steps"),
    [
        pytest.param(b"a@x, b@x", b"a@x", ["cc-removed"], id="one was taken out"),
        pytest.param(b"a@x", None, ["cc-removed"], id="all were taken out"),
        pytest.param(b"a@x, b@x", b"b@x, a@x", ["cc-order"], id="another order"),
        pytest.param(b"a@x, b@x, c@x", b"c@x, a@x", ["cc-removed", "cc-order"], id="both at once"),
        pytest.param(b"A <a@x>", b"a@x", [], id="neither"),
    ],
)
def test_what_was_done_to_addresses_is_named(
    signed: bytes, came: bytes | None, steps: list[str]
) -> None:
    after = None if came is None else b"Cc: " + came
    assert list(steps_between(b"Cc: " + signed, after)) == steps


def test_where_a_list_has_no_tag_what_stands_in_brackets_is_the_authors() -> None:
    values = list(subjects(b"Subject: [PATCH] x", None, untagged=True))
    assert min(one.bits for one in values if one.octets == b"[PATCH] x") == 0
    assert min(one.bits for one in values if one.octets != b"[PATCH] x") >= 5


def test_a_tag_that_few_messages_carry_is_none() -> None:
    around = Surroundings()
    for number in range(20):
        around.take(sent(ALICE, ALICE, subject=f"[PATCH {number}/20] x").header)
    assert around.untagged
    assert not Surroundings().untagged


def test_names_that_a_server_took_away_are_put_back_as_other_messages_spell_them() -> None:
    explainer = Explainer()
    to = "Bob Builder <bob@example.org>, Carol C <carol@example.net>"
    explainer.around.take(Message.parse(message(to=to)).header)
    octets = message("Hello\r\n", to=to)
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_1024)
    came = (field + octets).replace(to.encode(), b"bob@example.org, carol@example.net")
    assert explained(explainer, Message.parse(came)).header_steps == ("respelled",)


def test_fewer_orders_are_tried_where_the_body_is_not_found() -> None:
    budget = Budget()
    budget.open_body(is_open=False)
    assert budget.effort.orders == 400_000
    budget.open_body(is_open=True)
    assert budget.effort.orders == 50_000
