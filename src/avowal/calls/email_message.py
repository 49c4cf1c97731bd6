"""The octets of a message that a program holds as an object of Python's `email` package.

What `as_bytes` gives is not what should be sent: line ends are LF, lines that begin with
"From " may be changed, addresses beyond ASCII and long URLs become encoded words, Bcc stays,
8-bit text may be changed by the next host.  `wire_octets` gives what can be sent and signed.
"""

from __future__ import annotations

import io
from collections.abc import Collection
from email.errors import MessageError
from email.generator import BytesGenerator
from email.headerregistry import AddressHeader
from email.message import Message
from email.policy import EmailPolicy, Policy
from typing import Any

from avowal.errors import IntentError, UsageError
from avowal.line_ends import WireForm
from avowal.message import Header

_LINE, _LONGEST_LINE = 78, 998  # RFC 5322 §2.1.1, without CRLF
_HIDDEN = frozenset(("bcc", "resent-bcc"))  # RFC 5322 §3.6.3: not for those who read the message
# What flattening raises for an object that is no whole message.
_FAULTS = (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError)
# RFC 6409 §8: whoever takes a message over adds these, and breaks a signature that lists them.
_ADDED_LATER = (
    (b"date", "Date", "email.utils.localtime()"),
    (b"message-id", "Message-ID", "email.utils.make_msgid(domain=...)"),
)


def wire_octets(message: Message[Any, Any] | bytes | bytearray | memoryview) -> bytes:
    r"""Return a message as it is to be sent: CRLF line ends, and whatever `sign` signs.

    An `EmailMessage`, or an older `Message`, is written by its own policy but for this: fields
    that were read and not changed stay as they were; a field is folded at the policy's length,
    but at 998 octets where a shorter line would encode what needs no encoding (URLs, ids); the
    header is UTF-8 where an address needs it, which asks for SMTPUTF8 (RFC 6532); 8-bit text
    becomes quoted-printable or base64 (RFC 6376 §5.3) unless it is within multipart/signed; Bcc
    is left out; no line of the body is changed.  Octets get CRLF line ends.

    Send these octets, and no others, below the fields that `sign` made.  Raises UsageError for
    what cannot be written, IntentError for a value that holds a line end.

    >>> from email.message import EmailMessage
    >>> message = EmailMessage()
    >>> message["From"] = "a@example.com"
    >>> message.set_content("From here on.\n")
    >>> wire_octets(message).splitlines(keepends=True)[-1]
    b'From here on.\r\n'
    """
    return octets_to_send(message)


def octets_to_send(message: object) -> bytes:
    """Do what `wire_octets` does with what may be no message.  Raises UsageError."""
    if isinstance(message, Message):
        octets = _flattened(message)
    elif isinstance(message, bytes | bytearray | memoryview):
        octets = bytes(message)
    else:
        raise UsageError(
            "a message is octets, a binary file, a path object or an EmailMessage,"
            f" not {type(message).__name__}"
        )
    form = WireForm(bare_cr=True)
    return form.feed(octets) + form.finish()


def refuse_incomplete(header: Header, oversigned: Collection[bytes]) -> None:
    """Refuse to sign where the next host adds what must not be added.  Raises IntentError."""
    for name, written, source in _ADDED_LATER:
        if name in oversigned and name not in header.positions:
            raise IntentError(
                written,
                "there is none: the server that takes the message adds it (RFC 6409 §8) and"
                f" breaks the signature; set message[{written!r}] = {source}",
            )


def _flattened(message: Message[Any, Any]) -> bytes:
    out = io.BytesIO()
    try:
        kept = message
        if not _HIDDEN.isdisjoint(map(str.lower, message.keys())):
            kept = _without_hidden(message)
        BytesGenerator(out, mangle_from_=False, policy=_Writing.of(message)).flatten(kept)
    except IntentError:
        raise
    except _FAULTS as error:
        why = str(error) or type(error).__name__
        raise UsageError(f"the message cannot be written: {why}") from error
    return out.getvalue()


def _without_hidden(message: Message[Any, Any]) -> Message[Any, Any]:
    from copy import copy  # noqa: PLC0415 - rarely needed

    kept = copy(message)
    for name in _HIDDEN:
        del kept[name]
    return kept


def _needs_utf8(message: Message[Any, Any]) -> bool:
    """Whether some address of the header is beyond ASCII, which no encoded word may hold."""
    return any(
        not address.addr_spec.isascii()
        for value in message.values()
        if isinstance(value, AddressHeader)
        for address in value.addresses
    )


class _Writing(Policy):
    """A message's own policy, written so that it can be sent."""

    _own: Policy

    @classmethod
    def of(cls, message: Message[Any, Any]) -> _Writing:
        own = message.policy
        signed_parts = any(
            part.get_content_type() == "multipart/signed" for part in message.walk()
        )  # RFC 1847 §2.1: not changed by anybody
        if isinstance(own, EmailPolicy):
            utf8 = own.utf8 or _needs_utf8(message)
            own = own.clone(refold_source="none", utf8=utf8)
        made = cls(
            # Python's folding of encoded words does not end where lines are short.
            max_line_length=min(max(own.max_line_length or _LONGEST_LINE, _LINE), _LONGEST_LINE),
            linesep="\r\n",
            cte_type=own.cte_type if signed_parts else "7bit",
            raise_on_defect=own.raise_on_defect,
        )
        object.__setattr__(made, "_own", own)
        return made

    def fold_binary(self, name: str, value: str) -> bytes:
        """Fold as the message's policy does, without encoding what need not be encoded."""
        folded = self._folded(name, value, self.max_line_length)
        if b"=?" in folded:
            wide = self._folded(name, value, _LONGEST_LINE)
            folded = folded if b"=?" in wide else wide
        _refuse_line_end(name, folded)
        return folded

    def _folded(self, name: str, value: str, length: int | None) -> bytes:
        own = self._own.clone(max_line_length=length, linesep=self.linesep, cte_type=self.cte_type)
        return own.fold_binary(name, value)

    def fold(self, name: str, value: str) -> str:
        return self.fold_binary(name, value).decode("utf-8", "surrogateescape")

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        return self._own.header_source_parse(sourcelines)

    def header_store_parse(self, name: str, value: Any) -> tuple[str, str]:
        return self._own.header_store_parse(name, value)

    def header_fetch_parse(self, name: str, value: str) -> Any:
        return self._own.header_fetch_parse(name, value)


def _refuse_line_end(name: str, folded: bytes) -> None:
    """Refuse a value that would begin a field or the body of its own.  Raises IntentError."""
    inner = folded.removesuffix(b"\r\n").replace(b"\r\n ", b"").replace(b"\r\n\t", b"")
    if b"\n" in inner or b"\r" in inner:
        raise IntentError(name, "its value holds a line end that is no fold (RFC 5322 §2.2.3)")
