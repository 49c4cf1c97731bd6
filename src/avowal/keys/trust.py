"""Whether a key file is safe: who can read it or put another in its place.

A key is as secret as its file, and as every directory on the way to it: whoever can write one
of those brings another key.  The judge is strict about three questions, for the user that the
service runs as (its account):

- who owns it: root or that user, for the file, each directory and each link;
- who may read it: besides the owner a group that the account is in, never the world;
- who may change it, or a directory on the way: nobody else.  A sticky directory such as /tmp
  is one where others cannot touch our files; the user's own group may write a directory.

OpenDKIM's RequireSafeKeys asks the same; that a service's group may read (0640 root:service,
the usual layout) is allowed here however many members the group has.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from avowal.paths import Step, UnsafePathError


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a service runs as, by numbers, and the groups its process is in."""

    user: int
    group: int
    groups: frozenset[int]

    @classmethod
    def current(cls) -> Account:
        """Whoever this process is now."""
        group = os.getegid()
        return cls(os.geteuid(), group, frozenset((group, *os.getgroups())))

    @classmethod
    def of(cls, user: int, group: int | None = None, *, supplementary: bool = True) -> Account:
        """A user as it will be: of its own group or the given one, and its other groups."""
        try:
            entry = pwd.getpwuid(user)
        except KeyError:
            group = os.getegid() if group is None else group
            return cls(user, group, frozenset((group,)))
        group = entry.pw_gid if group is None else group
        others = os.getgrouplist(entry.pw_name, group) if supplementary else ()
        return cls(user, group, frozenset((group, *others)))

    @classmethod
    def owning(cls, status: os.stat_result) -> Account:
        """Whoever a file is meant for, where root looks at the file of a service."""
        return cls(status.st_uid, status.st_gid, frozenset((status.st_gid,)))

    @property
    def name(self) -> str:
        """The user's name, or its number."""
        return user_name(self.user)

    @contextmanager
    def assumed(self) -> Iterator[bool]:
        """Be this user for a while, in effect; gives False where we cannot become it.

        For one thread: whoever runs beside is that user too.
        """
        if os.geteuid() == self.user:
            yield True
            return
        if os.geteuid() != 0:
            yield False
            return
        before = os.getgroups(), os.getegid()
        os.setgroups(sorted(self.groups))
        os.setegid(self.group)
        os.seteuid(self.user)
        try:
            yield True
        finally:
            os.seteuid(0)
            os.setegid(before[1])
            os.setgroups(before[0])

    def judge(self, step: Step) -> None:
        """Judge one step on the way to a key, or the key file.  Raises UnsafePathError."""
        status, mode = step.status, step.status.st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            return  # a pipe: its mode says nothing
        if status.st_uid not in {0, self.user}:
            owner = user_name(status.st_uid)
            advice = f"chown it to root or {self.name}"
            if self.user == 0:
                advice = f"chown it to root, or work as {owner} (runuser, server.user)"
            raise UnsafePathError(step.path, f"belongs to {owner}, who could change it: {advice}")
        if stat.S_ISLNK(mode):
            return
        if stat.S_ISDIR(mode):
            self._judge_directory(step)
        else:
            self._judge_file(step)

    def _judge_directory(self, step: Step) -> None:
        mode = step.status.st_mode
        if mode & stat.S_ISVTX:
            return  # nobody renames or removes what is another's
        if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not self._is_own(step.status.st_gid)):
            which = "go-w" if mode & stat.S_IWOTH else "g-w"
            raise UnsafePathError(
                step.path,
                f"others may put files into it (mode {stat.S_IMODE(mode):04o}): chmod {which} it",
            )

    def _judge_file(self, step: Step) -> None:
        status, mode = step.status, step.status.st_mode
        changed = mode & stat.S_IWGRP
        read = mode & stat.S_IRGRP and status.st_gid not in self.groups | {0}
        everybody = mode & (stat.S_IROTH | stat.S_IWOTH)
        if everybody or changed or read:
            whose = "" if everybody else f" of group {group_name(status.st_gid)}"
            raise UnsafePathError(
                step.path,
                f"others may read or change it (mode {stat.S_IMODE(mode):04o}{whose}):"
                f" {self._advice(status)}",
            )

    def _advice(self, status: os.stat_result) -> str:
        """Say what makes the file safe and leaves it readable to the account."""
        if status.st_uid == self.user:
            return "chmod 600 it"
        group = group_name(self.group)
        regroup = "" if status.st_gid == self.group else f"chgrp {group} it and "
        return f"{regroup}chmod 640 it, so that {self.name} may still read it"

    def _is_own(self, group: int) -> bool:
        """Whether a group is root's, or this user's alone: of its name, with no other member."""
        if group == 0:
            return True
        try:
            entry = grp.getgrgid(group)
        except KeyError:
            return False
        return entry.gr_name == self.name and set(entry.gr_mem) <= {self.name}


def user_name(number: int) -> str:
    """Return the name of a user, or its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """Return the name of a group, or its number where it has none."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
