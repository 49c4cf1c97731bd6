"""The fuzzers' targets on what they begin with, on mutations of it, and on what they once found.

Coverage-guided runs are `make fuzz`; this keeps the targets themselves in order.
"""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.fuzz.seeds import TARGETS, seeds

MUTATIONS = 150


def mutated(rng: random.Random, octets: bytes) -> bytes:
    """Change, drop, repeat or put in some octets."""
    made = bytearray(octets)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(made) + 1)
        length = rng.choice((1, 1, 2, 8, 40))
        kind = rng.randrange(4)
        if kind == 0 and at < len(made):
            made[at] = rng.choice(b" \t\r\n;=:\0\xff" + bytes((rng.randrange(256),)))
        elif kind == 1:
            del made[at : at + length]
        elif kind == 2:
            made[at:at] = made[at : at + length]
        else:
            made[at:at] = rng.randbytes(length)
    return bytes(made)


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed_is_taken(target: str) -> None:
    for seed in seeds(target):
        TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
def test_a_seed_does_not_hold_the_time(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/outcomes.py compares what the seeds come out as between machines and interpreters."""
    before = list(seeds(target))
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, _fast(getattr(time, name)))
    assert list(seeds(target)) == before


def _fast(clock: Callable[[], float]) -> Callable[[], float]:
    """The clock, each second of it a thousand."""
    return lambda: clock() * 1000


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_are_taken(target: str) -> None:
    rng = random.Random(target)
    inputs = list(seeds(target))
    for _ in range(MUTATIONS):
        TARGETS[target](mutated(rng, rng.choice(inputs)))


@pytest.mark.parametrize("target", TARGETS)
def test_no_octets_are_taken(target: str) -> None:
    TARGETS[target](b"")


# What fuzzing found, each mended since.
FOUND = [
    pytest.param(
        "parsers",
        "DAEAAAAAAAA/LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1DNENBUUF3QlFZREsyVnZCQ0lFSUt1Z1N4eFRHK09M"
        "a2haZCtNZHNqNlNXQStKZEh4ZmR1RTZVVGdTTlBveFkKLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo=",
        id="x448-key-of-32-octets",
    ),
    pytest.param(
        "parsers", base64.b64encode(b"\x03" + "\u00fc.".encode() * 63).decode(), id="long-u-labels"
    ),
    pytest.param(
        "sign",
        base64.b64encode(b"\1\1\0 c=x; b=y\r\nFrom: a@example.com\r\n\r\n").decode(),
        id="first-line-begins-with-a-space",
    ),
    pytest.param(
        "sign",
        base64.b64encode(b"\1\1\0a.b\0s\0@a.b\0\xff\n--\nFrom: a@b\r\n\r\n").decode(),
        id="tag-name-beyond-utf-8",
    ),
    pytest.param(
        "sign",
        base64.b64encode(b"\x41\1\0To: a@example.com\r\n\r\n").decode(),
        id="no-from-and-malformed-accepted",
    ),
    pytest.param(
        "verify",
        base64.b64encode(b"\2\0\0From: a@example.com\n\nstored, read octet by octet\n").decode(),
        id="first-line-in-pieces",
    ),
    pytest.param(
        "configuration",
        base64.b64encode(b"peerlist a.example?*\x7f,b\n").decode(),
        id="control-in-a-comment-of-the-translation",
    ),
    pytest.param(
        "configuration",
        base64.b64encode(b"userid a\xff\n").decode(),
        id="value-that-is-no-utf-8",
    ),
    pytest.param(
        "from",
        base64.b64encode(b'"a\r\nFrom: a@x>\r\n').decode(),
        id="quote-that-the-next-field-goes-on",
    ),
    pytest.param(
        "mailbox",
        base64.b64encode(b"From " + b"a" * 300 + b"\nb\n\nFrom " + b"c" * 300 + b"\n").decode(),
        id="from-line-longer-than-a-chunk",
    ),
]


@pytest.mark.parametrize(("target", "octets"), FOUND)
def test_what_was_found_stays_mended(target: str, octets: str) -> None:
    TARGETS[target](base64.b64decode(octets))


def test_each_target_has_its_program() -> None:
    programs = {path.stem.removeprefix("fuzz_") for path in Path(__file__).parent.glob("fuzz_*.py")}
    assert set(TARGETS) == programs


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed (extra: fuzz)")
@pytest.mark.parametrize("options", [(), ("--pure",)])
def test_a_program_runs(tmp_path: Path, options: tuple[str, ...]) -> None:
    import subprocess
    import sys

    program = Path(__file__).parent / "fuzz_parsers.py"
    ran = subprocess.run(
        [sys.executable, str(program), "-runs=300", *options],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def test_the_kernel_and_its_twin_agree_on_generated_inputs() -> None:
    pytest.importorskip("avowal._kernel", reason="the C kernel is not built here")
    from tests.fuzz import twins

    twins.main(300, 1)
