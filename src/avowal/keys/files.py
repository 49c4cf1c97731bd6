"""Private keys in files: read with care, written with more."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from avowal.crypto.signing import PrivateKey, parse_private_key
from avowal.errors import KeyMaterialError, StoreError

_MAX_KEY_FILE = 64 << 10  # octets; an RSA-8192 key in PEM is 6.4 kB
_MAX_PASSWORD = 1023  # octets; OpenSSL takes no longer one
_PRIVATE_MODE = 0o600


def load_key(
    source: str | os.PathLike[str] | bytes,
    *,
    password: bytes | None = None,
    require_safe: bool = True,
) -> PrivateKey:
    """Read a private key from a file, or from octets that hold one.

    PEM (PKCS#1, PKCS#8, encrypted), DER, OpenDKIM's base64 DER, dkimpy's Ed25519 seed.
    A file that others may read is refused while `require_safe` (RFC 4686 §4.1.1).
    Raises KeyMaterialError.
    """
    if isinstance(source, bytes):
        return parse_private_key(source, password=password)
    path = Path(source)
    try:
        with path.open("rb") as file:
            if require_safe:
                _refuse_unsafe(path, os.fstat(file.fileno()))
            octets = file.read(_MAX_KEY_FILE + 1)
    except OSError as error:
        raise KeyMaterialError(str(path), error.strerror or str(error)) from None
    if len(octets) > _MAX_KEY_FILE:
        raise KeyMaterialError(str(path), "too large for a key file")
    return parse_private_key(octets, source=str(path), password=password)


def write_key(
    path: str | os.PathLike[str], key: PrivateKey, *, password: bytes | None = None
) -> None:
    """Write a new key file that only its owner can read; never over an existing one.

    Raises StoreError, and KeyMaterialError for an empty password.
    """
    octets = key.pem(password)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
    except FileExistsError:
        raise StoreError(f"{os.fspath(path)}: exists already; keys are never overwritten") from None
    except OSError as error:
        raise StoreError(f"{os.fspath(path)}: {error.strerror}") from None


def read_password(path: str | os.PathLike[str]) -> bytes:
    """Return the first line of a file, which is the password of a key.

    Raises KeyMaterialError; an empty one is refused, for it would protect nothing.
    """
    try:
        with Path(path).open("rb") as file:
            password = file.readline(_MAX_PASSWORD + 1).rstrip(b"\r\n")
    except OSError as error:
        why = f"no password can be read: {error.strerror}"
        raise KeyMaterialError(os.fspath(path), why) from None
    if not password:
        raise KeyMaterialError(os.fspath(path), "empty: the password is its first line")
    if len(password) > _MAX_PASSWORD:
        raise KeyMaterialError(os.fspath(path), f"a password of more than {_MAX_PASSWORD} octets")
    return password


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        return  # a pipe or a credential file system: its mode says nothing
    readable = status.st_mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH)
    if readable:
        mode = stat.S_IMODE(status.st_mode)
        raise KeyMaterialError(
            str(path), f"others may read or change it (mode {mode:04o}): chmod 600 it"
        )
