"""What to do about a failed signature comes from one table, for each reason there is something."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose.causes import Party, advice
from avowal.diagnose.explain import explain
from avowal.dkim.reasons import Reason
from avowal.message import Message
from avowal.testing import RSA_1024, RSA_2048, message, record_for

NAME = "s1._domainkey.example.com"
RECORD = record_for(RSA_2048)


def told(zone: dict[str, str], octets: bytes | None = None) -> tuple[Reason | None, set[str]]:
    if octets is None:
        octets = message()
        field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048)
        octets = field + octets
    (verdict,) = avowal.verify(octets, zone)
    (one,) = explain(Message.parse(octets), (verdict,))
    items = advice(one)
    assert items[-1].party is Party.RECEIVER
    return verdict.reason, {item.text for item in items if item.party is Party.AUTHOR}


@pytest.mark.parametrize(
    ("zone", "reason", "says"),
    [
        pytest.param({}, Reason.NO_KEY, "publish the key", id="the key is absent"),
        pytest.param({NAME: "v=DKIM1; p="}, Reason.KEY_REVOKED, "in use", id="it is revoked"),
        pytest.param(
            {NAME: RECORD.replace("MII", "M#I")}, Reason.KEY_SYNTAX, "publish the record anew",
            id="it is damaged",
        ),
        pytest.param(
            {NAME: RECORD.replace("k=rsa", "k=ed25519")}, Reason.KEY_ALGORITHM, "k= does not fit",
            id="it is of another type",
        ),
        pytest.param(
            {NAME: RECORD + "; h=sha1"}, Reason.KEY_HASH, "name sha256", id="of another hash"
        ),
        pytest.param(
            {NAME: record_for(RSA_1024)}, Reason.SIGNATURE, "of another size", id="of another size"
        ),
    ],
)  # fmt: skip
def test_each_cause_has_its_advice(zone: dict[str, str], reason: Reason, says: str) -> None:
    found, texts = told(zone)
    assert found is reason
    assert any(says in text for text in texts)


def test_a_message_that_passes_needs_no_advice() -> None:
    octets = message()
    octets = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets
    (one,) = explain(Message.parse(octets), avowal.verify(octets, {NAME: RECORD}))
    assert advice(one) == ()
