"""The flow by itself: what one message of 2 KB costs beyond its signatures.

    python bench/bench_flow.py [messages per round]

CPU in microseconds from the end of the header to the actions, DNS answered from memory.
`core` is the same signing or verifying by `avowal.dkim` alone, on a header that is parsed.
Rows are measured in turn; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import corpus

from avowal.agenda import Agenda, Rank, shares_of
from avowal.config.model import Configuration, Key, Policies, Results
from avowal.crypto.signing import PrivateKey
from avowal.dkim.intent import Intent
from avowal.dkim.signer import Signer
from avowal.dkim.verifier import Verifier
from avowal.dns.drivers import drive
from avowal.flow.compiler import compile_plan
from avowal.flow.decide import decide
from avowal.flow.inspection import Inspection
from avowal.flow.transaction import Transaction
from avowal.lookup import run
from avowal.message import Message
from avowal.testing import ED25519, RSA_2048, Zone, record_for

ROUNDS = 15
NOW = 1_800_000_000
DOMAIN = "author.example"
STRANGER = {
    "client": IPv4Address("192.0.2.1"), "client_name": "mx.author.example",
    "helo": b"mx.author.example",
}  # fmt: skip
ZONE = Zone(
    {
        f"r._domainkey.{DOMAIN}": record_for(RSA_2048),
        f"e._domainkey.{DOMAIN}": record_for(ED25519),
        f"_dmarc.{DOMAIN}": "v=DMARC1; p=none",
        DOMAIN: "v=spf1 ip4:192.0.2.0/24 -all",
    }
)
ALONE = Policies(spf="off", generations=())


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rows = dict(_rows())
    for call in rows.values():
        _cpu(call, number)
    taken: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, call in rows.items():
            taken[name].append(_cpu(call, number))
    print(f"{'t2k':32}{'µs':>8}{'of core':>10}")
    for name, found in taken.items():
        core = taken["core " + " ".join(name.split()[1:3])]
        ratio = statistics.median(one / other for one, other in zip(found, core, strict=True))
        print(f"{name:32}{statistics.median(found):8.0f}{ratio:10.2f}")


def _rows() -> Any:
    octets = corpus.message("t2k").replace(b"\r\nFrom: ", b"\r\nX-From: ", 1)
    octets = b"From: Alice <alice@%s>\r\n" % DOMAIN.encode() + octets
    for kind, key in (("rsa", RSA_2048), ("ed25519", ED25519)):
        selector = kind[0]
        intent = Intent(domain=DOMAIN, selector=selector, key=key)
        field = _signed(octets, intent)[0].raw + b"\r\n"
        yield f"core sign {kind}", lambda intent=intent: _signed(octets, intent)
        yield f"flow sign {kind}", _flow(octets, key, selector, {})
        signed = field + octets
        yield f"core verify {kind}", lambda signed=signed: _verified(signed)
        yield f"flow verify {kind}", _flow(signed, key, selector, STRANGER, policies=ALONE)
        yield f"flow verify {kind} with policies", _flow(signed, key, selector, STRANGER)


def _signed(octets: bytes, intent: Intent) -> Any:
    message = Message.parse(octets)
    signer = Signer(message.header, (intent,), now=NOW)
    signer.feed(message.body)
    return signer.finish()


def _verified(octets: bytes) -> Any:
    message = Message.parse(octets)
    verifier = Verifier(message.header, now=NOW)
    keys = run(verifier.keys(), ZONE)
    verifier.feed(message.body)
    found = verifier.finish(keys)
    assert found[0].passed
    return found


def _flow(
    octets: bytes, key: PrivateKey, selector: str, known: dict[str, Any], **options: Any
) -> Callable[[], Any]:
    configuration = Configuration(
        keys={"k": Key(domain=DOMAIN, selector=selector, inline="here")},
        results=Results(authserv_id="receiver.example"),
        **options,
    )
    plan = compile_plan(configuration, load=lambda *_: key)

    def once() -> Any:
        message = Message.parse(octets)
        transaction = Transaction(
            received_at=NOW, sender=f"a@{DOMAIN}".encode(), recipients=(b"b@receiver.example",),
            queue_id="4XYZ", hostname="mx.receiver.example", **known,
        )  # fmt: skip
        agenda = Agenda(shares_of(plan.receiver.limits))
        inspection = Inspection(plan, transaction, message.header, now=NOW, agenda=agenda)
        drive(agenda, ZONE, seconds=20)
        inspection.feed(message.body)
        slot = agenda.add(inspection.finish(), Rank.POLICY)
        drive(agenda, ZONE, seconds=20)
        return decide(inspection.sealed(slot.value))

    wanted = b"dkim-signature" if not known else b"authentication-results"
    actions = once()
    assert [one.name for one in actions.insert] == [wanted], actions
    assert not known or b"dkim=pass" in actions.insert[0].raw
    return once


def _cpu(call: Callable[[], Any], number: int) -> float:
    started = time.process_time()
    for _ in range(number):
        call()
    return (time.process_time() - started) / number * 1e6


if __name__ == "__main__":
    main()
