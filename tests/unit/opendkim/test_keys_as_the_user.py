"""avowal-opendkim judges and reads keys as the user that it will have become (UserID)."""

from __future__ import annotations

import grp
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from avowal.config.opendkim_conf import read_conf
from avowal.opendkim.command import run
from avowal.opendkim.keyring import Keyring
from avowal.opendkim.settings import compiled
from avowal.testing import RSA_2048

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")

NOBODY = 65534


@pytest.fixture
def site() -> Iterator[Path]:
    """A directory that nobody can reach: pytest's own are for root alone."""
    made = Path(tempfile.mkdtemp(prefix="avowal-site-"))
    made.chmod(0o755)
    (made / "key.pem").touch(0o600)
    (made / "key.pem").write_bytes(RSA_2048.pem())
    (made / "keys").write_text(f"main example.com:s1:{made}/key.pem\n")
    (made / "authors").write_text("example.com main\n")
    yield made
    shutil.rmtree(made)


def table(site: Path, more: str = "") -> list[str]:
    (site / "conf").write_text(
        f"KeyTable {site}/keys\nSigningTable {site}/authors\nUserID nobody\n{more}"
    )
    return ["-n", "-x", str(site / "conf")]


def owned(path: Path, user: int, group: int, mode: int) -> None:
    os.chown(path, user, group)
    path.chmod(mode)


def group_of_nobody() -> int:
    return grp.getgrgid(NOBODY).gr_gid


@pytest.mark.parametrize(
    ("user", "group", "mode"),
    [(0, NOBODY, 0o640), (NOBODY, NOBODY, 0o600), (NOBODY, 0, 0o400), (NOBODY, NOBODY, 0o640)],
)
def test_a_key_for_the_group_of_the_user_is_good(
    site: Path, user: int, group: int, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    owned(site / "key.pem", user, group, mode)
    assert run(table(site)) == 0
    assert capsys.readouterr().err == ""
    settings = compiled(read_conf(str(site / "conf")))
    assert settings.key_table is not None
    entry = settings.key_table.key("main", "example.com")
    assert entry is not None
    with settings.account.assumed():
        assert Keyring(account=settings.account).key(entry).bits == 2048


def test_a_key_for_root_alone_is_a_fault_of_the_table(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(table(site)) == 78
    said = capsys.readouterr().err
    assert "key.pem: Permission denied for nobody: chgrp " in said
    assert " and chmod 640 it" in said


@pytest.mark.parametrize(
    ("owner", "mode", "said"),
    [
        pytest.param((0, 0), 0o644, "chgrp nogroup it and chmod 640", id="world-readable"),
        pytest.param((0, NOBODY), 0o644, "chmod 640 it, so that nobody may", id="of-its-group"),
        pytest.param((1, NOBODY), 0o640, "belongs to daemon", id="foreign-owner"),
        pytest.param((NOBODY, 1), 0o640, "chmod 600 it", id="foreign-group"),
    ],
)
def test_a_key_that_others_can_read_or_change_is_refused(
    site: Path, capsys: pytest.CaptureFixture[str], owner: tuple[int, int], mode: int, said: str
) -> None:
    said = said.replace("nogroup", grp.getgrgid(NOBODY).gr_name)
    owned(site / "key.pem", *owner, mode)
    assert run(table(site)) == 78
    assert said in capsys.readouterr().err
    assert run(table(site, "RequireSafeKeys no\n")) == (78 if mode & 0o044 == 0 else 0)


def test_a_directory_that_others_can_write_is_refused(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owned(site / "key.pem", 0, NOBODY, 0o640)
    site.chmod(0o777)
    assert run(table(site)) == 78
    assert "others may put files into it" in capsys.readouterr().err
    assert run(table(site, "RequireSafeKeys no\n")) == 0


def default(site: Path, more: str = "") -> list[str]:
    (site / "conf").write_text(
        f"Domain example.com\nSelector s1\nKeyFile {site}/key.pem\nUserID nobody\n{more}"
    )
    return ["-n", "-x", str(site / "conf")]


def test_a_default_key_for_root_alone_is_a_note(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """opendkim(8), FILE PERMISSIONS: it is loaded before root gives up its rights."""
    assert run(default(site)) == 0
    assert "note: KeyFile" in (said := capsys.readouterr().err)
    assert "a reload will fail" in said


def test_who_cannot_become_the_user_is_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    owned(site / "key.pem", 1, 1, 0o600)
    arguments = default(site)
    os.seteuid(1)
    try:
        assert run(arguments) == 0
    finally:
        os.seteuid(0)
    assert "note: keys were read as daemon, not as nobody" in capsys.readouterr().err
