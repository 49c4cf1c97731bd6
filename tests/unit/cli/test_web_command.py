"""``avowal web``: what keeps it from starting, and which names it answers to."""

from __future__ import annotations

import socket

import pytest

from avowal.cli import web
from avowal.cli.commands import run
from avowal.errors import AvowalError, UsageError


@pytest.fixture(autouse=True)
def _extra() -> None:
    for module in ("starlette", "uvicorn", "jinja2", "python_multipart"):
        pytest.importorskip(module, reason=f"{module} is not installed (extra web)")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--listen", "0.0.0.0:0"], "other machines could read", id="every address"),
        pytest.param(["--listen", "8025"], "write ADDRESS:PORT", id="a port alone"),
        pytest.param(["--listen", "127.0.0.1:x"], "write ADDRESS:PORT", id="no port"),
        pytest.param(["/no/such/mailbox"], "there is no such file", id="no mailbox"),
        pytest.param(["--capture", "/tmp"], "go together", id="a box without its key"),
        pytest.param(["--identity", "k"], "go together", id="a key without its box"),
        pytest.param(["--zone", "a", "--replay", "b"], "exclude one another", id="two sources"),
    ],
)
def test_what_keeps_it_from_starting(arguments: list[str], said: str) -> None:
    with pytest.raises(AvowalError, match=said):
        run(["web", *arguments])


@pytest.mark.parametrize(
    ("address", "names"),
    [
        pytest.param("127.0.0.1", {"127.0.0.1:0", "localhost:0"}, id="this machine"),
        pytest.param("0.0.0.0", {"0.0.0.0:0", "mail.example", "mail.example:0"}, id="others too"),
    ],
)
def test_the_names_it_answers_to(address: str, names: set[str]) -> None:
    hosts = () if address == "127.0.0.1" else ("mail.example",)
    with socket.socket() as listening:
        listening.bind((address, 0))
        assert web._names(f"http://{address}:0", listening, hosts, "x") == names


def test_beyond_this_machine_a_name_has_to_be_given() -> None:
    with socket.socket() as listening:
        listening.bind(("0.0.0.0", 0))
        with pytest.raises(UsageError, match="--host"):
            web._names("http://0.0.0.0:1", listening, (), "0.0.0.0:1")
