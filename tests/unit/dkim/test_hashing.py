"""What is hashed: RFC 6376 §3.7."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.dkim import hashing
from avowal.dkim.hashing import BodyHash, BodyHasher, header_data
from avowal.message import Field, Header

HEADER = Header.parse(
    b"DKIM-Signature: b=; x=1\r\nA: 1\r\nB : 2\r\n\t3 \r\nA: 4\r\ndkim-signature: old\r\n"
)
OWN = Field.of(b"DKIM-Signature: b=; x=1")


@pytest.mark.parametrize(
    ("form", "names", "place", "data"),
    [
        pytest.param(
            "simple",
            (b"a", b"b", b"a", b"a", b"none"),
            0,
            b"A: 4\r\nB : 2\r\n\t3 \r\nA: 1\r\nDKIM-Signature: b=; x=1",
            id="simple-in-order-bottom-up-own-last-without-crlf",
        ),
        pytest.param(
            "relaxed",
            (b"b", b"a"),
            0,
            b"b:2 3\r\na:4\r\ndkim-signature:b=; x=1",
            id="relaxed",
        ),
        pytest.param(
            "simple",
            (b"dkim-signature", b"dkim-signature"),
            0,
            b"dkim-signature: old\r\nDKIM-Signature: b=; x=1",
            id="the-own-signature-is-never-selected",
        ),
        pytest.param("simple", (), -1, b"DKIM-Signature: b=; x=1", id="no-names"),
    ],
)
def test_the_header_data_is(form: str, names: tuple[bytes, ...], place: int, data: bytes) -> None:
    assert header_data(HEADER, names, form, OWN, place=place) == data


def digest(length: int | None, *chunks: bytes, form: str = "simple") -> BodyHash:
    hasher = BodyHasher()
    made = hasher.register(form, "sha256", length)
    for chunk in chunks:
        hasher.feed(chunk)
    hasher.finish()
    return made


@pytest.mark.parametrize(
    ("length", "signed"),
    [
        pytest.param(None, b"a  b\r\nc\r\n", id="whole"),
        pytest.param(0, b"", id="nothing"),
        pytest.param(3, b"a  ", id="within-a-line"),
        pytest.param(5, b"a  b\r", id="between-cr-and-lf"),
        pytest.param(9, b"a  b\r\nc\r\n", id="exactly-all"),
        pytest.param(99, b"a  b\r\nc\r\n", id="beyond-the-end"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_length_counts_canonical_octets(length: int | None, signed: bytes, size: int) -> None:
    body = b"a  b\r\nc\r\n\r\n\r\n"
    made = digest(length, *[body[i : i + size] for i in range(0, len(body), size)])
    assert made.digest == hashlib.sha256(signed).digest()


def test_relaxed_octets_are_counted_after_reduction() -> None:
    assert digest(3, b"a \t b\r\n", form="relaxed").digest == hashlib.sha256(b"a b").digest()


@pytest.mark.parametrize(("length", "count"), [(0, 3), (3, 3), (4, 3), (None, None)])
def test_the_canonical_octets_are_counted_where_a_length_asks(
    length: int | None, count: int | None
) -> None:
    assert digest(length, b"a\r\n\r\n").count == count


def test_equal_requests_share_one_hash() -> None:
    hasher = BodyHasher()
    one = hasher.register("relaxed", "sha256", None)
    assert hasher.register("relaxed", "sha256", None) is one
    assert hasher.register("relaxed", "sha1", None) is not one
    assert hasher.register("relaxed", "sha256", 3) is not one


def test_a_body_that_can_change_nothing_is_not_wanted() -> None:
    hasher = BodyHasher()
    hasher.register("simple", "sha256", 2)
    assert hasher.feed(b"a") is True
    assert hasher.feed(b"bcd") is False
    assert BodyHasher().wanting is False


def test_a_whole_body_is_wanted_to_its_end() -> None:
    hasher = BodyHasher()
    hasher.register("simple", "sha256", 0)
    hasher.register("simple", "sha256", None)
    assert hasher.feed(b"x" * 1000) is True


@given(
    body=st.lists(st.sampled_from([b"a", b" ", b"\r\n", b"bb \tc", b"\n"]), max_size=20).map(
        b"".join
    ),
    lengths=st.lists(st.none() | st.integers(0, 25), min_size=1, max_size=6),
    size=st.integers(1, 9),
)
@pytest.mark.parametrize("form", ["simple", "relaxed"])
def test_each_length_has_the_hash_it_would_have_alone(
    form: str, body: bytes, lengths: list[int | None], size: int
) -> None:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    hasher = BodyHasher()
    made = [hasher.register(form, "sha256", length) for length in lengths]
    for chunk in chunks:
        hasher.feed(chunk)
    hasher.finish()
    for length, shared in zip(lengths, made, strict=True):
        alone = digest(length, *chunks, form=form)
        assert (shared.digest, shared.count, shared.exceeded) == (
            alone.digest,
            alone.count,
            alone.exceeded,
        )


def test_octets_are_hashed_once_however_many_lengths_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed = 0

    class Counting:
        def update(self, octets: bytes) -> None:
            nonlocal hashed
            hashed += len(octets)

        def copy(self) -> Counting:
            return self

    monkeypatch.setattr(hashing, "HASHES", {"sha256": Counting})
    hasher = BodyHasher()
    for length in range(50):
        hasher.register("simple", "sha256", length * 100)
    hasher.feed(b"a" * 6000)
    assert hashed == 4900
