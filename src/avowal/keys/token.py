"""Private keys on a token, by PKCS #11 (extra ``pkcs11``).

The URI is that of RFC 7512: ``token``, ``object`` or ``id`` say which key; ``module-path`` is
the library of the token's maker, ``pin-source`` the file with the PIN (never ``pin-value``,
which would stand in the store and in logs)::

    pkcs11:token=avowal;object=s1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/avowal/pin

The key never leaves the token: it signs the digest, RSA as PKCS #1 v1.5 (RFC 6376 §3.3),
Ed25519 as RFC 8463 §3 has it.
"""

from __future__ import annotations

import os
import threading
from typing import Any
from urllib.parse import unquote

from avowal.crypto.outside import digest_info, ed25519_public_octets
from avowal.crypto.publickey import rsa_octets
from avowal.errors import KeyMaterialError
from avowal.keys.files import read_password
from avowal.keys.outside import OutsideKey, Session, SessionError
from avowal.keys.places import Opening, Place

_OPTIONS = ("module-path", "pin-source")
_ATTRIBUTES = ("token", "object", "id", "type")
_READY: dict[str, int] = {}  # modules, and the processes that they were begun in
_TURN = threading.Lock()
"""Held for each call into a maker's library: python-pkcs11 begins it without locks of its own."""


def open_token(place: Place, opening: Opening) -> OutsideKey:
    """Return a key on a token.  Raises KeyMaterialError."""
    place.refuse_others(*_OPTIONS)
    attributes = _attributes(place)
    module, pin_source = place.option("module-path"), place.option("pin-source")
    if module is None or "token" not in attributes or not attributes.keys() & {"object", "id"}:
        why = "needs token, object or id, and module-path (RFC 7512)"
        raise KeyMaterialError(place.uri, why)
    pin = None
    if pin_source is not None:
        pin = read_password(pin_source.removeprefix("file:")).decode("utf-8", "surrogateescape")

    def begin() -> Session:
        with _TURN:
            return _TokenSession(module, attributes, pin)

    try:
        with _TURN:
            session = _TokenSession(module, attributes, pin)
            try:
                algorithm, public_octets = session.described()
            finally:
                session.end()
    except SessionError as fault:
        raise KeyMaterialError(place.uri, str(fault)) from None
    return OutsideKey(place.uri, algorithm, public_octets, begin)


def _attributes(place: Place) -> dict[str, str]:
    found = {}
    for part in place.path.split(";"):
        name, equals, given = part.partition("=")
        if not equals or name not in _ATTRIBUTES:
            known = ", ".join(_ATTRIBUTES)
            raise KeyMaterialError(place.uri, f"{name!r} is none of {known}")
        found[name] = unquote(given)
    return found


class _TokenSession:
    """A session that is logged in, with the key found."""

    def __init__(self, module: str, attributes: dict[str, str], pin: str | None) -> None:
        try:
            import pkcs11  # noqa: PLC0415 - an extra: only those who use it need it
        except ImportError:
            why = "PKCS #11 needs a library: pip install 'avowal[pkcs11]'"
            raise SessionError(why) from None
        self._pkcs11: Any = pkcs11
        try:
            token = _library(pkcs11, module).get_token(token_label=attributes["token"])
            self._session = _opened(pkcs11, token, pin)
        except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError) as error:
            raise SessionError(_said(error)) from None
        try:
            self._key = self._found(pkcs11.ObjectClass.PRIVATE_KEY, attributes)
            self._attributes = attributes
        except SessionError:
            self.end()
            raise

    def _found(self, of: Any, attributes: dict[str, str]) -> Any:
        wanted: dict[Any, Any] = {self._pkcs11.Attribute.CLASS: of}
        if "object" in attributes:
            wanted[self._pkcs11.Attribute.LABEL] = attributes["object"]
        if "id" in attributes:
            wanted[self._pkcs11.Attribute.ID] = attributes["id"].encode("latin-1", "replace")
        try:
            found = list(self._session.get_objects(wanted))
        except self._pkcs11.exceptions.PKCS11Error as error:
            raise SessionError(_said(error)) from None
        if len(found) != 1:
            many = "no key" if not found else f"{len(found)} keys"
            raise SessionError(f"{many} of that name on the token")
        return found[0]

    def described(self) -> tuple[str, bytes]:
        """Return the algorithm a= of the key and the octets of p=.  Raises SessionError."""
        attribute, kind = self._pkcs11.Attribute, self._key.key_type
        try:
            if kind == self._pkcs11.KeyType.RSA:
                numbers = [
                    int.from_bytes(self._key[one], "big")
                    for one in (attribute.MODULUS, attribute.PUBLIC_EXPONENT)
                ]
                return "rsa-sha256", rsa_octets(*numbers)
            if kind == self._pkcs11.KeyType.EC_EDWARDS:
                public = self._found(self._pkcs11.ObjectClass.PUBLIC_KEY, self._attributes)
                return "ed25519-sha256", ed25519_public_octets(public[attribute.EC_POINT])
        except (self._pkcs11.exceptions.PKCS11Error, ValueError) as error:
            raise SessionError(_said(error)) from None
        raise SessionError("a key that is neither RSA nor Ed25519: DKIM signs with none other")

    def sign(self, digest: bytes, /) -> bytes:
        """Return the signature of a digest.  Raises SessionError."""
        mechanism = self._pkcs11.Mechanism
        try:
            with _TURN:
                return self._signed(digest, mechanism)
        except self._pkcs11.exceptions.PKCS11Error as error:
            raise SessionError(_said(error)) from None

    def _signed(self, digest: bytes, mechanism: Any) -> bytes:
        if self._key.key_type == self._pkcs11.KeyType.RSA:
            return bytes(self._key.sign(digest_info(digest), mechanism=mechanism.RSA_PKCS))
        return bytes(self._key.sign(digest, mechanism=mechanism.EDDSA))

    def close(self) -> None:
        """End the session."""
        with _TURN:
            self.end()

    def end(self) -> None:
        """End the session, if the token still knows it, in a turn that one has."""
        try:
            self._session.close()
        except self._pkcs11.exceptions.PKCS11Error:
            return


def _opened(pkcs11: Any, token: Any, pin: str | None) -> Any:
    """Open a session; the login is the process's, and stands while one session is open."""
    try:
        return token.open(user_pin=pin)
    except pkcs11.exceptions.UserAlreadyLoggedIn:
        return token.open()


def _library(pkcs11: Any, module: str) -> Any:
    """Return the maker's library, begun in this process (PKCS #11 §6.7.1: not over a fork)."""
    library = pkcs11.lib(module)
    if _READY.setdefault(module, os.getpid()) != os.getpid():
        library.reinitialize()
        _READY[module] = os.getpid()
    return library


def _said(error: Exception) -> str:
    name = type(error).__name__
    return f"the token: {name}: {error}" if str(error) else f"the token: {name}"
