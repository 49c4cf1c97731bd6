r"""The words between a signer, a process that holds private keys, and those who have it sign.

Over a unix socket, lines of ASCII that end with ``\n``, answered in their order::

    KEY NAME\n              ->  OK ALGORITHM BASE64-OF-THE-PUBLIC-KEY\n
    SIGN NAME BASE64-DIGEST\n  ->  OK BASE64-SIGNATURE\n
    anything else           ->  NO WHY\n

NAME is the name of the key record, ``s1._domainkey.example.com``.  The digest is the SHA-256
that RFC 6376 §3.7 calls the data hash; the public key is what p= holds.  A line is at most
`MAX_LINE` octets: a longer one ends the connection.  docs/howto/hsm.md is the page.
"""

from __future__ import annotations

import base64
import binascii

from avowal.crypto.signing import KnowsPublicKey, SigningKey
from avowal.errors import KeyMaterialError
from avowal.valueclass import value

MAX_LINE = 4096
"""Octets: a signature of RSA-8192 takes 1.4 kB."""
_DIGEST = 32


@value
class Asked:
    """A question that was read: the key's name, and the digest to sign, None for KEY."""

    name: str
    digest: bytes | None


def key_question(name: str) -> bytes:
    """Return the line that asks for a public key."""
    return f"KEY {name}\n".encode()


def sign_question(name: str, digest: bytes) -> bytes:
    """Return the line that asks for a signature."""
    return f"SIGN {name} {base64.b64encode(digest).decode()}\n".encode()


def read_question(line: bytes) -> Asked | str:
    """Read a question, or say why it is none."""
    words = line.rstrip(b"\n").split(b" ")
    if not line.isascii() or len(words) not in {2, 3} or not words[1]:
        return "neither KEY NAME nor SIGN NAME DIGEST"
    name = words[1].decode("ascii").lower()
    if words[0] == b"KEY" and len(words) == 2:
        return Asked(name=name, digest=None)
    if words[0] != b"SIGN" or len(words) != 3:
        return "neither KEY NAME nor SIGN NAME DIGEST"
    digest = _octets(words[2])
    if digest is None or len(digest) != _DIGEST:
        return f"no digest of {_DIGEST} octets in base64"
    return Asked(name=name, digest=digest)


def answer(asked: Asked, key: SigningKey) -> bytes:
    """Return the line that answers a question by the key of its name."""
    if asked.digest is not None:
        try:
            return f"OK {base64.b64encode(key.sign(asked.digest)).decode()}\n".encode()
        except KeyMaterialError as fault:
            return refusal(fault.why)
    if not isinstance(key, KnowsPublicKey):
        return refusal("the key does not tell its public half")
    public = base64.b64encode(key.public_octets).decode()
    return f"OK {key.algorithm} {public}\n".encode()


def refusal(why: str) -> bytes:
    """Return the line that refuses."""
    text = "".join(c if " " <= c <= "~" else "?" for c in why)
    return f"NO {text[: MAX_LINE - 8]}\n".encode()


def read_answer(line: bytes) -> tuple[str, ...] | str:
    """Read the words of an answer; a text is why there is none."""
    text = line.decode("ascii", "replace").rstrip("\n")
    if text.startswith("NO "):
        return text[3:]
    words = text.split(" ")
    return tuple(words[1:]) if words[0] == "OK" else "no answer of a signer"


def octets_of(word: str) -> bytes | None:
    """Read base64, None for what is none."""
    return _octets(word.encode("ascii", "replace"))


def _octets(word: bytes) -> bytes | None:
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return None
