"""The arguments of `sign`, `asign` and `seal`: named, typed, the same everywhere."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal import Intent
from avowal.dkim.intent_options import IntentOptions
from avowal.dkim.relays import RELAYS
from avowal.errors import IntentError, UsageError
from avowal.testing import ED25519, message, record_for

ZONE = {"s._domainkey.example.com": record_for(ED25519)}
SIGNING: dict[str, Any] = {"domain": "example.com", "selector": "s", "key": ED25519}


def test_the_options_are_those_of_an_intent() -> None:
    own = {"domain", "selector", "key"}
    declared = {
        field.name: field.type for field in fields(Intent) if field.init and field.name not in own
    }
    given = {name: kind.__forward_arg__ for name, kind in IntentOptions.__annotations__.items()}
    assert given == declared


@pytest.mark.parametrize(
    ("sync", "twin"), [(avowal.sign, avowal.asign), (avowal.seal, avowal.aseal)]
)
def test_a_call_and_its_twin_take_the_same(sync: Any, twin: Any) -> None:
    assert list(inspect.signature(sync).parameters) == list(inspect.signature(twin).parameters)


async def test_the_twin_takes_the_simple_arguments() -> None:
    at: dict[str, Any] = {"now": 1_700_000_000, "lifetime": 60, "leave_out": ["Cc"], **SIGNING}
    assert await avowal.asign(message(), **at) == avowal.sign(message(), **at)


async def test_the_twin_takes_a_key_that_answers_later() -> None:
    class Remote:
        algorithm = ED25519.algorithm

        async def asign(self, digest: bytes) -> bytes:
            return ED25519.sign(digest)

    field = await avowal.asign(message(), domain="example.com", selector="s", key=Remote())
    assert avowal.verify(field + message(), ZONE)[0].passed


def test_an_option_that_there_is_not_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="lifespan"):
        avowal.sign(message(), lifespan=60, **SIGNING)  # type: ignore[call-arg]


def signed_names(field: bytes) -> set[bytes]:
    (verdict,) = avowal.verify(field + message(), ZONE)
    assert verdict.passed
    assert verdict.signature is not None
    return set(verdict.signature.signed_names)


def test_fields_can_be_left_out_by_name_in_any_case() -> None:
    for given in (["Message-ID", b"DATE"], iter(["message-id", "date"])):
        assert not {b"message-id", b"date"} & signed_names(
            avowal.sign(message(), leave_out=given, **SIGNING)
        )


def test_fields_are_left_out_of_every_intent() -> None:
    twice = [Intent(**SIGNING), Intent(**SIGNING)]
    fields = avowal.sign(message(), *twice, leave_out=iter(["subject"]))
    verdicts = avowal.verify(fields + message(), ZONE)
    assert [b"subject" in v.signature.signed_names for v in verdicts if v.signature] == [False] * 2


@pytest.mark.parametrize("given", ["date", b"date", 7])
def test_a_lone_name_is_refused(given: Any) -> None:
    with pytest.raises(UsageError, match="names"):
        avowal.sign(message(), leave_out=given, **SIGNING)


def test_from_cannot_be_left_out() -> None:
    with pytest.raises(IntentError, match="From must be signed"):
        avowal.sign(message(), leave_out=["From"], **SIGNING)


@pytest.mark.parametrize("name", RELAYS)
def test_what_a_relay_rewrites_is_not_signed(name: str) -> None:
    assert not RELAYS[name].rewrites & signed_names(avowal.sign(message(), relay=name, **SIGNING))


def test_a_relay_that_takes_one_signature_gets_one() -> None:
    twice = avowal.sign(message(), **SIGNING) + message()
    with pytest.raises(IntentError, match="1 to be made beside the 1 that it has"):
        avowal.sign(twice, relay="ses", **SIGNING)


@pytest.mark.parametrize("name", ["", "SES", "gmail", 7])
def test_an_unknown_relay_is_a_usage_error(name: Any) -> None:
    with pytest.raises(UsageError, match="relay"):
        avowal.sign(message(), relay=name, **SIGNING)


TYPED = {
    "avowal.sign(b'', domain='d', selector='s', key=b'', lifetime=60, copy_fields=True)": True,
    "avowal.sign(EmailMessage(), domain='d', selector='s', key='k.pem')": True,
    "avowal.sign(b'', domain='d', selector='s', key=b'', lifespan=60)": False,
    "avowal.sign(b'', domain='d', selector='s', key=b'', lifetime='60')": False,
    "avowal.sign('text', domain='d', selector='s', key=b'')": False,
    "avowal.verify(EmailMessage())": False,
}


def test_a_type_checker_knows_the_options(tmp_path: Path) -> None:
    lines = ["from email.message import EmailMessage", "import avowal", *TYPED]
    (tmp_path / "calls.py").write_text("\n".join(lines) + "\n")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "calls.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"MYPYPATH": str(Path(avowal.__file__).parents[1]), "MYPY_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    wrong = {line.split(":")[1] for line in ran.stdout.splitlines() if line.startswith("calls.py:")}
    assert wrong == {str(at) for at, good in enumerate(TYPED.values(), 3) if not good}
