#!/usr/bin/env python3
"""Print docs/design/walks.md: which files a message passes, and in which order.

    python scripts/walk.py                  the page
    python scripts/walk.py verify [cold]    every step of one walk: the file, its functions

A step is a call of a function of avowal, as `sys.setprofile` reports it; a change of file is a
step into another file than the step before.  `cold` has everything loaded and nothing
remembered, `warm` has seen the message before.  docs/design/walks.md is the page,
`tests/test_walks.py` keeps it true and its numbers from growing.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import avowal
from avowal.agenda import Rank
from avowal.calls.arguments import read_header
from avowal.calls.examine import examine
from avowal.config.model import Configuration, Key, Log, Results
from avowal.dns.drivers import unknown_to
from avowal.examine.findings import Receiver, Want
from avowal.flow.compiler import compile_plan
from avowal.milter.codec import encode
from avowal.milter.durations import Durations
from avowal.milter.events import EndOfMessage, HeaderEnd
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.negotiation import ActionFlags, ProtocolFlags
from avowal.milter.packets import (
    Body,
    Connect,
    EndOfBody,
    EndOfHeader,
    HeaderField,
    Helo,
    Mail,
    Options,
    Packet,
    Recipient,
)
from avowal.milter.session import FilterSession
from avowal.policy.assessment import Choice
from avowal.policy.spf import SpfRequest
from avowal.testing import RSA_2048, Zone, message, record_for

ROOT = Path(avowal.__file__).parent
KERNEL = "_pure.py"  # its compiled twin is not seen
NOW = 1_800_000_000
CLIENT = "192.0.2.1"
OCTETS = message()
ZONE = Zone(
    {
        "s._domainkey.example.com": record_for(RSA_2048),
        "_dmarc.example.com": "v=DMARC1; p=none",
        "example.com": "v=spf1 ip4:192.0.2.0/24 -all",
    }
)


class Step(NamedTuple):
    """One call: the file below src/avowal and the function."""

    file: str
    function: str


class Part(NamedTuple):
    """A line of the page: what happens, from the step on that is named `begins`."""

    what: str
    begins: Step


class Walk(NamedTuple):
    """One way of a message; `prepare` returns what is traced."""

    name: str
    what: str
    prepare: Callable[[], Callable[[], object]]
    parts: tuple[Part, ...]


def part(begins: str, what: str) -> Part:
    file, _, function = begins.partition(" ")
    return Part(what, Step(file, function))


# -- the walks -------------------------------------------------------------------------------


def signed() -> bytes:
    return avowal.sign(OCTETS, domain="example.com", selector="s", key=RSA_2048, now=NOW) + OCTETS


def verifying() -> Callable[[], object]:
    octets = signed()
    return lambda: avowal.verify(octets, ZONE, now=NOW)


def signing() -> Callable[[], object]:
    signed()
    intent = avowal.Intent(domain="example.com", selector="s", key=RSA_2048)
    return lambda: avowal.sign(OCTETS, intent, now=NOW)


def judging() -> Callable[[], object]:
    receiver = Receiver(choice=Choice())
    request = SpfRequest(
        client=IPv4Address(CLIENT), helo=b"mx.example.com", mail_from=b"a@example.com"
    )

    def once() -> object:
        header, body = read_header(OCTETS)
        return examine(header, body, receiver, Want.POLICIES, ZONE, now=NOW, envelope=request)

    return once


def filtering() -> Callable[[], object]:
    configuration = Configuration(
        keys={"k": Key(domain="example.com", selector="s", inline="here")},
        results=Results(authserv_id="mx.receiver.example"),
        log=Log(success=False),
    )
    plan = compile_plan(configuration, load=lambda *_: RSA_2048)
    filter_ = FlowFilter(plan, now=lambda: NOW)
    session = FilterSession(filter_.wish)
    greeting = (
        Options(6, int(ActionFlags.ALL), int(ProtocolFlags.ALL)),
        Connect(b"mx.example.com", b"4", 1234, CLIENT.encode()),
        Helo(b"mx.example.com"),
    )
    play(session, filter_, b"".join([encode(packet) for packet in greeting]))
    octets = b"".join([encode(packet) for packet in packets(signed())])
    return lambda: play(session, filter_, octets)


def packets(octets: bytes) -> Iterator[Packet]:
    yield Mail(b"<a@example.com>")
    yield Recipient(b"<b@receiver.example>")
    parsed = avowal.Message.parse(octets)
    for field in parsed.header:
        yield HeaderField(field.raw[: field.colon], field.value)
    yield EndOfHeader()
    yield Body(parsed.body)
    yield EndOfBody()


def play(session: FilterSession, filter_: FlowFilter, octets: bytes) -> bytes:
    """Do what a connection does with octets of an MTA, the answers of DNS being at hand."""
    session.receive(octets)
    job = None
    while (event := session.next_event()) is not None:
        if isinstance(event, HeaderEnd):
            job = filter_.begin(session, event, "both")
            unknown_to(ZONE, job.agenda)
            session.proceed()
        elif isinstance(event, Body) and job is not None:
            job.feed(event.chunk)
            session.proceed()
        elif isinstance(event, EndOfMessage) and job is not None:
            slot = job.agenda.add(job.finish(), Rank.POLICY)
            unknown_to(ZONE, job.agenda)
            verdict = slot.value
            session.answer(verdict.answer, verdict.modifications)
            verdict.answered(Durations(0.0, None))
        else:
            session.proceed()
    return session.outgoing()


WALKS = (
    Walk(
        "verify",
        "`avowal.verify` on a message with one signature",
        verifying,
        (
            part("calls/verify.py verify", "the message is read up to its body"),
            part("dkim/verifier.py __init__", "its signatures are found"),
            part("dkim/signature.py parse", "each is read, tag by tag"),
            part("dkim/verifier.py _admit", "and admitted where nothing but its key is open"),
            part("lookup.py answers_within", "the keys are asked for, in one round"),
            part("dkim/verifier.py feed", "the body is hashed"),
            part("dkim/verifier.py _verdict", "the key is read; it has to fit the signature"),
            part("dkim/verifier.py _match", "hashes and signature are compared"),
            part("dkim/acceptance.py unacceptable", "the receiver's rules, then the warnings"),
            part("dkim/verifier.py _verification", "the verdict"),
        ),
    ),
    Walk(
        "sign",
        "`avowal.sign` with one intent",
        signing,
        (
            part("calls/sign.py sign", "the message is read up to its body"),
            part("dkim/signer.py __init__", "what is wanted is checked against the header"),
            part("dkim/signer.py feed", "the body is hashed"),
            part("dkim/signer.py finish", "the body ends"),
            part("dkim/intent.py for_message", "which fields are signed"),
            part("dkim/layout.py filled", "the field is written, b= empty; it was folded once"),
            part("dkim/hashing.py fields_data", "what is signed is hashed"),
            part("crypto/signing.py sign", "the key signs"),
            part("dkim/unsigned.py complete", "the signature is put in"),
            part("dkim/unsigned.py _check", "what was made is read again and verified"),
        ),
    ),
    Walk(
        "policies",
        "SPF and DMARC of a message, by `calls.examine`",
        judging,
        (
            part("calls/arguments.py read_header", "the message is read up to its body"),
            part("examine/examination.py __init__", "the examination begins"),
            part("policy/spf/check.py check_identity", "SPF asks for its record"),
            part("mailbox.py of", "the authors are read"),
            part("policy/engine.py __init__", "DMARC asks for the record of each author"),
            part("dns/drivers.py drive", "DNS is asked for all of it at once"),
            part("policy/dmarc/record.py parse", "DMARC's record is read"),
            part("policy/spf/record.py is_record", "SPF's record is read and evaluated"),
            part("examine/examination.py finish", "what passed is gathered"),
            part("policy/dmarc/evaluate.py judge", "DMARC is judged, once"),
        ),
    ),
    Walk(
        "milter",
        "a message through avowal's milter, from MAIL to the answer: DKIM, SPF, DMARC",
        filtering,
        (
            part("milter/session.py receive", "packets become events"),
            part("milter/flow_filter.py begin", "the header is whole"),
            part("flow/treatment.py treat", "whose mail is it: is it signed, is it verified?"),
            part("flow/edits.py edits", "which fields of the header have to go"),
            part("examine/examination.py __init__", "the examination begins: its questions"),
            part("dns/drivers.py unknown_to", "DNS answers"),
            part("flow/inspection.py feed", "the body passes"),
            part("flow/inspection.py finish", "the findings"),
            part("flow/signatures.py judged", "what they mean at this site"),
            part("flow/decide.py decide", "the actions, in packets and in the log"),
        ),
    ),
)


# -- tracing ---------------------------------------------------------------------------------


def forget() -> None:
    """Empty every cache of avowal's functions."""
    for name, module in tuple(sys.modules.items()):
        if name.partition(".")[0] == "avowal":
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def traced(call: Callable[[], object]) -> list[Step]:
    """Return the steps of a call."""
    steps: list[Step] = []
    prefix = f"{ROOT}/"

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(prefix):
            file = code.co_filename.removeprefix(prefix)
            if file != KERNEL:
                steps.append(Step(file, code.co_name))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return steps


