"""Mixed report files of all kinds through the reader: no crash, bounded memory, a reason each.

    python bench/reports_corpus.py [files] [--peer PYTHON] [--seed N]

Of a hundred files some sixty are as receivers send them (raw, gzip, zip, in a mail; both forms;
1 to 40 records), the others are broken (cut, changed octets, odd words and encodings) or hostile
(bombs, nests, document types, depth, huge texts and tags, records by the thousand).  Each goes into
a store as `avowal reports read` puts it there.  A file that is refused without a reason, or an
exception, ends the run with status 1.  `--peer` reads a share of the same files by parsedmarc.
"""

from __future__ import annotations

import gzip
import io
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.aggregates import METADATA, POLICY, RECORD
from tests.bombs import gzip_bomb, zipped
from tests.fuzz.received import TLS
from tests.reportmails import attached, feedback

from avowal.calls.report_intake import ReportIntake
from avowal.calls.report_sources import report_sources
from avowal.calls.wrappings import Unusable
from avowal.report.aggregate import AggregateReport, Aligned, Disposition, DkimAuthResult, Result
from avowal.report.aggregate_xml import write_aggregate
from avowal.stores.received_sqlite import SqliteReceived

Rng = random.Random
BOMB = gzip_bomb(1 << 30)
PEER_SHARE = 300
PEER = """
import sys, time, parsedmarc
began, read, failed = time.process_time(), 0, 0
for path in sys.argv[1:]:
    try:
        parsedmarc.parse_report_file(path, offline=True, always_use_local_files=True)
        read += 1
    except Exception:
        failed += 1
print(time.process_time() - began, read, failed)
"""


def xml(rng: Rng) -> bytes:
    """A report as receivers send it."""
    records = []
    for n in range(rng.randrange(1, 41)):
        passed = rng.random() < 0.9
        signer = DkimAuthResult(
            domain=rng.choice(("example.org", "esp.example")), selector=f"s{rng.randrange(4)}",
            result=Result.PASS if passed else Result.FAIL,
        )  # fmt: skip
        records.append(
            replace(
                RECORD,
                source_ip=f"198.51.{rng.randrange(256)}.{n}",
                count=rng.randrange(1, 999),
                disposition=Disposition.PASS if passed else Disposition.NONE,
                dkim=Aligned.PASS if passed else Aligned.FAIL,
                dkim_results=(signer,),
            )
        )
    day = rng.randrange(20_000, 20_400) * 86_400
    metadata = replace(
        METADATA, org_name=f"receiver{rng.randrange(200)}.example", begin=day, end=day + 86_399,
        report_id=f"{rng.randrange(10**9)}",
    )  # fmt: skip
    report = AggregateReport(metadata=metadata, policy=POLICY, records=tuple(records))
    return write_aggregate(report, form=rng.choice(("9990", "7489")))


def cut(rng: Rng, octets: bytes) -> bytes:
    return octets[: rng.randrange(len(octets))]


def changed(rng: Rng, octets: bytes) -> bytes:
    made = bytearray(octets)
    for _ in range(rng.randrange(1, 20)):
        made[rng.randrange(len(made))] = rng.randrange(256)
    return bytes(made)


def odd(rng: Rng, octets: bytes) -> bytes:
    before, after = rng.choice(
        (
            (b"<disposition>", b"<disposition>Odd"), (b"pass<", b"Pass<"), (b"UTF-8", b"UTF-9"),
            (b"<count>", b"<count>-"), (b"198.51", b"999.51"), (b"</row>", b""),
            (b"<row>", b"<row><x:y>1</x:y>"), (b"example", b"a&b<c"), (b"UTF-8", b"iso-8859-1"),
            (b"<email>", b"<email><"), (b"\n", b"\r\n"), (b"<dkim>", b'<dkim lang="en">'),
        )
    )  # fmt: skip
    return octets.replace(before, after, rng.choice((1, -1)))


def hostile(rng: Rng, octets: bytes) -> bytes:
    return rng.choice(
        (
            lambda: BOMB,
            lambda: gzip.compress(gzip.compress(octets)),
            lambda: zipped(("a", octets), ("b", octets)),
            lambda: b'<!DOCTYPE f [<!ENTITY a "aaaa">]>' + octets,
            lambda: octets.replace(b"<row>", b"<row>" + b"<a>" * 5000),
            lambda: octets.replace(b"<count>", b"<count>" + b"1" * 200_000),
            lambda: octets.replace(b"<row>", b'<row a="' + b"x" * 2_000_000 + b'">'),
            lambda: b"<" * 500_000,
            lambda: b'{"policies":' + b"[" * 100_000,
            lambda: octets.replace(b"</policy_evaluated>", b"<reason/>" * 3000, 1),
            lambda: attached(BOMB),
            lambda: rng.randbytes(3000),
        )
    )()


