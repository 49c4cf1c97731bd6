"""The real command, run as users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import avowal
from avowal.keys.files import write_key
from avowal.testing import ED25519, RSA_2048, message, record_for, tamper

Ran: TypeAlias = subprocess.CompletedProcess[bytes]
Avowal: TypeAlias = Callable[..., Ran]

NOW = 1_795_500_000
SOURCES = str(Path(__file__).parents[3] / "src")


@pytest.fixture
def avowal_command(tmp_path: Path) -> Avowal:
    """Runs the command in a folder of its own that holds keys, zones and messages."""
    for name, key in (("s1", ED25519), ("s2", RSA_2048)):
        write_key(tmp_path / f"{name}.pem", key)
    zone = {f"{name}._domainkey.example.com": record_for(key) for name, key in KEYS.items()}
    (tmp_path / "zone.json").write_text(json.dumps(zone))
    (tmp_path / "signed.eml").write_bytes(SIGNED)
    (tmp_path / "tampered.eml").write_bytes(tamper(SIGNED))
    (tmp_path / "unsigned.eml").write_bytes(message())

    def run(*arguments: str, stdin: bytes = b"", **options: object) -> Ran:
        environment = {key: value for key, value in os.environ.items() if "COLOR" not in key}
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            [sys.executable, "-m", "avowal", *arguments],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": SOURCES, "PYTHONUTF8": "1"},
            timeout=60,
            check=False,
            **options,
        )

    return run


KEYS = {"s1": ED25519, "s2": RSA_2048}
SIGNED = (
    avowal.sign(message(), domain="example.com", selector="s1", key=ED25519, now=NOW) + message()
)