def walked(walk: Walk, *, cold: bool = False) -> list[Step]:
    """Return the steps of a walk."""
    call = walk.prepare()
    call()  # loads what is loaded late
    if cold:
        forget()
    return traced(call)


def files(steps: Sequence[Step]) -> list[str]:
    """Return the files in the order in which they are entered first."""
    return list(dict.fromkeys(step.file for step in steps))


def changes(steps: Sequence[Step]) -> int:
    """Return how often a step is in another file than the one before."""
    return sum(one.file != other.file for one, other in itertools.pairwise(steps))


def figures(walk: Walk) -> dict[str, tuple[int, int]]:
    """Return the number of files and of changes of file, cold and warm."""
    found = {"cold": walked(walk, cold=True), "warm": walked(walk)}
    return {how: (len(files(steps)), changes(steps)) for how, steps in found.items()}


# -- the page --------------------------------------------------------------------------------

INTRODUCTION = """\
# Walks: the files a message passes

Written by `scripts/walk.py`; `tests/test_walks.py` fails when a walk goes another way, or enters
more files or changes file more often than `tests/ratchets.toml` allows. A file stands in the line
in which it is entered first. `python scripts/walk.py verify` prints every step of a walk. DNS is a
`Zone` in memory.
"""


def page() -> str:
    """Return docs/design/walks.md."""
    return INTRODUCTION + "".join([section(walk) for walk in WALKS])


