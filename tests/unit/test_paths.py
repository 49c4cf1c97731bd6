"""Reading files: what is larger than it may be is refused, never cut."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from avowal import paths


def test_a_file_larger_than_it_may_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert paths.read(file, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 octets") as caught:
        paths.read(file, 4)
    assert caught.value.errno == errno.EFBIG
