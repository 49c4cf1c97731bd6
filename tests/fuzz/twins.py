"""The C kernel beside its pure twin over generated inputs, without atheris.

    python tests/fuzz/twins.py [EXECUTIONS [SEED]]

Tag lists that are well formed, spoiled, or of the octets that matter; header sections and names;
line ends.  `make sanitize` runs it over a kernel that is compiled with the sanitizers.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator

from avowal import _kernel, _pure
from avowal.taglist import Tag

SNIPPETS = (
    b"a", b"B", b"bh", b"_", b"9", b"=", b"=", b"=", b";", b";", b" ", b"\t", b"\r\n ", b"\r\n\t",
    b"\r\n", b"\r", b"\n", b"\0", b"\x7f", b"\xc3\xbc", b"a=1", b"v=DKIM1; ", b"x" * 40, b":",
)  # fmt: skip
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


def outcome(function: Callable[..., object], *args: object) -> object:
    """What a function returns, in its order and of its types, or what it raises."""
    try:
        found = function(*args)
    except ValueError as fault:
        return fault.args
    if isinstance(found, dict):
        return list(found.items()), {type(row) for row in found.values()}
    return bytes(found) if isinstance(found, memoryview) else found


def calls(chance: random.Random, number: int) -> Iterator[tuple[str, tuple[object, ...]]]:
    octets, most = octets_of(chance, number), chance.choice([0, 1, 2, 5, 64])
    yield "tag_list", (octets, most, Tag)
    yield "split_header", (octets, most)
    for name in ("no_fold", "bare_lf", "bare_break", "lf_to_crlf", "breaks_to_crlf", "relax_body"):
        yield name, (octets,)
    names = chance.choices(NAMES, k=chance.randrange(14))
    yield "index_names", (names,)
    wanted = tuple(chance.choices([*NAMES, b"none"], k=chance.randrange(14)))
    yield "select_places", (_pure.index_names(names)[0], wanted)


def main(executions: int, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(executions):
        for name, args in calls(chance, number):
            ours, twin = (outcome(getattr(module, name), *args) for module in (_kernel, _pure))
            if ours != twin:
                sys.exit(f"{name}{args}: {ours} and {twin}")
    sys.stdout.write(f"{executions} inputs, seed {seed}: the twins agree ({_kernel.__file__})\n")


if __name__ == "__main__":
    executions, seed = [*sys.argv[1:], *["100000", "7"][len(sys.argv) - 1 :]]
    main(int(executions), int(seed))
