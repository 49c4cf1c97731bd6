"""Key files: read with care, written with more."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from avowal import paths
from avowal.crypto.signing import PrivateKey, generate
from avowal.errors import KeyMaterialError, StoreError
from avowal.keys.files import load_key, read_password, write_key
from avowal.keys.trust import Account
from avowal.testing import ED25519, RSA_2048


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "s1.pem"
    write_key(path, ED25519)
    return path


def test_a_written_key_can_be_read_back(key_file: Path) -> None:
    assert load_key(key_file).public_octets == ED25519.public_octets
    assert load_key(str(key_file)).public_octets == ED25519.public_octets


def test_a_written_key_is_for_its_owner_alone(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_key_is_never_overwritten(key_file: Path) -> None:
    with pytest.raises(StoreError, match="never overwritten"):
        write_key(key_file, RSA_2048)
    assert load_key(key_file).public_octets == ED25519.public_octets


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602, 0o644, 0o660, 0o666])
def test_a_file_that_others_may_read_or_change_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(KeyMaterialError, match=f"mode {mode:04o}.*chmod 600"):
        load_key(key_file)
    assert load_key(key_file, require_safe=False).bits == 256


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_its_owner_is_read(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    assert load_key(key_file).bits == 256


def test_a_pipe_has_no_mode_that_says_something(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, ED25519.pem())
    os.close(write_end)
    try:
        assert load_key(f"/dev/fd/{read_end}").bits == 256
    finally:
        os.close(read_end)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match=r"none\.pem: No such file"):
        load_key(tmp_path / "none.pem")


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="directory"):
        load_key(tmp_path)


def test_a_huge_file_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.touch(0o600)
    path.write_bytes(bytes(100_000))
    with pytest.raises(KeyMaterialError, match="too large"):
        load_key(path)


def test_octets_may_hold_the_key() -> None:
    assert load_key(RSA_2048.pem(b"pw"), password=b"pw").bits == 2048


def test_an_empty_password_never_writes_a_plain_key(tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="empty"):
        write_key(tmp_path / "s1.pem", ED25519, password=b"")
    assert not (tmp_path / "s1.pem").exists()


def test_a_password_longer_than_openssl_takes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"x" * 1024)
    (tmp_path / "password").chmod(0o600)
    with pytest.raises(KeyMaterialError, match="1023"):
        read_password(tmp_path / "password")


def test_a_key_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        write_key(tmp_path / "none" / "s1.pem", ED25519)


@pytest.mark.parametrize("name", ["k.pem", "link.pem"])
def test_in_a_directory_that_is_held_open_a_key_is_judged_as_ever(
    name: str, tmp_path: Path
) -> None:
    made = generate("ed25519")
    write_key(tmp_path / "k.pem", made)
    (tmp_path / "link.pem").symlink_to(tmp_path / "k.pem")
    account = Account.current()
    with paths.Directories(account.judge) as held:

        def load() -> PrivateKey:
            return load_key(tmp_path / name, account=account, directories=held)

        assert load().public_octets == made.public_octets
        (tmp_path / "k.pem").chmod(0o644)
        with pytest.raises(KeyMaterialError, match="chmod"):
            load()


def test_without_a_trial_a_damaged_key_is_left_to_the_signer(tmp_path: Path) -> None:
    """Whoever loads thousands of keys does not sign with each of them."""
    write_key(tmp_path / "k.pem", generate("rsa"))
    assert load_key(tmp_path / "k.pem", tried=False).algorithm == "rsa-sha256"


@pytest.mark.parametrize("mode", [0o604, 0o620])
def test_a_password_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"open sesame\n")
    path.chmod(mode)
    with pytest.raises(KeyMaterialError, match="others may read or change it"):
        read_password(path)
    assert read_password(path, require_safe=False) == b"open sesame"
