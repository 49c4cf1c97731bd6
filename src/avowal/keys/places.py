"""Where a private key is, and the key that signs there.

A store names the place by a URI, never the key itself::

    file:/var/lib/avowal/private/example.com.s1.pem
    file:/etc/dkim/s1.pem?passphrase-file=/etc/avowal/passphrase
    pkcs11:token=avowal;object=s1?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/etc/avowal/pin
    signer:/run/avowal/signer.sock?key=s1._domainkey.example.com

Each scheme has an opener in a table; packages bring more (`avowal.extensions`).  An opener
never shows what it opened: errors name the place (RFC 4686 §4.1.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from avowal.crypto.signing import AnyKey
from avowal.errors import KeyMaterialError, UsageError
from avowal.keys.files import load_key, read_password
from avowal.keys.trust import Account
from avowal.valueclass import value


@value
class Place:
    """A URI of a private key, read: what stands before the ``?``, and the options behind it."""

    uri: str
    scheme: str
    path: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, uri: str) -> Place:
        """Read a URI.  Raises KeyMaterialError."""
        try:
            parts = urlsplit(uri)
            options = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
        except ValueError:
            raise KeyMaterialError(uri, "no URI of a private key") from None
        if not parts.scheme or parts.netloc or parts.fragment:
            raise KeyMaterialError(uri, "no URI of a private key, such as file:/etc/dkim/s1.pem")
        path = parts.path if parts.scheme == "pkcs11" else unquote(parts.path)
        return cls(uri=uri, scheme=parts.scheme, path=path, options=tuple(options))

    def option(self, name: str) -> str | None:
        """Return the value of an option, None where it is not given."""
        return next((given for at, given in self.options if at == name), None)

    def refuse_others(self, *known: str) -> None:
        """Refuse options but these.  Raises KeyMaterialError."""
        for name, _ in self.options:
            if name not in known:
                raise KeyMaterialError(self.uri, f"{name} is none of {', '.join(known)}")


@value
class Opening:
    """How keys are opened: for which user they have to be safe, and whether they have to be."""

    account: Account | None = None
    require_safe: bool = True

    def secret(self, path: str) -> bytes:
        """Return the first line of a file that opens a key: passphrase, PIN, token.

        It has to be as safe as a key (`keys.trust`).  Raises KeyMaterialError.
        """
        return read_password(path, require_safe=self.require_safe, account=self.account)


Opener: TypeAlias = Callable[[Place, Opening], AnyKey]
_OPENERS: Final[dict[str, Opener]] = {}


def register_place(scheme: str, opener: Opener) -> None:
    """Open keys of a scheme by this.  Raises UsageError where there is one already."""
    if scheme in _OPENERS:
        raise UsageError(f"private keys at {scheme}: are opened already")
    _OPENERS[scheme] = opener


def unregister_place(scheme: str) -> None:
    """Take a scheme out again, for tests."""
    del _OPENERS[scheme]


def schemes() -> tuple[str, ...]:
    """Return the schemes that there are openers for."""
    return tuple(_OPENERS)


def open_private(uri: str, opening: Opening | None = None) -> AnyKey:
    """Return the key that signs at a place.  Raises KeyMaterialError."""
    place = Place.parse(uri)
    opener = _OPENERS.get(place.scheme)
    if opener is None:
        known = ", ".join(schemes())
        raise KeyMaterialError(uri, f"nothing opens {place.scheme}: there are {known}")
    return opener(place, opening or Opening())


def file_uri(path: str, passphrase_file: str | None = None) -> str:
    """Return the URI of a key file; paths have to be absolute.  Raises UsageError."""
    for given in (path, passphrase_file):
        if given is not None and not given.startswith("/"):
            raise UsageError(f"{given}: a store keeps whole paths, from the root on")
    uri = f"file:{quote(path)}"
    return uri if passphrase_file is None else f"{uri}?passphrase-file={quote(passphrase_file)}"


def _open_file(place: Place, opening: Opening) -> AnyKey:
    place.refuse_others("passphrase-file")
    passphrase_file = place.option("passphrase-file")
    password = None if passphrase_file is None else opening.secret(passphrase_file)
    return load_key(
        place.path, password=password, require_safe=opening.require_safe, account=opening.account
    )


register_place("file", _open_file)
