"""Reading mail for `recovery`: signatures whose body is intact, and what their headers hash to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from avowal.canonical import BODY_FORMS, HEADER_FORMS, Octets
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.dates import seconds_of
from avowal.dkim.hashing import BodyHash, BodyHasher, header_data
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.keys.recovery import Sample, can_be_recovered
from avowal.limits import DEFAULT, Limits
from avowal.message import Header

# Fields that lists and relays add or put anew; a signer that names them in h= mostly signs that
# they are absent.
_ADDED_LATER = (b"sender", b"precedence", b"resent-sender", b"x-mailing-list")
_OF_LISTS = b"list-"
_OFTEN_CHANGED = frozenset(
    (b"cc", b"to", b"subject", b"reply-to", b"content-type", b"content-transfer-encoding")
)


def samples_of(
    header: Header, body: Iterable[Octets], *, limits: Limits = DEFAULT
) -> Iterator[tuple[Signature, Sample]]:
    """Yield the RSA signatures of a message over its whole body as it stands.

    A header beyond `limits` has none.  Raises nothing.
    """
    if header.excess(limits) is not None:
        return
    hasher = BodyHasher()
    read = list(_read(header, hasher, limits))
    if not read:
        return
    for chunk in body:
        if not hasher.feed(chunk):
            break
    hasher.finish()
    for place, signature, body_hash in read:
        if body_hash.digest == signature.body_hash:
            yield signature, _sample(header, place, signature)


def _read(
    header: Header, hasher: BodyHasher, limits: Limits
) -> Iterator[tuple[int, Signature, BodyHash]]:
    places = header.positions.get(FIELD_NAME, ())
    for place in places[: limits.signatures_parsed]:
        try:
            signature = Signature.parse(header[place], limits=limits)
        except SignatureFault:
            continue
        if not can_be_recovered(signature.algorithm, signature.signature):
            continue
        if signature.body_length is not None or signature.body_canon not in BODY_FORMS:
            continue
        if signature.header_canon not in HEADER_FORMS:
            continue
        hash_name = ALGORITHMS[signature.algorithm].hash_name
        yield place, signature, hasher.register(signature.body_canon, hash_name, None)


def _sample(header: Header, place: int, signature: Signature) -> Sample:
    names = signature.signed_names
    digests = [_digest(header, place, signature)]
    doubtful = {name for name in names if name in header.positions and _is_added_later(name)}
    if doubtful:
        kept = [at for at in range(len(header)) if header.names[at] not in doubtful]
        without = Header.of(header[at] for at in kept)
        digests.insert(0, _digest(without, kept.index(place), signature))
    return Sample(
        signature=signature.signature,
        algorithm=signature.algorithm,
        digests=tuple(digests),
        when=sent_at(header, signature),
        doubt=_doubt(header, signature) + len(doubtful),
    )


def _digest(header: Header, place: int, signature: Signature) -> bytes:
    data = header_data(
        header,
        signature.signed_names,
        signature.header_canon,
        signature.unsigned_field,
        place=place,
    )
    return HASHES[ALGORITHMS[signature.algorithm].hash_name](data).digest()


def _is_added_later(name: bytes) -> bool:
    return name in _ADDED_LATER or name.startswith(_OF_LISTS)


def _doubt(header: Header, signature: Signature) -> int:
    """Count what often changes on the way; simple canonicalization forgives nothing."""
    changed = sum(name in header.positions for name in _OFTEN_CHANGED & {*signature.signed_names})
    return changed + (10 if signature.header_canon == "simple" else 0)


def sent_at(header: Header, signature: Signature) -> int | None:
    """Return when a message was signed, by its t= or else its Date."""
    if signature.timestamp is not None:
        return signature.timestamp
    dates = header.named(b"date")
    return seconds_of(dates[0].value) if dates else None
