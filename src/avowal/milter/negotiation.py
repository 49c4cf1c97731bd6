"""What the two ends agree on: version, permitted actions, protocol options, macros.

The MTA offers, the filter takes; what was not offered is never requested, for Postfix
drops such a connection and Sendmail fails the filter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from avowal.errors import PeerError, UsageError
from avowal.milter.packets import Options

VERSION = 6
_OLDEST = 2
_OFFERS_KEPT = 16  # per wish; an MTA makes one


class ActionFlags(IntFlag):
    """What the filter may do to a message (SMFIF_*)."""

    ADD_HEADERS = 0x01  # inserting too
    CHANGE_BODY = 0x02
    ADD_RECIPIENTS = 0x04
    DELETE_RECIPIENTS = 0x08
    CHANGE_HEADERS = 0x10
    QUARANTINE = 0x20
    CHANGE_SENDER = 0x40
    ADD_RECIPIENT_ARGUMENTS = 0x80
    REQUEST_MACROS = 0x100
    ALL = 0x1FF


class ProtocolFlags(IntFlag):
    """What is not sent, what is not answered, and other options (SMFIP_*)."""

    NO_CONNECT = 0x01
    NO_HELO = 0x02
    NO_MAIL = 0x04
    NO_RECIPIENT = 0x08
    NO_BODY = 0x10
    NO_HEADERS = 0x20
    NO_END_OF_HEADER = 0x40
    SILENT_HEADERS = 0x80
    NO_UNKNOWN = 0x100
    NO_DATA = 0x200
    SKIP = 0x400
    REFUSED_RECIPIENTS = 0x800
    SILENT_CONNECT = 0x1000
    SILENT_HELO = 0x2000
    SILENT_MAIL = 0x4000
    SILENT_RECIPIENT = 0x8000
    SILENT_DATA = 0x10000
    SILENT_UNKNOWN = 0x20000
    SILENT_END_OF_HEADER = 0x40000
    SILENT_BODY = 0x80000
    LEADING_SPACE = 0x100000
    ALL = 0x1FFFFF
    MAX_DATA_256K = 0x10000000
    MAX_DATA_1M = 0x20000000
    SILENT = 0xFF080  # every SILENT_* option


class Stage(IntEnum):
    """The stages macros can be requested for (SMFIM_*)."""

    CONNECT = 0
    HELO = 1
    MAIL = 2
    RECIPIENT = 3
    DATA = 4
    END_OF_BODY = 5
    END_OF_HEADER = 6


OF_THE_SERVICE = frozenset(("j", "daemon_name", "daemon_addr", "daemon_port"))
"""Macros that are asked for when a client connects and not again.

