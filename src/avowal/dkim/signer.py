"""Signing one message with any number of keys (RFC 6376 §5).

::

    signer = Signer(header, intents, now=now)
    for chunk in body: signer.feed(chunk)        # the octets that will be sent, CRLF line ends
    fields = signer.finish()                     # or: await signer.afinish()

or in three steps, for a key that lives elsewhere: ``prepare()`` gives an `Unsigned` per
intent, its ``digest`` goes to the key, ``complete(signature)`` returns the field with what
it says (`Signed`).

The body passes once for all intents.  Every signature is checked with the key's public
half before it is let go, where the key can name it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import lru_cache

from avowal import quoted
from avowal.canonical import HEADER_FORMS, Octets
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.dkim.cautions import Cautions
from avowal.dkim.hashing import BodyHash, BodyHasher, fields_data
from avowal.dkim.intent import UNSUITABLE_NAMES, CheckedIntent, Intent
from avowal.dkim.layout import FIELD_NAME, remembered, written
from avowal.dkim.lines import BodyLines
from avowal.dkim.reasons import Caution
from avowal.dkim.rules import ONCE
from avowal.dkim.signature import Signature
from avowal.dkim.unsigned import ReadBack, Signed, SigningSteps, Unsigned, adrive_keys, drive_keys
from avowal.errors import IntentError, StateError
from avowal.limits import DEFAULT
from avowal.message import Field, Header

# Deliberate: a header too large to be copied is signed without z=, which is for diagnosis only;
# no verifier would read the field (Limits.signature_field_octets).
_MOST_COPIES = DEFAULT.signature_field_octets // 2
_COPY_PIECE = 48  # octets of z= between two places where it may be folded
# A message with two of them shows differently everywhere.  Deliberate: what only threads it may
# be repeated, for programs write that and no reader shows it.
_ONCE = tuple(sorted(ONCE - {b"in-reply-to", b"references"}))


class Signer:
    """Makes the signatures of one message; the body streams through once.

    `now` is the time of signing in Unix seconds, written as t=.  A message that no
    verifier should be asked to make sense of is refused with IntentError, unless
    `accept_malformed`.  A `hasher` that others use too is fed and ended by whoever made it.
    `lines` looks at the body for `warnings`, which costs a pass.  `unsuitable` are the names
    that no intent may cover.
    """

    __slots__ = (
        "_accept_malformed", "_bodies", "_hasher", "_header", "_intents", "_lines", "_now",
        "_own_hasher", "_state",
    )  # fmt: skip

    def __init__(
        self,
        header: Header,
        intents: Sequence[Intent],
        *,
        now: int,
        accept_malformed: bool = False,
        hasher: BodyHasher | None = None,
        lines: BodyLines | None = None,
        unsuitable: frozenset[bytes] = UNSUITABLE_NAMES,
    ) -> None:
        if not intents:
            raise IntentError("DKIM-Signature", "nothing to sign with: no intent given")
        self._header = header
        self._intents = [intent.checked(unsuitable=unsuitable) for intent in intents]
        self._now = now
        self._accept_malformed = accept_malformed
        refuse_beyond(header)
        if header.raws and header.raws[0].startswith((b" ", b"\t")):
            raise IntentError("header", "its first line would continue a field put on top of it")
        if not accept_malformed:
            refuse_malformed(header)
        self._own_hasher = hasher is None
        self._hasher = BodyHasher() if hasher is None else hasher
        self._bodies = [self._body_of(checked) for checked in self._intents]
        self._lines = lines
        self._state = "body"

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """What is odd about the message so far, such as lines that an MTA will break later.

        Of the body only where `lines` were given.
        """
        found = dict.fromkeys(Cautions(self._header, None).of_header())
        lines = self._lines or BodyLines()
        if lines.too_long:
            found[Caution.LONG_LINES] = None
        if lines.eight_bit or not all(raw.isascii() for raw in self._header.raws):
            found[Caution.EIGHT_BIT] = None
        return tuple(found)

    def feed(self, chunk: Octets) -> None:
        """Take the next octets of the body, in wire form."""
        self._enter("body", "body")
        if self._lines is not None:
            self._lines.feed(chunk)
        self._hasher.feed(chunk)

    def put_on_top(self, field: Field) -> None:
        """Take a field that will stand on top of the header, to be signed with it."""
        self._enter("body", "body")
        self._header = Header.of([field, *self._header])

    def prepare(self) -> tuple[Unsigned, ...]:
        """End the body and return what is left to sign, one for each intent in order."""
        self._enter("body", "prepared")
        if self._own_hasher:
            self._hasher.finish()
        return tuple(
            [self._unsigned(*pair) for pair in zip(self._intents, self._bodies, strict=True)]
        )

    def signing(self) -> SigningSteps[tuple[Signed, ...]]:
        """End the body and make the signatures, for `drive_keys` or `adrive_keys`."""
        wanted = self.prepare()
        made = yield wanted
        return tuple([one.complete(octets) for one, octets in zip(wanted, made, strict=True)])

    def finish(self) -> tuple[Field, ...]:
        """Sign with all keys and return the fields, to be put on top in this order."""
        return tuple([signed.field for signed in drive_keys(self.signing())])

    async def afinish(self) -> tuple[Field, ...]:
        """Do the same with keys of which some answer asynchronously."""
        return tuple([signed.field for signed in await adrive_keys(self.signing())])

    def _enter(self, expected: str, following: str) -> None:
        if self._state != expected:
            raise StateError("the signer is finished: make a new one for the next message")
        self._state = following

    def _body_of(self, checked: CheckedIntent) -> BodyHash:
        intent = checked.intent
        hash_name = ALGORITHMS[intent.key.algorithm].hash_name
        length = intent.most_octets
        if length is None and intent.body_length:
            length = _COUNT_ALL
        return self._hasher.register(intent.body_canon, hash_name, length)

    def _unsigned(self, checked: CheckedIntent, body: BodyHash) -> Unsigned:
        checked = checked.for_message(self._header)
        intent = checked.intent
        names = checked.signed_names(self._header)
        values = self._values(intent, body)
        lengths = {name: len(value) for name, value in values.items()}
        if intent.copy_fields:
            template = written(checked.said, names, lengths, self._copied(names))
        else:
            template = remembered(checked.said, names, tuple(lengths.items()))
        text = template.filled(values)
        own = Field(text, len(FIELD_NAME))
        lowered = _lowered(names)
        form = intent.header_canon
        selected = fields_data(self._header, lowered, form)
        data = selected + HEADER_FORMS[form](*own)
        hash_name = ALGORITHMS[intent.key.algorithm].hash_name

        def read_back(field: Field) -> ReadBack:
            read = Signature.parse(field)
            again = selected
            if read.signed_names != lowered or read.header_canon != form:
                again = fields_data(self._header, read.signed_names, read.header_canon)
            data = again + HEADER_FORMS[read.header_canon](*read.unsigned_field)
            return ReadBack(read.algorithm, read.signature, data)

        return Unsigned(
            domain=checked.domain.text,
            selector=checked.selector.text,
            text=text,
            colon=own.colon,
            column=template.column,
            digest=HASHES[hash_name](data).digest(),
            key=intent.key,
            layout=intent.layout,
            read_back=read_back,
        )

    def _values(self, intent: Intent, body: BodyHash) -> dict[str, bytes]:
        """Return what differs from message to message: t=, x=, l= and bh=."""
        values = {"t": b"%d" % self._now}
        if intent.lifetime is not None:
            values["x"] = b"%d" % (self._now + intent.lifetime)
        if body.length is not None and body.count is not None:
            values["l"] = b"%d" % min(body.length, body.count)
        values["bh"] = base64.b64encode(body.digest)
        return values

    def _copied(self, names: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return z= in pieces; nothing for a header that is too large to be copied."""
        places = self._header.select(_lowered(names))
        # Encoding takes no octet away but blanks before a colon: what is too long stays unread.
        if sum(len(self._header.raws[place]) for place in places) > _MOST_COPIES:
            return ()
        copies = tuple(_copies(self._header, places))
        return copies if sum(map(len, copies)) <= _MOST_COPIES else ()


