"""The targets for what DNS and files of records say.

Reading a reply raises nothing but its Malformed and gives an answer, a failure or the next
name; a zone file or JSON raises only ConfigError, and what it gives can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.fuzz.targets import expect

from avowal.dkim.query import character_strings
from avowal.dns import wire
from avowal.dns.chain import Chain, read
from avowal.dns.recorder import Replayer
from avowal.dns.zone import Zone
from avowal.errors import ConfigError
from avowal.lookup import Answer, Failure, Question

NAME = "s1._domainkey.example.com"
ASKED = wire.name_octets(NAME) or b""
TYPES = (16, 1, 5, 6, 12, 15, 28, 257)
QUERY = b"\x12\x34" + wire.query(ASKED, 16, payload=1232)[2:]  # the same number in every run
QUESTIONS = (Question(NAME), Question("example.com", "MX"), Question("x.wild.example", "A"))


def replies(octets: bytes) -> None:
    """The octets are a reply; the first chooses the type that was asked for."""
    rrtype, reply = TYPES[octets[0] % len(TYPES)] if octets else 16, octets[1:]
    wire.belongs(reply, QUERY)
    message = read(reply)
    if isinstance(message, Failure):
        return
    chain = Chain(ASKED, rrtype)
    for _ in range(3):
        answer = chain.take(message, trusted=True)
        expect(answer is None or isinstance(answer, Answer), "an answer, or another name to ask")
        expect(0 < len(chain.name) <= 255, "a name that can be asked")
        if answer is not None:
            expect(0 <= answer.ttl < 2**31, "a TTL of 31 bits")
            for record in answer.records:
                character_strings(record)
            return


def zones(octets: bytes) -> None:
    """The octets are the text of a zone file, of JSON and of a recording."""
    text = octets.decode("utf-8", "replace")
    readers: tuple[Callable[[str], Zone | Replayer], ...] = (
        Zone.from_zone_file,
        Zone.from_json,
        Replayer.loads,
    )
    for reader in readers:
        try:
            zone = reader(text)
        except ConfigError as error:
            expect("\n" not in str(error) or "\n" in text, "an error of one line")
            continue
        expect(len(zone.resolve(QUESTIONS)) == len(QUESTIONS), "an answer to each question")


def seeds(target: str) -> Iterator[bytes]:
    """Inputs to start from."""
    if target == "zones":
        yield b'$ORIGIN example.com.\n$TTL 1h\n@ IN MX 10 mx\ns1._domainkey TXT ( "a" "b" )\n'
        yield b'{"example.com": {"MX": [[10, "mx"]], "TXT": ["a", "b"]}, "*.wild.example": "x"}'
        yield (
            b'{"format": "avowal-dns-recording", "version": 1, "answers": [{"name": "example.com",'
            b' "type": "MX", "outcome": "found", "records": ["10 mx", {"base64": "/w=="}]}]}'
        )
        return
    head = QUERY[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x01" + ASKED + b"\x00\x10\x00\x01"
    opt = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
    for place, rdata in enumerate(
        (b"\x01a\x02bc", bytes(4), b"\xc0\x0c", b"\xc0\x0c" * 2 + bytes(20))
    ):
        rrtype = TYPES[place].to_bytes(2, "big")
        record = b"\xc0\x0c" + rrtype + b"\x00\x01\x00\x00\x01\x2c"
        yield bytes([place]) + head + record + len(rdata).to_bytes(2, "big") + rdata + opt


TARGETS: dict[str, Callable[[bytes], None]] = {"dns": replies, "zones": zones}
