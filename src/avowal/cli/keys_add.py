"""``avowal keys add``, ``import`` and ``export-public``: keys into the store, records out of it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import click

from avowal.cli.dns import Dns
from avowal.cli.domains import domain_name
from avowal.cli.exits import complain
from avowal.cli.keystore import opened, store_option, who
from avowal.cli.shared_options import dns_options, gathered
from avowal.cli.streams import echo
from avowal.errors import UsageError
from avowal.names import DomainName, key_name
from avowal.valueclass import value

if TYPE_CHECKING:
    from avowal.crypto.signing import AnyKey, PrivateKey
    from avowal.key_imports import ImportedKey
    from avowal.keys.lifecycle import KeyState, ManagedKey


@value
class _Wish:
    """How keys come in: where new files go and with what they are encrypted; in which state."""

    key_directory: str
    passphrase_file: str | None
    age: str | None
    state: str
    dns: Dns

    def kept(self, key: PrivateKey, domain: DomainName, selector: DomainName) -> str:
        """Write a key to a file of its own in the directory of keys; return its URI."""
        from avowal import paths
        from avowal.crypto.age import AgeRecipients
        from avowal.keys.files import read_password, write_key
        from avowal.keys.places import file_uri

        path = os.path.abspath(f"{self.key_directory}/{domain.ascii}.{selector.ascii}.pem")  # noqa: PTH100
        secret = self.passphrase_file
        secret = None if secret is None else os.path.abspath(secret)  # noqa: PTH100
        uri = file_uri(path, secret)
        if self.age is not None and secret is None:
            raise UsageError("--age needs --passphrase-file: the private key, for whoever signs")
        recipients = None if self.age is None else AgeRecipients.parse([self.age])
        password = None if secret is None else read_password(secret)
        paths.make_directory(os.path.dirname(path), 0o700)  # noqa: PTH120
        write_key(path, key, password=password, recipients=recipients)
        return uri

    def entered(self, key: AnyKey, domain: DomainName, selector: DomainName) -> KeyState:
        """Return `signing` for a key that DNS shows, or where the operator says so."""
        from avowal.crypto.signing import KnowsPublicKey
        from avowal.dns.limits import Limited
        from avowal.keys.check import check
        from avowal.keys.lifecycle import KeyState
        from avowal.lookup import run

        if self.state != "auto" or not isinstance(key, KnowsPublicKey):
            return KeyState.SIGNING if self.state == "signing" else KeyState.PREPARED
        with self.dns.opened() as resolver:
            found = run(check(key, selector, domain), Limited(resolver))
        if found.problem is not None:
            complain(f"{found.name}: {found.problem}: it is kept as prepared, and signs nothing")
            return KeyState.PREPARED
        return KeyState.SIGNING


_wish_options = gathered(
    "wish",
    _Wish,
    ("key_directory", "passphrase_file", "age", "state", "dns"),
    click.option(
        "--key-directory",
        default="/var/lib/avowal/private",
        show_default=True,
        metavar="DIRECTORY",
        help="Where new private keys are put.",
    ),
    click.option(
        "--passphrase-file",
        metavar="FILE",
        help="Encrypt new keys with the first line of this file, which signers read too.",
    ),
    click.option(
        "--age",
        metavar="PUBLIC-KEY",
        help="Encrypt new keys with age for this key, whose private half is in the passphrase "
        "file.",
    ),
    click.option(
        "--state",
        type=click.Choice(["auto", "prepared", "signing"]),
        default="auto",
        show_default=True,
        help="auto asks DNS: a key whose record is published is signing.",
    ),
)


@click.command("add")
@click.option("-d", "--domain", required=True, help="The signing domain, d=.")
@click.option("-s", "--selector", required=True, help="The key's selector, s=.")
@click.option(
    "--type",
    "key_type",
    type=click.Choice(["rsa", "ed25519"]),
    default="rsa",
    show_default=True,
    help="The type of a new key.",
)
@click.option("--bits", type=int, default=2048, show_default=True, help="RSA only.")
@click.option(
    "--private", metavar="URI", help="A key that is there: file:/PATH, pkcs11:…, signer:/SOCKET…"
)
@store_option
@dns_options
@_wish_options
def add_command(
    *,
    domain: str,
    selector: str,
    key_type: str,
    bits: int,
    private: str | None,
    store_name: str,
    wish: _Wish,
) -> None:
    """Make a key for a domain, or take one that is there, and keep it in the store.

    A new key is `prepared`: it signs nothing before its record was published and seen.  Its
    record is printed as a line for the zone file.
    """
    from avowal.crypto.signing import generate
    from avowal.keys.lifecycle import KeyState
    from avowal.keys.records import zone_line
    from avowal.keys.registration import refuse_known, register, registered
    from avowal.stored_keys import open_private

    at, of = domain_name(selector), domain_name(domain)
    with opened(store_name) as store:
        refuse_known(store, (key_name(at, of),))
        if private is None:
            if wish.state == "signing":
                raise UsageError("--state signing: nobody has seen the record of a new key")
            private = wish.kept(generate(key_type, bits=bits), of, at)
            found, entered = open_private(private), KeyState.PREPARED
        else:
            found = open_private(private)
            entered = wish.entered(found, of, at)
        managed = registered(
            found, domain=of, selector=at, private=private, state=entered, now=int(time.time())
        )
        register(store, [managed], who=who(), what="add")
    echo(f"{managed.name}: {managed.algorithm}, {managed.state}, {private}", err=True)
    echo(zone_line(at, of, managed.record))


@click.command("import")
@click.argument("path", metavar="FILE")
@click.option("-d", "--domain", help="The signing domain, where the file does not say it.")
@click.option("-s", "--selector", help="The selector, where the file does not say it.")
@store_option
@dns_options
@_wish_options
def import_command(
    *,
    path: str,
    domain: str | None,
    selector: str | None,
    store_name: str,
    wish: _Wish,
) -> None:
    """Take the keys that other software signs with, and keep them in the store.

    FILE is a KeyTable or opendkim.conf, dkimpy-milter.conf, rspamd's dkim_signing.conf, a
    configuration or an export of Stalwart, or a private key.  Key files stay where they are;
    a key that stands in FILE itself is written to a file of its own.
    """
    from avowal.key_imports import read_keys
    from avowal.keys.registration import register

    names = _optional(domain), _optional(selector)
    with opened(store_name) as store:
        keys = [_imported(one, names, wish) for one in read_keys(path)]
        register(store, keys, who=who(), what="import")
    for key in keys:
        echo(f"{key.name}: {key.algorithm}, {key.state}, {key.private}")


def _optional(text: str | None) -> DomainName | None:
    return None if text is None else domain_name(text)


def _imported(
    one: ImportedKey, names: tuple[DomainName | None, DomainName | None], wish: _Wish
) -> ManagedKey:
    from avowal.keys.files import load_key
    from avowal.keys.places import file_uri
    from avowal.keys.registration import registered
    from avowal.stored_keys import open_private

    of, at = one.domain or names[0], one.selector or names[1]
    if of is None or at is None:
        raise UsageError(f"{one.place}: says no domain and selector: give --domain and --selector")
    if one.path is None:
        private = wish.kept(load_key((one.inline or "").encode()), of, at)
    else:
        private = file_uri(os.path.abspath(one.path))  # noqa: PTH100 - links count
    found = open_private(private)
    if one.algorithm is not None and found.algorithm != one.algorithm:
        raise UsageError(f"{one.place}: the key is for {found.algorithm}, not {one.algorithm}")
    entered = wish.entered(found, of, at)
    return registered(
        found, domain=of, selector=at, private=private, state=entered, now=int(time.time())
    )


@click.command("export-public")
@click.option("-d", "--domain", help="Of this domain only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per key and line.")
@store_option
def export_command(*, domain: str | None, as_json: bool, store_name: str) -> None:
    """Write the records that ought to be published, as lines for the zone file.

    A revoked key has an empty p=; one that is prepared, or gone, has none.
    """
    from avowal.keys.lifecycle import KeyState
    from avowal.keys.records import zone_line

    with opened(store_name) as store:
        for key in store.keys(_optional(domain)):
            if as_json:
                told = {"name": key.name, "state": str(key.state), "record": key.record}
                echo(json.dumps(told))
            elif key.state.is_published:
                echo(zone_line(key.selector, key.domain, key.record))
            elif key.state is KeyState.REVOKED:
                echo(zone_line(key.selector, key.domain, _revoked(key.record)))


def _revoked(record: str) -> str:
    return f"{record[: record.index('p=')]}p="
