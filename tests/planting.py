"""A folder of keys and files to plant mistakes beside, and what complaints have to be like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from avowal.keys.files import write_key
from avowal.testing import RSA_2048


def lay_out(tmp_path: Path) -> None:
    """Write the keys and files."""
    tmp_path.chmod(0o700)  # keys lie where nobody else could put theirs
    write_key(tmp_path / "s1.pem", RSA_2048)
    write_key(tmp_path / "locked.pem", RSA_2048, password=b"right")
    pem = (tmp_path / "s1.pem").read_text()
    for name, text in {
        "no.pem": "not a key\n",
        "cut.pem": pem[: len(pem) // 2],
        "empty.pem": "",
        "public.pem": "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n",
        "others.pem": pem,
        "password": "wrong\n",
        "nothing": "",
        "opinions": "# subject assertion rating\ngood.example spam 0.1\nbad.example spam lots\n",
        "bad.json": '{"a": \n',
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "others.pem").chmod(0o644)


def planted(site: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files that only we can read."""
    for name, text in files.items():
        (site / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        (site / name).chmod(0o600)


def complaints(capsys: pytest.CaptureFixture[str], run: Callable[[], int]) -> str:
    """Run what has to fail; return what it said on stderr."""
    status = run()
    said = capsys.readouterr()
    assert status != 0, said.out
    assert "Traceback" not in said.err
    assert "[Errno" not in said.err
    assert said.out == ""
    return said.err
