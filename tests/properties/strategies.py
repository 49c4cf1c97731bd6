"""What the properties are tried on: messages, tag lists, records, intents, and their pieces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from avowal.dkim.intent import Intent
from avowal.testing import ED25519, RSA_1024, RSA_2048, Zone, record_for

NOW = 1_800_000_000
DOMAIN = "example.com"
KEYS = {"e": ED25519, "s": RSA_1024, "r": RSA_2048}
ZONE = Zone({f"{s}._domainkey.{DOMAIN}": record_for(key) for s, key in KEYS.items()})
FORMS = ("simple", "relaxed")

# Octets that canonicalization treats apart, and a few that it does not.
ODD_OCTETS = st.lists(
    st.sampled_from([b" ", b"\t", b"\r", b"\n", b"\r\n", b"a", b"B:", b"\0", b"\xff"])
)
BODIES = st.one_of(ODD_OCTETS.map(b"".join), st.binary(max_size=200))
CLEAN_LINES = st.lists(st.text("ab é\t.:;=", max_size=12).map(str.encode), max_size=8).map(
    b"\r\n".join
)
CLEAN_BODIES = st.tuples(CLEAN_LINES, st.sampled_from([b"", b"\r\n", b"\r\n \r\n\r\n"])).map(
    b"".join
)

_NAMES = st.sampled_from([b"To", b"Cc", b"SUBJECT", b"X-Y", b"Date", b"Reply-To", b"Content-Type"])
_VALUES = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"a", b"b:c", b";", b"\xc3\xa9", b"=20"]),
    max_size=8,
).map(b"".join)
_SPACED_COLON = st.sampled_from([b":", b" :", b"\t:", b": "])
FIELDS = st.tuples(_NAMES, _SPACED_COLON, _VALUES).map(b"".join)
_FROM = st.sampled_from(
    [b"From: Al <a@example.com>", b"from:\r\n a@sub.example.com", b"FROM : b@c"]
)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A header section with one From, each of the names that stand once at most once."""
    fields = draw(st.lists(FIELDS, max_size=6, unique_by=lambda field: field[:2].lower()))
    fields.insert(draw(st.integers(0, len(fields))), draw(_FROM))
    return b"".join(field + b"\r\n" for field in fields)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message that may be signed, in wire form."""
    return draw(headers()) + b"\r\n" + draw(CLEAN_BODIES)


@st.composite
def intents(draw: st.DrawFn) -> Intent:
    """Any way to sign."""
    selector = draw(st.sampled_from(sorted(KEYS)))
    extra = draw(st.frozensets(st.sampled_from([b"to", b"x-y", b"subject", b"list-id"])))
    return Intent(
        domain=DOMAIN,
        selector=selector,
        key=KEYS[selector],
        identity=draw(st.sampled_from([None, "@example.com", "joe=x@sub.example.com"])),
        header_canon=draw(st.sampled_from(FORMS)),
        body_canon=draw(st.sampled_from(FORMS)),
        oversigned=draw(st.sampled_from([frozenset(), frozenset((b"from",)), extra])),
        lifetime=draw(st.sampled_from([None, 1, 86400])),
        copy_fields=draw(st.booleans()),
        body_length=draw(st.booleans()),
        request_reports=draw(st.booleans()),
        other_tags=draw(st.sampled_from([(), (("xx", b"a b"),)])),
    )


@dataclass(frozen=True, slots=True)
class Cut:
    """Octets and the pieces they are fed in."""

    whole: bytes
    pieces: tuple[bytes, ...]


@st.composite
def cuts(draw: st.DrawFn, octets: st.SearchStrategy[bytes]) -> Cut:
    """Cut octets anywhere, empty pieces included."""
    whole = draw(octets)
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    edges = [0, *places, len(whole)]
    return Cut(whole, tuple(whole[a:b] for a, b in pairwise(edges)))


# --- tag lists ------------------------------------------------------------------------------

TAG_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,6}", fullmatch=True)
_TEXT = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_characters=";\x7f"), max_size=8
)
_FOLDS = st.sampled_from(["", " ", "\t", "\r\n ", "\r\n\t"])
TAG_VALUES = st.tuples(_TEXT, st.sampled_from(["", " ", "\r\n "]), _TEXT).map(
    lambda parts: "".join(parts).strip(" \t\r\n").encode()
)


@st.composite
def tag_lists(draw: st.DrawFn) -> tuple[bytes, dict[str, bytes]]:
    """A tag list as it may be written, and what is in it."""
    names = draw(st.lists(TAG_NAMES, min_size=1, max_size=8, unique=True))
    tags = {name: draw(TAG_VALUES) for name in names}
    specs = [
        b"".join(
            (draw(_FOLDS).encode(), name.encode(), draw(_FOLDS).encode(), b"=",
             draw(_FOLDS).encode(), value, draw(_FOLDS).encode())
        )
        for name, value in tags.items()
    ]  # fmt: skip
    return b";".join(specs) + draw(st.sampled_from([b"", b";", b"; "])), tags


# What tag lists are made of and what spoils them.
SNIPPETS = (
    b"a", b"B", b"bh", b"_", b"9", b"=", b"=", b";", b";", b" ", b"\t", b"\r\n ", b"\r\n\t",
    b"\r\n", b"\r", b"\n", b"\0", b"\x7f", b"\xc3\xbc", b"a=1", b"v=DKIM1; ",
)  # fmt: skip

# --- what DNS may say -------------------------------------------------------------------------

RECORDS = st.one_of(
    st.sampled_from([record_for(key).encode() for key in KEYS.values()]),
    st.sampled_from([b"v=DKIM1; p=", b"p=AAAA", b"k=ed25519; p=AA==", b"t=y:s; p=", b"v=spf1"]),
    st.binary(max_size=60),
)
