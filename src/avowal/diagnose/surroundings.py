"""What other messages of a list or mailbox show: who writes to whom, and how that is spelled.

Nothing of it proves anything: it only says what is worth trying first.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from avowal.diagnose.address_words import spelled, split_addresses
from avowal.diagnose.field_subject import tokens
from avowal.diagnose.header_slots import unfolded
from avowal.dkim.signature import Signature, SignatureFault
from avowal.message import Header

_ID = re.compile(rb"<[^<>\s]{1,300}>")
_MAILTO = re.compile(rb"mailto:([^>?\s]{1,300})")
_MOST_OCTETS = 64 << 10  # of a field in which Message-IDs are looked for
_MOST_MESSAGES = 20_000
_MOST_COPIES = 200_000  # fields of other messages that are kept under their Message-ID
_MOST_IDENTIFIERS = 100  # of one message and those it refers to
_MOST_IN_THREADS = 1_000_000  # addresses kept under Message-IDs: one message may name many of each
_TAG_SHARE = 0.35  # of the messages that carry a list's tag
_ENOUGH_SUBJECTS = 20  # messages that would show a tag
_REWRITTEN = re.compile(rb"[ \t]via[ \t]|=40|@dmarc\.", re.IGNORECASE)
_COPIED = (
    b"from", b"to", b"cc", b"subject", b"date", b"reply-to", b"content-type", b"mime-version",
    b"content-transfer-encoding", b"references", b"in-reply-to", b"sender",
)  # fmt: skip


def is_rewritten(value: bytes) -> bool:
    """Whether a From value looks as if a list had put its own address there."""
    return _REWRITTEN.search(value) is not None


def identifiers(header: Header) -> list[bytes]:
    """Return the Message-IDs of a message and of those it refers to, the nearest first."""
    found: list[bytes] = []
    for name in (b"message-id", b"in-reply-to", b"references"):
        for field in header.named(name):
            found += reversed(_ID.findall(field.value[-_MOST_OCTETS:]))
    return list(dict.fromkeys(found))[:_MOST_IDENTIFIERS]


class Surroundings:
    """What was seen in other messages; `take` them in any order."""

    def __init__(self) -> None:
        self.messages = 0
        self._tags: Counter[bytes] = Counter()
        self._posts: Counter[bytes] = Counter()
        self.in_cc: Counter[bytes] = Counter()
        self.elsewhere: Counter[bytes] = Counter()
        self._spellings: defaultdict[bytes, Counter[bytes]] = defaultdict(Counter)
        self.by_name: defaultdict[bytes, list[bytes]] = defaultdict(list)
        self.threads: defaultdict[bytes, Counter[bytes]] = defaultdict(Counter)
        self.recipients: defaultdict[bytes, Counter[bytes]] = defaultdict(Counter)
        self._signed: defaultdict[tuple[str, str], set[frozenset[bytes]]] = defaultdict(set)
        self._copies: defaultdict[bytes, dict[bytes, set[bytes]]] = defaultdict(dict)
        self._kept = 0
        self._in_threads = 0

    def take(self, header: Header, *, copies: bool = False) -> None:
        """Look at a message; with `copies` its fields are tried for messages of the same ID."""
        if self.messages >= _MOST_MESSAGES:
            return
        self.messages += 1
        for field in header.named(b"subject"):
            begins, _ = tokens(unfolded(field.raw)[:1000])
            self._tags.update({one.lower() for one in begins if one.startswith(b"[")})
        for field in header.named(b"list-post"):
            self._posts.update(one[1].lower() for one in _MAILTO.finditer(field.value))
        self._take_addresses(header)
        self._take_signatures(header)
        if copies:
            self._take_copies(header)

    def _take_addresses(self, header: Header) -> None:
        seen: list[bytes] = []
        author = b""
        for name in (b"from", b"reply-to", b"to", b"cc"):
            for field in header.named(name)[:1]:
                if name == b"from" and is_rewritten(field.value):
                    continue
                for mailbox in split_addresses(field.value):
                    one = spelled(mailbox)
                    if b"@" not in one.address:
                        continue
                    (self.in_cc if name == b"cc" else self.elsewhere)[one.key] += 1
                    self._spellings[one.key][mailbox] += 1
                    seen.append(one.key)
                    if name in {b"from", b"reply-to"}:
                        author = author or one.key
                        known = self.by_name[one.name.lower()]
                        if one.name and one.key not in known:
                            known.append(one.key)
        for identifier in identifiers(header):
            if self._in_threads >= _MOST_IN_THREADS:
                break
            self._in_threads += len(seen)
            self.threads[identifier].update(seen)
        if author:
            self.recipients[author].update(seen)

    def _take_signatures(self, header: Header) -> None:
        for field in header.named(b"dkim-signature")[:10]:
            try:
                signature = Signature.parse(field)
            except SignatureFault:
                continue
            signer = signature.domain.ascii, signature.selector.ascii
            self._signed[signer].add(frozenset(signature.signed_names))

    def _take_copies(self, header: Header) -> None:
        for field in header.named(b"message-id")[:1]:
            kept = self._copies[unfolded(field.raw)]
            for name in _COPIED:
                for one in header.named(name):
                    if self._kept < _MOST_COPIES:
                        self._kept += 1
                        kept.setdefault(name, set()).add(unfolded(one.raw))

    @property
    def tag(self) -> bytes | None:
        """The tag that most subjects carry, lower-cased."""
        for tag, count in self._tags.most_common(1):
            if self.messages > 2 and count > _TAG_SHARE * self.messages:
                return tag
        return None

    @property
    def untagged(self) -> bool:
        """Whether enough messages show that the list puts no tag into subjects."""
        return self.messages >= _ENOUGH_SUBJECTS and self.tag is None

    @property
    def lists(self) -> frozenset[bytes]:
        """The addresses of the lists that were seen."""
        return frozenset(self._posts)

    def spellings(self, address: bytes, most: int) -> list[bytes]:
        """Return how a mailbox was written, the usual way first."""
        return [one for one, _ in self._spellings[address].most_common(most)]

    def sometimes(self, signature: Signature) -> frozenset[bytes]:
        """Return the names in h= that the same signer leaves out at other times."""
        seen = self._signed[signature.domain.ascii, signature.selector.ascii]
        if len(seen) < 2:
            return frozenset()
        return frozenset(
            name for name in signature.signed_names if any(name not in one for one in seen)
        )

    def copies(self, header: Header, name: bytes) -> Iterable[bytes]:
        """Return the values that a field has in other copies of the same message."""
        for field in header.named(b"message-id")[:1]:
            known = self._copies.get(unfolded(field.raw))
            if known is not None:
                return sorted(known.get(name, ()))
        return ()
