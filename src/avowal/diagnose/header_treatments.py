"""What lists and servers do to headers, done; None where it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

from avowal.dates import seconds_of
from avowal.diagnose.address_words import spelled, split_addresses
from avowal.diagnose.edited import entity_of, value_of, with_value
from avowal.diagnose.field_subject import tokens
from avowal.diagnose.refolding import unfolded_field
from avowal.message import Field, Header, Message

_TAG = b"[list]"
_CTE = b"content-transfer-encoding"


def tag(message: Message) -> Message | None:
    """Put a tag into the Subject."""
    subject = value_of(message, b"subject")
    return None if subject is None else with_value(message, b"subject", _TAG + b" " + subject)


def tag_in_front(message: Message) -> Message | None:
    """Mailman 3 puts the tag first, and one Re: behind it."""
    begins, rest = tokens(value_of(message, b"subject") or b"")
    if not begins or begins[0].lower() != b"re:":
        return None
    return with_value(message, b"subject", _TAG + b" Re: " + b" ".join([*begins[1:], rest]))


def rewrite_from(message: Message) -> Message | None:
    """Put the list's address into From, and the author into Reply-To."""
    author = value_of(message, b"from")
    if author is None:
        return None
    one = spelled(split_addresses(author)[0]) if split_addresses(author) else spelled(author)
    name = one.name or one.address.partition(b"@")[0]
    changed = with_value(message, b"from", name + b" via list <list@lists.example>")
    return with_value(changed, b"reply-to", author)


def quote_names(message: Message) -> Message | None:
    """Put the names in Cc in quotes."""
    recipients = value_of(message, b"cc")
    if recipients is None:
        return None
    row = [spelled(one).written(quoted=True) for one in split_addresses(recipients)]
    changed = b", ".join(row)
    return None if changed == recipients else with_value(message, b"cc", changed)


def shuffle(message: Message) -> Message | None:
    """Mailman 2 writes Cc in the order of a dictionary."""
    row = split_addresses(value_of(message, b"cc") or b"")
    if len(row) < 2:
        return None
    changed = with_value(message, b"cc", b", ".join([*row[1::2], *row[::2]]))
    return with_value(changed, b"x-mailman-version", b"2.1.29")


def take_out(message: Message) -> Message | None:
    """Take the last address out of Cc."""
    row = split_addresses(value_of(message, b"cc") or b"")
    if len(row) < 2:
        return None
    return with_value(message, b"cc", b", ".join(row[:-1]))


def requote_type(message: Message) -> Message | None:
    """Write the charset in Content-Type with quotes, or without."""
    kind = value_of(message, b"content-type")
    if kind is None or b"charset=" not in kind or entity_of(message).boundary is not None:
        return None
    head, _, charset = kind.partition(b"charset=")
    name, semicolon, rest = charset.partition(b";")
    other = name.strip(b'"') if name.startswith(b'"') else b'"' + name + b'"'
    return with_value(message, b"content-type", head + b"charset=" + other + semicolon + rest)


def declare(message: Message) -> Message | None:
    """Add Content-Transfer-Encoding."""
    if value_of(message, _CTE) is not None:
        return None
    return with_value(message, _CTE, b"7bit")


def list_fields(message: Message) -> Message | None:
    """Add List-Id, List-Post and Sender."""
    changed = with_value(message, b"list-id", b"<list.lists.example>")
    changed = with_value(changed, b"sender", b"list-bounces@lists.example")
    return with_value(changed, b"list-post", b"<mailto:list@lists.example>")


def tidy_date(message: Message) -> Message | None:
    """Write the zone of Date as a number, without a comment (RFC 5322 §3.3)."""
    date = value_of(message, b"date")
    if date is None:
        return None
    tidy = date.removesuffix(b" (UTC)")
    for zone in (b"GMT", b"UT"):
        if tidy.endswith(zone):
            tidy = tidy.removesuffix(zone) + b"+0000"
    return None if tidy == date else with_value(message, b"date", tidy)


def date_to_utc(message: Message) -> Message | None:
    """Write Date in UTC."""
    date = value_of(message, b"date")
    moment = None if date is None else seconds_of(date)
    if date is None or moment is None or date.endswith((b"+0000", b"GMT", b")")):
        return None
    then = datetime.fromtimestamp(moment, UTC)
    return with_value(message, b"date", format_datetime(then).encode("ascii"))


def bare_message_id(message: Message) -> Message | None:
    """Take the brackets from Message-ID."""
    name = value_of(message, b"message-id")
    if name is None or not name.startswith(b"<"):
        return None
    return with_value(message, b"message-id", name.strip(b"<>"))


def respace_folds(message: Message) -> Message | None:
    """Write a blank where a folded line begins with a tab, in all fields."""
    return _each_field(message, lambda raw: raw.replace(b"\r\n\t", b"\r\n "))


def unfold(message: Message) -> Message | None:
    """Write each field but signatures in one line."""
    return _each_field(
        message, lambda raw: raw if raw.lower().startswith(b"dkim-") else unfolded_field(raw)
    )


def _each_field(message: Message, change: Callable[[bytes], bytes]) -> Message | None:
    raws = [change(raw) for raw in message.header.raws]
    if raws == list(message.header.raws):
        return None
    return replace(message, header=Header.of([Field.of(raw) for raw in raws]))


def respace_references(message: Message) -> Message | None:
    """Write References with other white space."""
    found = value_of(message, b"references")
    changed = b"  ".join((found or b"").split())
    return None if changed == (found or b"") else with_value(message, b"references", changed)
