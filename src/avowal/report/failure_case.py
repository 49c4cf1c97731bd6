"""A message that failed DMARC, for a report to the owner of its domain (RFC 9991).

`FailureDraft` is what the mail's way leaves behind, in memory and for a moment; `FailureCase` is
what is kept until it is sent: redacted, so that no store ever holds a person.  Cases that are
alike share a `condition`, and the owner is told of them once, with their number (RFC 9991 §8.1).
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from avowal.message import Header
from avowal.report.redaction import Redactor, redacted_header
from avowal.text import printable
from avowal.valueclass import value

_MOST_TEXT: Final = 500  # characters of a text of the message in a case
MECHANISMS: Final = ("dkim", "spf")


class FailedSignature(msgspec.Struct, frozen=True, omit_defaults=True):
    """The signature that a report tells of: d=, s=, and i= without its person."""

    domain: str
    selector: str
    identity: str


@value
class FailureDraft:
    """What is known of a failed message when it has its answer; addresses are still whole.

    `domain` is where the policy stands, `author` the domain in From, `failure` the word of
    Auth-Failure, `unaligned` the mechanisms without an aligned pass, `result` the method that
    failed with its result and properties, without persons; `spf_records` are (domain, record).
    """

    time: int
    host: str
    domain: str
    author: str
    failure: str
    unaligned: tuple[str, ...]
    result: str
    delivery: str
    header: Header
    client: str | None = None
    sender: bytes | None = None
    queue_id: str | None = None
    signature: tuple[str, str, str] | None = None
    spf_records: tuple[tuple[str, str], ...] = ()


class FailureCase(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A draft without persons; `left_out` counts the fields that its header does not show."""

    time: int
    host: str
    domain: str
    author: str
    failure: str
    unaligned: tuple[str, ...]
    result: str
    delivery: str
    header: bytes
    left_out: int = 0
    client: str | None = None
    sender: str | None = None
    queue_id: str | None = None
    signature: FailedSignature | None = None
    spf_records: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, draft: FailureDraft, redactor: Redactor) -> FailureCase:
        """Redact a draft (RFC 6590, RFC 9991 §7)."""
        shown = redacted_header(draft.header, redactor)
        signature = None
        if draft.signature is not None:
            domain, selector, identity = draft.signature
            hidden = _text(redactor.address(identity.encode("utf-8", "replace")))
            signature = FailedSignature(domain, selector, hidden)
        return cls(
            time=draft.time,
            host=printable(draft.host),
            domain=draft.domain,
            author=draft.author,
            failure=draft.failure,
            unaligned=draft.unaligned,
            result=printable(draft.result)[:_MOST_TEXT],
            delivery=draft.delivery,
            header=shown.octets,
            left_out=shown.left_out,
            client=draft.client,
            sender=None if draft.sender is None else _text(redactor.address(draft.sender)),
            queue_id=None if draft.queue_id is None else printable(draft.queue_id),
            signature=signature,
            spf_records=draft.spf_records,
        )

    @property
    def condition(self) -> str:
        """What cases share that are told of together: letters and digits."""
        signed = (
            None if self.signature is None else (self.signature.domain, self.signature.selector)
        )
        same = (self.domain, self.author, self.failure, self.unaligned, self.result, self.client)
        return hashlib.blake2b(repr((same, signed)).encode(), digest_size=12).hexdigest()

    def octets(self) -> bytes:
        """Return it as JSON."""
        return _ENCODER.encode(self)

    @classmethod
    def read(cls, octets: bytes) -> FailureCase:
        """Read what `octets` wrote."""
        return _DECODER.decode(octets)


def _text(octets: bytes) -> str:
    return printable(octets.decode("utf-8", "replace"))[:_MOST_TEXT]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(FailureCase)
