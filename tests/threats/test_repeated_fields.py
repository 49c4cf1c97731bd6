"""A field that may stand once, put in a second time under a signature that does not see it."""

from __future__ import annotations

import pytest
from tests.crafting import ZONE, craft

from avowal import Reason, Rules, verify
from avowal.dkim.rules import ONCE
from avowal.testing import message

NAMES = sorted(name.decode() for name in ONCE)
SILENT = Rules(sole_fields=frozenset(), once_fields=frozenset())


def judged(name: str, first: str, second: str, rules: Rules | None = None) -> Reason | None:
    """Sign a message whose last field of a name reads `second`, put in one that reads `first`."""
    octets = message()
    head, _, body = octets.partition(b"\r\n\r\n")
    fields = [f for f in head.split(b"\r\n") if not f.lower().startswith(f"{name}:".encode())]
    kept = b"\r\n".join([*fields, f"{name}: {second}".encode()]) + b"\r\n\r\n" + body
    signed = craft(f"{name}: {first}\r\n".encode() + kept, signed=kept)
    (verdict,) = verify(signed, ZONE, now=None, rules=rules or Rules())
    return verdict.reason


@pytest.mark.parametrize("name", NAMES)
def test_a_second_value_does_not_pass(name: str) -> None:
    assert judged(name, "m@evil.example", "a@example.com") in {
        Reason.ADDED_FIELD, Reason.REPEATED_FIELD, Reason.SIGNATURE,
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_of_a_gateway_is_let_be(name: str) -> None:
    assert judged(name, " a@example.com  (c)", "a@example.com (c) ") is None


def test_rules_of_others_let_them_be() -> None:
    assert judged("cc", "m@evil.example", "a@example.com", SILENT) is None
