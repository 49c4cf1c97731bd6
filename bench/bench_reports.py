"""Reports: how many records a second are read and written, and what a bomb costs.

    python bench/bench_reports.py [records] [--peer PYTHON]

One report of RFC 9990 with two signatures and an SPF result a record, gzip, is read and written;
so is one in which every record has an attribute, so that the XML parser reads all of them.
`--peer` is the interpreter of an environment in which parsedmarc is installed: it reads the same
file, offline, in the same run.  Times are of the process, not of the wall: medians of three.
"""

from __future__ import annotations

import gzip
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.aggregates import RECORD, with_records
from tests.bombs import gzip_bomb

from avowal.calls.report_intake import ReportIntake
from avowal.calls.report_sources import ReportSource
from avowal.report.aggregate import AggregateReport, DkimAuthResult, Result
from avowal.report.aggregate_reader import AggregateReader
from avowal.report.aggregate_xml import write_aggregate, write_compressed
from avowal.report.arf import ReportFault
from avowal.report.containers import expanded
from avowal.stores.received_sqlite import SqliteReceived

RECORDS, ROUNDS = 50_000, 3
PEER = """
import sys, time, parsedmarc
began = time.process_time()
found = parsedmarc.parse_report_file(sys.argv[1], offline=True, always_use_local_files=True)
print(time.process_time() - began, len(found["report"]["records"]), parsedmarc.__version__)
"""


def report(records: int) -> AggregateReport:
    """A report of alike records, as large senders get them."""
    return with_records(
        *(
            replace(
                RECORD,
                source_ip=f"192.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}",
                count=n % 97 + 1,
                envelope_from=f"bounce{n % 40}.example.net",
                dkim_results=(
                    DkimAuthResult(domain="example.org", selector=f"s{n % 5}", result=Result.PASS),
                    DkimAuthResult(domain="esp.example", selector="k1", result=Result.PASS),
                ),
            )
            for n in range(records)
        )
    )


def read(octets: bytes) -> int:
    """Read a file as it comes; return how many records it has."""
    reader, found = AggregateReader(), 0
    for piece in expanded(io.BytesIO(octets)):
        found += len(reader.feed(piece))
    return found + len(reader.finish())


def median(work: Callable[[], object]) -> float:
    """Seconds of process time."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return statistics.median(times)


def told(what: str, seconds: float, records: int) -> None:
    """Print a row."""
    rate, each = records / seconds, seconds / records * 1e6
    print(f"{what:<44} {rate:>10,.0f} records/s {each:>8.1f} us/record")


def bomb() -> None:
    """Refuse ten gigabytes of gzip; say what that took."""
    octets = gzip_bomb(10 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    try:
        read(octets)
    except ReportFault as fault:
        spent = (time.process_time() - began) * 1000
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"10 GB of gzip: {fault.why}, in {spent:.0f} ms and {more / 1024:.1f} MB more")


def stored(octets: bytes, records: int) -> None:
    """Read a report into SQLite, as the command does."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(ROUNDS))

        def work() -> None:
            with SqliteReceived(Path(folder, f"{next(numbers)}.db")) as store:
                ReportIntake(store).take(ReportSource("a file", io.BytesIO(octets)))

        told("gzip into SQLite", median(work), records)


def peer(python: str, octets: bytes, records: int) -> None:
    """The same file by parsedmarc, offline."""
    with tempfile.NamedTemporaryFile(suffix=".xml.gz") as file:
        file.write(octets)
        file.flush()
        said = subprocess.run(
            [python, "-c", PEER, file.name], capture_output=True, text=True, check=True
        ).stdout.split()
    told(f"parsedmarc {said[2]}, offline", float(said[0]), records)


def main(arguments: list[str]) -> None:
    """Run everything."""
    python = arguments[arguments.index("--peer") + 1] if "--peer" in arguments else None
    numbers = [int(argument) for argument in arguments if argument.isdigit()]
    records = numbers[0] if numbers else RECORDS
    bomb()
    made = report(records)
    xml = write_aggregate(made)
    packed = gzip.compress(xml, 6)
    print(f"{records:,} records, {len(xml) / records:.0f} octets each, {len(packed):,} in gzip")
    told("written", median(lambda: write_aggregate(made)), records)
    told("written and compressed", median(lambda: write_compressed(made)), records)
    told("gzip read", median(lambda: read(packed)), records)
    odd = gzip.compress(xml.replace(b"<row>", b'<row a="1">'), 6)
    told("gzip read, every record by expat", median(lambda: read(odd)), records)
    stored(packed, records)
    if python is not None:
        peer(python, packed, records)


if __name__ == "__main__":
    main(sys.argv[1:])