def section(walk: Walk) -> str:
    lines = [f"\n## {walk.name}\n{walk.what[:1].upper()}{walk.what[1:]}.\n\n"]
    for number, (what, entered) in enumerate(lines_of(walk, walked(walk)), 1):
        named = ", ".join(f"`{file}`" for file in entered)
        lines.append(f"{number}. {what}: {named}\n" if named else f"{number}. {what}\n")
    return "".join(lines)


def lines_of(walk: Walk, steps: Sequence[Step]) -> list[tuple[str, list[str]]]:
    """Return the parts of a walk, each with the files that are new in it.

    Raises LookupError for a part that the walk does not reach, in this order.
    """
    begins = [0]
    for one in walk.parts[1:]:
        if one.begins not in steps[begins[-1] :]:
            raise LookupError(f"{walk.name}: {one.begins} is not on the way")
        begins.append(steps.index(one.begins, begins[-1]))
    seen: set[str] = set()
    found = []
    for one, start, stop in zip(walk.parts, begins, [*begins[1:], len(steps)], strict=True):
        new = [file for file in files(steps[start:stop]) if file not in seen]
        seen.update(new)
        found.append((one.what, new))
    return found


def listed(steps: Sequence[Step]) -> Iterator[str]:
    """Yield a line for each change of file: the file and the functions called in it."""
    for file, together in itertools.groupby(steps, lambda step: step.file):
        yield f"{file}: {' '.join(step.function for step in together)}"


def main(arguments: Sequence[str]) -> None:
    if not arguments:
        print(page(), end="")
        return
    by_name = {walk.name: walk for walk in WALKS}
    if arguments[0] not in by_name:
        sys.exit(f"walk: {arguments[0]} is none of {', '.join(by_name)}")
    steps = walked(by_name[arguments[0]], cold="cold" in arguments[1:])
    print("\n".join(listed(steps)))
    print(f"{len(files(steps))} files, {changes(steps)} changes")


if __name__ == "__main__":
    main(sys.argv[1:])
