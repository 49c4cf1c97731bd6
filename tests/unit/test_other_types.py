"""A value of another type gets a sentence at the front door, never an AttributeError.

One row for each argument of the public calls; each gets one of every kind of wrong value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import avowal
from avowal.testing import ED25519, Zone, message

ZONE = Zone({})
MESSAGE = message()
SIGN: dict[str, Any] = {"domain": "example.com", "selector": "s1", "key": ED25519, "now": 1}
SEAL: dict[str, Any] = {"authserv_id": "x", **SIGN}
SIGNED = avowal.sign(MESSAGE, **SIGN) + MESSAGE
OPTIONS = (
    "identity", "header_canon", "body_canon", "names", "oversigned", "lifetime", "most_octets",
    "other_tags", "layout", "bogus",
)  # fmt: skip
NUMBERS = ("min_rsa_bits", "clock_skew", "max_age", "min_signed_octets")


def with_(call: Callable[..., Any], name: str, **others: Any) -> Callable[[Any], Any]:
    return lambda wrong: call(MESSAGE, **{**others, name: wrong})


ROWS: list[tuple[str, Callable[[Any], Any]]] = [
    ("verify", lambda wrong: avowal.verify(wrong, ZONE)),
    *((f"verify({n}=)", lambda w, n=n: avowal.verify(SIGNED, ZONE, **{n: w}))
      for n in ("now", "rules", "limits")),
    ("verify_chain", lambda wrong: avowal.verify_chain(wrong, ZONE)),
    *((f"verify_chain({n}=)", lambda w, n=n: avowal.verify_chain(SIGNED, ZONE, **{n: w}))
      for n in ("now", "rules", "limits")),
    ("authenticate", lambda wrong: avowal.authenticate(wrong, ZONE)),
    ("verdict", lambda wrong: avowal.verdict(wrong, ZONE)),
    *((f"authenticate({n}=)", lambda w, n=n: avowal.authenticate(SIGNED, ZONE, **{n: w}))
      for n in ("client", "mail_from", "helo", "trusted", "policies", "now", "rules", "limits")),
    *((f"verdict({n}=)", lambda w, n=n: avowal.verdict(SIGNED, ZONE, **{n: w}))
      for n in ("accept_trusted_arc", "accept_spf", "accept_unsigned", "max_age", "recipients")),
    ("sign", lambda wrong: avowal.sign(wrong, **SIGN)),
    ("sign(intent)", lambda wrong: avowal.sign(MESSAGE, wrong)),
    *((f"sign({n}=)", with_(avowal.sign, n, **SIGN))
      for n in (*SIGN, *OPTIONS, "leave_out", "relay")),
    ("wire_octets", avowal.wire_octets),
    *((f"seal({n}=)", with_(avowal.seal, n, **SEAL))
      for n in (*SEAL, "results", "arrived", "rules", "limits")),
    ("load_key", avowal.load_key),
    ("Message.parse", avowal.Message.parse),
    ("Message.from_stored", avowal.Message.from_stored),
    ("Header.parse", avowal.Header.parse),
    ("Field.of", avowal.Field.of),
    *((f"Limits({n}=)", lambda w, n=n: avowal.Limits(**{n: w}))
      for n in ("header_octets", "dns_questions")),
    *((f"Rules({n}=)", lambda w, n=n: avowal.Rules(**{n: w})) for n in NUMBERS),
]  # fmt: skip
WRONG = [None, 5, 1.5, "text", b"octets", object(), [], {}, True]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in ROWS])
def test_another_type_is_a_usage_error(call: Callable[[Any], Any]) -> None:
    refused = 0
    for wrong in WRONG:
        try:
            call(wrong)
        except avowal.UsageError:
            refused += 1
        except OSError:  # a path that is none
            continue
    assert refused >= 3


def test_the_usage_error_stands_at_the_front_door() -> None:
    assert issubclass(avowal.UsageError, avowal.AvowalError)
    assert "UsageError" in avowal.__all__
