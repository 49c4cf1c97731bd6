"""The message as it was signed, put together again and checked by the verifier's own code."""

from __future__ import annotations

from collections.abc import Sequence

from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.diagnose.signed_header import HeaderProof
from avowal.dkim.hashing import BodyHasher, header_data
from avowal.dkim.signature import Signature
from avowal.message import CRLF, Field, Header


def restored_header(header: Header, place: int, proof: HeaderProof) -> tuple[Header, int]:
    """Return the header with the proven fields, and where the signature stands in it."""
    kept: list[bytes | None] = list(header.raws)
    added: list[bytes] = []
    for name, raws in proof.fields.items():
        standing = [at for at in header.positions.get(name, ()) if at != place][::-1]
        new = [raw for raw in raws if raw is not None]
        for number, at in enumerate(standing):
            kept[at] = new[number] if number < len(new) else None
        added += reversed(new[len(standing) :])
    if proof.raw is not None:
        kept[place] = proof.raw
    rows = [raw for raw in kept if raw is not None]
    own = sum(raw is not None for raw in kept[:place])
    return Header.of([Field.of(raw) for raw in (*rows, *added)]), own


def covered(header: Header, place: int, signature: Signature, *, others: bool = False) -> Header:
    """Return the fields that a signature covers, and itself: all others may be anybody's.

    Of a name that h= has n times those are the n lowest (RFC 6376 §5.4.2).  With `others` the
    fields whose names are not in h= stay too.
    """
    names = signature.signed_names
    kept = [at for at, name in enumerate(header.names) if others and name not in names]
    for name in dict.fromkeys(names):
        places = [at for at in header.positions.get(name, ()) if at != place]
        kept += places[-names.count(name) :]
    return Header.of([header[at] for at in sorted({place, *kept})])


def header_digest(header: Header, place: int, signature: Signature, own: bytes) -> bytes:
    """Return the digest of a header as the verifier makes it; `own` ends what is hashed."""
    data = header_data(
        header,
        signature.signed_names,
        signature.header_canon,
        signature.unsigned_field,
        place=place,
    )
    usual = _own(signature)
    data = data.removesuffix(usual) + own
    return HASHES[ALGORITHMS[signature.algorithm].hash_name](data).digest()


def _own(signature: Signature) -> bytes:
    empty = Header.of([])
    return header_data(empty, (), signature.header_canon, signature.unsigned_field)


def body_digest(body: bytes, signature: Signature) -> bytes:
    """Return the digest of a body as the verifier makes it."""
    hasher = BodyHasher()
    name = ALGORITHMS[signature.algorithm].hash_name
    made = hasher.register(signature.body_canon, name, signature.body_length)
    hasher.feed(body)
    hasher.finish()
    return made.digest


def body_of(lines: Sequence[bytes]) -> bytes:
    """Return lines as a body in wire form, its last line ended."""
    if not lines:
        return b""
    return CRLF.join(lines) + (CRLF if lines[-1] else b"")
