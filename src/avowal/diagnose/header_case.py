"""One header to be explained, with what is known beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from avowal.diagnose.address_words import spelled, split_addresses
from avowal.diagnose.body_proof import BodyProof
from avowal.diagnose.header_slots import unfolded
from avowal.diagnose.profiles import Profile, SignerProfile
from avowal.diagnose.surroundings import Surroundings, identifiers, is_rewritten
from avowal.dkim.signature import Signature
from avowal.message import Header

_MOST_POOL = 64  # mailboxes that may be put back
_MOST_BODY = 256 << 10  # octets of text in which addresses are looked for
_TRAILER = re.compile(
    rb"^(?:>[> ]*)?(?:[Cc]c|[A-Za-z-]{1,30}-by|To|From):[ \t]*+([^\r\n]{3,300}>)", re.MULTILINE
)
_WROTE = re.compile(
    rb"([^\r\n<>,\"]{2,60}<[^<>\s@]{1,80}@[^<>\s@]{1,80}>)[ \t\r\n]{1,4}wr(?:ote|ites)"
)

_LISTED = re.compile(rb"[^\s<>:?]{1,100}@[^\s<>:?]{1,200}")


@dataclass(slots=True)
class HeaderCase:
    """A header, one of its signatures, and what the body's proof and other messages say."""

    header: Header
    signature: Signature
    text: bytes
    proof: BodyProof | None
    around: Surroundings
    profile: Profile
    signer: SignerProfile = field(default_factory=SignerProfile)
    _pool: dict[tuple[bytes, ...], list[bytes]] = field(default_factory=dict)

    def first(self, name: bytes) -> bytes | None:
        """Return the field that h= stands for at its first mention, whole."""
        fields = self.header.named(name)
        return fields[-1].raw if fields else None

    @property
    def rewritten(self) -> bool:
        """Whether a list has put its own address into From."""
        raw = self.first(b"from")
        if raw is None:
            return False
        value = unfolded(raw)
        return is_rewritten(value) or spelled(value).key in self.lists

    @property
    def lists(self) -> frozenset[bytes]:
        """The addresses of lists: those seen elsewhere and this message's own."""
        own = (b"list-post", b"x-beenthere")
        found = [
            found[0].lower()
            for name in own
            for one in self.header.named(name)
            for found in _LISTED.finditer(one.value[:2000])
        ]
        return self.around.lists.union(found)

    @property
    def shuffles(self) -> bool:
        """Whether the list writes Cc in an order of its own: Mailman 2 does (a dictionary)."""
        versions = self.header.named(b"x-mailman-version")
        return any(one.value.strip(b" \t").startswith(b"2") for one in versions)

    @property
    def authors(self) -> set[bytes]:
        """The addresses that may be the author's."""
        names = (b"reply-to", b"x-original-from") if self.rewritten else (b"from",)
        return {
            spelled(one).key
            for name in names
            for found in self.header.named(name)
            for one in split_addresses(found.value)
        }

    def addressed(self) -> set[bytes]:
        """The addresses in To: a list takes nobody out who stands there."""
        return {
            spelled(one).key
            for found in self.header.named(b"to")
            for one in split_addresses(found.value)
        }

    def pool(self, present: tuple[bytes, ...]) -> list[bytes]:
        """Return mailboxes that the list may have taken out of Cc, the likely ones first."""
        if present not in self._pool:
            self._pool[present] = self._made_pool(present)
        return self._pool[present]

    def _made_pool(self, present: tuple[bytes, ...]) -> list[bytes]:
        text = self._mentioned()
        scores = self._scores(text, {spelled(one).key for one in present} | self.addressed())
        found: list[bytes] = []
        for key in sorted(scores, key=lambda one: -scores[one])[:40]:
            proven = self.profile.spellings.get(key)
            ways = [one for one, _ in proven.most_common(2)] if proven else []
            ways += self.around.spellings(key, 3)
            if key in text:
                ways.append(text[key])
            few = 2 if len(found) > 10 else 3
            found += list(dict.fromkeys(ways))[:few]
            if len(found) < 12 and key not in ways:
                found.append(key)
        return found[:_MOST_POOL]

    def _scores(self, text: dict[bytes, bytes], present: set[bytes]) -> dict[bytes, float]:
        around, profile = self.around, self.profile
        scores: dict[bytes, float] = dict.fromkeys(text, 6.0)

        def add(key: bytes, points: float) -> None:
            scores[key] = scores.get(key, 0.0) + points

        for identifier in identifiers(self.header):
            for key, count in around.threads.get(identifier, {}).items():
                add(key, 4 * min(1.0, count / 3))
        for author in self.authors:
            known = around.recipients.get(author)
            if known:
                for key, count in known.most_common(60):
                    add(key, 3 * count / (1 + sum(known.values()) / 12))
        for key, count in around.elsewhere.most_common(60):
            add(key, min(3.0, count / 40))
        for key, count in profile.removed.items():
            add(key, 8 + 8 * min(1.0, count / 3))
        return {
            key: score * self._weight(key) for key, score in scores.items() if key not in present
        }

    def _weight(self, key: bytes) -> float:
        """How much what other messages show speaks for a subscriber who is taken out."""
        in_cc, elsewhere = self.around.in_cc[key], self.around.elsewhere[key]
        if not in_cc and elsewhere > 2:
            return 2.0
        return 0.4 if in_cc > elsewhere and not self.profile.removed[key] else 1.0

    def _mentioned(self) -> dict[bytes, bytes]:
        """Return the mailboxes that the text names, by address."""
        text = self.text[:_MOST_BODY]
        found: dict[bytes, bytes] = {}
        for pattern in (_TRAILER, _WROTE):
            for match in pattern.finditer(text):
                for mailbox in split_addresses(match[1]):
                    one = spelled(mailbox)
                    if b"@" in one.address:
                        found.setdefault(one.key, mailbox.strip(b"> "))
        return {key: way if way.endswith(b">") or b"<" not in way else way + b">"
                for key, way in found.items()}  # fmt: skip
