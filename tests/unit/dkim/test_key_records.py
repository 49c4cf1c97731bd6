"""Several key records at one name (RFC 6376 §6.1.2 step 4): each is tried, none costs twice."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tests.crafting import KEY_NAME, SIGNED_AT, ZONE, craft, only

from avowal import Limits, Reason, Rules, Verification, Verifier, run
from avowal.crypto.algorithms import ALGORITHMS, register, unregister
from avowal.dkim.key import SETTLED, weight_of
from avowal.message import Header, Message
from avowal.testing import Zone, message, tamper

GOOD = ZONE[KEY_NAME]
RECORDS = {
    "good": GOOD,
    "testing": GOOD + "; t=y",
    "revoked": "v=DKIM1; k=ed25519; p=",
    "another-key": "v=DKIM1; k=ed25519; p=" + "A" * 43 + "=",
    "foreign-version": "v=spf1 -all",
    "foreign-text": "hello",
    "other-hash": GOOD + "; h=sha1",
}
STRICT = Rules(accept_testing=False)
SIGNED = craft(message())
MESSAGES = {
    "as-signed": SIGNED,
    "body-changed": tamper(SIGNED, "body"),
    "header-changed": tamper(SIGNED, "subject"),
    "content-added": craft(message(), tags={"l": "3"}),
    "l-beyond-the-body": craft(message(), tags={"l": "3000"}),
    "field-added": craft(b"Subject: Pay\r\n" + message(), signed=message()),
    "field-repeated": craft(
        b"Cc: b@example.com\r\n" + message(cc="c@example.org"), signed=message()
    ),
}


@pytest.fixture
def operations() -> Iterator[Counter[str]]:
    """Count public key operations."""
    counted: Counter[str] = Counter()
    known = ALGORITHMS["ed25519-sha256"]

    def verify_counted(*given: Any) -> bool:
        counted["verify"] += 1
        return known.verify(*given)

    unregister(known.name)
    register(dataclasses.replace(known, verify=verify_counted))
    yield counted
    unregister(known.name)
    register(known)


def judged(octets: bytes, records: Iterable[str], **rules: Any) -> Verification:
    return only(octets, {KEY_NAME: list(records)}, rules=STRICT.but(**rules))


@pytest.mark.parametrize("name", MESSAGES)
def test_several_records_say_what_the_best_of_them_says_alone(name: str) -> None:
    """The first that passes, else the first of those that say most, whatever is left untried."""
    octets = MESSAGES[name]
    alone = {record: judged(octets, [record]).reason for record in RECORDS.values()}
    for records in itertools.permutations(RECORDS.values(), 3):
        reasons = [alone[record] for record in records]
        expected = None if None in reasons else max(reasons, key=weight_of)
        assert judged(octets, records).reason is expected


SETTLING = {
    Reason.BODY_HASH: ("body-changed", {}),
    Reason.BODY_LENGTH: ("l-beyond-the-body", {}),
    Reason.UNSIGNED_CONTENT: ("content-added", {}),
    Reason.ADDED_FIELD: ("field-added", {}),
    Reason.REPEATED_FIELD: ("field-repeated", {}),
    Reason.KEY_UNPROTECTED: ("as-signed", {"accept_unprotected_key": False}),
}


def test_every_settled_reason_is_tried() -> None:
    of_rsa_alone = {Reason.HISTORIC_ALGORITHM, Reason.HISTORIC_PROTOCOL}
    assert SETTLING.keys() | of_rsa_alone == SETTLED


@pytest.mark.parametrize("reason", SETTLING)
def test_what_no_key_can_change_ends_the_trials(reason: Reason, operations: Counter[str]) -> None:
    name, rules = SETTLING[reason]
    records = [f"{GOOD}; n={number}" for number in range(4)]
    assert judged(MESSAGES[name], records, **rules).reason is reason
    assert operations["verify"] == 1


class Selecting(Header):
    """A header that counts how often the fields of a signature are taken from it."""

    selected = 0

    def select(self, *given: Any, **options: Any) -> list[int]:
        self.selected += 1
        return super().select(*given, **options)


def test_what_is_signed_is_hashed_once_for_all_records(operations: Counter[str]) -> None:
    whole = Message.parse(tamper(SIGNED, "subject"))
    header = Selecting.of(whole.header)
    assert isinstance(header, Selecting)
    verifier = Verifier(header, now=SIGNED_AT)
    verifier.feed(whole.body)
    records = [f"{GOOD}; n={number}" for number in range(4)]
    (verdict,) = verifier.finish(run(verifier.keys(), Zone({KEY_NAME: records})))
    assert verdict.reason is Reason.SIGNATURE
    assert (operations["verify"], header.selected) == (4, 1)


def test_where_no_record_may_be_tried_there_is_no_key() -> None:
    verdict = only(SIGNED, {KEY_NAME: GOOD}, limits=Limits(key_records=0))
    assert verdict.reason is Reason.NO_KEY
