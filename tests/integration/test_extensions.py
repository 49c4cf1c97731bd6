"""A key service and an algorithm of other packages, from the command and in the daemon.

The packages are those of docs/howto/new-key-service.md and new-algorithm.md.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mailloop import until
from tests.milters import inserted
from tests.mta.client import MtaClient
from tests.mta.session import Transaction

import avowal
from avowal.milter.packets import Connect
from avowal.testing import ED25519, message, record_for

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
STRANGER = Connect(b"mx.sender.example", b"4", 1234, b"192.0.2.1")
NAME = "s1._domainkey.example.com"


def package(site: Path, name: str, page: str, begins: str, entries: str) -> None:
    """Install a module of a page as pip would: the module, and what its entry points are."""
    text = (HOWTO / page).read_text("utf-8")
    (source,) = [
        block for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if block.startswith(begins)
    ]  # fmt: skip
    (site / f"{name}.py").write_text(source)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    announced = re.search(
        rf'^\[project\.entry-points\."{re.escape(entries)}"\]\n"?([^"= ]+)"? = "(.+)"$',
        text, re.MULTILINE,
    )  # fmt: skip
    assert announced is not None
    (info / "entry_points.txt").write_text(f"[{entries}]\n{announced[1]} = {announced[2]}\n")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    package(
        tmp_path / "site", "dkk", "new-key-service.md",
        "from avowal.dkim.query import by_type\n", "avowal.key_services",
    )  # fmt: skip
    package(
        tmp_path / "site", "ed448", "new-algorithm.md",
        "from cryptography.exceptions", "avowal.algorithms",
    )  # fmt: skip
    post = message()
    field = avowal.sign(
        post, domain="example.com", selector="s1", key=ED25519,
        other_tags=(("q", b"dns/dkk:dns/txt"),),
    )  # fmt: skip
    (tmp_path / "m.eml").write_bytes(field + post)
    octets = bytes([len(record_for(ED25519))]) + record_for(ED25519).encode()
    record = {"TYPE65280": rf"\# {len(octets)} {octets.hex()}"}
    (tmp_path / "zone.json").write_text(json.dumps({NAME: record}))
    return tmp_path


def run(place: Path, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "avowal", *words],
        cwd=place, env=around(place), input=given, capture_output=True, check=False,
    )  # fmt: skip


def around(place: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{place}/site:{os.environ.get('PYTHONPATH', '')}"}


VERIFY = ("verify", "--zone", "zone.json", "m.eml")


def test_the_command_asks_by_a_key_service_that_is_named(place: Path) -> None:
    assert run(place, "--key-service", "dns/dkk", *VERIFY).returncode == 0


def test_what_is_only_installed_is_not_used(place: Path) -> None:
    assert run(place, *VERIFY).returncode == 1


@pytest.mark.parametrize("option", ["--key-service", "--algorithm"])
def test_what_no_package_brings_is_named(place: Path, option: str) -> None:
    done = run(place, option, "dns/dk", *VERIFY)
    assert done.returncode == 2
    assert b"no installed package brings dns/dk" in done.stderr
    assert (b"there are dns/dkk" in done.stderr) is (option == "--key-service")


def test_a_package_that_cannot_be_loaded_is_named(place: Path) -> None:
    (place / "site" / "dkk.py").write_text("import nothing_of_this_name\n")
    done = run(place, "--key-service", "dns/dkk", *VERIFY)
    assert done.returncode == 2
    assert b"dns/dkk (dkk:method) cannot be loaded" in done.stderr


def test_the_command_makes_keys_signs_and_verifies_with_an_algorithm(place: Path) -> None:
    brought = ("--algorithm", "ed448-sha512")
    words = ("--domain", "example.com", "--selector", "s448")
    made = run(place, *brought, "key", "generate", "--type", "ed448", *words)
    assert made.returncode == 0, made.stderr
    (place / "zone.txt").write_bytes(made.stdout)
    signed = run(place, *brought, "sign", *words, "--key", "s448.pem", given=message())
    assert b"a=ed448-sha512;" in signed.stdout
    (place / "m.eml").write_bytes(signed.stdout)
    words = ("verify", "--zone", "zone.txt", "--origin", ".", "m.eml")
    assert run(place, *brought, *words).returncode == 0
    assert b"unknown-algorithm" in run(place, *words).stdout


def test_the_daemon_uses_both_where_its_configuration_names_them(place: Path) -> None:
    made = run(
        place, "--algorithm", "ed448-sha512", "key", "generate", "--type", "ed448",
        "--domain", "example.com", "--selector", "s448",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    (place / "avowal.toml").write_text(
        f'[[listeners]]\nsocket = "unix:{place}/m.sock"\n'
        '[extensions]\nkey_services = ["dns/dkk"]\nalgorithms = ["ed448-sha512"]\n'
        f'[keys.k]\ndomain = "example.com"\nselector = "s448"\nfile = "{place}/s448.pem"\n'
        '[results]\nauthserv_id = "mx.example.net"\n[policies]\ngenerations = []\nspf = "off"\n'
        f'[dns]\nzone_file = "{place}/zone.json"\n[signing]\nrequire_safe_keys = false\n'
    )
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "avowal", "milter", "--config", "avowal.toml"],
            cwd=place, env=around(place), stdout=said, stderr=said,
        )  # fmt: skip
    try:
        until(
            lambda: b"at work" in (place / "said").read_bytes() or process.poll() is not None,
            what="the daemon",
        )
        assert process.poll() is None, (place / "said").read_text()
        with MtaClient.connected(f"unix:{place}/m.sock") as mta:
            came = mta.send(Transaction.of((place / "m.eml").read_bytes(), connection=STRANGER))
        with MtaClient.connected(f"unix:{place}/m.sock") as mta:
            sent = mta.send(Transaction.of(message()))
    finally:
        process.terminate()
        process.wait(60)
    (results,) = inserted(came, b"Authentication-Results")
    assert b"dkim=pass" in results
    (signature,) = inserted(sent, b"DKIM-Signature")
    assert b"a=ed448-sha512" in signature


def test_a_name_in_the_configuration_that_nobody_brings_is_told_with_its_place(
    place: Path,
) -> None:
    (place / "avowal.toml").write_text('[extensions]\nalgorithms = ["rot13"]\n')
    done = run(place, "config", "check", "avowal.toml")
    assert done.returncode == 2
    assert b"avowal.toml:2:" in done.stderr
    assert b"no installed package brings rot13" in done.stderr
