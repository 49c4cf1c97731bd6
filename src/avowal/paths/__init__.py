"""Files near root: a path is walked once, and what was looked at is what is worked on.

A daemon that starts as root opens, makes, gives away and removes files in directories that
others may write, such as the one of the user it serves as.  Whoever can write a directory
can put another file or a link under any name in it, between any two of our steps.  So here

- a path is walked name by name from the root, each directory held open, and the last step
  is taken in the directory that is open (openat(2)); nothing is resolved a second time;
- a link is followed only where nobody but root and ourselves could have put it;
- a file is made under a new name (O_EXCL, O_NOFOLLOW), gets its owner and mode through its
  descriptor, and takes its place by a rename, which replaces a link instead of following it.

`trust` judges what lies on the way of a key.  docs/design/paths.md lists every path operation.
"""

from __future__ import annotations

from avowal.paths.directories import Directories
from avowal.paths.files import (
    Identity,
    Place,
    directory,
    enter,
    look,
    make_directory,
    opened,
    place,
    read,
    remove,
    replace,
    write_all,
    write_new,
)
from avowal.paths.owned import OwnFile
from avowal.paths.walk import Judge, Step, UnsafePathError, no_foreign_links, only_our_links

__all__ = [
    "Directories",
    "Identity",
    "Judge",
    "OwnFile",
    "Place",
    "Step",
    "UnsafePathError",
    "directory",
    "enter",
    "look",
    "make_directory",
    "no_foreign_links",
    "only_our_links",
    "opened",
    "place",
    "read",
    "remove",
    "replace",
    "write_all",
    "write_new",
]
