"""The programs of examples/ run from the built wheel in an empty environment; they are typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = sorted((ROOT / "examples").glob("*.py"))
CHECKED = [str(program) for program in PROGRAMS]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def ran(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the built wheel and what it needs, nothing else."""
    place = tmp_path_factory.mktemp("examples")
    built = ran(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", place, ROOT)
    if built.returncode != 0:
        pytest.skip(f"no wheel can be built here: {built.stderr[-300:]}")
    (wheel,) = place.glob("avowal-*.whl")
    assert ran(sys.executable, "-m", "venv", place / "environment").returncode == 0
    made = place / "environment" / "bin" / "python"
    installed = ran(made, "-m", "pip", "install", "-q", wheel)
    if installed.returncode != 0:
        pytest.skip(f"what avowal needs cannot be installed here: {installed.stderr[-300:]}")
    return made


def test_there_are_ten() -> None:
    assert len(PROGRAMS) == 10


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_runs_from_the_wheel(python: Path, tmp_path: Path, program: Path) -> None:
    found = ran(python, "-I", "-W", "error", program, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout


def test_the_programs_are_strictly_typed_for_mypy(python: Path, tmp_path: Path) -> None:
    found = ran(
        sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}",
        "--python-executable", python, *CHECKED,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout


def test_the_programs_are_well_typed_for_pyright(python: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyright", reason="pyright is not installed")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "include": []}')
    found = ran(sys.executable, "-m", "pyright", "--pythonpath", python, *CHECKED, cwd=tmp_path)
    if not re.search(r"^\d+ errors?,", found.stdout, re.MULTILINE):
        pytest.skip(f"pyright needs Node.js and its npm package: {found.stderr[-300:]}")
    assert found.returncode == 0, found.stdout


def test_the_cookbook_shows_every_program() -> None:
    page = (ROOT / "docs" / "howto" / "cookbook.md").read_text()
    shown = re.findall(r"^```\{literalinclude\} \.\./\.\./examples/(\S+)$", page, re.MULTILINE)
    assert sorted(shown) == [program.name for program in PROGRAMS]