@lru_cache(maxsize=256)
def _lowered(names: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple([name.lower() for name in names])


_COUNT_ALL = 1 << 62  # no body is longer: the hash covers all of it and counts the octets


def refuse_beyond(header: Header) -> None:
    """Raise IntentError for a header that is not whole: nothing is signed in part."""
    if header.beyond is not None:
        raise IntentError("header", str(header.beyond))


def refuse_malformed(header: Header) -> None:
    """Raise IntentError for a header that means different things to different readers.

    RFC 6376 §3.8: input to signing is valid RFC 5322; §8.15: fields that stand twice.
    """
    positions = header.positions
    if b"from" not in positions:
        raise IntentError("From", "there is none (RFC 5322 §3.6); nobody would answer for it")
    for name in _ONCE:
        count = len(positions.get(name, ()))
        if count > 1:
            shown = name.decode().title()
            raise IntentError(shown, f"{count} of them; one is allowed (RFC 5322 §3.6)")
    if b"" in header.names:
        line = header.raws[header.names.index(b"")]
        raise IntentError("header", f"a line that is no field: {line[:40]!r}")


def _copies(header: Header, places: Sequence[int]) -> Iterator[bytes]:
    """Yield z= in pieces a fold may stand between (RFC 6376 §3.5 z=)."""
    for count, place in enumerate(places):
        field = header[place]
        copy = quoted.encode(field.raw[: field.colon].rstrip(b" \t"), also=b"|:") + b":"
        copy = (b"|" if count else b"") + copy + quoted.encode(field.value, also=b"|")
        start = 0
        while len(copy) - start > _COPY_PIECE:
            end = start + _COPY_PIECE
            while b"=" in copy[end - 2 : end]:  # not inside an escape
                end -= 1
            yield copy[start:end]
            start = end
        yield copy[start:]
