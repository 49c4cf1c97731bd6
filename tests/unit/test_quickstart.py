"""From a domain's name to keys and a configuration that works."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from avowal import app, quickstart
from avowal.errors import KeyMaterialError, StoreError, UsageError
from avowal.keys.files import load_key
from avowal.keys.records import record_text


@pytest.fixture
def made(tmp_path: Path) -> tuple[quickstart.MadeKey, ...]:
    return quickstart.keys(["example.com"], str(tmp_path / "keys"))


def test_two_keys_are_made_that_only_their_owner_can_read(
    made: tuple[quickstart.MadeKey, ...],
) -> None:
    assert [load_key(one.path).algorithm for one in made] == ["rsa-sha256", "ed25519-sha256"]
    assert load_key(made[0].path).bits == 2048
    assert {stat.S_IMODE(one.path.stat().st_mode) for one in made} == {0o600}
    assert stat.S_IMODE(made[0].path.parent.stat().st_mode) == 0o700


def test_the_record_publishes_the_key(made: tuple[quickstart.MadeKey, ...]) -> None:
    for one in made:
        assert one.record.startswith(f"{one.selector}._domainkey.example.com. ")
        text = record_text(load_key(one.path))
        assert text.replace(" ", "") in one.record.replace('"\n\t\t"', "").replace(" ", "")


def test_keys_that_are_there_are_kept(made: tuple[quickstart.MadeKey, ...], tmp_path: Path) -> None:
    before = [one.path.read_bytes() for one in made]
    again = quickstart.keys(["example.com"], str(tmp_path / "keys"))
    assert [one.path.read_bytes() for one in again] == before
    assert [one.made for one in (*made, *again)] == [True, True, False, False]


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--domain 'ex ample'"):
        quickstart.keys(["ex ample"], str(tmp_path))


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(StoreError, match="keys"):
        quickstart.keys(["example.com"], str(tmp_path / "keys"))


def test_a_key_that_others_can_read_is_refused(
    made: tuple[quickstart.MadeKey, ...], tmp_path: Path
) -> None:
    made[0].path.chmod(0o644)
    with pytest.raises(KeyMaterialError, match="chmod 600"):
        quickstart.keys(["example.com"], str(tmp_path / "keys"))


def test_the_configuration_signs_with_both_once_dns_shows_them(
    made: tuple[quickstart.MadeKey, ...],
) -> None:
    configuration = quickstart.configuration(made)
    plan = app.plan(configuration)
    assert {use.entry.selector for use in plan.keys.values()} == {one.selector for one in made}
    assert plan.configuration.signing.require_published
    assert [one.socket for one in configuration.listeners] == ["inet:8891@localhost"]


def test_what_is_asked_for_stands_in_the_configuration(
    made: tuple[quickstart.MadeKey, ...],
) -> None:
    configuration = quickstart.configuration(
        made,
        sockets=("unix:/run/m.sock",),
        servers=("192.0.2.53",),
        workers=3,
        require_published=False,
    )
    assert configuration.listeners[0].socket == "unix:/run/m.sock"
    assert configuration.dns.servers == ("192.0.2.53",)
    assert configuration.server.workers == 3
    assert not configuration.signing.require_published
