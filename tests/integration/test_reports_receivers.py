"""Three receivers report to two owners, and `avowal reports read` reads all of it.

avowal, rspamd and OpenDMARC judge the same mails behind real Postfix; Knot serves the names.
`bench/reports_city.py` is the same with as many mails as wanted.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from tests.mailloop import until, workplace
from tests.milters import own_dev_possible
from tests.reporting_city import ALL, PROGRAMS, Mail, Row, Verdict, city, kept_rows, told
from tests.reporting_receivers import RECEIVERS, SCHEMA

from avowal.report import aggregate_oddities as oddities

pytestmark = [
    pytest.mark.needs(*PROGRAMS),
    pytest.mark.skipif(not SCHEMA.exists(), reason=f"{SCHEMA} of the package opendmarc is missing"),
    pytest.mark.skipif(not own_dev_possible(), reason="no mount namespace can be made here"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
NAMES = [kind.name for kind in RECEIVERS]
SENT: Mapping[Mail, int] = Counter({mail: 1 + n % 2 for n, mail in enumerate(ALL)})


class Told(NamedTuple):
    """What was sent, decided and read."""

    verdicts: Mapping[str, Counter[Verdict]]
    rows: Mapping[str, Counter[Row]]
    intakes: list[dict[str, Any]]


@pytest.fixture(scope="module")
def heard() -> Iterator[Told]:
    with workplace() as root, city(root, RECEIVERS) as ends:
        verdicts = ends.take(SENT)
        for one in ends.receivers.values():
            one.report()
        wanted = 2 * len(ends.receivers)
        until(lambda: len(list(ends.reports.glob("new/*"))) == wanted, what="every report")
        read = [sys.executable, "-m", "avowal", "reports", "read", "--store", str(root / "r.db")]
        lines = told([*read, "--json", str(ends.reports)], root).splitlines()
        intakes = [json.loads(line) for line in lines]
        yield Told(verdicts, kept_rows(root / "r.db"), intakes[:-1])


@pytest.mark.parametrize("name", NAMES)
def test_reports_count_what_the_receiver_decided(heard: Told, name: str) -> None:
    counted: Counter[Verdict] = Counter()
    for row, messages in heard.rows[f"{name}.example"].items():
        counted[row.verdict] += messages
    assert counted == heard.verdicts[name]
    assert counted.total() == sum(SENT.values())


@pytest.mark.parametrize("name", NAMES)
def test_reports_say_of_each_message_what_was_wrong_with_it(heard: Told, name: str) -> None:
    wanted: Counter[Row] = Counter()
    for mail, number in SENT.items():
        wanted[mail.row] += number
    assert heard.rows[f"{name}.example"] == wanted


def test_what_is_odd_about_their_reports_is_named_and_takes_nothing_away(heard: Told) -> None:
    odd: dict[str, set[str]] = {name: set() for name in NAMES}
    for one in heard.intakes:
        assert (one["result"], one["lost"], one["damaged"]) == ("kept", 0, False)
        odd[one["organization"].removesuffix(".example")].update(
            text.partition(" (")[0] for text in one["problems"]
        )
    assert odd == {
        "avowal": set(),
        "rspamd": {oddities.NO_SELECTOR},
        "opendmarc": {oddities.NO_OVERRIDE, oddities.NO_UTC_DAY},
    }
