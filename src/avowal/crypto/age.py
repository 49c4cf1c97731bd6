"""Files in the format of age (age-encryption.org/v1): encrypted for a key, read with a secret.

Whoever writes such a file cannot read it again: only the private key can, with any program
that knows the format (``age -d -i key.txt``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from avowal.errors import KeyMaterialError

if TYPE_CHECKING:
    from pyrage import ssh, x25519

IDENTITY = b"AGE-SECRET-KEY-1"
"""What a private key of age begins with."""
_SSH = b"-----BEGIN"  # of OpenSSH's own form, and of PEM
_NOT_OURS = "encrypted with age, and not with this passphrase or for this key"
_NO_IDENTITY = (
    "no private key of age or SSH that can be used: age-keygen writes one (AGE-SECRET-KEY-1…);"
    " of SSH, ed25519 and RSA can be"
)
_ENCRYPTED = "the key is encrypted: give its password"
_MARKS = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")


def is_age(octets: bytes) -> bool:
    """Whether a file is encrypted with age."""
    return octets.startswith(_MARKS)


def decrypted(octets: bytes, secret: bytes, source: str) -> bytes:
    """Decrypt a file with a private key of age, or with a passphrase.

    A passphrase costs a second, by design; a key does not.  Raises KeyMaterialError.
    """
    _require_library(source)
    import pyrage  # noqa: PLC0415 - an extra

    text = secret.decode("utf-8", "replace")
    try:
        if secret.startswith(IDENTITY):
            return pyrage.decrypt(octets, [pyrage.x25519.Identity.from_str(text)])
        return pyrage.passphrase.decrypt(octets, text)
    except (pyrage.DecryptError, pyrage.IdentityError):
        raise KeyMaterialError(source, _NOT_OURS) from None


def _require_library(source: str) -> None:
    """Raise KeyMaterialError where the extra is not installed."""
    try:
        import pyrage  # noqa: F401, PLC0415 - an extra that few have
    except ImportError:
        raise KeyMaterialError(source, "needs pyrage: pip install 'avowal[encrypt]'") from None


class AgeIdentities:
    """Private keys: those of age (``AGE-SECRET-KEY-1…``, a line each), or one of SSH."""

    def __init__(self, identities: Sequence[x25519.Identity | ssh.Identity]) -> None:
        self._identities = list(identities)

    @classmethod
    def parse(cls, octets: bytes, source: str, password: bytes | None = None) -> AgeIdentities:
        """Read what age-keygen(1) or ssh-keygen(1) wrote; `source` is named in errors.

        `password` opens a key of SSH that has one, and a file that is itself encrypted with age.
        Raises KeyMaterialError for what is no such key, and for one that it does not open.
        """
        _require_library(source)
        import pyrage  # noqa: PLC0415 - an extra

        if is_age(octets):
            if password is None:
                raise KeyMaterialError(source, _ENCRYPTED)
            octets = decrypted(octets, password, source)
        try:
            if octets.startswith(_SSH):
                return cls([pyrage.ssh.Identity.from_buffer(_opened(octets, password, source))])
            lines = [line.strip() for line in octets.split(b"\n")]
            found = [line.decode("ascii") for line in lines if line.startswith(IDENTITY)]
            keys = [pyrage.x25519.Identity.from_str(text) for text in found]
        except (pyrage.IdentityError, UnicodeDecodeError):
            raise KeyMaterialError(source, _NO_IDENTITY) from None
        if not keys:
            raise KeyMaterialError(source, _NO_IDENTITY)
        return cls(keys)

    def decrypt(self, octets: bytes, source: str) -> bytes:
        """Return what a file holds.  Raises KeyMaterialError for one that is not for these keys."""
        import pyrage  # noqa: PLC0415 - loaded by `parse`

        try:
            return pyrage.decrypt(octets, self._identities)
        except pyrage.DecryptError:
            raise KeyMaterialError(source, _NOT_OURS) from None


def _opened(octets: bytes, password: bytes | None, source: str) -> bytes:
    """Return a private key of SSH as it is without its password.

    What is no key at all is left to whoever reads it.  Raises KeyMaterialError.
    """
    openssh = b"OPENSSH" in octets.partition(b"\n")[0]
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        load(octets, None)
    except TypeError:  # the library's word for a password that is missing
        if password is None:
            raise KeyMaterialError(source, _ENCRYPTED) from None
    except (ValueError, UnsupportedAlgorithm):
        return octets
    else:
        return octets
    try:
        key = load(octets, password)
    except ValueError:
        raise KeyMaterialError(source, "the password does not open the key") from None
    except UnsupportedAlgorithm as fault:  # without bcrypt
        raise KeyMaterialError(source, f"{fault}: pip install 'avowal[encrypt]'") from None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )


class AgeRecipients:
    """Public keys: those of age (``age1…``), or of SSH (``ssh-ed25519 …``, ``ssh-rsa …``)."""

    def __init__(self, recipients: Sequence[x25519.Recipient | ssh.Recipient]) -> None:
        self._recipients = list(recipients)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> AgeRecipients:
        """Read public keys.  Raises KeyMaterialError for one that is none, or without pyrage."""
        _require_library("age")
        import pyrage  # noqa: PLC0415 - an extra

        found: list[x25519.Recipient | ssh.Recipient] = []
        for text in texts:
            kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
            try:
                found.append(kind.Recipient.from_str(text))
            except pyrage.RecipientError:
                raise KeyMaterialError(
                    repr(text[:80]),
                    "no public key of age: one begins with age1, or is of SSH (ssh-ed25519 …)",
                ) from None
        return cls(found)

    def encrypt(self, octets: bytes) -> bytes:
        """Return octets that only the owners of the keys can read."""
        import pyrage  # noqa: PLC0415 - loaded by `parse`

        return pyrage.encrypt(octets, self._recipients)
