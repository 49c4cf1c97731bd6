"""A "From " line before a message: every command reads past it, and hands it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.conftest import SIGNED

from avowal.testing import message

LINE = b"From alice@example.com Sun Nov 29 15:00:00 2026\n"
KEY = ("-d", "example.com", "-s", "s1", "-k", "s1.pem")
COMMANDS = [
    pytest.param(("sign", *KEY, "-"), message(), id="sign"),
    pytest.param(("arc", "seal", *KEY, "-", "--zone", "zone.json"), SIGNED, id="arc-seal"),
    pytest.param(
        ("list", "pipe", "-l", "bees@example.com", *KEY, "--zone", "zone.json"), SIGNED, id="pipe"
    ),
]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(("command", "octets"), COMMANDS)
def test_the_line_is_handed_on_and_the_rest_is_as_without_it(
    avowal_command: Callable[..., Any], command: tuple[str, ...], octets: bytes, ending: bytes
) -> None:
    """RFC 4155: the line tells the envelope and is no part of the message."""
    line, stored = (
        octets.replace(b"\r\n", b"\n").replace(b"\n", ending) for octets in (LINE, octets)
    )
    arguments = (*command, "--at", "1795500000")
    plain = avowal_command(*arguments, stdin=stored)
    dressed = avowal_command(*arguments, stdin=line + stored)
    assert plain.returncode == dressed.returncode == 0
    assert dressed.stdout == line + plain.stdout


@pytest.mark.parametrize("at", ["a file", "a pipe"])
def test_what_was_signed_behind_the_line_verifies_with_it(
    avowal_command: Callable[..., Any], tmp_path: Any, at: str
) -> None:
    (tmp_path / "post").write_bytes(LINE + message().replace(b"\r\n", b"\n"))
    name = "post" if at == "a file" else "-"
    given = b"" if at == "a file" else (tmp_path / "post").read_bytes()
    signed = avowal_command("sign", *KEY, name, stdin=given)
    ran = avowal_command("verify", "-", "--zone", "zone.json", stdin=signed.stdout)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_fields_alone_come_without_the_line(avowal_command: Callable[..., Any]) -> None:
    signed = avowal_command("sign", *KEY, "--field", "-", stdin=LINE + message())
    assert signed.stdout.startswith(b"DKIM-Signature:")


@pytest.mark.parametrize(("command", "octets"), COMMANDS)
def test_a_line_alone_is_no_message(
    avowal_command: Callable[..., Any], command: tuple[str, ...], octets: bytes
) -> None:
    ran = avowal_command(*command, stdin=LINE)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert b"empty" in ran.stderr
