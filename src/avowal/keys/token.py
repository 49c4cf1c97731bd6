"""Private keys on a token, by PKCS #11 (extra ``pkcs11``).

The URI is that of RFC 7512: ``token``, ``object`` or ``id`` say which key; ``module-path`` is
the library of the token's maker, ``pin-source`` the file with the PIN (never ``pin-value``,
which would stand in the store and in logs)::

    pkcs11:token=avowal;object=s1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/avowal/pin

The key never leaves the token: it signs the digest, RSA as PKCS #1 v1.5 (RFC 6376 §3.3),
Ed25519 as RFC 8463 §3 has it.
"""

from __future__ import annotations

from urllib.parse import unquote

from avowal.errors import KeyMaterialError
from avowal.keys.outside import OutsideKey, Session, SessionError
from avowal.keys.places import Opening, Place

_OPTIONS = ("module-path", "pin-source")
_ATTRIBUTES = ("token", "object", "id", "type")


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
        pin = opening.secret(pin_source.removeprefix("file:")).decode("utf-8", "surrogateescape")

    try:
        from avowal.keys import token_session  # noqa: PLC0415 - needs an extra, which few have
    except ImportError:
        why = "PKCS #11 needs a library: pip install 'avowal[pkcs11]'"
        raise KeyMaterialError(place.uri, why) from None

    def begin() -> Session:
        return token_session.begin(module, attributes, pin)

    try:
        algorithm, public_octets = token_session.described(module, attributes, pin)
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
