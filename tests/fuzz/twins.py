"""The C kernel beside its pure twin over generated inputs, without atheris.

    python tests/fuzz/twins.py [EXECUTIONS [SEED]]

Tag lists that are well formed, spoiled, or of the octets that matter; header sections and names;
line ends.  `make sanitize` runs it over a kernel that is compiled with the sanitizers.
"""

from __future__ import annotations

import binascii
import random
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import NamedTuple

from avowal import _kernel, _pure

SNIPPETS = (
    b"a", b"B", b"bh", b"_", b"9", b"=", b"=", b"=", b";", b";", b" ", b"\t", b"\r\n ", b"\r\n\t",
    b"\r\n", b"\r", b"\n", b"\0", b"\x7f", b"\xc3\xbc", b"a=1", b"v=DKIM1; ", b"x" * 40, b":",
)  # fmt: skip
WITHOUT_LIMIT = (
    "no_fold", "bare_lf", "bare_break", "final_line_ends", "lf_to_crlf", "breaks_to_crlf",
    "relax_body", "base64_octets",
)  # fmt: skip
VALUES = (
    b"a",
    b" ",
    b"\t",
    b"\r\n ",
    b"\r\n\t",
    b"\r",
    b"\n",
    b"  ",
    b"some more words",
    b"\xc3\xbc",
)
KINDS = {"b": bytes, "t": int, "x": bytes, "c": {b"a=": "a"}}
NAMES = [b"", b"from", b"to", b"x", b"subject"]


def octets_of(chance: random.Random, number: int) -> bytes:
    """One input; its kind goes by its number."""
    if number % 4 == 0:
        return b"".join(chance.choices(SNIPPETS, k=chance.randrange(16)))
    if number % 4 == 1:
        return chance.randbytes(chance.randrange(60))
    if number % 4 == 2:
        return bytes(chance.choices(b"\r\n a", k=chance.randrange(120)))
    tags = (
        bytes(chance.choices(b"abcdefgh_19", k=chance.randrange(1, 4)))
        + chance.choice([b"=", b" = ", b"=\r\n\t"])
        + bytes(chance.choices(b"ABC+/=1 \xc3\xa4", k=chance.randrange(30)))
        for _ in range(chance.randrange(1, 9))
    )
    made = b";".join(tags) + chance.choice([b"", b";", b"; ", b";\r\n ", b";;"])
    if chance.random() < 0.3:
        place = chance.randrange(len(made))
        made = made[:place] + chance.randbytes(1) + made[place + 1 :]
    return made


def base64_of(chance: random.Random) -> bytes:
    """Base64 with folds, often spoiled."""
    made = binascii.b2a_base64(chance.randbytes(chance.randrange(30)), newline=False)
    for _ in range(chance.randrange(3)):
        place = chance.randrange(len(made) + 1)
        cut = place + chance.randrange(2)
        made = made[:place] + chance.choice([b"", b" ", b"\r\n ", b"=", b"A", b"-"]) + made[cut:]
    return made


def copy(arg: object) -> object:
    """An argument that a function may write to, of its own."""
    return dict(arg) if type(arg) is dict else arg


def outcome(function: Callable[..., object], *args: object) -> object:
    """What a function returns, in its order and of its types, or what it raises."""
    try:
        found = function(*args)
    except (ValueError, LookupError) as fault:
        return fault.args
    if isinstance(found, dict):
        return list(found.items())
    if isinstance(found, tuple) and isinstance(found[0], dict):
        return list(found[0].items()), found[1:]
    if isinstance(found, list) and isinstance(args[-1], dict):
        return found, dict(args[-1])
    return bytes(found) if isinstance(found, memoryview) else found


def calls(chance: random.Random, number: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    octets, most = octets_of(chance, number), chance.choice([0, 1, 2, 5, 64])
    yield "tag_list", (octets, most)
    yield "tag_place", (octets, chance.choice(["a", "B", "bh", "v", ""]))
    yield "split_header", (octets, most)
    for name in WITHOUT_LIMIT:
        yield name, (octets,)
    text = base64_of(chance)
    yield "base64_octets", (text,)
    yield "read_usual", ({"b": text, "t": octets, "x": text[:3], "c": octets[:2]}, KINDS, {})
    colon = octets.find(b":")
    yield "relax_field", (octets, colon)
    names = chance.choices(NAMES, k=chance.randrange(14))
    yield "index_names", (names,)
    wanted = tuple(chance.choices([*NAMES, b"none"], k=chance.randrange(14)))
    places = _pure.index_names(names)[0]
    yield "select_places", (places, wanted, chance.randrange(-1, 14), len(names))


def header_of(chance: random.Random) -> Scanned:
    """A header of few names, spoiled in places, and what is wanted of it."""
    written = [name.title() for name in NAMES] + [b"X", b"to "]
    made = b"".join(
        chance.choice(written) + chance.choice([b":", b": ", b"", b" :"])
        + b"".join(chance.choices(VALUES, k=chance.randrange(6))) + b"\r\n"
        for _ in range(chance.randrange(9))
    )  # fmt: skip
    wanted = tuple(chance.choices([*NAMES[1:], b"none", b"X"], k=chance.randrange(9)))
    octets = made + chance.choice([b"", b"\r\n", b"\r\nbody\r\n\r\n", b"A: b"])
    limits = chance.choice([0, 40, 1000]), chance.choice([0, 3, 64])
    return Scanned(octets, *limits, wanted, chance.randrange(-1, 9))


class Scanned(NamedTuple):
    """A header's index is asked everything at once: what it is differs from twin to twin."""

    octets: bytes
    most_octets: int
    most_fields: int
    wanted: tuple[bytes, ...]
    except_at: int

    def told_by(self, twin: ModuleType) -> object:
        found = twin.scan_header(self.octets, self.most_octets, self.most_fields)
        if found is None:
            return None
        index, count, size, repeated = found
        places = [twin.places_of(index, name) for name in self.wanted]
        fields = [twin.field_at(index, place) for place in range(count)]
        forms = [
            outcome(twin.signed_fields, index, self.wanted, self.except_at, relaxed)
            for relaxed in (True, False)
        ]
        return twin.listed_header(index), count, size, repeated, places, fields, forms


def main(executions: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(executions):
        scanned = header_of(chance)
        if scanned.told_by(_kernel) != scanned.told_by(_pure):
            sys.exit(f"{scanned}: {scanned.told_by(_kernel)} and {scanned.told_by(_pure)}")
        for name, args in calls(chance, number):
            ours, twin = (
                outcome(getattr(module, name), *map(copy, args)) for module in (_kernel, _pure)
            )
            if ours != twin:
                sys.exit(f"{name}{args}: {ours} and {twin}")
    sys.stdout.write(f"{executions} inputs, seed {seed}: the twins agree ({_kernel.__file__})\n")


if __name__ == "__main__":
    executions, seed = [*sys.argv[1:], *["100000", "7"][len(sys.argv) - 1 :]]
    main(int(executions), int(seed))
