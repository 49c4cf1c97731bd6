"""Private keys as the commands take them: a file, and a password if it has one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from avowal.errors import KeyMaterialError

if TYPE_CHECKING:
    from avowal.crypto.signing import PrivateKey

T = TypeVar("T")

password_option = click.option(
    "--password-file", metavar="FILE", help="The file whose first line is the key's password."
)


def load(path: str, password_file: str | None = None, *, any_mode: bool = False) -> PrivateKey:
    """Read a key; one that is encrypted is asked for its password on a terminal.

    Raises KeyMaterialError.
    """
    from avowal.keys.files import load_key

    return opened(
        path,
        password_file,
        lambda password: load_key(path, password=password, require_safe=not any_mode),
    )


def opened(path: str, password_file: str | None, load: Callable[[bytes | None], T]) -> T:
    """Load what may be encrypted, with the password of a file or of a terminal.

    Raises KeyMaterialError.
    """
    from avowal.keys.files import read_password

    password = None if password_file is None else read_password(password_file)
    try:
        return load(password)
    except KeyMaterialError as fault:
        if password is not None or "encrypted" not in fault.why or not sys.stdin.isatty():
            raise
    asked: str = click.prompt(f"Password of {path}", hide_input=True, err=True)
    return load(asked.encode())
