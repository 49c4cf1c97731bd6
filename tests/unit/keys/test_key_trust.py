"""Who may read or bring a key: judged for the account that a service runs as."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from avowal.errors import KeyMaterialError
from avowal.keys.files import load_key
from avowal.keys.trust import Account
from avowal.paths import Step, UnsafePathError
from avowal.testing import ED25519

SERVICE = Account(993, 990, frozenset({990, 995}))  # and 995 is a further group of the service's
STRANGER, OTHERS = 4242, 4343


def status(mode: int, user: int, group: int) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, user, group, 0, 0, 0, 0))


def refusal(mode: int, user: int, group: int) -> str | None:
    try:
        SERVICE.judge(Step("/k", status(mode, user, group)))
    except UnsafePathError as fault:
        return fault.why
    return None


REG, DIR, LNK = stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK


@pytest.mark.parametrize(
    ("mode", "user", "group"),
    [
        pytest.param(REG | 0o640, 0, 990, id="0640-root-service"),
        pytest.param(REG | 0o640, 0, 995, id="0640-root-a-further-group"),
        pytest.param(REG | 0o440, 0, 990, id="0440-root-service"),
        pytest.param(REG | 0o600, 993, 990, id="0600-service"),
        pytest.param(REG | 0o640, 993, 990, id="0640-service"),
        pytest.param(REG | 0o600, 0, 0, id="0600-root"),
        pytest.param(REG | 0o640, 0, 0, id="0640-root-root"),
        pytest.param(DIR | 0o755, 0, 0, id="directory-of-root"),
        pytest.param(DIR | 0o750, 0, 990, id="directory-root-service"),
        pytest.param(DIR | 0o700, 993, 990, id="directory-of-the-service"),
        pytest.param(DIR | 0o1777, 0, 0, id="sticky-directory"),
        pytest.param(DIR | 0o775, 0, 0, id="directory-of-root-and-its-group"),
        pytest.param(LNK | 0o777, 0, 0, id="link-of-root"),
        pytest.param(stat.S_IFIFO | 0o666, STRANGER, OTHERS, id="pipe"),
    ],
)
def test_what_is_safe_for_a_service(mode: int, user: int, group: int) -> None:
    assert refusal(mode, user, group) is None


@pytest.mark.parametrize(
    ("mode", "user", "group", "words"),
    [
        pytest.param(REG | 0o644, 0, 990, "0644", id="world-readable"),
        pytest.param(REG | 0o642, 0, 990, "0642", id="world-writable"),
        pytest.param(REG | 0o660, 0, 990, "0660", id="group-writable"),
        pytest.param(REG | 0o640, 0, OTHERS, "0640", id="readable-by-a-foreign-group"),
        pytest.param(REG | 0o600, STRANGER, 990, "belongs to 4242", id="foreign-owner"),
        pytest.param(DIR | 0o777, 0, 0, "chmod go-w", id="directory-for-everybody"),
        pytest.param(DIR | 0o775, 0, OTHERS, "chmod g-w", id="directory-of-a-group"),
        pytest.param(DIR | 0o700, STRANGER, 990, "belongs to 4242", id="directory-of-a-stranger"),
        pytest.param(DIR | 0o1777, STRANGER, 990, "belongs to 4242", id="sticky-of-a-stranger"),
        pytest.param(LNK | 0o777, STRANGER, 990, "belongs to 4242", id="link-of-a-stranger"),
    ],
)
def test_what_is_not_safe_is_refused(mode: int, user: int, group: int, words: str) -> None:
    assert words in (refusal(mode, user, group) or "")


@pytest.mark.parametrize(
    ("mode", "user", "group"),
    [(REG | 0o644, 0, 990), (REG | 0o644, 0, 0), (REG | 0o640, 0, OTHERS), (REG | 0o666, 0, 0)],
)
def test_the_advice_leaves_a_file_of_root_readable_to_the_service(
    mode: int, user: int, group: int
) -> None:
    said = refusal(mode, user, group) or ""
    assert "chmod 640" in said
    assert "600" not in said
    after = status(REG | 0o640, user, SERVICE.group)
    SERVICE.judge(Step("/k", after))
    assert after.st_mode & stat.S_IRGRP


def test_the_advice_for_a_file_of_the_service_is_its_alone() -> None:
    assert "chmod 600 it" in (refusal(REG | 0o644, 993, 990) or "")


# -- on disk ---------------------------------------------------------------------------------


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "s1.pem"
    path.parent.mkdir(0o700)
    path.touch(0o600)
    path.write_bytes(ED25519.pem())
    return path


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o772])
def test_a_directory_that_others_can_write_is_refused(key_file: Path, mode: int) -> None:
    key_file.parent.chmod(mode)
    with pytest.raises(KeyMaterialError, match=r"keys others may put files into it.*chmod go-w"):
        load_key(key_file)
    assert load_key(key_file, require_safe=False).bits == 256


def test_every_directory_on_the_way_counts(key_file: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(KeyMaterialError, match="others may put files into it"):
        load_key(key_file)


def test_a_link_through_a_directory_that_others_can_write_is_refused(
    key_file: Path, tmp_path: Path
) -> None:
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o777)
    (public / "keys").symlink_to(key_file.parent)
    (tmp_path / "own").symlink_to(public / "keys" / "s1.pem")
    for path in (public / "keys" / "s1.pem", tmp_path / "own"):
        with pytest.raises(KeyMaterialError, match="public others may put files into it"):
            load_key(path)


@pytest.mark.parametrize("relative", [True, False])
def test_a_link_in_directories_of_our_own_is_followed(
    key_file: Path, tmp_path: Path, relative: bool
) -> None:
    (tmp_path / "link").symlink_to("keys/../keys/./s1.pem" if relative else key_file)
    (tmp_path / "directory").symlink_to("keys" if relative else key_file.parent)
    assert load_key(tmp_path / "link").bits == 256
    assert load_key(tmp_path / "directory" / "s1.pem").bits == 256


def test_a_relative_path_is_judged_from_the_root(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(key_file.parent)
    assert load_key("s1.pem").bits == 256
    key_file.parent.chmod(0o777)
    with pytest.raises(KeyMaterialError, match="others may put files into it"):
        load_key("s1.pem")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(KeyMaterialError, match="symbolic links"):
        load_key(tmp_path / "a")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_key_of_root_and_the_group_of_a_service_is_read(key_file: Path) -> None:
    os.chown(key_file, 0, 990)
    key_file.chmod(0o640)
    assert load_key(key_file, account=SERVICE).bits == 256
    os.chown(key_file, 0, OTHERS)
    with pytest.raises(KeyMaterialError, match="chgrp 990 it and chmod 640 it"):
        load_key(key_file, account=SERVICE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_root_may_be_the_user_of_the_service_for_a_while(key_file: Path) -> None:
    nobody = Account.of(65534)
    with nobody.assumed() as become:
        assert become
        assert (os.geteuid(), os.getegid()) == (65534, nobody.group)
        assert 0 not in os.getgroups()
        with pytest.raises(KeyMaterialError, match="Permission denied"):
            load_key(key_file, account=nobody)
    assert (os.geteuid(), os.getegid()) == (0, 0)
