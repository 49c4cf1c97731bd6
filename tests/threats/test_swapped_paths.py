"""Another user swaps files between any two of our steps as root: nothing outside ever changes.

The attacker can write the directory that a socket, a pid file or a note stands in.  Before each
call to the operating system that names a path (and after the last one) he moves: he replaces
what stands there, or the directory itself, by a link to what he is after, a hard link, a
file or a directory of his own.  Each operation is run once for each step and each move.

The real user `nobody` does it, not a simulation: whatever his rights do not allow fails, so the
moves are those that an attacker has.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from avowal import paths
from avowal.config.model import Listener
from avowal.errors import AvowalError
from avowal.flow.actions import Diagnosis
from avowal.keys.sightings import Sightings
from avowal.milter import meters
from avowal.milter.outbox import Notes
from avowal.milter.sockets import open_listener

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, and another user")

NOBODY = 65534
# Everything by which this process can touch the tree.
CALLS = (
    "open", "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink", "chown",
    "chmod", "fchown", "fchmod", "stat", "lstat", "readlink", "scandir", "listdir", "chdir",
    "fchdir", "chroot", "utime",
)  # fmt: skip


class Stage:
    """A directory of the attacker's below one of root's, and what he is after beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.prize = root / "prize"
        self.rich = root / "rich"  # a directory of root's with something in it
        self.open = root / "run" / "service"
        root.chmod(0o755)
        self.prize.write_text("precious")
        self.prize.chmod(0o640)
        self.rich.mkdir(0o755)
        for name in ("m.sock", "m.pid", "numbers", "note.txt"):
            (self.rich / name).write_text("precious too")
            (self.rich / name).chmod(0o600)
        self.open.parent.mkdir(0o755)
        self.open.mkdir(0o755)
        for path in (self.open.parent, self.open):
            os.chown(path, NOBODY, NOBODY)

    def outside(self) -> dict[str, tuple[int, int, int, int, bytes]]:
        """Owner, group, mode, links and content of everything that is not his."""
        seen = {}
        for path in (self.root, self.prize, self.rich, *sorted(self.rich.iterdir())):
            status = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
            links = status.st_nlink if stat.S_ISREG(status.st_mode) else 0
            seen[str(path)] = status.st_uid, status.st_gid, status.st_mode, links, content
        return seen


Move = Callable[[Stage, str], None]


def file_by_link(stage: Stage, name: str) -> None:
    with suppress(FileNotFoundError):
        (stage.open / name).unlink()
    (stage.open / name).symlink_to(stage.prize)


def file_by_dangling_link(stage: Stage, name: str) -> None:
    with suppress(FileNotFoundError):
        (stage.open / name).unlink()
    (stage.open / name).symlink_to(stage.rich / "new")


def file_by_hard_link(stage: Stage, name: str) -> None:
    with suppress(FileNotFoundError):
        (stage.open / name).unlink()
    os.link(stage.prize, stage.open / name)


def every_name_by_link(stage: Stage, name: str) -> None:
    for path in [*stage.open.iterdir(), stage.open / name]:
        with suppress(FileNotFoundError, FileExistsError):
            path.rename(stage.open.parent / f"kept-{path.name}")
        path.symlink_to(stage.prize)


def every_name_by_link_to_directory(stage: Stage, name: str) -> None:
    for path in [*stage.open.iterdir(), stage.open / name]:
        with suppress(FileNotFoundError, FileExistsError):
            path.rename(stage.open.parent / f"kept-{path.name}")
        path.symlink_to(stage.rich)


def directory_by_link(stage: Stage, name: str) -> None:
    stage.open.rename(stage.open.parent / "moved")
    stage.open.symlink_to(stage.rich)


def directory_above_by_link(stage: Stage, name: str) -> None:
    with suppress(OSError):
        stage.open.rename(stage.open.parent / "moved")
    stage.open.symlink_to("../../rich")


def directory_by_another(stage: Stage, name: str) -> None:
    stage.open.rename(stage.open.parent / "moved")
    stage.open.mkdir()
    (stage.open / name).symlink_to(stage.prize)


def file_by_directory(stage: Stage, name: str) -> None:
    with suppress(OSError):
        (stage.open / name).unlink()
    (stage.open / name).mkdir()


MOVES: list[Move] = [
    file_by_link, file_by_dangling_link, file_by_hard_link, every_name_by_link,
    every_name_by_link_to_directory, directory_by_link, directory_above_by_link,
    directory_by_another, file_by_directory,
]  # fmt: skip


def a_socket(stage: Stage) -> None:
    path = stage.open / "m.sock"
    opened = open_listener(
        Listener(socket=f"unix:{path}", owner="nobody", group="65534", mode="0666")
    )
    opened.close()


def a_socket_over_a_stale_one(stage: Stage) -> None:
    a_socket(stage)


def a_pid_file(stage: Stage) -> None:
    path = stage.open / "m.pid"
    paths.remove(path, paths.replace(path, b"1\n", 0o644))


def a_note(stage: Stage) -> None:
    Notes(str(stage.open)).write(Diagnosis("note", "text"))


def a_key(stage: Stage) -> None:
    paths.write_new(stage.open / "m.sock", b"key")


def the_directory_of_numbers(stage: Stage) -> None:
    directory = stage.open / "metrics"
    meters.give_to(str(directory), NOBODY, NOBODY)
    meters.remove(str(directory))


