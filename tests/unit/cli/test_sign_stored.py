"""`avowal sign --key store:DOMAIN`: all keys that sign for the domain, with their selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from avowal.cli import commands, exits
from avowal.keys.files import write_key
from avowal.testing import ED25519, RSA_2048, message


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("AVOWAL_KEY_STORE", str(tmp_path / "keys.db"))
    monkeypatch.chdir(tmp_path)
    Path("m.eml").write_bytes(message())

    def run(*arguments: str) -> int:
        return exits.run(lambda: commands.run(list(arguments)))

    assert run("keys", "store", "create") == 0
    for selector, key in (("e1", ED25519), ("r1", RSA_2048), ("r2", RSA_2048)):
        write_key(f"{selector}.pem", key)
        state = "prepared" if selector == "r2" else "signing"
        private = f"file:{tmp_path}/{selector}.pem"
        named = ("-d", "example.com", "-s", selector, "--private", private, "--state", state)
        assert run("keys", "add", *named) == 0
    return run


def test_every_algorithm_signs(
    run: Callable[..., int], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("sign", "--field", "--key", "store:example.com", "m.eml") == 0
    assert set(re.findall(rb"s=(\w+);", capfdbinary.readouterr().out)) == {b"e1", b"r1"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--key", "store:example.net"), b"no key of the store signs", id="no key"),
        pytest.param(("--key", "store:a..b"), b"a..b", id="no domain"),
        pytest.param(
            ("-d", "example.com", "--key", "store:example.com"), b"1 domains", id="a domain too"
        ),
        pytest.param(
            ("--key", "store:example.com", "--store", "/nowhere/keys"), b"/nowhere", id="no store"
        ),
    ],
)
def test_what_cannot_sign_is_said(
    run: Callable[..., int],
    capfdbinary: pytest.CaptureFixture[bytes],
    arguments: tuple[str, ...],
    said: bytes,
) -> None:
    assert run("sign", *arguments, "m.eml") == 2
    assert said in capfdbinary.readouterr().err
