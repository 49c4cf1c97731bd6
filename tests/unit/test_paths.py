"""Files are read and written whole or not at all, and whoever must not wait waits for none."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from avowal import paths
from avowal.errors import StoreError
from avowal.keys.sightings import MAGIC, Sightings


def test_a_file_larger_than_it_may_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert paths.read(file, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 octets") as caught:
        paths.read(file, 4)
    assert caught.value.errno == errno.EFBIG


@pytest.mark.parametrize("below", ["nothing", "nothing/there", "file/below"])
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda path: paths.read(path, 5), id="read"),
        pytest.param(paths.opened, id="opened"),
        pytest.param(paths.directory, id="directory"),
        pytest.param(paths.look, id="look"),
    ],
)
def test_an_error_of_the_system_names_the_whole_path(
    tmp_path: Path, use: Callable[[Path], object], below: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r".") as caught:
        use(tmp_path / below)
    assert caught.value.filename == str(tmp_path / below)


def test_a_file_that_is_there_is_named_by_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError) as caught:
        paths.write_new(tmp_path / "file", b"")
    assert caught.value.filename == str(tmp_path / "file")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("stands_there", [pipe, unix_socket, device, Path.mkdir])
def test_who_does_not_wait_takes_regular_files_only(
    stands_there: Callable[[Path], None], tmp_path: Path
) -> None:
    stands_there(tmp_path / "file")
    with pytest.raises(OSError, match=r"something else than a file|No such device|directory"):
        paths.read(tmp_path / "file", 10, waits=False)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("stands_there", [pipe, unix_socket, device, Path.mkdir])
def test_what_dns_showed_of_keys_is_kept_in_regular_files_only(
    stands_there: Callable[[Path], None], tmp_path: Path
) -> None:
    stands_there(tmp_path / "file")
    with pytest.raises(StoreError) as caught:
        Sightings().of([], str(tmp_path / "file"))
    assert str(caught.value).count(str(tmp_path)) == 1


WRITERS = {
    "replace": "paths.replace('file', b'x' * 100, 0o600)",
    "write_new": "paths.write_new('new', b'x' * 100)",
    "sightings": "Sightings().of([b'k' * 16], 'file')",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_cannot_be_written_whole_is_an_error_and_changes_nothing(
    writer: str, tmp_path: Path
) -> None:
    """write(2) may take a part, as here where files end at 16 octets (RLIMIT_FSIZE)."""
    before = MAGIC + b"k" * 16 + b"8 octets"
    (tmp_path / "file").write_bytes(before)
    code = (
        "import os, resource, signal; from avowal import paths\n"
        "from avowal.errors import StoreError; from avowal.keys.sightings import Sightings\n"
        f"os.chdir({str(tmp_path)!r}); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\n"
        f"try: {WRITERS[writer]}\n"
        "except (OSError, StoreError) as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large" in ran.stdout
    assert (tmp_path / "file").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []


def test_a_file_of_its_own_holds_its_number_until_it_was_removed(tmp_path: Path) -> None:
    """A later file that got the number of the first would be taken for it."""
    path = tmp_path / "pid"
    first = paths.OwnFile(str(path), b"1\n", 0o644)
    number = path.stat().st_ino
    successors = []
    for text in (b"2\n", b"3\n", b"4\n"):
        paths.replace(path, text, 0o644)
        successors.append(path.stat().st_ino)
    first.remove()
    assert path.read_bytes() == b"4\n"
    assert number not in successors


def test_a_file_of_its_own_is_removed_once(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    own = paths.OwnFile(str(path), b"1\n", 0o644)
    own.remove()
    assert not path.exists()
    successor = paths.OwnFile(str(path), b"2\n", 0o644)
    own.remove()
    assert path.exists()
    successor.remove()
