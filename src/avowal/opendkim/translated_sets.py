"""Data sets of opendkim.conf as lists of `avowal milter`: the same members, or a word of why not.

What a set holds is what the filter would find in it: an entry it never asks for is left out, a
pattern is one only in a ``refile:`` set, and what our lists cannot say is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from avowal.config.addresses import AddressPattern, fits
from avowal.config.hosts import HostEntry
from avowal.errors import SyntaxFault
from avowal.names import DomainName, NameFault
from avowal.stores.datasets import MemorySet, PatternSet, Row

DATABASE = (
    "NOTHING: the set is in a database; write it to a file: set first, or stay with avowal-opendkim"
)


@dataclass(slots=True)
class Members:
    """The entries of a list of ours; those OpenDKIM never finds, and those that cannot be said."""

    entries: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def words(self, path: str) -> str:
        """Say what the set became."""
        words = path
        if self.unused:
            words += f", without {', '.join(self.unused)}, which OpenDKIM never matched"
        if self.lost:
            words += f", but NOTHING for {'; '.join(self.lost)}"
        return words


def rows_in(data: object) -> tuple[Row, ...] | None:
    """Return the rows of a set that is held in memory, None for a database."""
    return data.rows if isinstance(data, MemorySet | PatternSet) else None


# -- addresses and domains -----------------------------------------------------------------


def first_rows(data: object) -> Iterator[Row]:
    """Yield the rows that can be found: of equal keys the first, unless they are patterns."""
    seen: set[str] = set()
    for row in rows_in(data) or ():
        if isinstance(data, PatternSet) or row.key.lower() not in seen:
            seen.add(row.key.lower())
            yield row


def author_pattern(key: str, *, patterned: bool) -> str | None:
    """Return a key of a SigningTable as a pattern of ours, None for one that is never found."""
    local, at, domain = key.rpartition("@")
    if patterned:
        never = "*" not in key and (not at or domain.startswith("."))
        never = never or (bool(at) and not local) or ("*" not in domain and domain[:1] == ".")
    else:
        stars = key.count("*") - (domain == "*")
        never = stars > 0 or (bool(at) and not local)
    return None if never else _read(key)


def address_pattern(key: str, *, patterned: bool) -> str | None:
    """Return a key that is compared with whole addresses as a pattern of ours, or None."""
    if not patterned and ("*" in key or "@" not in key or "@." in key):
        return None
    return author_pattern(key, patterned=patterned)


def level_pattern(key: str, *, patterned: bool) -> str | None:
    """Return a key that is asked for as user@host, user@.parent, user@* and * (BodyLengthDB)."""
    if not patterned and "@" not in key and key != "*":
        return None
    if patterned and "@." in key and "*" not in key.rpartition("@")[2]:
        return _read(key)
    return author_pattern(key, patterned=patterned)


def domain_pattern(key: str, *, patterned: bool) -> str | None:
    """Return a key that is compared with whole domains as a pattern of ours, or None."""
    if "@" in key or key.startswith("."):
        return None
    if "*" not in key:
        return _read(key)
    return _read(f"*@{key}") if patterned else None


def _read(key: str) -> str | None:
    """Return a pattern that ours is, too; OpenDKIM compares octets, so it is one of A-labels."""
    if not key.isascii():
        return None
    try:
        AddressPattern.parse(key)
    except SyntaxFault:
        return None
    return key


# -- hosts ---------------------------------------------------------------------------------


def hosts(data: object) -> Members | None:
    """Return a set of hosts as ours; None for a database.

    OpenDKIM asks with ``!`` first, so a pattern that begins with a star takes out all it fits.
    """
    rows = rows_in(data)
    if rows is None:
        return None
    made = Members()
    patterned = isinstance(data, PatternSet)
    stars = [row.key for row in rows if patterned and "*" in row.key]
    written = [row.key.lower() for row in rows if row.key not in stars and _asked_for(row.key)]
    made.unused += [row.key for row in rows if row.key not in stars and not _asked_for(row.key)]
    kept = dict.fromkeys(_first_asked(written))
    if any(not key.strip("*") for key in stars):  # all of it is taken out
        made.unused, made.lost = [row.key for row in rows], []
        return made
    for key in stars:
        _take_out(key, kept, made)
    made.entries += kept
    _weigh(made)
    return made


def _asked_for(key: str) -> bool:
    """Whether OpenDKIM asks for an entry as it stands."""
    bare = key.lower().removeprefix("!")
    return "*" not in key and key.isascii() and (_is_address(bare) or _is_name(bare))


def _first_asked(keys: Iterable[str]) -> Iterator[str]:
    """Yield of the entries that mean the same host or network the one that is asked for first.

    That is an address alone, then in brackets, then as a network; each with ``!`` first.
    """
    found: dict[str, tuple[tuple[int, bool], str]] = {}
    for key in keys:
        bare = key.removeprefix("!")
        meaning, form = bare, 0
        if _is_address(bare):
            meaning = str(ip_network(bare.replace("[", "").replace("]", "")))
            form = ("[" in bare) + 2 * ("/" in bare)
        rank = form, not key.startswith("!")
        if meaning not in found or rank < found[meaning][0]:
            found[meaning] = rank, key
    return (key for _, key in found.values())


def _is_address(text: str) -> bool:
    """Whether a text is an address or network as it is asked for, in brackets or not."""
    address, slash, bits = text.partition("/")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    try:
        if slash:
            return str(ip_network(f"{address}/{bits}")) == f"{address}/{bits}"
        return str(ip_address(address)) == address
    except ValueError:
        return False


def _is_name(text: str) -> bool:
    try:
        name = DomainName.parse(text.removeprefix(".").encode())
        return name.ascii == text.removeprefix(".") and HostEntry.parse(text).name is not None
    except (NameFault, SyntaxFault):
        return False


def _take_out(pattern: str, kept: dict[str, None], made: Members) -> None:
    """Apply a pattern to the entries: what is in none of these forms is named."""
    lowered = pattern.lower()
    domain = lowered[1:]
    if not (lowered.startswith("*.") and "*" not in domain and _is_name(domain)):
        made.lost.append(f"{pattern}: write a network or a domain")
        return
    pieces = tuple(lowered.split("*"))
    for entry in [one for one in kept if not _is_address(one.removeprefix("!"))]:
        if fits(pieces, entry.removeprefix("!")):
            del kept[entry]
            made.unused.append(entry)
    if any(not one.startswith("!") and not _is_address(one) for one in kept):
        kept[f"!{domain}"] = None
    else:
        made.unused.append(pattern)


def _weigh(made: Members) -> None:
    """Name what decides otherwise where name and address of a client are both listed."""
    names = [e for e in made.entries if e[:1] != "!" and not _is_address(e)]
    out = [e for e in made.entries if e[:1] == "!" and _is_address(e[1:])]
    if names and out:
        listed = ", ".join(out)
        made.lost.append(f"a client of {', '.join(names)} at {listed}: here the address decides")


def listed(
    keys: Iterable[tuple[str, str | None]],
) -> Members:
    """Return the entries that could be read, and the keys of the others."""
    made = Members()
    for key, pattern in keys:
        if pattern is None:
            made.unused.append(key)
        else:
            made.entries.append(pattern)
    return made
