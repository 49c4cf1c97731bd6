"""What DNS showed, shared by processes and kept in a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from avowal.errors import StoreError
from avowal.keys.sightings import MAGIC, Sighting, Sightings, name_of
from avowal.names import DomainName

A, B, C = (bytes([number]) * 16 for number in (1, 2, 3))


def path_in(directory: Path) -> str:
    return str(directory / "published")


@pytest.mark.parametrize("path", [None, "file"])
def test_another_process_sees_what_was_noted(path: str | None, tmp_path: Path) -> None:
    one, other = Sightings().of([A, B], path and path_in(tmp_path))
    pid = os.fork()
    if pid == 0:
        one.when = -7
        os._exit(0)
    os.waitpid(pid, 0)
    assert (one.when, one.shown) == (-7, False)
    assert (other.when, other.shown) == (0, None)


def test_a_later_generation_and_an_earlier_one_see_the_same(tmp_path: Path) -> None:
    sightings = Sightings()
    [early] = sightings.of([A], path_in(tmp_path))
    new, late = sightings.of([B, A], path_in(tmp_path))
    early.when = 5
    assert (late.when, late.shown) == (5, True)
    late.when = 6
    assert early.when == 6
    assert new.shown is None


def test_the_next_start_knows_it_and_forgets_keys_that_are_gone(tmp_path: Path) -> None:
    first = Sightings()
    kept, gone = first.of([A, B], path_in(tmp_path))
    kept.when, gone.when = 1000, 2000
    first.close()
    unknown, known = Sightings().of([C, A], path_in(tmp_path))
    assert (unknown.when, known.when) == (0, 1000)
    [forgotten] = Sightings().of([B], path_in(tmp_path))
    assert forgotten.shown is None


@pytest.mark.parametrize(
    ("octets", "when"),
    [
        pytest.param(b"", 0, id="empty"),
        pytest.param(b"something else entirely, of some length", 0, id="another file"),
        pytest.param(MAGIC + A + b"\x09\0\0\0\0\0\0\0" + B + b"\x09", 9, id="cut"),
    ],
)
def test_a_damaged_file_says_nothing(octets: bytes, when: int, tmp_path: Path) -> None:
    Path(path_in(tmp_path)).write_bytes(octets)
    first, second = Sightings().of([A, B], path_in(tmp_path))
    assert (first.when, second.when) == (when, 0)


def test_nobody_else_may_write_it(tmp_path: Path) -> None:
    Sightings().of([A], path_in(tmp_path))
    assert stat.S_IMODE(Path(path_in(tmp_path)).stat().st_mode) == 0o600


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no/published: No such file or directory"):
        Sightings().of([A], str(tmp_path / "no" / "published"))


def test_another_key_at_the_same_name_is_another_one() -> None:
    selector, domain = DomainName.parse(b"s"), DomainName.parse(b"example.com")
    other = DomainName.parse(b"EXAMPLE.com")
    assert name_of(selector, domain, b"1") == name_of(selector, other, b"1")
    assert name_of(selector, domain, b"1") != name_of(selector, domain, b"2")


def test_a_sighting_without_a_file_is_one_by_itself() -> None:
    one = Sighting()
    one.when = 3
    assert one.shown
    assert Sighting().shown is None
