"""Sessions with a token by PKCS #11, for `keys.token`; the import needs the extra ``pkcs11``."""

from __future__ import annotations

import os
import threading

import pkcs11
from pkcs11.exceptions import PKCS11Error, UserAlreadyLoggedIn

from avowal.crypto.outside import digest_info, ed25519_public_octets
from avowal.crypto.publickey import rsa_octets
from avowal.keys.outside import SessionError

_READY: dict[str, int] = {}  # modules, and the processes that they were begun in
_TURN = threading.Lock()
"""Held for each call into a maker's library: python-pkcs11 begins it without locks of its own."""


def begin(module: str, attributes: dict[str, str], pin: str | None) -> TokenSession:
    """Begin a session with a key of a token.  Raises SessionError."""
    with _TURN:
        return TokenSession(module, attributes, pin)


def described(module: str, attributes: dict[str, str], pin: str | None) -> tuple[str, bytes]:
    """Return the algorithm a= of a key and the octets of p=.  Raises SessionError."""
    with _TURN:
        session = TokenSession(module, attributes, pin)
        try:
            return session.described()
        finally:
            session.end()


class TokenSession:
    """A session that is logged in, with the key found."""

    def __init__(self, module: str, attributes: dict[str, str], pin: str | None) -> None:
        try:
            token = _library(module).get_token(token_label=attributes["token"])
            self._session = _opened(token, pin)
        except (PKCS11Error, RuntimeError, OSError) as error:
            raise SessionError(_said(error)) from None
        try:
            self._key = self._found(pkcs11.ObjectClass.PRIVATE_KEY, attributes)
            self._attributes = attributes
        except SessionError:
            self.end()
            raise

    def _found(self, of: pkcs11.ObjectClass, attributes: dict[str, str]) -> pkcs11.Key:
        wanted: dict[pkcs11.Attribute, object] = {pkcs11.Attribute.CLASS: of}
        if "object" in attributes:
            wanted[pkcs11.Attribute.LABEL] = attributes["object"]
        if "id" in attributes:
            wanted[pkcs11.Attribute.ID] = attributes["id"].encode("latin-1", "replace")
        try:
            found = list(self._session.get_objects(wanted))
        except PKCS11Error as error:
            raise SessionError(_said(error)) from None
        if len(found) != 1:
            many = "no key" if not found else f"{len(found)} keys"
            raise SessionError(f"{many} of that name on the token")
        return found[0]

    def described(self) -> tuple[str, bytes]:
        """Return the algorithm a= of the key and the octets of p=.  Raises SessionError."""
        attribute, kind = pkcs11.Attribute, self._key.key_type
        try:
            if kind == pkcs11.KeyType.RSA:
                numbers = [
                    int.from_bytes(self._key[one], "big")
                    for one in (attribute.MODULUS, attribute.PUBLIC_EXPONENT)
                ]
                return "rsa-sha256", rsa_octets(*numbers)
            if kind == pkcs11.KeyType.EC_EDWARDS:
                public = self._found(pkcs11.ObjectClass.PUBLIC_KEY, self._attributes)
                return "ed25519-sha256", ed25519_public_octets(public[attribute.EC_POINT])
        except (PKCS11Error, ValueError) as error:
            raise SessionError(_said(error)) from None
        raise SessionError("a key that is neither RSA nor Ed25519: DKIM signs with none other")

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""
        try:
            with _TURN:
                return self._signed(digest)
        except PKCS11Error as error:
            raise SessionError(_said(error)) from None

    def _signed(self, digest: bytes) -> bytes:
        if self._key.key_type == pkcs11.KeyType.RSA:
            return bytes(self._key.sign(digest_info(digest), mechanism=pkcs11.Mechanism.RSA_PKCS))
        return bytes(self._key.sign(digest, mechanism=pkcs11.Mechanism.EDDSA))

    def close(self) -> None:
        """End the session."""
        with _TURN:
            self.end()

    def end(self) -> None:
        """End the session, if the token still knows it, in a turn that one has."""
        try:
            self._session.close()
        except PKCS11Error:
            return


def _opened(token: pkcs11.Token, pin: str | None) -> pkcs11.Session:
    """Open a session; the login is the process's, and stands while one session is open."""
    try:
        return token.open(user_pin=pin)
    except UserAlreadyLoggedIn:
        return token.open()


def _library(module: str) -> pkcs11.lib:
    """Return the maker's library, begun in this process (PKCS #11 §6.7.1: not over a fork)."""
    library = pkcs11.lib(module)
    if _READY.setdefault(module, os.getpid()) != os.getpid():
        library.reinitialize()
        _READY[module] = os.getpid()
    return library


def _said(error: Exception) -> str:
    name = type(error).__name__
    return f"the token: {name}: {error}" if str(error) else f"the token: {name}"
