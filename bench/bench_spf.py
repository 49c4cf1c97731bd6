"""CPU per SPF check and DNS round trips, beside pyspf; DNS is answered from memory.

    python bench/bench_spf.py

Both sides see the same zone.  pyspf asks one question at a time, so its round trips are its
questions; avowal asks what does not depend on each other in one round.  Rounds alternate,
figures are medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from ipaddress import ip_address
from types import ModuleType

from avowal.lookup import Answer, Question, run
from avowal.policy.spf import SpfRequest, SpfWord, check_identity
from avowal.testing import Zone

ROUNDS, REPEATS = 15, 200
NAMES = {
    "ip4.example": "v=spf1 ip4:192.0.2.0/24 -all",
    "nested.example": "v=spf1 include:_spf.esp.example include:other.example ~all",
    "_spf.esp.example": "v=spf1 include:_n1.esp.example include:_n2.esp.example -all",
    "_n1.esp.example": "v=spf1 " + " ".join(f"ip4:198.51.{n}.0/24" for n in range(20)) + " ~all",
    "_n2.esp.example": "v=spf1 ip6:2001:db8::/32 ip4:203.0.113.0/24 ~all",
    "other.example": "v=spf1 a mx -all",
    "mx.example": "v=spf1 mx -all",
    "macro.example": "v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all",
}
EXCHANGES = [f"mx{n}.mx.example" for n in range(5)]
ZONE = Zone(
    {name: {"TXT": [text], "A": ["198.18.0.9"]} for name, text in NAMES.items()}
    | {"mx.example": {"TXT": [NAMES["mx.example"]], "MX": [f"10 {n}" for n in EXCHANGES]}}
    | {"other.example": {"TXT": [NAMES["other.example"]], "MX": ["10 mx0.mx.example"],
                         "A": ["198.18.0.9"]}}
    | {name: {"A": ["192.0.2.77"]} for name in EXCHANGES}
    | {"1.2.0.192.in-addr._spf.macro.example": {"A": ["127.0.0.2"]}}
)  # fmt: skip
CASES = {
    "ip4, one record": "ip4.example",
    "five records, 30 terms": "nested.example",
    "five exchanges": "mx.example",
    "exists with macros": "macro.example",
}


class Counting:
    """The zone, counting round trips."""

    rounds = 0

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.rounds += 1
        return ZONE.resolve(questions)


def pyspf() -> ModuleType | None:
    """The peer, answered from the same zone; None where it is not installed."""
    try:
        spf = import_module("spf")
    except ImportError:
        return None

    def lookup(name: str, rrtype: str, *_: object, **__: object) -> list[object]:
        lookup.questions += 1
        (answer,) = ZONE.resolve((Question(name, rrtype),))
        return [((name, rrtype), _as_pyspf(record, rrtype)) for record in answer.records]

    lookup.questions = 0
    spf.DNSLookup = lookup
    return spf


def _as_pyspf(record: bytes, rrtype: str) -> object:
    if rrtype == "TXT":
        return (record,)
    if rrtype == "MX":
        preference, _, host = record.decode().partition(" ")
        return int(preference), host
    return record.decode()


def ours(domain: str) -> tuple[str, int]:
    resolver = Counting()
    request = SpfRequest(client=ip_address("192.0.2.1"), mail_from=f"a@{domain}".encode())
    result = run(check_identity(request), resolver)
    return result.word.value, resolver.rounds


def theirs(module: ModuleType, domain: str) -> tuple[str, int]:
    before = module.DNSLookup.questions
    query = module.query(i="192.0.2.1", s=f"a@{domain}", h="mail.example")
    return query.check()[0], module.DNSLookup.questions - before


def seconds(check: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(REPEATS):
        check()
    return (time.process_time() - start) / REPEATS


def main() -> None:
    peer = pyspf()
    print(
        f"{'case':26}{'result':>9}{'avowal':>11}{'rounds':>8}{'pyspf':>12}{'rounds':>8}{'ratio':>8}"
    )
    for title, domain in CASES.items():
        word, rounds = ours(domain)
        assert word in set(SpfWord)
        mine, other = [], []
        for _ in range(ROUNDS):
            mine.append(seconds(lambda domain=domain: ours(domain)))
            if peer is not None:
                other.append(seconds(lambda domain=domain: theirs(peer, domain)))
        row = f"{title:26}{word:>9}{statistics.median(mine) * 1e6:>8.0f} µs{rounds:>8}"
        if peer is not None:
            their_word, their_rounds = theirs(peer, domain)
            assert their_word == word, (domain, word, their_word)
            ratio = statistics.median(a / b for a, b in zip(mine, other, strict=True))
            row += f"{statistics.median(other) * 1e6:>9.0f} µs{their_rounds:>8}{ratio:>8.2f}"
        print(row)


if __name__ == "__main__":
    main()
