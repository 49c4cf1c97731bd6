"""The warnings on a signature: defects that other receivers may not tolerate."""

from __future__ import annotations

from collections.abc import Iterator

from avowal._fast import bare_break, column_after
from avowal.crypto.algorithms import ALGORITHMS, Status
from avowal.crypto.publickey import PublicKey
from avowal.dkim.key import KeyRecord
from avowal.dkim.lines import LONGEST_LINE
from avowal.dkim.reasons import Caution
from avowal.dkim.signature import REGISTERED, Signature
from avowal.message import CRLF, Header

RECOMMENDED_RSA_BITS = 2048  # RFC 8301 §3.2
WIDELY_ACCEPTED_RSA_BITS = 4096  # RFC 8301 §3.2: verifiers must accept up to here
USUAL_EXPONENT = 65537  # RFC 6376 §3.3.2

_UNSIGNED = {
    b"subject": Caution.SUBJECT_UNSIGNED,
    b"to": Caution.TO_UNSIGNED,
    b"date": Caution.DATE_UNSIGNED,
    b"content-type": Caution.CONTENT_TYPE_UNSIGNED,
}
# RFC 5322 §3.6: these may stand once, as may the MIME fields (RFC 2045 §4-6)
_ONCE = frozenset(
    (
        b"date",
        b"sender",
        b"reply-to",
        b"to",
        b"cc",
        b"message-id",
        b"in-reply-to",
        b"references",
        b"subject",
        b"mime-version",
        b"content-type",
        b"content-transfer-encoding",
    )
)
_TRACE = frozenset((b"return-path", b"received", b"comments", b"keywords"))  # RFC 6376 §5.4.1


def of_header(header: Header) -> tuple[Caution, ...]:
    """Return what is odd about the header whatever the signature."""
    return tuple(_header_cautions(header))


def of_signature(signature: Signature, header: Header, now: int | None) -> Iterator[Caution]:
    """Yield what the signature itself invites."""
    signed, positions = signature.signed_names, header.positions
    for name, caution in _UNSIGNED.items():
        if name in positions and name not in signed:
            yield caution
    if not _TRACE.isdisjoint(signed):
        yield Caution.SIGNS_TRACE
    if b"dkim-signature" in signed:
        yield Caution.SIGNS_SIGNATURES
    if signature.body_length is not None:
        yield Caution.BODY_LENGTH
    if signature.timestamp is None:
        yield Caution.NO_TIMESTAMP
    elif now is not None and signature.timestamp > now:
        yield Caution.FUTURE_TIMESTAMP
    if ALGORITHMS[signature.algorithm].status is Status.HISTORIC:
        yield Caution.HISTORIC_ALGORITHM
    if "_" in signature.domain.ascii or "_" in signature.selector.ascii:
        yield Caution.UNDERSCORE
    for tag in signature.tags:
        if tag.name not in REGISTERED:
            yield Caution.UNKNOWN_TAGS
            break


def of_key(record: KeyRecord, key: PublicKey, usual_form: str, records: int) -> Iterator[Caution]:
    """Yield what is odd about the key."""
    if record.testing:
        yield Caution.TESTING
    if record.line_breaks:
        yield Caution.KEY_LINE_BREAK
    if key.exponent is not None:  # RSA
        if key.bits < RECOMMENDED_RSA_BITS:
            yield Caution.SHORT_KEY
        elif key.bits > WIDELY_ACCEPTED_RSA_BITS:
            yield Caution.LONG_KEY
        if key.exponent != USUAL_EXPONENT:
            yield Caution.EXPONENT
    if key.form != usual_form:
        yield Caution.KEY_FORM
    if record.granularity is not None:
        yield Caution.GRANULARITY
    if records > 1:
        yield Caution.SEVERAL_RECORDS


def _header_cautions(header: Header) -> Iterator[Caution]:
    positions = header.positions
    if b"from" in header.repeated:
        yield Caution.SEVERAL_FROM
    if not _ONCE.isdisjoint(header.repeated):
        yield Caution.DUPLICATE_FIELDS
    if b"" in positions:
        yield Caution.MALFORMED_LINES
    if b"from" not in positions:
        yield Caution.NO_FROM
    if b"date" not in positions:
        yield Caution.NO_DATE
    if _have_bare_break(header.raws):
        yield Caution.BARE_LINE_BREAKS
    if _have_long_line(header.raws):
        yield Caution.LONG_LINES


def _have_bare_break(raws: list[bytes]) -> bool:
    octets = b" ".join(raws)  # looked at in one go: calls cost more than octets here
    return bare_break(octets) >= 0


def _have_long_line(raws: list[bytes]) -> bool:
    if max(map(len, raws), default=0) <= LONGEST_LINE:
        return False
    return any(column_after(raw + CRLF, 0, LONGEST_LINE + len(CRLF)) < 0 for raw in raws)
