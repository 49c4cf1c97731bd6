"""The private keys: the table `keys`."""

from __future__ import annotations

from typing import Annotated

from avowal.config.options import Table, option

KEY_SOURCES = ("file", "inline", "credential", "private")
"""The options of which exactly one says where a key is."""


class Key(Table, frozen=True, kw_only=True):
    """One private key, under a name that rules refer to.

    Exactly one of `file`, `inline`, `credential` and `private` says where the key is.
    """

    domain: Annotated[
        str | None,
        option(
            "The signing domain d=.  Unset, or `%`: the author's domain; then `%` in `file` "
            "stands for it too.",
            example="example.com",
        ),
    ] = None
    selector: Annotated[str, option("The selector s=.", example="s2026", min_length=1)]
    file: Annotated[
        str | None,
        option(
            "A file with the key: PEM, DER, or base64 of either or of a seed.",
            example="/etc/avowal/example.com.s2026.pem",
        ),
    ] = None
    inline: Annotated[str | None, option("The key itself, as a file would hold it.")] = None
    credential: Annotated[
        str | None, option("The name of a systemd credential that holds the key.")
    ] = None
    private: Annotated[
        str | None,
        option(
            "The URI of a key that is elsewhere: `pkcs11:…` on a token, `signer:/SOCKET?key=NAME` "
            "with another process, `vault:…`, `file:/PATH`.",
            example="signer:/run/avowal/signer.sock?key=s2026._domainkey.example.com",
        ),
    ] = None
    password_file: Annotated[
        str | None, option("A file with the password of an encrypted key.")
    ] = None
    algorithm: Annotated[
        str | None,
        option(
            "The algorithm a= the key must be for, such as `rsa-sha256` or `ed25519-sha256`; "
            "unset: whatever the key is."
        ),
    ] = None
