"""The recipes of docs/howto/send-signed-mail.md, run against a real server."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import avowal
from avowal.keys.files import write_key
from avowal.testing import ED25519, Zone, record_for

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "send-signed-mail.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
ZONE = Zone({"s1._domainkey.example.com": record_for(ED25519)})


def test_each_recipe_sends_mail_that_passes(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key(tmp_path / "s1.pem", ED25519)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec("\n".join(BLOCKS), names)
    names["send"](names["message"], "127.0.0.1", server.port)
    asyncio.run(names["asend"](names["message"], "127.0.0.1", server.port))
    verdicts = [avowal.verify(octets, ZONE) for octets in server.sink.octets]
    assert [[str(verdict.result) for verdict in found] for found in verdicts] == [["pass"]] * 2
    assert b"Message-ID" not in names["field"]
    assert b"message-id" not in names["field"]
