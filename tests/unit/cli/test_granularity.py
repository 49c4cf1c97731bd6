"""g= of a key, from the command line and from the configuration of the daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.flow.conftest import load

import avowal
from avowal.config.toml import parse
from avowal.flow.compiler import compile_plan
from avowal.testing import ED25519, message, record_for

ZONE = {"s._domainkey.example.com": record_for(ED25519) + "; g=other"}


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--granularity",), 1)])
def test_the_command_honours_g_when_asked(
    tmp_path: Path, options: tuple[str, ...], status: int
) -> None:
    post = message()
    signed = avowal.sign(
        post, domain="example.com", selector="s", key=ED25519, identity="user@example.com"
    ) + post  # fmt: skip
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "m.eml").write_bytes(signed)
    done = subprocess.run(
        [sys.executable, "-m", "avowal", "verify", "--zone", "zone.json", *options, "m.eml"],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == status
    assert (b"key-granularity" in done.stdout) is bool(options)


@pytest.mark.parametrize(("line", "honoured"), [("", False), ("honor_granularity = true\n", True)])
def test_the_configuration_honours_g_when_asked(line: str, honoured: bool) -> None:
    loaded = parse(f"[verifying]\n{line}".encode(), file="avowal.toml")
    plan = compile_plan(loaded.configuration, loaded.places, load=load)
    assert plan.receiver.rules.honor_granularity is honoured