Postfix's cleanup(8) answers at the end of the header with the values of its own, which know
nothing of what master.cf gives to one smtpd (``-o milter_macro_daemon_name=ORIGINATING``).
"""


def later(names: Iterable[str]) -> tuple[str, ...]:
    """Return the macros that may be asked for behind CONNECT."""
    return tuple(name for name in names if name.strip("{}") not in OF_THE_SERVICE)


# For each command octet the option that stops it and the option that silences its answer.
UNSENT: Mapping[int, ProtocolFlags] = {
    ord("C"): ProtocolFlags.NO_CONNECT,
    ord("H"): ProtocolFlags.NO_HELO,
    ord("M"): ProtocolFlags.NO_MAIL,
    ord("R"): ProtocolFlags.NO_RECIPIENT,
    ord("T"): ProtocolFlags.NO_DATA,
    ord("L"): ProtocolFlags.NO_HEADERS,
    ord("N"): ProtocolFlags.NO_END_OF_HEADER,
    ord("B"): ProtocolFlags.NO_BODY,
    ord("U"): ProtocolFlags.NO_UNKNOWN,
}
SILENT: Mapping[int, ProtocolFlags] = {
    ord("C"): ProtocolFlags.SILENT_CONNECT,
    ord("H"): ProtocolFlags.SILENT_HELO,
    ord("M"): ProtocolFlags.SILENT_MAIL,
    ord("R"): ProtocolFlags.SILENT_RECIPIENT,
    ord("T"): ProtocolFlags.SILENT_DATA,
    ord("L"): ProtocolFlags.SILENT_HEADERS,
    ord("N"): ProtocolFlags.SILENT_END_OF_HEADER,
    ord("B"): ProtocolFlags.SILENT_BODY,
    ord("U"): ProtocolFlags.SILENT_UNKNOWN,
}
_SINCE: Mapping[int, int] = {ord("U"): 3, ord("T"): 4}  # the version that brought a command


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a filter wants of an MTA: `needs` must be offered, the rest is taken if offered.

    The default is what a DKIM filter wants: one round trip per message.
    `exact_octets` refuses an MTA that does not say which white space follows a colon.
    """

    needs: ActionFlags = ActionFlags.ADD_HEADERS
    likes: ActionFlags = ActionFlags.CHANGE_HEADERS | ActionFlags.QUARANTINE
    protocol: ProtocolFlags = (
        ProtocolFlags.SILENT
        | ProtocolFlags.NO_DATA
        | ProtocolFlags.NO_UNKNOWN
        | ProtocolFlags.LEADING_SPACE
    )
    macros: Mapping[Stage, tuple[str, ...]] = field(default_factory=dict)
    exact_octets: bool = True
    version: int = VERSION
    _made: dict[Options, Agreement] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What both ends hold to for one milter connection."""

    version: int
    actions: ActionFlags
    protocol: ProtocolFlags
    macros: Mapping[Stage, tuple[str, ...]] = field(default_factory=dict)
    answered: frozenset[int] = field(init=False, repr=False, compare=False)
    """The command octets the MTA waits for an answer to."""
    unsent: frozenset[int] = field(init=False, repr=False, compare=False)
    """The command octets the MTA does not send."""
    options: Options = field(init=False, repr=False, compare=False)
    """The packet that tells the MTA."""
    exact_octets: bool = field(init=False, repr=False, compare=False)
    """Whether header values travel with the white space that follows the colon."""

    def __post_init__(self) -> None:
        loud = [c for c, option in SILENT.items() if option not in self.protocol]
        object.__setattr__(self, "answered", frozenset([*loud, ord("E")]))
        declined = [c for c, option in UNSENT.items() if option in self.protocol]
        unknown = [c for c, version in _SINCE.items() if version > self.version]
        object.__setattr__(self, "unsent", frozenset([*declined, *unknown]))
        lists = tuple(
            (int(stage), " ".join(map(braced, names)).encode())
            for stage, names in sorted(self.macros.items())
        )
        options = Options(self.version, int(self.actions), int(self.protocol), lists)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "exact_octets", ProtocolFlags.LEADING_SPACE in self.protocol)


def braced(name: str) -> str:
    """Write a macro name as the MTA does: longer than one character goes in braces."""
    bare = name.removeprefix("{").removesuffix("}")
    return bare if len(bare) == 1 else f"{{{bare}}}"


def negotiate(offer: Options, wish: Wish) -> Agreement:
    """Take from an MTA's offer what is wished for, and nothing that is not offered.

    Raises PeerError, with what to do about it, where the offer does not suffice;
    UsageError for a wish that contradicts itself.
    """
    # The same MTA makes the same offer on each of its connections.
    made = wish._made.get(offer)
    if made is None:
        made = _agree(offer, wish)
        if len(wish._made) < _OFFERS_KEPT:
            wish._made[offer] = made
    return made


def _agree(offer: Options, wish: Wish) -> Agreement:
    if not _OLDEST <= wish.version <= VERSION:
        raise UsageError(f"milter version {wish.version}: this end speaks 2 to {VERSION}")
    if wish.exact_octets and ProtocolFlags.LEADING_SPACE not in wish.protocol:
        raise UsageError("a wish for exact octets needs ProtocolFlags.LEADING_SPACE")
    version = min(wish.version, offer.version)
    if version < _OLDEST:
        raise PeerError(
            f"the MTA speaks milter version {offer.version}; version {_OLDEST} is the oldest "
            "that works: upgrade the MTA, or raise its milter_protocol setting to 6"
        )
    lacking = wish.needs & ~offer.actions
    if lacking:
        raise PeerError(
            f"the MTA does not permit {names_of(lacking)}: upgrade it or lift the restriction on "
            "this filter in its configuration"
        )
    protocol = wish.protocol & ProtocolFlags(offer.protocol)
    if wish.exact_octets and ProtocolFlags.LEADING_SPACE not in protocol:
        raise PeerError(
            "the MTA hides the white space behind the colon of header fields (it does not offer "
            "HDR_LEADSPC), so simple header canonicalization cannot be right: set its "
            "milter_protocol to 6, or sign with signing.canonicalization = relaxed/relaxed and "
            "without signing.canonicalization_field"
        )
    if ProtocolFlags.MAX_DATA_1M in protocol:
        protocol &= ~ProtocolFlags.MAX_DATA_256K
    actions = (wish.needs | wish.likes) & ActionFlags(offer.actions)
    macros: Mapping[Stage, tuple[str, ...]] = {}
    if wish.macros and offer.actions & ActionFlags.REQUEST_MACROS:
        actions |= ActionFlags.REQUEST_MACROS
        macros = wish.macros
    return Agreement(version=version, actions=actions, protocol=protocol, macros=macros)


def names_of(flags: IntFlag) -> str:
    """Return the names of flags for a message; bits without one in hexadecimal."""
    kind = type(flags)
    names = [f.name or "" for f in kind if f in flags and int(f).bit_count() == 1]
    known = sum(f for f in kind if f in flags and int(f).bit_count() == 1)
    rest = int(flags) & ~known
    return ", ".join([*names, *([hex(rest)] if rest else [])])
