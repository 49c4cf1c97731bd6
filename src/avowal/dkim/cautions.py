"""The warnings on a signature: defects that other receivers may not tolerate.

Three tables say which warning holds when: of a header, of a signature, of its key.  A row is a
`Caution` and a predicate; the order of the rows is the order of the warnings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from avowal._fast import column_after
from avowal.crypto.algorithms import ALGORITHMS, AlgorithmStatus
from avowal.crypto.publickey import PublicKey
from avowal.dkim.key import KeyRecord
from avowal.dkim.lines import LONGEST_LINE
from avowal.dkim.reasons import Caution
from avowal.dkim.rules import ONCE
from avowal.dkim.signature import REGISTERED, Signature
from avowal.message import CRLF, Header

RECOMMENDED_RSA_BITS = 2048  # RFC 8301 §3.2
WIDELY_ACCEPTED_RSA_BITS = 4096  # RFC 8301 §3.2: verifiers must accept up to here
USUAL_EXPONENT = 65537  # RFC 6376 §3.3.2

_ONCE = ONCE - {b"from"}  # which has a caution of its own
_TRACE = frozenset((b"return-path", b"received", b"comments", b"keywords"))  # RFC 6376 §5.4.1


OfHeader: TypeAlias = Callable[[Header], bool]
OfSignature: TypeAlias = Callable[[Signature, Header, int | None], bool]
OfKey: TypeAlias = Callable[["KeyFacts"], bool]


class KeyFacts(NamedTuple):
    """What the warnings on a key look at; `records` is how many stand at its name."""

    record: KeyRecord
    key: PublicKey
    usual_form: str
    records: int


class Cautions:
    """The warnings on the signatures of one message, received at `now`."""

    __slots__ = ("_header", "_now", "_of_header")

    def __init__(self, header: Header, now: int | None) -> None:
        self._header = header
        self._now = now
        self._of_header: tuple[Caution, ...] | None = None

    def of_header(self) -> tuple[Caution, ...]:
        """Return what is odd about the header whatever the signature."""
        if self._of_header is None:
            header = self._header
            self._of_header = tuple([caution for caution, holds in HEADER if holds(header)])
        return self._of_header

    def of(
        self, signature: Signature, record: KeyRecord, key: PublicKey, records: int
    ) -> tuple[Caution, ...]:
        """Return what is odd about the key, what the signature invites, and the header's.

        `records` is how many stand where the key does.
        """
        header, now = self._header, self._now
        usual_form = ALGORITHMS[signature.algorithm].key_forms[0]
        facts = KeyFacts(record, key, usual_form, records)
        return (
            *[caution for caution, holds in KEY if holds(facts)],
            *[caution for caution, holds in SIGNATURE if holds(signature, header, now)],
            *self.of_header(),
        )


def _unsigned(name: bytes) -> OfSignature:
    def holds(signature: Signature, header: Header, now: int | None) -> bool:
        return name in header.positions and name not in signature.signed_names

    return holds


def _signs_trace(signature: Signature, header: Header, now: int | None) -> bool:
    return not _TRACE.isdisjoint(signature.signed_names)


def _signs_signatures(signature: Signature, header: Header, now: int | None) -> bool:
    return b"dkim-signature" in signature.signed_names


def _body_length(signature: Signature, header: Header, now: int | None) -> bool:
    return signature.body_length is not None


def _no_timestamp(signature: Signature, header: Header, now: int | None) -> bool:
    return signature.timestamp is None


def _future_timestamp(signature: Signature, header: Header, now: int | None) -> bool:
    return signature.timestamp is not None and now is not None and signature.timestamp > now


def _historic(signature: Signature, header: Header, now: int | None) -> bool:
    return ALGORITHMS[signature.algorithm].status is AlgorithmStatus.HISTORIC


def _underscore(signature: Signature, header: Header, now: int | None) -> bool:
    return "_" in signature.domain.ascii or "_" in signature.selector.ascii


def _unknown_tags(signature: Signature, header: Header, now: int | None) -> bool:
    return not REGISTERED.issuperset(signature.tags.values)


def _short(facts: KeyFacts) -> bool:
    return facts.key.exponent is not None and facts.key.bits < RECOMMENDED_RSA_BITS


def _long(facts: KeyFacts) -> bool:
    return facts.key.exponent is not None and facts.key.bits > WIDELY_ACCEPTED_RSA_BITS


def _exponent(facts: KeyFacts) -> bool:
    return facts.key.exponent not in (None, USUAL_EXPONENT)


def _have_long_line(raws: list[bytes]) -> bool:
    if max(map(len, raws), default=0) <= LONGEST_LINE:
        return False
    return any(column_after(raw + CRLF, 0, LONGEST_LINE + len(CRLF)) < 0 for raw in raws)


HEADER: tuple[tuple[Caution, OfHeader], ...] = (
    (Caution.SEVERAL_FROM, lambda header: b"from" in header.repeated),
    (Caution.DUPLICATE_FIELDS, lambda header: not _ONCE.isdisjoint(header.repeated)),
    (Caution.MALFORMED_LINES, lambda header: b"" in header.positions),
    (Caution.NO_FROM, lambda header: b"from" not in header.positions),
    (Caution.NO_DATE, lambda header: b"date" not in header.positions),
    (Caution.BARE_LINE_BREAKS, lambda header: header.has_bare_break),
    (Caution.LONG_LINES, lambda header: _have_long_line(header.raws)),
)
SIGNATURE: tuple[tuple[Caution, OfSignature], ...] = (
    (Caution.SUBJECT_UNSIGNED, _unsigned(b"subject")),
    (Caution.TO_UNSIGNED, _unsigned(b"to")),
    (Caution.DATE_UNSIGNED, _unsigned(b"date")),
    (Caution.CONTENT_TYPE_UNSIGNED, _unsigned(b"content-type")),
    (Caution.SIGNS_TRACE, _signs_trace),
    (Caution.SIGNS_SIGNATURES, _signs_signatures),
    (Caution.BODY_LENGTH, _body_length),
    (Caution.NO_TIMESTAMP, _no_timestamp),
    (Caution.FUTURE_TIMESTAMP, _future_timestamp),
    (Caution.HISTORIC_ALGORITHM, _historic),
    (Caution.DRAFT, lambda signature, header, now: signature.body_hash is None),
    (Caution.NOWSP, lambda signature, header, now: signature.body_canon == "nowsp"),
    (Caution.UNDERSCORE, _underscore),
    (Caution.UNKNOWN_TAGS, _unknown_tags),
)
KEY: tuple[tuple[Caution, OfKey], ...] = (
    (Caution.TESTING, lambda facts: facts.record.testing),
    (Caution.KEY_LINE_BREAK, lambda facts: facts.record.line_breaks),
    (Caution.SHORT_KEY, _short),
    (Caution.LONG_KEY, _long),
    (Caution.EXPONENT, _exponent),
    (Caution.KEY_FORM, lambda facts: facts.key.form != facts.usual_form),
    (Caution.GRANULARITY, lambda facts: facts.record.granularity is not None),
    (Caution.SEVERAL_RECORDS, lambda facts: facts.records > 1),
)
