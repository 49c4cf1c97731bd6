"""CPU per message of verifying and signing, beside other implementations and the limit.

    python bench/bench_core.py [--quick] [--pure] [--only t2k ...] [--json FILE]

The limit is what nobody can go below: SHA-256 over the message and one operation with the key, by
the same libraries.  Everything runs in one process (Perl and Go in their own), interleaved round by
round; a ratio is the median of the rounds' ratios, so that a busy machine slows both sides alike.
DNS is answered from memory.  docs/reference/performance.md says how to read the tables.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
if "--pure" in sys.argv:
    sys.modules["avowal._kernel"] = None  # type: ignore[assignment]  # importing it fails

from bench.corpus import NAMES, message
from bench.go_msgauth_peer import GoMsgauth
from tests.differential.peers.common import DOMAIN, KEYS, RECORDS, Peer, Wish
from tests.differential.peers.dkimpy import Dkimpy
from tests.differential.peers.mail_dkim import MailDkim
from tests.differential.peers.opendkim import OpenDkim

import avowal
from avowal import _fast
from avowal.crypto.algorithms import ALGORITHMS
from avowal.testing import Zone

NOW = 1_795_600_000
SIGNED = (
    b"from", b"sender", b"reply-to", b"subject", b"date", b"message-id", b"to", b"cc",
    b"mime-version", b"content-type", b"in-reply-to", b"references", b"list-id",
    b"list-unsubscribe",
)  # fmt: skip
SELECTORS = {"rsa": "RSA-2048", "ed": "Ed25519"}
FORMS = ("relaxed", "simple")
OPERATIONS = ("verify", "sign")
LIMIT, OURS = "limit", "avowal"
ROUND_SECONDS = 0.03
Timed = Callable[[int], float]  # repetitions -> CPU seconds


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the tables."""

    operation: str
    selector: str
    form: str
    name: str

    @property
    def wish(self) -> Wish:
        return Wish(
            selector=self.selector, header_canon=self.form, body_canon=self.form, names=SIGNED
        )

    def __str__(self) -> str:
        return f"{self.operation} {SELECTORS[self.selector]} {self.form} {self.name}"


@dataclass(slots=True)
class Measured:
    """Seconds per message of each program, round by round."""

    octets: int
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def microseconds(self, program: str) -> float:
        return statistics.median(self.seconds[program]) * 1e6

    def ratio(self, program: str, to: str = LIMIT) -> float:
        pairs = zip(self.seconds[program], self.seconds[to], strict=True)
        return statistics.median(one / other for one, other in pairs)


def repeated(work: Callable[[], object]) -> Timed:
    def timed(count: int) -> float:
        start = time.process_time()
        for _ in range(count):
            work()
        return time.process_time() - start

    return timed


def intent(case: Case) -> avowal.Intent:
    wish = case.wish
    return avowal.Intent(
        domain=DOMAIN, selector=case.selector, key=KEYS[case.selector], names=wish.names,
        oversigned=frozenset(), header_canon=case.form, body_canon=case.form,
    )  # fmt: skip


def limit(case: Case, octets: bytes) -> Callable[[], object]:
    key = KEYS[case.selector]
    public, check = key.public, ALGORITHMS[key.algorithm].verify
    signature = key.sign(hashlib.sha256(octets).digest())
    if case.operation == "sign" and case.selector == "rsa":
        return lambda: key.sign(hashlib.sha256(octets).digest())
    if case.operation == "sign":

        def sign_and_check() -> bool:
            digest = hashlib.sha256(octets).digest()
            return check(public, key.sign(digest), digest)

        return sign_and_check
    return lambda: check(public, signature, hashlib.sha256(octets).digest())


def ours(case: Case, octets: bytes) -> Callable[[], object]:
    if case.operation == "sign":
        wanted = intent(case)
        return lambda: avowal.sign(octets, wanted, now=NOW)
    zone = Zone(dict(RECORDS))
    assert all(verdict.passed for verdict in avowal.verify(octets, zone, now=NOW))
    return lambda: avowal.verify(octets, zone, now=NOW)


class Programs:
    """Everything that takes part, as far as it is installed."""

    def __init__(self) -> None:
        self.peers: list[Peer] = [Dkimpy()]
        for peer in (OpenDkim, MailDkim, GoMsgauth):
            try:
                self.peers.append(peer())
            except OSError as error:
                print(f"left out: {peer.__name__}: {error}", file=sys.stderr)

    def of(self, case: Case, octets: bytes) -> Iterator[tuple[str, Timed]]:
        """Each program's timed work, its result checked once."""
        yield LIMIT, repeated(limit(case, octets))
        yield OURS, repeated(ours(case, octets))
        for peer in self.peers:
            if case.wish.algorithm not in peer.algorithms:
                continue
            if case.operation == "sign":
                work: Callable[[], Any] = peer.signing(octets, case.wish)
                assert b"DKIM-Signature:" in work(), f"{peer.name} did not sign: {case}"
            else:
                work = peer.verifying(octets)
                assert work() == ("pass",), f"{peer.name} says {work()}: {case}"
            piped = isinstance(peer, MailDkim)
            yield peer.name, self._elsewhere(peer, case, octets) if piped else repeated(work)

    def _elsewhere(self, peer: MailDkim, case: Case, octets: bytes) -> Timed:
        """The time that a process of its own says it took."""
        if case.operation == "sign":
            return lambda count: peer.seconds_signing(octets, case.wish, count)
        return lambda count: peer.seconds_verifying(octets, count)


