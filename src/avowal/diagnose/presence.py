"""What the shape of h= tells of fields that existed when a message was signed.

A signer that names a field oftener than it stands in the message guards against additions
(RFC 6376 §5.4.2, §8.15); each signer does that in a way of its own, so that h= shows which
fields were there.  What contradicts it is not forbidden, it is only tried later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from avowal.dkim.signature import Signature

_LISTS_OWN = frozenset((
    b"precedence", b"errors-to", b"x-beenthere", b"x-mailman-version", b"archived-at",
    b"resent-from", b"resent-sender", b"resent-to", b"resent-cc", b"resent-date",
    b"resent-message-id", b"x-original-to", b"delivered-to", b"x-mailman-rule-hits",
    b"mail-followup-to", b"mail-reply-to", b"x-loop", b"autocrypt", b"x-mailer",
))  # fmt: skip
_SEVERAL = 4  # names written twice, from which a habit can be read
_GOOGLE = ("gmail.com", "google.com", "1e100.net", "gappssmtp.com")


def added_by_lists(name: bytes) -> bool:
    """Whether lists and forwarders add a field, or its absence is as usual as its presence."""
    return name in _LISTS_OWN or name.startswith(b"list-")


def was_present(
    name: bytes,
    signature: Signature,
    sometimes: Collection[bytes] = (),
    *,
    known: bool | None = None,
) -> bool | None:
    """Whether a field was there at signing; None where h= does not tell.

    `sometimes` are names that this signer leaves out of h= at other times: it signs only what
    is there.  `known` is what proofs have taught about this signer.
    """
    if known is not None:
        return known
    names = signature.signed_names
    if names.count(name) >= 2:
        return True
    twice = sum(count >= 2 for count in Counter(names).values())
    if names.count(b"from") > 1 and (signature.domain.ascii.endswith(_GOOGLE) or _behind(names)):
        last = len(names) - 1 - names[::-1].index(b"from")
        return name in names[:last]
    if signature.domain.ascii.endswith(_GOOGLE):
        return True
    if twice >= _SEVERAL:  # rspamd: what is there twice, what is not once
        return False
    if added_by_lists(name):  # servers name these in h= to guard against them, or not at all
        return None
    return True if name in sometimes else None


def _behind(names: tuple[bytes, ...]) -> bool:
    """Whether a second round of the usual names stands at the end, as Google writes them."""
    last = len(names) - 1 - names[::-1].index(b"from")
    again = names[last:]
    return len(again) > 3 and {b"subject", b"date"} <= set(again) and len(set(again)) == len(again)
