"""Recorded milter conversations: how the files of tests/vectors/milter are written and read.

A file is one connection.  Its first line says how our filter was set up (`SETUPS`);
`client` lines hold the messages an SMTP client handed over; `mta` and `filter` lines hold
one packet each: the command and the payload.  Octets are JSON strings of Latin-1 letters,
one behind the other; ``*3`` behind one says that it stands three times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Self

from avowal.config.model import Configuration, Key, Log, OnResult, Results, Role
from avowal.config.places import NOWHERE
from avowal.crypto.signing import PrivateKey
from avowal.flow.compiler import compile_plan
from avowal.flow.plan import Plan
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.negotiation import ProtocolFlags
from avowal.milter.wire import Decoder, frame
from avowal.testing import ED25519, RSA_2048, Zone, record_for

NOW = 1_795_622_400
"""The clock of the filter that answered."""
DIRECTORY = Path(__file__).parent / "vectors" / "milter"
_KEYS: Mapping[str, PrivateKey] = {"r": RSA_2048, "e": ED25519}
_LONG = 4000  # octets; what is longer is looked at for repetition
_LONGEST_UNIT = 100  # octets
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")(?:\*(\d+))?')


class Packet(NamedTuple):
    """One packet; `by` is "mta" or "filter"."""

    by: str
    command: int
    payload: bytes

    @property
    def octets(self) -> bytes:
        """What was on the wire."""
        return frame(self.command, self.payload)


class Recording(NamedTuple):
    """One connection."""

    setup: str
    messages: tuple[bytes, ...]
    packets: tuple[Packet, ...]

    @classmethod
    def read(cls, name: str) -> Self:
        """Read a file of the directory."""
        setup, *rows = (DIRECTORY / f"{name}.txt").read_text("ascii").splitlines()
        messages, packets = [], []
        for row in rows:
            by, _, rest = row.partition(" ")
            if by == "client":
                messages.append(_octets(rest))
            else:
                packets.append(Packet(by, ord(rest[0]), _octets(rest[1:])))
        return cls(setup.removeprefix("setup "), tuple(messages), tuple(packets))

    def write(self, name: str) -> None:
        """Write a file of the directory."""
        rows = [f"setup {self.setup}", *(f"client {_text(octets)}" for octets in self.messages)]
        rows += [f"{p.by} {p.command:c} {_text(p.payload)}".rstrip() for p in self.packets]
        (DIRECTORY / f"{name}.txt").write_text("\n".join(rows) + "\n", "ascii")

    def turns(self) -> Iterator[tuple[str, bytes]]:
        """Yield what each side sent before the other spoke."""
        for by, packets in groupby(self.packets, lambda packet: packet.by):
            yield by, b"".join(packet.octets for packet in packets)


class Tape:
    """Takes the octets of both sides as they pass."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self._decoders = {"mta": Decoder(), "filter": Decoder()}

    def take(self, by: str, octets: bytes) -> None:
        """Take octets of one side."""
        self.packets += [Packet(by, *pair) for pair in self._decoders[by].feed(octets)]


class Setup(NamedTuple):
    """How our filter was set up; `talkative` has it answer every packet."""

    role: Role
    talkative: bool = False
    actions: OnResult = OnResult()

    def filter(self) -> FlowFilter:
        """Make the filter."""
        made = FlowFilter(_plan(self.actions), now=lambda: NOW)
        if self.talkative:
            made.wish = replace(
                made.wish, protocol=ProtocolFlags.LEADING_SPACE | ProtocolFlags.SKIP
            )
        return made


SETUPS: Mapping[str, Setup] = {
    "both": Setup("both"),
    "verify": Setup("verify"),
    "talkative": Setup("verify", talkative=True),
    "strict": Setup(
        "verify",
        actions=OnResult(
            no_signature="quarantine", bad_signature="reject", key_not_found="tempfail"
        ),
    ),
}


def _plan(actions: OnResult) -> Plan:
    configuration = Configuration(
        keys={name: Key(domain="sender.example", selector=name, inline="here") for name in _KEYS},
        results=Results(authserv_id="mx.receiver.example"),
        actions=actions,
        log=Log(success=False),
    )

    def load(name: str, *_: object) -> PrivateKey:
        return _KEYS[name]

    return compile_plan(configuration, NOWHERE, load=load)


def zone() -> Zone:
    """Return the DNS of the recordings."""
    return Zone(
        {f"{name}._domainkey.sender.example": record_for(key) for name, key in _KEYS.items()}
    )


def message(subject: str, *, fields: bytes = b"", body: bytes = b"a line\r\n") -> bytes:
    """Make a message from sender.example in wire form."""
    return (
        b"From: Alice <alice@sender.example>\r\nTo: bob@receiver.example\r\n"
        b"Subject: " + subject.encode() + b"\r\nDate: Wed, 25 Nov 2026 16:00:00 +0000\r\n"
        b"Message-ID: <" + subject.encode() + b"@sender.example>\r\n" + fields + b"\r\n" + body
    )


def _text(octets: bytes) -> str:
    head, blank, body = (
        octets.rpartition(b"\r\n\r\n") if len(octets) > _LONG else (b"", b"", octets)
    )
    return " ".join(_strings(head + blank) + _strings(body))


def _strings(octets: bytes) -> list[str]:
    """Say octets as strings: none for none, a short one where it stands many times."""
    sizes = range(1, _LONGEST_UNIT) if len(octets) > _LONG else ()
    for size in sizes:
        times, rest = divmod(len(octets), size)
        if not rest and octets == octets[:size] * times:
            return [f"{_quoted(octets[:size])}*{times}"]
    return [_quoted(octets)] if octets else []


def _quoted(octets: bytes) -> str:
    return json.dumps(octets.decode("latin-1"))


def _octets(text: str) -> bytes:
    return b"".join(
        json.loads(found[1]).encode("latin-1") * int(found[2] or 1)
        for found in _STRING.finditer(text)
    )
