"""The layout of every packet: values to octets and back, from one table.

`encode(value)` gives the octets of a packet with its frame, `decode(command, payload)`
the value.  A string is octets ended by NUL; numbers are big endian.

The contract: `decode` raises nothing but PeerError, `encode` nothing but UsageError,
and `decode` gives back what was encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from avowal.errors import PeerError, UsageError
from avowal.milter import packets
from avowal.milter.packets import Connect, Options, Packet, PlainAnswer
from avowal.milter.wire import frame


# Parts of a payload: how one is written, and how it is read at a place (value, next place).
class _Part(NamedTuple):
    write: Callable[[Any], bytes]
    read: Callable[[bytes, int], tuple[Any, int]]


_WORD = 4  # octets
_PORT = 2


def _write_word(value: int) -> bytes:
    if not 0 <= value < 1 << 32:
        raise UsageError(f"{value} does not fit the 32 bits of a milter number")
    return value.to_bytes(_WORD)


def _read_word(payload: bytes, at: int) -> tuple[int, int]:
    if len(payload) - at < _WORD:
        raise PeerError("the packet ends within a number")
    return int.from_bytes(payload[at : at + _WORD]), at + _WORD


def _write_octet(value: int) -> bytes:
    return bytes((value,))


def _read_octet(payload: bytes, at: int) -> tuple[int, int]:
    if at >= len(payload):
        raise PeerError("the packet ends before its stage")
    return payload[at], at + 1


def _write_string(value: bytes) -> bytes:
    if b"\0" in value:
        raise UsageError("a NUL octet cannot be told to the MTA: it ends strings")
    return value + b"\0"


def _read_string(payload: bytes, at: int) -> tuple[bytes, int]:
    end = payload.find(b"\0", at)
    if end < 0:
        raise PeerError("the packet ends within a string")
    return payload[at:end], end + 1


def _write_strings(values: tuple[bytes, ...]) -> bytes:
    return b"".join(map(_write_string, values))


def _read_strings(payload: bytes, at: int) -> tuple[tuple[bytes, ...], int]:
    if at == len(payload):
        return (), at
    if payload[-1]:
        raise PeerError("the packet ends within a string")
    return tuple(payload[at:-1].split(b"\0")), len(payload)


_U32 = _Part(_write_word, _read_word)
_OCTET = _Part(_write_octet, _read_octet)
_STRING = _Part(_write_string, _read_string)
_STRINGS = _Part(_write_strings, _read_strings)
_REST = _Part(bytes, lambda payload, at: (payload[at:], len(payload)))


class _Layout(NamedTuple):
    command: int
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Packet]


def _layout(code: str, kind: type[Any], *parts: _Part) -> _Layout:
    """Build the layout of a packet whose parts are the fields of its value, in order."""
    names = [f.name for f in fields(kind)] if is_dataclass(kind) else kind._fields
    pairs = [(attrgetter(name), part.write) for name, part in zip(names, parts, strict=True)]

    def write(packet: object) -> bytes:
        return b"".join([write_part(value_of(packet)) for value_of, write_part in pairs])

    def read(payload: bytes) -> Packet:
        values = []
        at = 0
        for part in parts:
            value, at = part.read(payload, at)
            values.append(value)
        # Deliberate: what follows the known parts is ignored, as libmilter ignores it.
        packet: Packet = kind(*values)
        return packet

    return _Layout(ord(code), write, read)


def _write_options(packet: Options) -> bytes:
    words = map(_write_word, (packet.version, packet.actions, packet.protocol))
    lists = [_write_word(stage) + _write_string(names) for stage, names in packet.macros]
    return b"".join((*words, *lists))


def read_options(payload: bytes) -> Options:
    """Read the payload of OPTNEG.  Raises PeerError."""
    if len(payload) < 3 * _WORD:
        raise PeerError("the negotiation packet is shorter than its three numbers")
    version, at = _read_word(payload, 0)
    actions, at = _read_word(payload, at)
    protocol, at = _read_word(payload, at)
    macros = []
    while at < len(payload):
        stage, at = _read_word(payload, at)
        names, at = _read_string(payload, at)
        macros.append((stage, names))
    return Options(version, actions, protocol, tuple(macros))


def _write_connect(packet: Connect) -> bytes:
    beginning = _write_string(packet.hostname) + packet.family
    if len(packet.family) != 1:
        raise UsageError("the address family of CONNECT is one octet")
    if packet.family == b"U":
        return beginning
    if packet.port is None or packet.address is None or not 0 <= packet.port < 1 << 16:
        raise UsageError("CONNECT with a known family needs an address and a port below 65536")
    return beginning + packet.port.to_bytes(_PORT) + _write_string(packet.address)


def _read_connect(payload: bytes) -> Connect:
    hostname, at = _read_string(payload, 0)
    family = payload[at : at + 1]
    if not family:
        raise PeerError("CONNECT without an address family")
    if family == b"U":
        return Connect(hostname)
    at += 1
    if len(payload) - at < _PORT:
        raise PeerError("CONNECT ends within its port")
    address, _ = _read_string(payload, at + _PORT)
    return Connect(hostname, family, int.from_bytes(payload[at : at + _PORT]), address)


_LAYOUTS: dict[type[Any], _Layout] = {
    Options: _Layout(ord("O"), _write_options, read_options),
    packets.Definitions: _layout("D", packets.Definitions, _OCTET, _STRINGS),
    Connect: _Layout(ord("C"), _write_connect, _read_connect),
    packets.Helo: _layout("H", packets.Helo, _STRING),
    packets.Mail: _layout("M", packets.Mail, _STRING, _STRINGS),
    packets.Recipient: _layout("R", packets.Recipient, _STRING, _STRINGS),
    packets.Data: _layout("T", packets.Data),
    packets.HeaderField: _layout("L", packets.HeaderField, _STRING, _STRING),
    packets.EndOfHeader: _layout("N", packets.EndOfHeader),
    packets.Body: _layout("B", packets.Body, _REST),
    packets.EndOfBody: _layout("E", packets.EndOfBody, _REST),
    packets.UnknownCommand: _layout("U", packets.UnknownCommand, _STRING),
    packets.Abort: _layout("A", packets.Abort),
    packets.Quit: _layout("Q", packets.Quit),
    packets.QuitNewConnection: _layout("K", packets.QuitNewConnection),
    packets.ReplyCode: _layout("y", packets.ReplyCode, _STRING),
    packets.AddHeader: _layout("h", packets.AddHeader, _STRING, _STRING),
    packets.InsertHeader: _layout("i", packets.InsertHeader, _U32, _STRING, _STRING),
    packets.ChangeHeader: _layout("m", packets.ChangeHeader, _U32, _STRING, _STRING),
    packets.ReplaceBody: _layout("b", packets.ReplaceBody, _REST),
    packets.AddRecipient: _layout("+", packets.AddRecipient, _STRING),
    packets.AddRecipientArguments: _layout("2", packets.AddRecipientArguments, _STRING, _STRINGS),
    packets.DeleteRecipient: _layout("-", packets.DeleteRecipient, _STRING),
    packets.ChangeSender: _layout("e", packets.ChangeSender, _STRING, _STRINGS),
    packets.Quarantine: _layout("q", packets.Quarantine, _STRING),
    packets.SymbolList: _layout("l", packets.SymbolList, _U32, _STRING),
}
_READERS: dict[int, Callable[[bytes], Packet]] = {
    layout.command: layout.read for layout in _LAYOUTS.values()
}
_PLAIN: dict[int, PlainAnswer] = {plain.value: plain for plain in PlainAnswer}
_PLAIN_FRAMES: dict[PlainAnswer, bytes] = {plain: frame(plain.value) for plain in PlainAnswer}

NAMES: dict[int, str] = {layout.command: kind.__name__ for kind, layout in _LAYOUTS.items()} | {
    plain.value: plain.name for plain in PlainAnswer
}
"""For each command octet the word for it in messages."""


def name_of(command: int) -> str:
    """Return words for a command octet, known or not."""
    known = NAMES.get(command)
    return f"{chr(command)!r} ({known})" if known else f"the unknown command {chr(command)!r}"


def encode(packet: Packet) -> bytes:
    """Return the octets of a packet, frame included.  Raises UsageError."""
    if isinstance(packet, PlainAnswer):
        return _PLAIN_FRAMES[packet]
    layout = _LAYOUTS[type(packet)]
    return frame(layout.command, layout.write(packet))


def decode(command: int, payload: bytes) -> Packet:
    """Return the value of a frame.  Raises PeerError."""
    plain = _PLAIN.get(command)
    if plain is not None:
        return plain
    read = _READERS.get(command)
    if read is None:
        raise PeerError(f"{name_of(command)} is not in the milter protocol")
    try:
        return read(payload)
    except PeerError as fault:
        raise PeerError(f"{name_of(command)}: {fault}") from None