def the_file_of_sightings(stage: Stage) -> None:
    sightings = Sightings()
    sightings.of([b"x" * 16], str(stage.open / "m.sock"))
    sightings.close()


def entering(stage: Stage) -> None:
    before = Path.cwd()
    try:
        paths.enter(stage.open)
        assert Path.cwd() != stage.rich
    finally:
        os.chdir(before)


OPERATIONS: list[tuple[Callable[[Stage], None], str]] = [
    (a_socket, "m.sock"), (a_socket_over_a_stale_one, "m.sock"), (a_pid_file, "m.pid"),
    (a_note, "note.txt"), (a_key, "m.sock"), (the_directory_of_numbers, "metrics"),
    (the_file_of_sightings, "m.sock"), (entering, "m.sock"),
]  # fmt: skip


def as_nobody(move: Move, stage: Stage, name: str) -> None:
    """Make a move with nobody's rights; what they do not allow is not done."""
    groups = os.getgroups()
    os.setgroups([NOBODY])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        with suppress(OSError):
            move(stage, name)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@contextmanager
def interrupted(at: int, act: Callable[[], None]) -> Iterator[list[str]]:
    """Act once, before the call number `at` (from 0); gives the names of all calls."""
    made: list[str] = []
    busy = False
    originals = {name: getattr(os, name) for name in CALLS}

    def watched(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal busy
            if not busy:
                made.append(name)
                if len(made) - 1 == at:
                    busy = True
                    for each, original in originals.items():
                        setattr(os, each, original)
                    act()
                    for each, watching in watchers.items():
                        setattr(os, each, watching)
                    busy = False
            return originals[name](*arguments, **options)

        return call

    # The same ones again after the act: shutil of Python 3.13 compares functions of os.
    watchers = {name: watched(name) for name in CALLS}
    for name, watching in watchers.items():
        setattr(os, name, watching)
    try:
        yield made
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def prepared(root: Path, operation: Callable[[Stage], None]) -> Stage:
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    stage = Stage(root)
    if operation is a_socket_over_a_stale_one:
        opened = open_listener(Listener(socket=f"unix:{stage.open / 'm.sock'}"))
        opened.socket.close()
    if operation is the_directory_of_numbers:
        (stage.open / "metrics").mkdir(0o700)
        (stage.open / "metrics" / "numbers").mkdir(0o700)
    return stage


@pytest.fixture
def root() -> Iterator[Path]:
    """A path that nobody can reach: pytest's own directories are for root alone."""
    made = Path(tempfile.mkdtemp(prefix="avowal-swapped-"))
    made.chmod(0o755)
    yield made / "stage"
    shutil.rmtree(made)


def steps(root: Path, operation: Callable[[Stage], None]) -> list[str]:
    stage = prepared(root, operation)
    with interrupted(-1, lambda: None) as made:
        operation(stage)
    return made


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
@pytest.mark.parametrize(("operation", "name"), OPERATIONS, ids=lambda o: getattr(o, "__name__", o))
def test_a_swap_at_any_step_changes_nothing_outside(
    root: Path, operation: Callable[[Stage], None], name: str, move: Move
) -> None:
    calls = steps(root, operation)
    assert len(calls) > 3
    for step in range(len(calls) + 1):
        stage = prepared(root, operation)
        before = stage.outside()
        act = partial(as_nobody, move, stage, name)
        with interrupted(step, act), suppress(AvowalError, OSError):
            operation(stage)
        assert stage.outside() == before, f"step {step}, {calls[step : step + 1]}"


def test_the_harness_finds_what_it_is_for(root: Path) -> None:
    """The way it was: bind at the name, then chown and chmod what stands there by then."""
    import socket

    def naive(stage: Stage) -> None:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(stage.open / "m.sock"))
            os.chown(stage.open / "m.sock", NOBODY, NOBODY)
            os.chmod(stage.open / "m.sock", 0o666)  # noqa: PTH101

    caught = []
    for step in range(len(steps(root, naive)) + 1):
        stage = prepared(root, naive)
        before = stage.outside()
        act = partial(as_nobody, file_by_link, stage, "m.sock")
        with interrupted(step, act), suppress(OSError):
            naive(stage)
        caught.append(stage.outside() != before)
    assert any(caught)


@pytest.mark.parametrize("mode", ["0600", "0660", "0666"])
def test_a_socket_is_whole_when_it_gets_its_name(root: Path, mode: str) -> None:
    """Nobody sees it with another owner or mode: the name is the last thing it gets."""
    root.mkdir()
    stage = Stage(root)
    seen: set[tuple[int, int]] = set()
    path = stage.open / "m.sock"

    def look() -> None:
        with suppress(FileNotFoundError):
            status = path.lstat()
            seen.add((status.st_uid, stat.S_IMODE(status.st_mode)))

    operation = steps_of_listening(path, mode)
    with interrupted(-1, lambda: None) as made:
        operation()
    for step in range(len(made) + 1):
        with interrupted(step, look):
            operation()
    assert seen == {(NOBODY, int(mode, 8))}


def steps_of_listening(path: Path, mode: str) -> Callable[[], None]:
    def listening() -> None:
        open_listener(
            Listener(socket=f"unix:{path}", owner="nobody", group="65534", mode=mode)
        ).close()

    return listening
