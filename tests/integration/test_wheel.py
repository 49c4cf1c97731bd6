"""A wheel is named for what is in it (docs/design/decisions/0001-build-backend.md)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARGO = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
pytestmark = pytest.mark.slow
KINDS = [
    pytest.param({"CC": "false"}, False, id="a-compiler-that-fails"),
    pytest.param({}, True, id="with-a-compiler", marks=pytest.mark.needs("cc")),
]


@pytest.mark.parametrize(("environment", "kernel"), KINDS)
def test_a_wheel_is_named_for_what_is_in_it(
    tmp_path: Path, environment: dict[str, str], kernel: bool
) -> None:
    for name in CARGO:
        shutil.copy(ROOT / name, tmp_path)
    built = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=built)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", "dist", "."],
        cwd=tmp_path, capture_output=True, env={**os.environ, **environment}, check=False,
        text=True,
    )  # fmt: skip
    if "No matching distribution found for setuptools" in done.stderr:
        pytest.skip("setuptools, which builds wheels, cannot be had here")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (record,) = (name for name in names if name.endswith(".dist-info/WHEEL"))
        metadata = archive.read(record).decode()
    assert any("_kernel" in name and name.endswith(".so") for name in names) is kernel
    assert wheel.name.endswith("-py3-none-any.whl") is not kernel
    assert ("cp311-abi3" in wheel.name) is kernel
    assert f"Root-Is-Purelib: {'false' if kernel else 'true'}" in metadata
