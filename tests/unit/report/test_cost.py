"""What p=reject would have cost: exact, from the events of a day."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from avowal.report.cost import Cost, cost_of_reject
from avowal.report.event import EventKey, EventPolicy, EventReason, EventSender, EventSignature

KEY = EventKey(
    source="192.0.2.1",
    author="a.example",
    action="accept",
    policy=EventPolicy("a.example", p="none"),
    dmarc="fail",
    disposition="none",
)
CHAIN = EventReason("local_policy", "arc=pass as[1].d=list.example")
MILD = EventReason("local_policy", "reject was asked")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        pytest.param({"dmarc": "pass"}, "passed", id="a-pass"),
        pytest.param({}, "refused", id="a-failure-that-came-through"),
        pytest.param({"disposition": "quarantine"}, "refused", id="one-that-was-held"),
        pytest.param({"reasons": (MILD,)}, "refused", id="one-we-let-through"),
        pytest.param({"disposition": "reject"}, "already", id="one-that-was-refused"),
        pytest.param({"reasons": (CHAIN,)}, "saved", id="a-trusted-chain"),
        pytest.param({"dmarc": "temperror"}, "unknown", id="no-answer"),
    ],
)
def test_each_message_is_counted_by_what_would_have_become_of_it(
    changes: dict[str, Any], what: str
) -> None:
    cost = cost_of_reject([(msgspec.structs.replace(KEY, **changes), 5)])
    assert getattr(cost, what) == cost.messages == 5


def test_what_passes_for_another_domain_is_told_apart() -> None:
    forwarded = msgspec.structs.replace(
        KEY,
        dkim=(
            EventSignature("list.example", "s", "pass"),
            EventSignature("a.example", "s", "fail"),
        ),
        spf=EventSender("list.example", "mfrom", "pass"),
    )
    cost = cost_of_reject([(forwarded, 2), (KEY, 3)])
    assert (cost.refused, cost.forwarded) == (5, 2)
    assert cost.sources == {("192.0.2.1", "list.example"): 2, ("192.0.2.1", ""): 3}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"policy": None}, id="without-a-policy"),
        pytest.param({"action": "tempfail"}, id="put-off"),
    ],
)
def test_what_dmarc_has_no_say_in_costs_nothing(changes: dict[str, Any]) -> None:
    assert cost_of_reject([(msgspec.structs.replace(KEY, **changes), 5)]) == Cost()
