"""CPU per message of policy with a warm cache, and DNS round trips of all mechanisms together.

    python bench/bench_policy.py

The floor is a flow that asks one cached question.  Rounds alternate, figures are medians of
process time; round trips are counted with a cold cache.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from avowal.dkim.verifier import Verifier
from avowal.dns.cache import Cached
from avowal.lookup import Answer, Question, Steps, ask, run, together
from avowal.message import Header
from avowal.names import DomainName
from avowal.policy.assessment import Choice, PolicyGeneration
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.dmarc.suffixes import public_suffix_list
from avowal.policy.engine import Engine
from avowal.policy.evidence import EnvelopeResult, SignatureResult, candidates
from avowal.policy.spf import SpfRequest, check_identity
from avowal.testing import Zone

ROUNDS, REPEATS = 15, 200
ZONE = Zone(
    {
        "example.com": {"TXT": ["v=spf1 include:_spf.example.net -all"], "MX": ["10 mx"],
                        "A": ["192.0.2.1"]},
        "_spf.example.net": "v=spf1 ip4:198.51.100.0/24 a:out.example.net -all",
        "out.example.net": {"A": ["203.0.113.9"]},
        "_dmarc.example.com": "v=DMARC1; p=reject; sp=quarantine; np=reject",
        "_adsp._domainkey.example.com": "dkim=all",
        "_ssp._domainkey.example.com": "dkim=all",
        "_policy._domainkey.example.com": "o=-",
        "s._domainkey.example.com": "v=DKIM1; p=YQ==",
        "mail.example.com": {"A": ["192.0.2.2"], "TXT": ["v=spf1 redirect=example.com"]},
    },
    ttl=86_400,
)  # fmt: skip
SIGNATURE = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=YQ==; b=YQ==\r\n"
APEX = Header.parse(SIGNATURE + b"From: Joe <joe@example.com>\r\n")
BELOW = Header.parse(SIGNATURE + b"From: Joe <joe@mail.example.com>\r\n")
DOMAIN = DomainName.parse(b"example.com")
PASSED = (SignatureResult(domain=DOMAIN, result="pass"),)
BROKEN = (SignatureResult(domain=DOMAIN, result="fail"),)
ENVELOPE = EnvelopeResult(domain=DOMAIN, result="pass")
EVERYTHING = Choice(
    generations=tuple(PolicyGeneration), atps=True, dmarc=DmarcRules(suffixes=public_suffix_list())
)


def one_question() -> Steps[Any]:
    return ask(Question("_dmarc.example.com"))


def evaluation(header: Header, choice: Choice, signatures: tuple[SignatureResult, ...]) -> Any:
    return lambda: Engine(header, choice).evaluate(signatures, ENVELOPE if signatures else None)


FLOWS: dict[str, Callable[[], Steps[Any]]] = {
    "one question (floor)": one_question,
    "DMARC, record of the author domain": evaluation(APEX, Choice(), PASSED),
    "DMARC, tree walk and alignment": evaluation(BELOW, Choice(), PASSED),
    "DMARC, fails": evaluation(APEX, Choice(), BROKEN),
    "every generation, fails": evaluation(APEX, EVERYTHING, BROKEN),
}


class Counting:
    """The zone, counting round trips."""

    rounds = 0

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self.rounds += 1
        return ZONE.resolve(questions)


def round_trips(flow: Steps[Any]) -> int:
    counting = Counting()
    run(flow, counting)
    return counting.rounds


def measured(flow: Callable[[], Steps[Any]], resolver: Any) -> float:
    start = time.process_time()
    for _ in range(REPEATS):
        run(flow(), resolver)
    return (time.process_time() - start) / REPEATS * 1e6


def _policy(header: Header) -> Steps[Any]:
    """What an examination asks for the policies, before any signature is verified."""
    engine = Engine(header, Choice())
    names = [*(one.domain for one in candidates(header)), DOMAIN]
    return together(*engine.policies(), *engine.organizations(names))


def main() -> None:
    cached = Cached(ZONE)
    times: dict[str, list[float]] = {name: [] for name in FLOWS}
    for _ in range(ROUNDS):
        for name, flow in FLOWS.items():
            times[name].append(measured(flow, cached))
    floor = statistics.median(times["one question (floor)"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:36} {median:7.1f} us  {median / floor:6.1f} floors")
    request = SpfRequest(client=ip_address("192.0.2.99"), mail_from=b"joe@mail.example.com")
    mechanisms: dict[str, Callable[[], Steps[Any]]] = {
        "DKIM": lambda: Verifier(BELOW, now=0).keys(),
        "SPF": lambda: check_identity(request),
        "DMARC": lambda: _policy(BELOW),
    }
    alone = {name: round_trips(flow()) for name, flow in mechanisms.items()}
    shown = ", ".join(f"{name} {count}" for name, count in alone.items())
    all_three = round_trips(together(*(flow() for flow in mechanisms.values())))
    print(f"round trips: {shown}; together {all_three} (one after the other {sum(alone.values())})")


if __name__ == "__main__":
    main()
