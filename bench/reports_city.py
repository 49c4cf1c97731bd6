"""Three receivers report to two owners: counts in their reports are counts of their verdicts.

    python bench/reports_city.py [messages] [--peer PYTHON] [--seed N]

avowal, rspamd and OpenDMARC get the same mails (`tests/reporting_city.py`), report by Postfix, and
`avowal reports read` reads what came.  Whatever differs ends the run with status 1.  `--peer` is a
Python that has parsedmarc: it reads the reports as well, and its counts are compared likewise.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mailloop import until, workplace
from tests.reporting_city import ALL, City, Mail, Row, city, kept_rows, told
from tests.reporting_receivers import RECEIVERS

PEER = """
import json, sys, parsedmarc
for path in sys.argv[1:]:
    parsed = parsedmarc.parse_report_file(path, offline=True, always_use_local_files=True)
    assert parsed["report_type"] == "aggregate", parsed["report_type"]
    report = parsed["report"]
    for record in report["records"]:
        print(json.dumps([
            report["report_metadata"]["org_name"], record["identifiers"]["header_from"],
            record["source"]["ip_address"], record["alignment"]["dkim"],
            record["alignment"]["spf"], record["policy_evaluated"]["disposition"] == "reject",
            record["count"]]))
"""


def main(arguments: list[str]) -> int:
    """Run the city."""
    parser = argparse.ArgumentParser()
    parser.add_argument("messages", type=int, nargs="?", default=300)
    parser.add_argument("--peer")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    sent = Counter(random.Random(given.seed).choices(ALL, k=given.messages))
    with workplace() as root, city(root, RECEIVERS) as ends:
        wrong = run(root, ends, sent, given.peer)
    print("as it should be" if not wrong else f"{wrong} counts differ")
    return bool(wrong)


def run(root: Path, ends: City, sent: Counter[Mail], peer: str | None) -> int:
    """Send, report, read; return how many counts differ."""
    began = time.monotonic()
    verdicts = ends.take(sent)
    print(f"{sent.total():,} mails to each of {len(verdicts)}: {time.monotonic() - began:.0f} s")
    for one in ends.receivers.values():
        one.report()
    wanted = len({mail.domain for mail in sent}) * len(verdicts)
    until(lambda: len(reports(ends)) == wanted, seconds=120, what="every report")
    read = [sys.executable, "-m", "avowal", "reports", "read", "--store", str(root / "r.db")]
    print(told([*read, str(ends.reports)], root).strip())
    kept, wrong = kept_rows(root / "r.db"), 0
    theirs = None if peer is None else peer_rows(peer, ends)
    expected: Counter[Row] = Counter()
    for mail, number in sent.items():
        expected[mail.row] += number
    for name, decided in verdicts.items():
        counted: Counter[object] = Counter()
        for row, number in kept[f"{name}.example"].items():
            counted[row.verdict] += number
        same = [counted == decided, kept[f"{name}.example"] == expected]
        if theirs is not None:
            same.append(theirs[f"{name}.example"] == expected)
        wrong += same.count(False)
        told_of, had = counted.total(), decided.total()
        how = "equal" if all(same) else f"differ {same}"
        print(f"  {name:<10} {told_of:>6,} messages in its reports, {had:>6,} verdicts: {how}")
    return wrong


def reports(ends: City) -> list[Path]:
    """Return the mails with reports that came."""
    return sorted(ends.reports.glob("new/*"))


def peer_rows(python: str, ends: City) -> dict[str, Counter[Row]]:
    """Return what parsedmarc reads in the same mails."""
    paths = map(str, reports(ends))
    said = subprocess.run([python, "-c", PEER, *paths], capture_output=True, text=True, check=True)
    rows: dict[str, Counter[Row]] = {f"{one.name}.example": Counter() for one in RECEIVERS}
    for line in said.stdout.splitlines():
        organization, *facts, count = json.loads(line)
        rows[organization][Row(*facts)] += count
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
