"""Opening, making, replacing and removing files at the end of a walk."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

from avowal.paths.walk import (
    DIRECTORY,
    Judge,
    Step,
    UnsafePathError,
    entered,
    no_foreign_links,
    only_our_links,
    walk,
)

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_FILE = "is something else than a file: remove it"
_OWN = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")  # names of what is open already

Identity: TypeAlias = tuple[int, int]
"""Device and inode: which file it is, whatever it is called."""


@dataclass(slots=True)
class Place:
    """A name in a directory that is open, whether there is such a file or not.  A context."""

    directory: int
    name: str
    path: str

    def __enter__(self) -> Place:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        os.close(self.directory)
        if isinstance(error, OSError) and error.filename == self.name:
            error.filename = self.path  # the system was told the last name only

    def status(self) -> os.stat_result | None:
        """Look at what stands there itself, not at what a link leads to; None for nothing."""
        with suppress(FileNotFoundError):
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        return None

    def identity(self) -> Identity | None:
        """Return which file stands there."""
        found = self.status()
        return None if found is None else (found.st_dev, found.st_ino)

    def remove(self, identity: Identity) -> None:
        """Remove the name, if that file still stands there."""
        if self.identity() == identity:
            with suppress(FileNotFoundError):
                os.unlink(self.name, dir_fd=self.directory)

    def file_status(self) -> os.stat_result | None:
        """Return what is known of the file that stands here, None for nothing.

        Raises UnsafePathError for a link or anything else, OSError.
        """
        found = self.status()
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise UnsafePathError(self.path, _NO_FILE)
        return found

    @contextmanager
    def new(self, mode: int) -> Iterator[int]:
        """Give a new file's descriptor; at the end it takes this place, or nothing is left.

        What stood there is replaced, a link as a link; it has to be a file or nothing.
        Raises OSError, UnsafePathError.
        """
        found = self.status()
        if found is not None and not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            raise UnsafePathError(self.path, _NO_FILE)
        interim = f".{self.name[:200]}.{_token()}"
        descriptor = os.open(interim, _NEW, 0o600, dir_fd=self.directory)
        try:
            yield descriptor
            os.fchmod(descriptor, mode)  # whatever the umask is
            os.rename(interim, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        finally:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(interim, dir_fd=self.directory)

    @contextmanager
    def private(self) -> Iterator[int]:
        """Make a directory here that nobody else can enter, for as long as it is needed.

        Files in it can be given away and their modes set by name: no other user reaches them.
        """
        name = f".{_token()}"
        os.mkdir(name, 0o700, dir_fd=self.directory)
        try:
            inside = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=self.directory)
            try:
                status = os.fstat(inside)  # is it ours still, or was another one put there?
                if status.st_uid != os.geteuid() or status.st_mode & 0o77:
                    raise UnsafePathError(
                        self.path, "stands in a directory that another user changes"
                    )
                yield inside
            finally:
                os.close(inside)
        finally:
            with suppress(OSError):
                os.rmdir(name, dir_fd=self.directory)


def _token() -> str:
    from secrets import token_hex  # noqa: PLC0415 - whoever only reads does not pay for it

    return token_hex(8)


def _walked(path: str | os.PathLike[str], judge: Judge, *, follow_last: bool) -> Place:
    try:
        end = walk(os.fspath(path), judge, follow_last=follow_last)
    except OSError as error:
        error.filename = os.fspath(path)  # not the name at which the walk ended
        raise
    return Place(end.directory, end.name, end.path)


def place(path: str | os.PathLike[str], judge: Judge = only_our_links) -> Place:
    """Walk to the directory of a path; what its last name is does not matter.

    Raises OSError and UnsafePathError.
    """
    found = _walked(path, judge, follow_last=False)
    if found.name in {".", ".."}:
        os.close(found.directory)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), found.path)
    return found


def directory(path: str | os.PathLike[str], judge: Judge = only_our_links) -> int:
    """Walk to a directory and return its descriptor.  Raises OSError and UnsafePathError."""
    with _walked(path, judge, follow_last=True) as there:
        return entered(there.directory, there.name, there.path, judge)


def opened(
    path: str | os.PathLike[str], judge: Judge = no_foreign_links, *, waits: bool = True
) -> int:
    """Walk to a file and return a descriptor to read from.  Raises OSError, UnsafePathError.

    The names of descriptors that are open already (``/dev/fd/3``) are taken as they are.  A named
    pipe is waited for until somebody writes to it, unless `waits` is false: then only a regular
    file is taken.
    """
    shown = os.fspath(path)
    if shown.startswith(_OWN):
        return os.open(shown, os.O_RDONLY | os.O_CLOEXEC)
    with _walked(path, judge, follow_last=True) as there:
        status = there.status()
        is_pipe = status is not None and not stat.S_ISREG(status.st_mode)  # or a device
        flags = READ & ~os.O_NONBLOCK if waits and is_pipe else READ
        found = os.open(there.name, flags, dir_fd=there.directory)
        try:
            status = os.fstat(found)
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), shown)
            if not (waits or stat.S_ISREG(status.st_mode)):
                raise UnsafePathError(shown, _NO_FILE)
            judge(Step(there.path, status, os.fstat(there.directory)))
            os.set_blocking(found, True)
            kept, found = found, -1
        finally:
            if found >= 0:
                os.close(found)
        return kept


def read(
    path: str | os.PathLike[str],
    most: int,
    judge: Judge = no_foreign_links,
    *,
    waits: bool = True,
) -> bytes:
    """Read a file of at most `most` octets.  Raises OSError (EFBIG), UnsafePathError.

    `waits` as for `opened`.
    """
    with os.fdopen(opened(path, judge, waits=waits), "rb") as file:
        octets = file.read(most + 1)
    if len(octets) > most:
        why = f"too large: it is larger than {most} octets"
        raise OSError(errno.EFBIG, why, os.fspath(path))
    return octets


def look(path: str | os.PathLike[str], judge: Judge = no_foreign_links) -> None:
    """Walk to a file or directory that a library will open by its name.

    What is judged may be another one by then: for files that are read only.  Raises OSError,
    UnsafePathError.
    """
    with _walked(path, judge, follow_last=True) as there:
        if there.status() is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), there.path)


def write_new(path: str | os.PathLike[str], octets: bytes, mode: int = 0o600) -> None:
    """Write a file that is not there yet.  Raises OSError (FileExistsError), UnsafePathError."""
    with place(path) as there:
        descriptor = os.open(there.name, _NEW, mode, dir_fd=there.directory)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)


def write_all(descriptor: int, octets: bytes, at: int = 0) -> None:
    """Write octets to a file from a place on: all of them, or an error.  Raises OSError.

    write(2) may take less than it is given: on a full disk, over a limit of the file's size.
    """
    rest = memoryview(octets)
    while rest:
        written = os.pwrite(descriptor, rest, at)
        rest, at = rest[written:], at + written


def replace(
    path: str | os.PathLike[str],
    octets: bytes,
    mode: int,
    *,
    durable: bool = False,
    keep_owner: bool = False,
) -> Identity:
    """Put a file in place of what is there, which may be a regular file or nothing.

    With `durable` it is on the disk before this returns, under its name.  With `keep_owner`
    root leaves it to whom the file before belonged.  Returns which file it is.  Raises OSError,
    UnsafePathError.
    """
    with place(path) as there:
        found = there.file_status()
        with there.new(mode) as descriptor:
            write_all(descriptor, octets)
            if keep_owner and found is not None and os.geteuid() == 0:
                os.fchown(descriptor, found.st_uid, found.st_gid)
            status = os.fstat(descriptor)
            if durable:
                os.fsync(descriptor)
        if durable:
            opened_again = os.open(".", os.O_RDONLY | os.O_CLOEXEC, dir_fd=there.directory)
            try:
                os.fsync(opened_again)
            finally:
                os.close(opened_again)
        return status.st_dev, status.st_ino


def remove(path: str | os.PathLike[str], identity: Identity) -> None:
    """Remove a name that still is this file's.  Never raises: what is gone or not ours stays."""
    with suppress(OSError, UnsafePathError), place(path) as there:
        there.remove(identity)


def make_directory(path: str | os.PathLike[str], mode: int = 0o700) -> None:
    """Make a directory, and those above it, where there is none.  Raises OSError."""
    shown = os.fspath(path).rstrip("/") or "/"
    try:
        os.close(directory(shown))
    except FileNotFoundError:
        above = os.path.split(shown)[0]
        if above:
            make_directory(above, mode)
        with place(shown) as there, suppress(FileExistsError):
            os.mkdir(there.name, mode, dir_fd=there.directory)


def enter(path: str | os.PathLike[str]) -> None:
    """Make a directory the current one.  Raises OSError, UnsafePathError."""
    descriptor = directory(path)
    try:
        os.fchdir(descriptor)
    finally:
        os.close(descriptor)
