"""Domain names, selectors and identities: parsed once, compared by whole labels.

A name keeps the text it was written in, because that text is what gets hashed
(RFC 8616 §3), and its A-label form, because that is what DNS is asked and what
comparisons use (RFC 8616 §5).  The only module that imports `idna`, and only for a
name that is not ASCII.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import TypeAlias

from avowal.errors import SyntaxFault
from avowal.valueclass import value

MAX_NAME = 253  # characters without the final dot, RFC 1035 §2.3.4
MAX_LABEL = 63  # RFC 1035 §2.3.4
_PREFIX = "xn--"
_DIGIT_BOUNDS = (36, 36**2, 36**3)  # what more digits than one, two and three stand for
_MAX_WRITTEN = 1024  # octets; a U-label takes up to four octets where its A-label takes one

# Deliberate: underscores are no part of RFC 5321's sub-domain but stand in selectors
# and domains in the field; signing warns about them.
_LABEL = re.compile(r"[a-z0-9_-]+")
_NO_LETTER = re.compile(r"[\x00-,/:-^`{-\x7f]")
# Deliberate: dots may stand anywhere, as in addresses that exist in spite of RFC 5322 §3.2.3.
_DOT_STRING = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\x80-\xff-]*+")
_QUOTED_PAIR = re.compile(rb"\\[\t -\x7e]")
_QTEXT = re.compile(rb"[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]*+")


class NameFault(SyntaxFault):
    """Octets that are no domain name or identity."""


@value(kw_only=False)
class DomainName:
    """A domain name: `text` as written, `ascii` lower-cased in A-labels without final dot.

    Two names are equal when they are written alike; `same_as` compares what they name.
    """

    text: str
    ascii: str

    @classmethod
    def parse(cls, octets: bytes) -> DomainName:
        """Read one or more labels, ASCII or UTF-8 (RFC 5321 §4.1.2, RFC 8616 §5).

        Raises NameFault.
        """
        return domain_name(octets)

    @property
    def labels(self) -> tuple[str, ...]:
        """The A-labels from left to right."""
        return tuple(self.ascii.split("."))

    def same_as(self, other: DomainName) -> bool:
        """Whether both name the same domain."""
        return self.ascii == other.ascii

    def is_within(self, other: DomainName) -> bool:
        """Whether this is `other` or a subdomain of it, by whole labels (RFC 6376 §3.10)."""
        return is_below(self.ascii, other.ascii)

    def __str__(self) -> str:
        return self.text


def is_below(name: str, domain: str) -> bool:
    """Whether a name is `domain` or a subdomain of it, by whole labels (RFC 6376 §3.10).

    Both are A-labels in lower case, as `DomainName.ascii` has them.
    """
    return name == domain or name.endswith(f".{domain}")


Selector: TypeAlias = DomainName  # RFC 6376 §3.1: sub-domain *("." sub-domain)


@value(kw_only=False)
class Identity:
    """An Agent or User Identifier, the i= of a signature (RFC 6376 §2.6).

    `local_part` is empty when the identity names the domain as a whole.
    """

    local_part: bytes
    domain: DomainName

    @classmethod
    def parse(cls, octets: bytes) -> Identity:
        """Read ``[local-part]@domain``, already decoded.  Raises NameFault."""
        local_part, at, domain = octets.rpartition(b"@")
        if not at:
            raise NameFault(0, "an identity needs an @")
        if _DOT_STRING.fullmatch(local_part) is None and not is_quoted_string(local_part):
            raise NameFault(0, "not a local part")
        try:
            return cls(local_part, DomainName.parse(domain))
        except NameFault as fault:
            raise NameFault(len(local_part) + 1 + fault.offset, fault.why) from None

    def __str__(self) -> str:
        return f"{self.local_part.decode('utf-8', 'backslashreplace')}@{self.domain.text}"


def is_quoted_string(octets: bytes) -> bool:
    """Whether octets are one whole quoted string (RFC 5321 §4.1.2, RFC 6531 §3.3)."""
    if len(octets) < 2 or not octets[:1] == octets[-1:] == b'"':
        return False
    return _QTEXT.fullmatch(_QUOTED_PAIR.sub(b"", octets[1:-1])) is not None


def key_name(selector: Selector, domain: DomainName) -> str:
    """Return where the key record stands (RFC 6376 §3.6.2.1)."""
    return f"{selector.ascii}._domainkey.{domain.ascii}"


@lru_cache(maxsize=4096)
def domain_name(octets: bytes) -> DomainName:
    """Do what `DomainName.parse` does, which calls this."""
    if len(octets) > _MAX_WRITTEN:
        raise NameFault(_MAX_WRITTEN, "longer than any domain name")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NameFault(error.start, "neither ASCII nor UTF-8") from None
    labels = []
    offset = 0
    for written in text.split("."):
        labels.append(_label(written, offset))
        offset += len(written.encode()) + 1
    ascii_form = ".".join(labels)
    if len(ascii_form) > MAX_NAME:
        raise NameFault(min(MAX_NAME, len(octets)), f"longer than {MAX_NAME} characters")
    return DomainName(text, ascii_form)


def _label(written: str, offset: int) -> str:
    if not written:
        raise NameFault(offset, "an empty label")
    label = written.lower() if written.isascii() else _a_label(written, offset)
    if _LABEL.fullmatch(label) is None:
        raise NameFault(offset, "a label may hold letters, digits, hyphens and underscores")
    if label[0] == "-" or label[-1] == "-":
        raise NameFault(offset, "a label neither begins nor ends with a hyphen")
    if len(label) > MAX_LABEL:
        raise NameFault(offset, f"a label longer than {MAX_LABEL} characters")
    return label


def _a_label(written: str, offset: int) -> str:
    import idna  # noqa: PLC0415 - only an internationalized name pays for it

    try:
        mapped = idna.uts46_remap(written, std3_rules=False, transitional=False)
        if (odd := _NO_LETTER.search(mapped)) is not None:  # U+FDFA becomes four words
            raise NameFault(offset, f"a label may not hold {odd[0]!r}")
        if "." not in mapped and _a_label_at_least(mapped) > MAX_LABEL:
            raise NameFault(offset, f"a label longer than {MAX_LABEL} characters in DNS")
        return idna.encode(mapped).decode()
    except idna.IDNAError as error:
        raise NameFault(offset, f"not an internationalized label: {error}") from None


def _a_label_at_least(label: str) -> int:
    """Return how many characters the A-label of a mapped label has at least (RFC 3492 §6.3).

    Encoding takes a time that grows with the square of a label's length, and most of what is
    too long is known as such without it: each letter beyond ASCII takes a number of digits that
    grows with the distance from the one before it in the order of code points.
    """
    if label.isascii():
        return len(label)
    counts = Counter(label)
    written = sum(counts[letter] for letter in counts if letter.isascii())
    length, following = len(_PREFIX) + written + (written > 0), 0x80
    for letter in sorted(counts):
        if not letter.isascii():
            distance = (ord(letter) - following) * (written + 1)
            length += counts[letter] + sum(distance >= bound for bound in _DIGIT_BOUNDS)
            written += counts[letter]
            following = ord(letter) + 1
    return length
