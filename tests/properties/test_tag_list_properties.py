from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.properties.strategies import KEYS, TAG_NAMES, tag_lists

from avowal import quoted
from avowal.dkim.key import KeyRecord
from avowal.dkim.signature import Signature
from avowal.fold import fold_tags
from avowal.keys.records import record_text
from avowal.message import Field
from avowal.names import DomainName, Identity
from avowal.taglist import FWS, TagList, TagListFault


@given(written=tag_lists())
def test_what_was_written_is_read(written: tuple[bytes, dict[str, bytes]]) -> None:
    octets, tags = written
    assert {tag.name: tag.value for tag in TagList.parse(octets)} == tags


@given(written=tag_lists())
def test_every_tag_knows_its_place(written: tuple[bytes, dict[str, bytes]]) -> None:
    octets, _ = written
    for tag in TagList.parse(octets):
        assert octets[tag.start : tag.stop].strip(FWS) == tag.value
        assert octets[: tag.start].rstrip(FWS).endswith(b"=")


@given(written=tag_lists())
def test_salvage_reads_what_parsing_reads(written: tuple[bytes, dict[str, bytes]]) -> None:
    assert TagList.salvage(written[0]) == TagList.parse(written[0])


@given(written=tag_lists(), place=st.integers(0, 7))
def test_emptying_one_tag_leaves_the_others(
    written: tuple[bytes, dict[str, bytes]], place: int
) -> None:
    octets, tags = written
    name = list(tags)[place % len(tags)]
    left = TagList.parse(TagList.parse(octets).without_value(name))
    assert {tag.name: tag.value for tag in left} == {**tags, name: b""}


@given(octets=st.binary(max_size=80))
def test_any_octets_are_a_tag_list_or_its_fault(octets: bytes) -> None:
    offset, tags = 0, TagList.salvage(octets)
    try:
        tags = TagList.parse(octets)
    except TagListFault as fault:
        offset = fault.offset
    assert 0 <= offset <= len(octets)
    assert TagList.salvage(octets) == tags


VALUES = st.lists(st.from_regex(r"[!-:<-~]{1,20}", fullmatch=True).map(str.encode), max_size=12)


@given(tags=st.dictionaries(TAG_NAMES, VALUES, min_size=1, max_size=6))
def test_what_is_folded_reads_the_same(tags: dict[str, list[bytes]]) -> None:
    folded = fold_tags(b"X", tags.items(), base64=frozenset()).octets
    read = TagList.parse(Field.of(folded).value)
    joined = {tag.name: tag.value.translate(None, FWS) for tag in read}
    assert joined == {name: b"".join(tokens) for name, tokens in tags.items()}


@given(tags=st.dictionaries(TAG_NAMES, VALUES, min_size=1, max_size=6))
def test_a_folded_line_is_long_only_for_one_token(tags: dict[str, list[bytes]]) -> None:
    for line in fold_tags(b"X", tags.items(), base64=frozenset()).octets.split(b"\r\n"):
        assert len(line) <= 79 or len(line.split()) == 1


@given(octets=st.binary(max_size=60), also=st.sampled_from([b"", b"|", b"|:"]))
def test_quoting_comes_undone(octets: bytes, also: bytes) -> None:
    written = quoted.encode(octets, also=also)
    assert quoted.decode(written) == octets
    assert not any(octet in also + b"; \t\r\n" for octet in written)


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,5}[a-z0-9])?", fullmatch=True)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(domain=DOMAINS, above=DOMAINS)
def test_a_subdomain_is_within_by_whole_labels(domain: str, above: str) -> None:
    name, parent = DomainName.parse(domain.encode()), DomainName.parse(above.encode())
    within = name.labels[-len(parent.labels) :] == parent.labels
    assert name.is_within(parent) == within


@given(domain=DOMAINS, local_part=st.from_regex(r"[a-z.+]{0,8}", fullmatch=True))
def test_an_identity_reads_as_written(domain: str, local_part: str) -> None:
    text = f"{local_part}@{domain}"
    assert str(Identity.parse(text.encode())) == text


@given(
    selector=st.sampled_from(sorted(KEYS)),
    flags=st.lists(st.sampled_from("sy"), unique=True),
    services=st.lists(st.sampled_from(["email", "tlsrpt", "*"]), unique=True),
    hashes=st.lists(st.sampled_from(["sha1", "sha256"]), unique=True),
)
def test_a_written_key_record_reads_the_same(
    selector: str, flags: list[str], services: list[str], hashes: list[str]
) -> None:
    key = KEYS[selector]
    text = record_text(key, flags=flags, services=services, hashes=hashes)
    record = KeyRecord.parse(text.encode())
    assert record.flags == tuple(flags)
    assert record.services == (tuple(services) or ("*",))
    assert record.hashes == (tuple(hashes) or None)
    assert record.key_type == key.key_type


@given(
    copies=st.lists(st.tuples(st.sampled_from([b"To", b"X|Y"]), st.binary(max_size=20)), max_size=4)
)
def test_copied_fields_come_back(copies: list[tuple[bytes, bytes]]) -> None:
    written = b"|".join(
        quoted.encode(name, also=b"|:") + b":" + quoted.encode(value, also=b"|")
        for name, value in copies
    )
    value = b" v=1; a=a-b; b=AA==; bh=AA==; d=a.b; s=s; h=from; z=" + written
    assert Signature.parse(Field(b"S:" + value, 1)).copied_fields == tuple(copies)
