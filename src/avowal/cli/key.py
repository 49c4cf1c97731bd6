"""``avowal key``: make a key, show its record, compare it with DNS."""

from __future__ import annotations

import click

from avowal import paths
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.group import Group
from avowal.cli.keyfile import load, password_option
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.crypto.privatekey import RECOMMENDED_RSA_BITS, kinds
from avowal.crypto.publicpem import PublicHalf, is_public, parse_public_key
from avowal.crypto.signing import generate
from avowal.errors import UsageError
from avowal.keys.files import read_password, write_key
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName, NameFault
from avowal.text import printable

_MOST_OCTETS = 64 << 10  # of a public key; RSA-8192 in PEM is 1.5 kB
_domain = click.option("-d", "--domain", required=True, help="The signing domain, d=.")
_selector = click.option("-s", "--selector", required=True, help="The key's selector, s=.")
_any_mode = click.option(
    "--any-key-mode", is_flag=True, help="Take a key file that others can read or change."
)


@click.group("key", cls=Group)
def command() -> None:
    """Make a key, show its record, compare it with DNS."""


@command.command("generate")
@_domain
@_selector
@click.option(
    "--type",
    "key_type",
    type=click.Choice(list(kinds())),
    default="rsa",
    show_default=True,
    help="rsa is read everywhere; ed25519 is short and not read everywhere (RFC 8463).",
)
@click.option("--bits", type=int, default=RECOMMENDED_RSA_BITS, show_default=True, help="RSA only.")
@click.option(
    "-o", "--output", metavar="FILE", help="The new private key.  [default: SELECTOR.pem]"
)
@click.option(
    "--password-file", metavar="FILE", help="Encrypt the key with the first line of this file."
)
@click.option("--testing", is_flag=True, help="Publish t=y: the domain is testing.")
@click.option("--no-subdomains", is_flag=True, help="Publish t=s: no i= in subdomains.")
def generate_command(
    *,
    domain: str,
    selector: str,
    key_type: str,
    bits: int,
    output: str | None,
    password_file: str | None,
    testing: bool,
    no_subdomains: bool,
) -> None:
    """Make a key pair: the private key goes to a file, its record to standard output.

    Only the file's owner can read it; an existing file is never overwritten.
    """
    at, of = _name("--selector", selector), _name("--domain", domain)
    password = None if password_file is None else read_password(password_file)
    key = generate(key_type, bits=bits)
    path = output or f"{selector}.pem"
    write_key(path, key, password=password)
    flags = [flag for flag, wanted in (("y", testing), ("s", no_subdomains)) if wanted]
    echo(f"private key: {path}", err=True)
    echo(zone_line(at, of, record_text(key, flags=flags)))


@command.command("show")
@click.argument("path", metavar="FILE")
@click.option("-d", "--domain", help="The signing domain, d=.")
@click.option("-s", "--selector", help="The key's selector, s=.")
@password_option
@_any_mode
def show_command(
    *,
    path: str,
    domain: str | None,
    selector: str | None,
    password_file: str | None,
    any_key_mode: bool,
) -> None:
    """Show the record that publishes a key: a private one, or a public one alone.

    With --domain and --selector it is a line for the zone file, without them the text alone.
    """
    if (domain is None) != (selector is None):
        raise UsageError("--domain and --selector belong together")
    key = _public(path) or load(path, password_file, any_mode=any_key_mode)
    text = record_text(key)
    if domain is not None and selector is not None:
        text = zone_line(_name("--selector", selector), _name("--domain", domain), text)
    echo(f"{path}: {key.description}", err=True)
    echo(text)


@command.command("check")
@click.argument("path", metavar="FILE")
@_domain
@_selector
@password_option
@_any_mode
@dns_options
def check_command(
    *,
    path: str,
    domain: str,
    selector: str,
    password_file: str | None,
    any_key_mode: bool,
    dns: Dns,
) -> int:
    """Compare a private key with the record that is published for it."""
    from avowal.dns.limits import Limited
    from avowal.keys.check import check
    from avowal.lookup import run

    at, of = _name("--selector", selector), _name("--domain", domain)
    key = load(path, password_file, any_mode=any_key_mode)
    with dns.opened() as resolver:
        found = run(check(key, at, of), Limited(resolver))
    verdict = "published" if found.problem is None else printable(found.problem)
    echo(f"{found.name}: {verdict}")
    for remark in found.remarks:
        echo(f"  {remark}")
    if found.problem is None:
        return ExitStatus.PASSED
    if found.temporary:
        return ExitStatus.TRY_AGAIN
    for octets in found.records:
        echo(f"  there: {printable(octets)}")
    echo(f"  wanted: {record_text(key)}")
    return ExitStatus.NOT_PASSED


def _public(path: str) -> PublicHalf | None:
    """Return the public key of a file; None where it is for `load` to read, or to refuse."""
    try:
        octets = paths.read(path, _MOST_OCTETS)
    except OSError:
        return None
    return parse_public_key(octets, source=path) if is_public(octets) else None


def _name(option: str, text: str) -> DomainName:
    try:
        return DomainName.parse(text.encode())
    except NameFault as fault:
        raise UsageError(f"{option} {text!r}: {fault.why}") from None
