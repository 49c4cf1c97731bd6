"""``avowal canon``: what is hashed, with white space made visible, and the hashes."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import click

from avowal.canonical import BODY_FORMS, HEADER_FORMS, Octets
from avowal.cli import sources
from avowal.cli.inspection import begun
from avowal.cli.shared_options import line_ends_option
from avowal.cli.streams import echo
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.dkim.hashing import BodyHash, BodyHasher, header_data
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.errors import UsageError
from avowal.line_ends import LineEnds
from avowal.message import CRLF, Header

_WINDOW = 16 << 10
_TABLE = {
    **{octet: f"\\x{octet:02x}" for octet in range(256) if not 0x21 <= octet < 0x7F},
    ord("\\"): r"\\",
    ord(" "): "·",
    ord("\t"): "→",
    ord("\r"): "␍",
    ord("\n"): "␊\n",
}
_HASH = "sha256"


@click.command("canon")
@click.argument("path", default="-", metavar="[FILE]")
@click.option(
    "-c",
    "--canon",
    metavar="HEADER/BODY",
    help="Show the whole message in these forms.  [default: as its signatures ask for]",
)
@click.option("--no-body", is_flag=True, help="Leave the body's octets out, not its hash.")
@line_ends_option
def command(path: str, canon: str | None, no_body: bool, line_ends: LineEnds) -> None:
    """Show the octets that are hashed, and their hashes.

    For each signature the signed fields in its form, and the hash of the body beside the
    one it holds; for a message without a signature, all fields in relaxed form.  A space
    shows as ·, a tab as →, a line end as ␍␊, other octets outside ASCII as \\xNN.
    """
    for origin, chunks in sources.messages(path, lambda octets: None):
        if origin.number is not None:
            echo(f"== {origin}")
        header, body = begun(origin, chunks, line_ends)
        if header.beyond is not None:
            raise UsageError(f"{origin}: {header.beyond}")
        signatures = [] if canon else list(_signatures(header))
        if signatures:
            _by_signatures(header, signatures, body, show_body=not no_body)
        else:
            _by_forms(header, canon or "relaxed/relaxed", body, show_body=not no_body)


def _signatures(header: Header) -> Iterator[tuple[int, Signature]]:
    for place in header.positions.get(FIELD_NAME, ()):
        try:
            signature = Signature.parse(header[place])
        except SignatureFault as fault:
            echo(f"# DKIM-Signature at place {place} cannot be read: {fault}")
            continue
        if (
            signature.algorithm in ALGORITHMS
            and signature.header_canon in HEADER_FORMS
            and signature.body_canon in BODY_FORMS
        ):
            yield place, signature
        else:
            echo(f"# DKIM-Signature at place {place}: its a= or c= is not known")


def _by_signatures(
    header: Header,
    signatures: list[tuple[int, Signature]],
    body: Iterable[Octets],
    *,
    show_body: bool,
) -> None:
    hasher = BodyHasher()
    hashes = [
        hasher.register(s.body_canon, ALGORITHMS[s.algorithm].hash_name, s.body_length)
        for _, s in signatures
    ]
    for place, signature in signatures:
        form = signature.header_canon
        names = signature.signed_names
        data = header_data(header, names, form, signature.unsigned_field, place=place)
        hash_name = ALGORITHMS[signature.algorithm].hash_name
        echo(f"# d={signature.domain} s={signature.selector}: header, {form}")
        echo(visible(data))
        echo(f"# {hash_name} of the header: {_base64(HASHES[hash_name](data).digest())}")
    forms = dict.fromkeys(signature.body_canon for _, signature in signatures)
    _pass_body(body, hasher, tuple(forms) if show_body else ())
    for (_, signature), found in zip(signatures, hashes, strict=True):
        equal = "equal" if found.digest == signature.body_hash else "NOT equal"
        echo(
            f"# d={signature.domain} s={signature.selector}: hash of the body, "
            f"{signature.body_canon}{_length(found)}: {_base64(found.digest)}; "
            f"bh={_base64(signature.body_hash or b'')}: {equal}"
        )


def _by_forms(header: Header, canon: str, body: Iterable[Octets], *, show_body: bool) -> None:
    header_canon, _, body_canon = canon.partition("/")
    body_canon = body_canon or "simple"  # RFC 6376 §3.5 c=
    if header_canon not in HEADER_FORMS or body_canon not in BODY_FORMS:
        raise UsageError(f"{canon}: the forms are {' and '.join(HEADER_FORMS)}")
    hasher = BodyHasher()
    found = hasher.register(body_canon, _HASH, None)
    echo(f"# header, {header_canon}")
    for field in header:
        octets = HEADER_FORMS[header_canon](*field) if field.name else field.raw
        echo(visible(octets + CRLF), nl=False)
    _pass_body(body, hasher, (body_canon,) if show_body else ())
    echo(f"# {_HASH} of the body, {body_canon}: {_base64(found.digest)}")


def _pass_body(body: Iterable[Octets], hasher: BodyHasher, shown: tuple[str, ...]) -> None:
    """Hash the body, and write its forms as it passes; two forms need it in memory."""
    chunks = body if len(shown) < 2 else [bytes(chunk) for chunk in body]
    if not shown:
        for chunk in chunks:
            hasher.feed(chunk)
    for count, form in enumerate(shown):
        echo(f"# body, {form}")
        canonical = BODY_FORMS[form](_write_visible)
        for chunk in chunks:
            canonical.feed(chunk)
            if count == 0:
                hasher.feed(chunk)
        canonical.finish()
        echo()
    hasher.finish()


def _write_visible(octets: Octets) -> None:
    for start in range(0, len(octets), _WINDOW):
        echo(visible(bytes(octets[start : start + _WINDOW])), nl=False)


def visible(octets: bytes) -> str:
    """Return octets as text in which nothing is hidden."""
    return octets.decode("latin-1").translate(_TABLE)


def _length(found: BodyHash) -> str:
    return "" if found.length is None else f", l={found.length}"


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