def measure(case: Case, programs: Programs, rounds: int) -> Measured:
    octets = message(case.name)
    if case.operation == "verify":
        octets = avowal.sign(octets, intent(case), now=NOW) + octets
    works = dict(programs.of(case, octets))
    counts = {}
    for name, work in works.items():
        once = work(1)
        counts[name] = max(1, int(ROUND_SECONDS / max(work(3) / 3 if once < 0.01 else once, 1e-6)))
    measured = Measured(len(octets))
    for _ in range(rounds):
        for name, work in works.items():
            measured.seconds.setdefault(name, []).append(work(counts[name]) / counts[name])
    return measured


def shown(results: dict[Case, Measured], names: list[str]) -> Iterator[str]:
    """The tables: microseconds, and in brackets the multiple of the limit."""
    for operation in OPERATIONS:
        for selector, kind in SELECTORS.items():
            for form in FORMS:
                row = {name: results[Case(operation, selector, form, name)] for name in names}
                yield f"\n{operation}, {kind}, {form}/{form}: CPU us per message (x limit)"
                yield f"{'':14}" + "".join(f"{name:>17}" for name in names)
                programs = dict.fromkeys(p for cell in row.values() for p in cell.seconds)
                for program in programs:
                    cells = [
                        f"{cell.microseconds(program):.0f} ({cell.ratio(program):.1f})"
                        for cell in row.values()
                    ]
                    yield f"{program:14}" + "".join(f"{cell:>17}" for cell in cells)
                speeds = [cell.octets / cell.microseconds(OURS) for cell in row.values()]
                yield f"{'avowal, MB/s':14}" + "".join(f"{speed:>17.0f}" for speed in speeds)


# At most so many times the limit: 1.3 to sign; to verify 3 up to 20 KB, 1.3 above, 1.8 for h2m.
# Ed25519 signs faster than it verifies, and each signature is verified before it is let go: that
# operation belongs to its limit.
VERIFY_TARGETS = {"t2k": 3.0, "h20k": 3.0, "h2m": 1.8}


def target(case: Case) -> float:
    return 1.3 if case.operation == "sign" else VERIFY_TARGETS.get(case.name, 1.3)


def judged(results: dict[Case, Measured]) -> Iterator[str]:
    """What misses a target, and where a peer is ahead."""
    missed = [
        f"{case}: {cell.ratio(OURS):.2f} > {target(case)}"
        for case, cell in results.items()
        if cell.ratio(OURS) > target(case)
    ]
    behind = [
        f"{case}: {peer} {cell.ratio(peer, OURS):.2f} of avowal"
        for case, cell in results.items()
        for peer in cell.seconds
        if peer not in {LIMIT, OURS} and cell.ratio(peer, OURS) < 1
    ]
    yield f"\ntargets missed: {len(missed)} of {len(results)}"
    yield from (f"  {line}" for line in missed)
    yield f"cells in which a peer is ahead: {len(behind)}"
    yield from (f"  {line}" for line in behind)


def as_json(results: dict[Case, Measured]) -> list[dict[str, Any]]:
    return [
        {
            "operation": case.operation, "key": SELECTORS[case.selector], "form": case.form,
            "message": case.name, "octets": cell.octets, "target": target(case),
            "programs": {
                program: {
                    "microseconds": round(cell.microseconds(program), 2),
                    "times_limit": round(cell.ratio(program), 3),
                    "times_avowal": round(cell.ratio(program, OURS), 3),
                }
                for program in cell.seconds
            },
        }
        for case, cell in results.items()
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds, without the 25 MB message")
    parser.add_argument("--pure", action="store_true", help="without the C kernel")
    parser.add_argument("--only", nargs="+", choices=NAMES, help="these messages only")
    parser.add_argument("--rounds", type=int, help="how many; 9 by default")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    names = options.only or [name for name in NAMES if not (options.quick and name == "a25m")]
    rounds = options.rounds or (3 if options.quick else 9)
    programs = Programs()
    results = {}
    for operation in OPERATIONS:
        for selector in SELECTORS:
            for form in FORMS:
                for name in names:
                    case = Case(operation, selector, form, name)
                    results[case] = measure(case, programs, 3 if name == "a25m" else rounds)
    print(f"kernel: {'C' if _fast.COMPILED else 'pure Python'}; {rounds} rounds")
    for line in (*shown(results, names), *judged(results)):
        print(line)
    if options.json:
        Path(options.json).write_text(json.dumps(as_json(results), indent=1) + "\n")


if __name__ == "__main__":
    main()
