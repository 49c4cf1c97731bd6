"""Where files stand with ChangeRootDirectory, seen from outside.

OpenDKIM changes its root before it writes the pid file, opens its socket and, with each message,
reads the keys of the KeyTable.  Those names are below the new root; the configuration, the tables
and KeyFile are read before and are not.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from avowal.config.opendkim_conf import OpendkimConf


def below(root: str | None, path: str) -> str:
    """Return where a path of the confined process stands; `root` is its root, None for /."""
    return path if root is None else str(PurePosixPath(root, path.lstrip("/")))


def confined(conf: OpendkimConf, path: str) -> str:
    """Return where a path stands that is used below the root of a configuration."""
    return below(conf.text("ChangeRootDirectory"), path)
