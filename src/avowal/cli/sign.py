"""``avowal sign``: a message in, the signed message out."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

import click

from avowal.calls.wrappings import refuse_wrapped
from avowal.cli import exits
from avowal.cli.keyfile import load, password_option
from avowal.cli.keystore import store_option
from avowal.cli.shared_options import at_option
from avowal.cli.sources import CHUNK, from_line, named
from avowal.cli.streams import output
from avowal.dkim.relays import RELAYS, refuse_relay, relay_of
from avowal.errors import IntentError, UsageError
from avowal.line_ends import LineEnds, WireForm, looks_stored
from avowal.message import CRLF

if TYPE_CHECKING:
    from avowal.dkim.intent import Intent

_STORED = "store:"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(value: str) -> int:
    """Read seconds, or a number with a unit such as 36h; raises click.BadParameter."""
    text = value.strip().lower()
    unit = _UNITS.get(text[-1:])
    digits = text if unit is None else text[:-1]
    if not (digits.isascii() and digits.isdigit()):
        raise click.BadParameter(f"{value!r} is no duration: write 604800, 36h or 7d")
    return int(digits) * (unit or 1)


@click.command("sign")
@click.argument("path", default="-", metavar="[FILE]")
@click.option("-d", "--domain", multiple=True, help="The signing domain, d=.")
@click.option("-s", "--selector", multiple=True, help="The key's selector, s=.")
@click.option(
    "-k",
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="FILE",
    help="The private key; store:DOMAIN for the keys of a domain in the key store, which has "
    "their selectors.",
)
@store_option
@password_option
@click.option("-i", "--identity", metavar="NAME@DOMAIN", help="The user or agent, i=.")
@click.option(
    "-x", "--expire", type=duration, metavar="DURATION", help="Expire after this time, x=."
)
@click.option(
    "-c",
    "--canon",
    default="relaxed/relaxed",
    show_default=True,
    metavar="HEADER/BODY",
    help="The canonicalization, c=.",
)
@click.option(
    "--oversign",
    metavar="NAMES",
    help="Fields, separated by commas, that nobody may add, besides the usual ones.",
)
@click.option(
    "--leave-out",
    metavar="NAMES",
    help="Fields not to sign, separated by commas: what is written anew on the way.",
)
@click.option(
    "--relay",
    type=click.Choice(sorted(RELAYS)),
    help="What the message goes through: leaves out what it rewrites, one signature where it "
    "takes no more (ses: Amazon SES).",
)
@click.option("--copy-fields", is_flag=True, help="Keep copies of the signed fields, z=.")
@at_option
@click.option("--field", "field_only", is_flag=True, help="Write the signature fields only.")
@click.option(
    "--accept-malformed", is_flag=True, help="Sign what no recipient should have to read."
)
@click.option(
    "--any-key-mode", is_flag=True, help="Take a key file that others can read or change."
)
@click.option(
    "--line-ends",
    type=click.Choice(["auto", "wire", "stored"]),
    default="auto",
    show_default=True,
    help="What is written: line ends as they came, CRLF (wire), or LF (stored).",
)
def command(
    *,
    path: str,
    domain: tuple[str, ...],
    selector: tuple[str, ...],
    keys: tuple[str, ...],
    password_file: str | None,
    any_key_mode: bool,
    store_name: str,
    field_only: bool,
    relay: str | None,
    now: int,
    accept_malformed: bool,
    line_ends: LineEnds,
    **options: Any,
) -> None:
    """Sign a message and write it, signed, to standard output.

    Repeat --selector and --key for several signatures, and --domain where they differ.
    The hash is over CRLF line ends, as the message will travel, whatever is written here.
    """
    from avowal.keys.secrecy import keep_memory_private

    keep_memory_private()
    out = output()
    common = _common(**options)
    if relay is not None:
        common = common.leaving_out(relay_of(relay).rewrites)
    files = tuple(key for key in keys if not key.startswith(_STORED))
    intents = [
        replace(common, domain=d, selector=s, key=load(k, password_file, any_mode=any_key_mode))
        for d, s, k in _triples(domain, selector, files)
    ]
    for key in keys:
        if key.startswith(_STORED):
            intents += _stored(common, key.removeprefix(_STORED), store_name, any_key_mode)
    with _seekable(path) as file:
        stored, before = _beginning(file, line_ends, name=named(path))
        file.seek(len(before))
        fields = _signed(file, intents, now, accept_malformed, relay)
        ending = b"\n" if stored else CRLF
        out.write((b"" if field_only else before) + fields.replace(CRLF, ending))
        if not field_only:
            file.seek(len(before))
            for chunk in _outgoing(file, stored):
                out.write(chunk)
        out.flush()


def _common(
    *,
    canon: str,
    identity: str | None,
    expire: int | None,
    oversign: str | None,
    leave_out: str | None,
    copy_fields: bool,
) -> Intent:
    """What all signatures of one command have in common; names and key come later."""
    from avowal.dkim.intent import Intent

    header_canon, _, body_canon = canon.partition("/")
    intent = Intent(
        domain="",
        selector="",
        key=_NoKey(),
        identity=identity,
        header_canon=header_canon,
        body_canon=body_canon or "simple",  # RFC 6376 §3.5 c=
        lifetime=expire,
        copy_fields=copy_fields,
    )
    added, left = _names(oversign), _names(leave_out)
    if both := added & left:
        raise UsageError(f"--leave-out and --oversign both name {min(both).decode()}")
    return replace(intent, oversigned=intent.oversigned | added).leaving_out(left)


def _stored(common: Intent, domain: str, store_name: str, any_mode: bool) -> list[Intent]:
    """Return an intent for each key that signs for a domain by the key store."""
    from avowal.cli.domains import domain_name
    from avowal.keys.places import Opening
    from avowal.stored_keys import signing_for

    found = signing_for(store_name, domain_name(domain), Opening(require_safe=not any_mode))
    return [
        replace(
            common,
            domain=one.managed.domain.text,
            selector=one.managed.selector.ascii,
            key=one.key,
        )
        for one in found
    ]


def _names(given: str | None) -> frozenset[bytes]:
    from avowal.dkim.intent import lower_names

    return frozenset(filter(None, lower_names((given or "").split(","))))


class _NoKey:
    algorithm = ""

    def sign(self, digest: bytes, /) -> bytes:
        raise IntentError("key", "none was given")


def _triples(
    domains: tuple[str, ...], selectors: tuple[str, ...], keys: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """Put domains, selectors and keys together in the order they were given."""
    if keys and len(domains) == 1:  # keys of the store have names of their own
        domains *= len(keys)
    if not len(domains) == len(selectors) == len(keys):
        raise UsageError(
            "one --selector belongs to each --key, and one --domain to all or to each: "
            f"there are {len(domains)} domains, {len(selectors)} selectors, {len(keys)} keys"
        )
    return zip(domains, selectors, keys, strict=True)


def _seekable(path: str) -> IO[bytes]:
    """Open the message so that it can be read twice: hashed, then written."""
    if path != "-":
        return open(path, "rb")  # noqa: PTH123 - as the other commands do
    if sys.stdin.buffer.seekable():
        return sys.stdin.buffer
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller
    for chunk in _read(sys.stdin.buffer):
        kept.write(chunk)
    kept.seek(0)
    return kept


def _read(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(CHUNK), b"")


def _beginning(file: IO[bytes], line_ends: LineEnds, *, name: str) -> tuple[bool, bytes]:
    """Say whether a message is written with LF, and which "From " line stands before it."""
    beginning = file.read(CHUNK)
    before = from_line(beginning)
    if len(beginning) == len(before):
        raise UsageError(f"{name}: empty")
    refuse_wrapped(beginning, name)
    stored = line_ends == "stored" or (line_ends == "auto" and looks_stored(beginning))
    return stored, before


def _signed(
    file: IO[bytes], intents: list[Intent], now: int, accept_malformed: bool, relay: str | None
) -> bytes:
    from avowal.calls.arguments import read_header
    from avowal.dkim.lines import BodyLines
    from avowal.dkim.signer import Signer

    header, body = read_header(_read(file))
    if relay is not None:
        refuse_relay(relay, header, len(intents))
    signer = Signer(header, intents, now=now, accept_malformed=accept_malformed, lines=BodyLines())
    for chunk in body:
        signer.feed(chunk)
    for caution in signer.warnings:
        exits.complain(f"warning: {caution.sentence}")
    return b"".join(field.raw + CRLF for field in signer.finish())


def _outgoing(file: IO[bytes], stored: bool) -> Iterator[bytes]:
    """The message as it was signed, with the line ends it came with."""
    form = WireForm(bare_cr=True)
    written: Callable[[bytes], bytes] = _with_lf if stored else bytes
    for chunk in _read(file):
        yield written(form.feed(chunk))
    yield written(form.finish())


def _with_lf(octets: bytes) -> bytes:
    return octets.replace(CRLF, b"\n")
