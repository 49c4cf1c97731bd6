"""Private keys in files: read with care, written with more."""

from __future__ import annotations

import os
from contextlib import suppress

from avowal import paths
from avowal.crypto.age import IDENTITY, AgeRecipients, decrypted, is_age
from avowal.crypto.signing import PrivateKey, parse_private_key
from avowal.errors import KeyMaterialError, StoreError
from avowal.keys.trust import Account
from avowal.members import refuse_other
from avowal.paths import Step, UnsafePathError

TRIED_KEYS = 100
"""How many keys are tried at a start, a millisecond each; the others when they first sign."""
_MAX_KEY_FILE = 64 << 10  # octets; an RSA-8192 key in PEM is 6.4 kB
_MAX_PASSWORD = 1023  # octets; OpenSSL takes no longer one
_PRIVATE_MODE = 0o600


def load_key(
    source: str | os.PathLike[str] | bytes,
    *,
    password: bytes | None = None,
    require_safe: bool = True,
    account: Account | None = None,
    tried: bool = True,
    directories: paths.Directories | None = None,
) -> PrivateKey:
    """Read a private key from a file, or from octets that hold one.

    PEM (PKCS#1, PKCS#8, encrypted), DER, OpenDKIM's base64 DER, dkimpy's Ed25519 seed.
    A file that others may read, or bring in place of another, is refused while
    `require_safe` (RFC 4686 §4.1.1, `keys.trust`); `account` is the user that the service
    runs as, by default this process's, and for root whoever the file belongs to.  `tried` as
    for `parse_private_key`; `directories`, made with the judge of the account, are held open
    by those who load thousands.
    Raises KeyMaterialError, UsageError for another type.
    """
    if isinstance(source, bytes):
        return parse_private_key(source, password=password, tried=tried)
    refuse_other("a key", source, str, os.PathLike, what="a path, or octets,")
    path = os.fspath(source).removeprefix("./")
    octets = _read(path, require_safe=require_safe, account=account, directories=directories)
    if is_age(octets):
        if password is None:
            raise KeyMaterialError(path, "the key is encrypted with age: give its password")
        octets, password = decrypted(octets, password, path), None
    return parse_private_key(octets, source=path, password=password, tried=tried)


def write_key(
    path: str | os.PathLike[str],
    key: PrivateKey,
    *,
    password: bytes | None = None,
    recipients: AgeRecipients | None = None,
) -> None:
    """Write a new key file that only its owner can read; never over an existing one.

    It is encrypted with a password (PKCS #8), or with age for `recipients`.  Raises StoreError,
    and KeyMaterialError for an empty password.
    """
    octets = key.pem(password) if recipients is None else recipients.encrypt(key.pem())
    try:
        paths.write_new(path, octets, _PRIVATE_MODE)
    except FileExistsError:
        raise StoreError(f"{os.fspath(path)}: exists already; keys are never overwritten") from None
    except OSError as error:
        raise StoreError(f"{os.fspath(path)}: {error.strerror}") from None


def _read(
    path: str,
    *,
    require_safe: bool,
    account: Account | None,
    directories: paths.Directories | None = None,
    what: str = "",
) -> bytes:
    """Return the octets of a file that is as secret as a key.  Raises KeyMaterialError."""
    whole = path
    try:
        if not require_safe:
            return paths.read(path, _MAX_KEY_FILE, _as_it_is)
        if not path.startswith("/"):
            whole = os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118 - links count
        if directories is not None:
            return directories.read(whole, _MAX_KEY_FILE)
        return paths.read(whole, _MAX_KEY_FILE, (account or meant_for(path)).judge)
    except UnsafePathError as fault:
        same = fault.path == os.path.normpath(whole)
        why = fault.why if same else f"{fault.path} {fault.why}"
        raise KeyMaterialError(path, what + why) from None
    except OSError as error:
        raise KeyMaterialError(path, what + (error.strerror or str(error))) from None


def read_password(
    path: str | os.PathLike[str], *, require_safe: bool = True, account: Account | None = None
) -> bytes:
    """Return the first line of a file, which is the password of a key.

    Of a file that age-keygen(1) wrote it is the private key.  The file has to be as safe as
    the key that it opens: `require_safe` and `account` as for `load_key`.  Raises
    KeyMaterialError; an empty one is refused, for it would protect nothing.
    """
    octets = _read(
        os.fspath(path),
        require_safe=require_safe,
        account=account,
        what="no password can be read: ",
    )
    lines = octets.split(b"\n")
    identity = next((line for line in lines if line.startswith(IDENTITY)), lines[0])
    password = identity.rstrip(b"\r")
    if not password:
        raise KeyMaterialError(os.fspath(path), "empty: the password is its first line")
    if len(password) > _MAX_PASSWORD:
        raise KeyMaterialError(os.fspath(path), f"a password of more than {_MAX_PASSWORD} octets")
    return password


def meant_for(path: str) -> Account:
    """Return the user that a file has to be safe for: this one, or for root its owner."""
    if os.geteuid() == 0:
        with suppress(OSError):
            return Account.owning(os.stat(path))  # noqa: PTH116
    return Account.current()


def _as_it_is(step: Step) -> None:
    """Judge nothing: the operator said so."""
