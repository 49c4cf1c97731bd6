"""Messages found in mboxes, Maildirs and folders."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.calls import mbox
from avowal.calls.mbox import Mbox
from avowal.cli import sources

ENDLESS_FROM = b"From " + b"a" * (3 * sources.CHUNK) + b"\n"
FROM = b"From a@example.com Tue Nov 24 12:00:00 2026\n"


def read(path: Path) -> list[bytes]:
    return [b"".join(chunks) for _, chunks in sources.messages(str(path), lambda octets: None)]


@pytest.mark.parametrize(
    ("mbox", "expected"),
    [
        pytest.param(FROM + b"A: 1\n\nx\n\n", [b"A: 1\n\nx\n"], id="one"),
        pytest.param(
            FROM + b"A: 1\n\nx\n\n" + FROM + b"B: 2\n\ny\n\n",
            [b"A: 1\n\nx\n", b"B: 2\n\ny\n"],
            id="two",
        ),
        pytest.param(
            (FROM + b"A: 1\n\nx\n\n" + FROM + b"B: 2\n\ny\n").replace(b"\n", b"\r\n"),
            [b"A: 1\r\n\r\nx\r\n", b"B: 2\r\n\r\ny\r\n"],
            id="crlf",
        ),
        pytest.param(FROM + b"A: 1\n\nx\nFrom y\n", [b"A: 1\n\nx\nFrom y\n"], id="from-in-text"),
        pytest.param(
            FROM + b"A: 1\n\n>From x\n>>From y\n", [b"A: 1\n\nFrom x\n>From y\n"], id="quoted"
        ),
        pytest.param(
            FROM + b"A: 1\n\n> From x\n>x\n", [b"A: 1\n\n> From x\n>x\n"], id="not-quoted"
        ),
        pytest.param(FROM + b"A: 1\n\nx", [b"A: 1\n\nx"], id="no-line-end"),
        pytest.param(FROM + b"A: 1\n\nx\n\n\n\n", [b"A: 1\n\nx\n\n\n"], id="last-blank-is-not-its"),
        pytest.param(FROM + FROM + b"A: 1\n", [b"", b"A: 1\n"], id="empty-message"),
        pytest.param(FROM.rstrip(), [b""], id="from-line-alone"),
        pytest.param(
            (ENDLESS_FROM + b"A: 1\n\n") * 2, [b"A: 1\n"] * 2, id="from-lines-longer-than-a-chunk"
        ),
    ],
)
def test_an_mbox_gives_its_messages(tmp_path: Path, mbox: bytes, expected: list[bytes]) -> None:
    (tmp_path / "mbox").write_bytes(mbox)
    assert read(tmp_path / "mbox") == expected


def by_the_book(mbox: bytes) -> list[bytes]:
    """The same line by line, with everything in memory."""
    messages: list[list[bytes]] = [[]]
    for line in mbox.splitlines(keepends=True)[1:]:
        last = messages[-1]
        if line.startswith(b"From ") and (not last or last[-1] == b"\n"):
            messages.append([])
        else:
            last.append(line)
    for lines in messages:
        if lines[-1:] == [b"\n"]:
            lines.pop()
    quoted = re.compile(rb"^>(>*From )", re.MULTILINE)
    return [quoted.sub(rb"\1", b"".join(lines)) for lines in messages]


LINES = (b"", b"From x", b">From x", b">>From y", b"From: a", b"> From", b"text", b"t" * 30, b">")


@given(st.lists(st.sampled_from(LINES), max_size=12), st.booleans(), st.integers(48, 100))
def test_where_the_reading_is_cut_makes_no_difference(
    lines: list[bytes], ended: bool, chunk: int
) -> None:
    octets = FROM + b"\n".join(lines) + (b"\n" if ended else b"")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mbox, "CHUNK", chunk)  # still longer than every line
        reader = Mbox(io.BytesIO(octets[5:]), lambda octets: None)
        assert [b"".join(message) for message in reader] == by_the_book(octets)


def test_a_message_that_is_not_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mbox").write_bytes((FROM + b"A: 1\n\nx\n\n") * 3)
    assert len(list(sources.messages(str(tmp_path / "mbox"), lambda octets: None))) == 3


def paths(folder: Path) -> Iterator[str]:
    for path in sources.files(str(folder)):
        yield str(Path(path).relative_to(folder))


def test_a_folder_is_searched_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b/2.eml", "b/1.eml", "a.eml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"A: 1\n")
    assert list(paths(tmp_path)) == ["a.eml", "b/1.eml", "b/2.eml"]


def test_a_maildir_gives_what_was_delivered(tmp_path: Path) -> None:
    for name in ("cur/1:2,S", "new/2", "tmp/3", "dovecot-uidlist", ".Sent/cur/4", ".Sent/new/5"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"A: 1\n")
    assert list(paths(tmp_path)) == [".Sent/cur/4", ".Sent/new/5", "cur/1:2,S", "new/2"]


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"A: 1\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(paths(tmp_path)) == ["a.eml"]


def test_octets_are_counted_as_they_are_read(tmp_path: Path) -> None:
    counted: list[int] = []
    (tmp_path / "m").write_bytes(b"A: 1\n\n" + b"x" * 1_000_000)
    for _, chunks in sources.messages(str(tmp_path / "m"), counted.append):
        for _ in chunks:
            pass
    assert sum(counted) == 1_000_006
