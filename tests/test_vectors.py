"""The vectors of tests/vectors: a message, its DNS and its clock in; results and reasons out.

A bug report becomes a vector without writing Python: tests/vectors/README.md gives the
format.  Sync and async, whole and byte by byte, must agree.
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from avowal import Caution, Limits, Reason, Rules, Verification, averify, verify
from avowal.dkim.rules import PROFILES
from avowal.testing import Zone

ROOT = Path(__file__).parents[1]
VECTORS = sorted(Path(__file__).with_name("vectors").glob("*.toml"))
OCTET_SETS = {"required_fields", "sole_fields", "once_fields"}


class Vector:
    """One case file."""

    def __init__(self, path: Path) -> None:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
        self.source: str = read["source"]
        self.now: int = read["now"]
        self.expect: list[dict[str, Any]] = read["expect"]
        self.octets = octets_of(read)
        self.zone = Zone(read.get("zone", {}))
        self.rules = rules_of(read.get("rules", {}))
        self.limits = Limits(**read.get("limits", {}))

    @property
    def settings(self) -> dict[str, Any]:
        return {"now": self.now, "rules": self.rules, "limits": self.limits, "line_ends": "wire"}


def octets_of(read: dict[str, Any]) -> bytes:
    if "message_b64" in read:
        return base64.b64decode(read["message_b64"])
    return read["message"].encode().replace(b"\n", b"\r\n")


def rules_of(written: dict[str, Any]) -> Rules:
    changes = dict(written)
    profile = PROFILES[changes.pop("profile", "default")]
    for name, value in changes.items():
        if isinstance(value, list):
            items = [item.encode() for item in value] if name in OCTET_SETS else value
            changes[name] = frozenset(items)
    return profile.but(**changes)


def said(verdicts: tuple[Verification, ...]) -> list[dict[str, Any]]:
    """Verdicts in the form of a vector's `expect`."""
    rows = []
    for verdict in verdicts:
        row: dict[str, Any] = {"result": str(verdict.result)}
        if verdict.reason is not None:
            row["reason"] = str(verdict.reason)
        if verdict.warnings:
            row["warnings"] = [str(warning) for warning in verdict.warnings]
        rows.append(row)
    return rows


class OctetByOctet(io.BytesIO):
    """A file that gives one octet at a time, however many are asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1 if size else 0)


@pytest.fixture(params=VECTORS, ids=lambda path: path.stem)
def vector(request: pytest.FixtureRequest) -> Vector:
    return Vector(request.param)


def test_a_vector_comes_out_as_it_says(vector: Vector) -> None:
    assert said(verify(vector.octets, vector.zone, **vector.settings)) == vector.expect


async def test_asynchronous_and_octet_by_octet_say_the_same(vector: Vector) -> None:
    verdicts = await averify(OctetByOctet(vector.octets), vector.zone, **vector.settings)
    assert said(verdicts) == vector.expect


def everything_said(key: str) -> set[str]:
    found: set[str] = set()
    for path in VECTORS:
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["expect"]:
            value = row.get(key, [])
            found.update([value] if isinstance(value, str) else value)
    return found


# A zone holds what DNS shows, and no recovered key (tests/unit/cli/test_keys_recover.py).
@pytest.mark.parametrize("reason", [r for r in Reason if r is not Reason.KEY_RECOVERED])
def test_every_reason_has_a_vector(reason: Reason) -> None:
    assert str(reason) in everything_said("reason")


@pytest.mark.parametrize("caution", [c for c in Caution if c is not Caution.EIGHT_BIT])
def test_every_warning_of_verifying_has_a_vector(caution: Caution) -> None:
    assert str(caution) in everything_said("warnings")


def test_the_pure_twin_of_the_kernel_gives_the_same_verdicts() -> None:
    code = (
        "import sys; sys.modules['avowal._kernel'] = None\n"
        "from avowal import _fast, verify; assert not _fast.COMPILED\n"
        "from tests.test_vectors import VECTORS, Vector, said\n"
        "for path in VECTORS:\n"
        "    vector = Vector(path)\n"
        "    verdicts = verify(vector.octets, vector.zone, **vector.settings)\n"
        "    assert said(verdicts) == vector.expect, path.stem\n"
        "print(len(VECTORS))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.strip(), ran.stderr) == (str(len(VECTORS)), "")
