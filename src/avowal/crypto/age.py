"""Files in the format of age (age-encryption.org/v1): encrypted for a key, read with a secret.

Whoever writes such a file cannot read it again: only the private key can, with any program
that knows the format (``age -d -i key.txt``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from avowal.errors import KeyMaterialError

if TYPE_CHECKING:
    from pyrage import ssh, x25519

IDENTITY = b"AGE-SECRET-KEY-1"
"""What a private key of age begins with."""
_SSH = b"-----BEGIN"  # of OpenSSH's own form, and of PEM
_NOT_OURS = "encrypted with age, and not with this passphrase or for this key"
_NO_IDENTITY = (
    "no private key of age or SSH that can be used: age-keygen writes one"
    " (AGE-SECRET-KEY-1…); one of SSH must be without a password"
)
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
    def parse(cls, octets: bytes, source: str) -> AgeIdentities:
        """Read what age-keygen(1) or ssh-keygen(1) wrote; `source` is named in errors.

        Raises KeyMaterialError for what is no such key, and for one that a password protects.
        """
        _require_library(source)
        import pyrage  # noqa: PLC0415 - an extra

        if is_age(octets):
            raise KeyMaterialError(source, "encrypted itself: decrypt it first (age -d)")
        try:
            if octets.startswith(_SSH):
                return cls([pyrage.ssh.Identity.from_buffer(octets)])
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
