"""The framing: octets to frames and back, whatever the pieces."""

from __future__ import annotations

import pytest

from avowal.errors import PeerError
from avowal.milter.wire import PACKET_OCTETS, Decoder, frame

STREAM = frame(ord("H"), b"client.example\0") + frame(ord("A")) + frame(ord("B"), bytes(300))
FRAMES = [(ord("H"), b"client.example\0"), (ord("A"), b""), (ord("B"), bytes(300))]


def frames(decoder: Decoder, *pieces: bytes) -> list[tuple[int, bytes]]:
    return [one for piece in pieces for one in decoder.feed(piece)]


def test_a_frame_counts_its_command_in_its_length() -> None:
    assert frame(ord("c")) == b"\0\0\0\1c"
    assert frame(ord("h"), b"A\0b\0") == b"\0\0\0\5hA\0b\0"


def test_a_stream_in_one_piece_is_cut_into_its_frames() -> None:
    assert frames(Decoder(), STREAM) == FRAMES


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 100, 319])
def test_pieces_of_any_size_give_the_same_frames(size: int) -> None:
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert frames(Decoder(), *pieces) == FRAMES


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_one_cut_anywhere_gives_the_same_frames(cut: int) -> None:
    assert frames(Decoder(), STREAM[:cut], STREAM[cut:]) == FRAMES


@pytest.mark.parametrize(
    ("octets", "mid"),
    [
        pytest.param(b"", False, id="nothing"),
        pytest.param(STREAM, False, id="whole frames"),
        pytest.param(STREAM[:2], True, id="within a length"),
        pytest.param(STREAM[:10], True, id="within a payload"),
    ],
)
def test_an_end_within_a_packet_is_seen(octets: bytes, mid: bool) -> None:
    decoder = Decoder()
    frames(decoder, octets)
    assert (decoder.held_octets > 0) is mid


@pytest.mark.parametrize("cut", [0, 1, 3, 4])
def test_a_length_of_0_is_refused_after_the_frames_before_it(cut: int) -> None:
    bad = b"\0\0\0\0x"
    decoder = Decoder()
    seen = []
    with pytest.raises(PeerError, match="length 0"):  # noqa: PT012 - the frames before count
        for piece in (frame(ord("A")) + bad[:cut], bad[cut:]):
            for one in decoder.feed(piece):
                seen.append(one)  # noqa: PERF402 - extend would lose them
    assert seen == [(ord("A"), b"")]


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_packet_beyond_the_limit_is_refused_before_it_is_kept(pieces: int) -> None:
    head = (1001).to_bytes(4, "big")
    parts = (head,) if pieces == 1 else (head[:2], head[2:])
    with pytest.raises(PeerError, match=r"1001 octets, beyond the limit of 1000.*packet_octets"):
        frames(Decoder(packet_octets=1000), *parts)


def test_a_packet_of_just_the_limit_is_taken() -> None:
    assert frames(Decoder(packet_octets=1000), frame(ord("B"), bytes(999)))


def test_the_default_limit_is_the_largest_packet_an_mta_can_be_built_for() -> None:
    assert PACKET_OCTETS == 1 << 20
    assert frames(Decoder(), frame(ord("B"), bytes(PACKET_OCTETS - 1)))
