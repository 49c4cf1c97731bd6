"""The macros of one milter connection, by stage.

The MTA defines macros just before the command they belong to.  They are kept as they
came and read on the first look, for most are never asked for.  A new CONNECT, HELO,
MAIL or RCPT ends the validity of all later stages, so that nothing of one message
(its {auth_type} least of all) is ever seen by the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from avowal.errors import PeerError

# From the last stage to the first, the order of lookups: the latest definition wins.
# UNKNOWN may come at any moment: it ends nothing, and anything ends it.
_ORDER = b"UEBNLTRMHC"
_LATER = {stage: list(_ORDER[:place]) for place, stage in enumerate(_ORDER)}


class Macros(Mapping[str, bytes]):
    """Macro values by name; braces around the name are optional: ``macros["{auth_type}"]``."""

    __slots__ = ("_count", "_fresh", "_octets", "_parsed", "_stages")

    def __init__(self, *, octets: int, count: int) -> None:
        self._octets = octets
        self._count = count
        self._stages: dict[int, bytes] = {}
        self._parsed: dict[int, dict[str, bytes]] = {}
        self._fresh: set[int] = set()

    def define(self, payload: bytes) -> int:
        """Take a MACRO packet; return the command it is for.

        Raises PeerError for a stage that does not exist and beyond the limits.
        """
        if not payload or payload[0] not in _LATER:
            raise PeerError(f"macros for a command that does not exist: {payload[:1]!r}")
        if len(payload) > self._octets:
            raise PeerError(f"macros of {len(payload)} octets, beyond {self._octets}")
        if payload.count(b"\0") > 2 * self._count:
            raise PeerError(f"more than {self._count} macros at once")
        stage = payload[0]
        self._forget(_LATER[stage])
        self._stages[stage] = payload
        self._parsed.pop(stage, None)
        self._fresh.add(stage)
        return stage

    def reach(self, command: int) -> None:
        """Note that a command came: later stages are over, and its own if not defined anew."""
        self._forget(_LATER[command])
        if command not in self._fresh:
            self._forget((command,))
        self._fresh.clear()

    def end_message(self) -> None:
        """Forget everything from MAIL on."""
        self._forget(_LATER[ord("H")])

    def clear(self) -> None:
        """Forget everything."""
        self._stages.clear()
        self._parsed.clear()
        self._fresh.clear()

    def _forget(self, stages: list[int] | tuple[int, ...]) -> None:
        for stage in stages:
            if stage in self._stages:
                del self._stages[stage]
                self._parsed.pop(stage, None)
                self._fresh.discard(stage)

    def _read(self, stage: int) -> dict[str, bytes]:
        strings = self._stages[stage][1:].split(b"\0")
        if len(strings) % 2 == 0 and not strings[-1]:
            strings.append(b"")  # a name without a value
        values = strings[1::2]
        parsed = self._parsed[stage] = {
            _bare(name.decode("ascii", "backslashreplace")): value
            for name, value in zip(strings[: 2 * len(values) : 2], values, strict=True)
        }
        return parsed

    def __getitem__(self, name: str) -> bytes:
        bare = _bare(name)
        for stage in _ORDER:
            parsed = self._parsed.get(stage)
            if parsed is None and stage in self._stages:
                parsed = self._read(stage)
            value = None if parsed is None else parsed.get(bare)
            if value is not None:
                return value
        raise KeyError(name)

    def known(self) -> dict[str, bytes]:
        """Return all values by their names without braces: the latest definition wins."""
        found: dict[str, bytes] = {}
        for stage in reversed(_ORDER):
            if stage in self._stages:
                found |= self._parsed.get(stage) or self._read(stage)
        return found

    def __iter__(self) -> Iterator[str]:
        seen: dict[str, None] = {}
        for stage in _ORDER:
            if stage in self._stages:
                seen.update(dict.fromkeys(self._read(stage)))
        return iter(seen)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _bare(name: str) -> str:
    return name[1:-1] if name[:1] == "{" and name[-1:] == "}" else name
