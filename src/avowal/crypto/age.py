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
_MARKS = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")


def is_age(octets: bytes) -> bool:
    """Whether a file is encrypted with age."""
    return octets.startswith(_MARKS)


def decrypted(octets: bytes, secret: bytes, source: str) -> bytes:
    """Decrypt a file with a private key of age, or with a passphrase.

    A passphrase costs a second, by design; a key does not.  Raises KeyMaterialError.
    """
    try:
        import pyrage  # noqa: PLC0415 - an extra that few have
    except ImportError:
        raise KeyMaterialError(source, "needs pyrage: pip install 'avowal[encrypt]'") from None
    text = secret.decode("utf-8", "replace")
    try:
        if secret.startswith(IDENTITY):
            return pyrage.decrypt(octets, [pyrage.x25519.Identity.from_str(text)])
        return pyrage.passphrase.decrypt(octets, text)
    except (pyrage.DecryptError, pyrage.IdentityError):
        why = "encrypted with age, and not with this passphrase or for this key"
        raise KeyMaterialError(source, why) from None


class AgeRecipients:
    """Public keys: those of age (``age1…``), or of SSH (``ssh-ed25519 …``, ``ssh-rsa …``)."""

    def __init__(self, recipients: Sequence[x25519.Recipient | ssh.Recipient]) -> None:
        self._recipients = list(recipients)

    @classmethod
    def parse(cls, texts: Sequence[str]) -> AgeRecipients:
        """Read public keys.  Raises KeyMaterialError for one that is none, or without pyrage."""
        try:
            import pyrage  # noqa: PLC0415 - an extra that few have
        except ImportError:
            raise KeyMaterialError("age", "needs pyrage: pip install 'avowal[encrypt]'") from None
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
