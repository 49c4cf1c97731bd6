"""Whether cost grows no faster than what is handed in, and what the worst input costs.

    python bench/bench_linear.py

First each quantity a sender controls is doubled four times: the cost of one doubling, as a
median of rounds, is to stay near 2.  Then inputs of one size, made as costly as we know how, are
compared with a harmless one of that size.  The target is 4 times; a limit that refuses the input
makes it cheap.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import avowal
from avowal.limits import Limits
from avowal.testing import ED25519, Zone, message, record_for

ZONE = Zone({"s._domainkey.example.com": record_for(ED25519)})
WIDE = Limits(
    header_octets=1 << 26, header_fields=1 << 20, signatures_parsed=1 << 20,
    signatures_checked=1 << 20, signature_field_octets=1 << 20, signed_names=1 << 20,
)  # fmt: skip
NOW = 1_795_600_000
ROUNDS = 7
DOUBLINGS = 4
WORST, GROWTH = 4.0, 2.6
MEGABYTE = 1 << 20


def signed(text: bytes, times: int = 1) -> bytes:
    own = avowal.sign(
        text, domain="example.com", selector="s", key=ED25519, now=NOW, accept_malformed=True
    )
    return own * times + text


def verified(octets: bytes, limits: Limits = WIDE) -> object:
    return avowal.verify(octets, ZONE, now=NOW, limits=limits, line_ends="wire")


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def with_body(octets: int) -> bytes:
    return signed(message(b"the quick brown fox jumps over the lazy dog\r\n" * (octets // 45)))


def with_fields(count: int) -> bytes:
    fields = b"".join(b"X-%d: some value\r\n" % at for at in range(count))
    return fields + signed(message())


def with_signed_fields(count: int) -> bytes:
    return signed(b"To: somebody@example.net\r\n" * count + message())


def with_signatures(count: int) -> bytes:
    return signed(message(), count)


GROWING: dict[str, tuple[Callable[[int], bytes], int]] = {
    "octets of the body": (with_body, 500_000),
    "header fields": (with_fields, 2_000),
    "signed fields": (with_signed_fields, 60),
    "signatures": (with_signatures, 20),
}


def filled(piece: bytes) -> bytes:
    return (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]


HARMLESS = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5\r\n"
BODIES: dict[str, bytes] = {
    "white space only": b" ",
    "tabs and spaces": b"\t ",
    "a space at each line's end": b"a \r\n",
    "runs of two": b"a  ",
    "empty lines": b"\r\n",
    "bare CR": b"\r",
    "bare LF": b"\n",
    "CR CR LF": b"\r\r\n",
    "lines of one octet": b"a\r\n",
    "8-bit": b"\xff",
}
HEADERS: dict[str, bytes] = {
    "one long field": b"a" * 60,
    "folds": b"\r\n ",
    "tiny fields": b"\r\na:",
    "lines that are no fields": b"\r\nx",
    "colons": b":",
    "white space": b" \t",
}


def grown() -> bool:
    held = True
    for name, (make, start) in GROWING.items():
        inputs = [make(start << step) for step in range(DOUBLINGS + 1)]
        rounds = [
            [seconds(lambda octets=octets: verified(octets)) for octets in inputs]
            for _ in range(ROUNDS)
        ]
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        growth = (medians[-1] / medians[0]) ** (1 / DOUBLINGS)
        held &= growth < GROWTH
        print(
            f"{name:20} from {start:>7} doubled {DOUBLINGS} times: {growth:.2f} times per doubling"
        )
    return held


def compared(title: str, harmless: bytes, worst: dict[str, bytes]) -> bool:
    inputs = {"harmless": harmless, **worst}
    taken: dict[str, list[float]] = {name: [] for name in inputs}
    for _ in range(ROUNDS):
        for name, octets in inputs.items():
            taken[name].append(seconds(lambda octets=octets: verified(octets, Limits())))
    floor = statistics.median(taken.pop("harmless"))
    print(f"\n{title}: harmless {floor * 1e3:.2f} ms")
    ratios = {name: statistics.median(times) / floor for name, times in taken.items()}
    for name, ratio in sorted(ratios.items(), key=lambda pair: -pair[1]):
        print(f"  {name:28} {ratio:5.2f}")
    return max(ratios.values()) <= WORST


def main() -> None:
    linear = grown()
    start = signed(message(b""))
    bodies = compared(
        "body of 1 MiB, relaxed",
        start + filled(HARMLESS),
        {name: start + filled(piece) for name, piece in BODIES.items()},
    )
    head = start.removesuffix(b"\r\n\r\n")
    room = Limits().header_octets - len(head) - 200
    usual = filled(b"\r\nX-Field: a value of a usual length, and a word more\r\n\tfolded")[:room]
    headers = compared(
        "header at its limit",
        head + usual + b"\r\n\r\n",
        {
            name: head + b"\r\nX-Worst:" + filled(piece)[:room] + b"\r\n\r\n"
            for name, piece in HEADERS.items()
        },
    )
    print(f"\ngrowth under {GROWTH} per doubling: {'met' if linear else 'missed'}")
    print(
        f"worst at most {WORST} times a harmless one: {'met' if bodies and headers else 'missed'}"
    )


if __name__ == "__main__":
    main()