def wrapped(rng: Rng, octets: bytes) -> bytes:
    wrap: Callable[[bytes], bytes] = rng.choice(
        (
            bytes, lambda o: gzip.compress(o, 1), lambda o: gzip.compress(o, 1),
            lambda o: zipped(("r.xml", o)), lambda o: attached(gzip.compress(o, 1)),
        )
    )  # fmt: skip
    return wrap(octets)


def made(rng: Rng) -> tuple[str, bytes]:
    """One file, and what kind of one it is."""
    kind = rng.choices(
        ("whole", "cut", "changed", "odd", "hostile", "cut when wrapped", "tls", "failure"),
        (60, 6, 8, 12, 6, 4, 2, 2),
    )[0]
    octets = xml(rng)
    if kind == "hostile":
        return kind, hostile(rng, octets)
    if kind == "tls":
        return kind, wrapped(rng, TLS.replace(b'"t"', b'"%d"' % rng.randrange(10**9)))
    if kind == "failure":
        return kind, feedback().replace(b"<7@", b"<%d@" % rng.randrange(10**9))
    if kind == "cut when wrapped":
        return kind, cut(rng, wrapped(rng, octets))
    twist = {"whole": lambda _, o: o, "cut": cut, "changed": changed, "odd": odd}[kind]
    return kind, wrapped(rng, twist(rng, octets))


def main(arguments: list[str]) -> int:
    """Run the corpus."""
    numbers = [int(argument) for argument in arguments if argument.isdigit()]
    files = numbers[0] if numbers else 100_000
    python = arguments[arguments.index("--peer") + 1] if "--peer" in arguments else None
    rng = Rng(7)
    words: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    sample: list[bytes] = []
    spent, records = 0.0, 0
    with tempfile.TemporaryDirectory() as folder, SqliteReceived(Path(folder, "r.db")) as store:
        intake = ReportIntake(store)
        for number in range(files):
            kind, octets = made(rng)
            if len(sample) < PEER_SHARE and kind != "hostile":
                sample.append(octets)
            began = time.process_time()
            file = io.BufferedReader(io.BytesIO(octets))  # type: ignore[arg-type]
            taken = 0
            try:
                for source in report_sources(file, f"file {number}", progress=lambda _: None):
                    found, taken = intake.take(source), taken + 1
                    words[kind, found.word] += 1
                    records += found.records
                    if found.word in {"refused", "nothing"}:
                        if not found.why:
                            print(f"file {number} ({kind}) was refused without a reason")
                            return 1
                        reasons[" ".join(found.why.split()[:5])] += 1
            except Unusable as fault:
                words[kind, "unusable"] += 1
                reasons[str(fault).partition(": ")[2][:40]] += 1
                taken += 1
            if not taken:
                print(f"file {number} ({kind}) ended without a word")
                return 1
            spent += time.process_time() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{files:,} files, {records:,} records kept, {spent:.1f} s of CPU "
              f"({spent / files * 1000:.2f} ms a file), {memory:.0f} MB at most")  # fmt: skip
        for (kind, word), count in sorted(words.items()):
            if count:
                print(f"  {kind:<18} {word:<14} {count:>8,}")
        print("reasons:")
        for reason, count in reasons.most_common(25):
            print(f"  {count:>8,}  {reason}")
        if python is not None:
            peer(python, sample, Path(folder))
    return 0


def peer(python: str, sample: list[bytes], folder: Path) -> None:
    """Some of the same files by parsedmarc; hostile ones are spared it."""
    paths = []
    for number, octets in enumerate(sample):
        path = folder / f"{number}.xml"
        path.write_bytes(octets)
        paths.append(str(path))
    said = subprocess.run([python, "-c", PEER, *paths], capture_output=True, text=True, check=True)
    seconds, read, failed = said.stdout.split()
    each = float(seconds) / len(paths) * 1000
    print(f"parsedmarc, {len(paths)} of them: {read} read, {failed} not, {each:.2f} ms a file")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
