"""Walking a path: name by name, each directory held open, links where a judge lets them pass."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from avowal.errors import StoreError

MOST_LINKS = 40  # on one path, as path_resolution(7) has it
_LINK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC if hasattr(os, "O_PATH") else 0
DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class UnsafePathError(StoreError, OSError):
    """A path that somebody else can turn: where on it, and why.

    An `OSError` too (EPERM), so that whoever words the troubles of files words this one.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(errno.EPERM, f"{path} {why}")
        self.path = path
        self.why = why

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class Step:
    """What was found on the way: its path as it was walked, and the directory it stands in."""

    path: str
    status: os.stat_result
    above: os.stat_result | None = None


Judge: TypeAlias = Callable[[Step], None]
"""Raises UnsafePathError for a directory, link or file that is not to be walked through."""


def only_our_links(step: Step) -> None:
    """Let a link count only where root or we ourselves must have put it."""
    above = step.above
    if not stat.S_ISLNK(step.status.st_mode) or above is None:
        return
    if not {step.status.st_uid, above.st_uid} <= {0, os.geteuid()} or writable_by_others(above):
        raise UnsafePathError(step.path, "is a link that another user may have put there")


def no_foreign_links(step: Step) -> None:
    """Let root follow links that only root has made: for files that are read, never written."""
    above = step.above
    if os.geteuid() or not stat.S_ISLNK(step.status.st_mode) or above is None:
        return
    if step.status.st_uid or writable_by_others(above):
        raise UnsafePathError(step.path, "is a link that another user may have put there")


def writable_by_others(status: os.stat_result) -> bool:
    """Whether others than its owner can take files out of a directory and put others in."""
    return bool(status.st_mode & _BY_OTHERS and not status.st_mode & stat.S_ISVTX)


@dataclass(frozen=True, slots=True)
class End:
    """Where a walk ends: a name in a directory that is open, and the path that was walked."""

    directory: int
    name: str
    path: str


def walk(path: str, judge: Judge, *, follow_last: bool) -> End:
    """Walk to the directory of the last name, through links that the judge lets pass."""
    names = deque(_names(path))
    walked, at = _begin(path, judge)
    links = 0
    try:
        while names:
            name = names.popleft()
            if not names and not follow_last:
                return _taken(End(at, name, _below(walked, name)))
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                judge(Step(_below(walked, name), status, os.fstat(at)))
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = _target(at, name, status)
                names.extendleft(reversed(_names(target)))
                if target.startswith("/"):
                    os.close(at)
                    at = -1
                    walked, at = _begin(target, judge)
            elif not names:
                return _taken(End(at, name, _below(walked, name)))
            else:
                walked = _below(walked, name)
                further = entered(at, name, walked, judge)
                os.close(at)
                at = further
        return _taken(End(at, ".", walked or "."))
    finally:
        if at >= 0:
            os.close(at)


def _target(above: int, name: str, judged: os.stat_result) -> str:
    """Read the link that was judged, not one that stands there by now."""
    if not _LINK:  # readlinkat(2) of a descriptor is Linux's
        return os.readlink(name, dir_fd=above)
    descriptor = os.open(name, _LINK, dir_fd=above)
    try:
        if not os.path.samestat(os.fstat(descriptor), judged):
            raise UnsafePathError(name, "was changed by another user on the way")
        return os.readlink("", dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _taken(found: End) -> End:
    """Give the place a descriptor of its own."""
    return End(os.dup(found.directory), found.name, found.path)


def _begin(path: str, judge: Judge) -> tuple[str, int]:
    """Open where a path begins: the root, or the current directory, which is taken as it is."""
    if not path.startswith("/"):
        return "", os.open(".", DIRECTORY)
    root = os.open("/", DIRECTORY)
    judge(Step("/", os.fstat(root)))
    return "/", root


def entered(above: int, name: str, path: str, judge: Judge) -> int:
    """Open a directory that is no link, and judge what was opened."""
    found = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        judge(Step(path, os.fstat(found), os.fstat(above)))
        kept, found = found, -1
    finally:
        if found >= 0:
            os.close(found)
    return kept


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in {"", "."}]


def _below(walked: str, name: str) -> str:
    return os.path.join(walked, name)  # noqa: PTH118 - texts, no paths
