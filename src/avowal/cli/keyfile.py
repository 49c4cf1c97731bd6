"""Private keys as the commands take them: a file, and a password if it has one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from avowal.errors import KeyMaterialError

if TYPE_CHECKING:
    from avowal.crypto.signing import PrivateKey

password_option = click.option(
    "--password-file", metavar="FILE", help="The file whose first line is the key's password."
)


def load(path: str, password_file: str | None = None, *, any_mode: bool = False) -> PrivateKey:
    """Read a key; one that is encrypted is asked for its password on a terminal.

    Raises KeyMaterialError.
    """
    from avowal.keys.files import load_key, read_password

    password = None if password_file is None else read_password(password_file)
    try:
        return load_key(path, password=password, require_safe=not any_mode)
    except KeyMaterialError as fault:
        if password is not None or "encrypted" not in fault.why or not sys.stdin.isatty():
            raise
    asked: str = click.prompt(f"Password of {path}", hide_input=True, err=True)
    return load_key(path, password=asked.encode(), require_safe=not any_mode)
