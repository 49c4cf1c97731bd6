"""Both daemons started by root and serving as another user: their keys, and what lies near root."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.milters import AVOWAL, Milter, inserted
from tests.mta.client import MtaClient
from tests.mta.session import Transaction

from avowal.testing import RSA_2048, message

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")

NOBODY = 65534
_PATIENCE = 60.0
_CONF = """\
Background no
Mode s
UserID nobody
KeyTable @DIR@/keys
SigningTable @DIR@/authors
"""
_FILES = {
    "keys": "main example.com:s1:@DIR@/key.pem\n",
    "authors": "example.com main\n",
    "key.pem": RSA_2048.pem().decode(),
}


def signed_by_opendkims_face(owner: tuple[int, int], mode: int, directory: int = 0o755) -> bool:
    with Milter(AVOWAL, _CONF, _FILES) as milter:
        os.chown(milter.directory / "key.pem", *owner)
        (milter.directory / "key.pem").chmod(mode)
        milter.directory.chmod(directory)
        try:
            (outcome,) = milter.play(Transaction.of(message()))
        except ConnectionError:  # where no row can sign it does not start, and says why
            return False
    return bool(inserted(outcome, b"DKIM-Signature"))


@pytest.mark.parametrize(
    ("owner", "mode", "directory", "signs"),
    [
        pytest.param((0, NOBODY), 0o640, 0o755, True, id="0640-root-service"),
        pytest.param((NOBODY, NOBODY), 0o600, 0o755, True, id="0600-service"),
        pytest.param((0, 0), 0o600, 0o755, False, id="0600-root-cannot-be-read"),
        pytest.param((0, NOBODY), 0o644, 0o755, False, id="world-readable"),
        pytest.param((1, NOBODY), 0o640, 0o755, False, id="foreign-owner"),
        pytest.param((0, NOBODY), 0o640, 0o777, False, id="open-directory"),
    ],
)
def test_avowal_opendkim_signs_with_a_safe_key_only(
    owner: tuple[int, int], mode: int, directory: int, signs: bool
) -> None:
    assert signed_by_opendkims_face(owner, mode, directory) is signs


@contextmanager
def site(more: str = "") -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="avowal-service-"))
    made.chmod(0o755)
    (made / "key.pem").touch(0o600)
    (made / "key.pem").write_bytes(RSA_2048.pem())
    (made / "run").mkdir(0o755)
    os.chown(made / "run", NOBODY, NOBODY)
    (made / "zone.json").write_text("{}")
    (made / "avowal.toml").write_text(
        f'[[listeners]]\nsocket = "unix:{made}/run/m.sock"\nmode = "0666"\nowner = "nobody"\n'
        f'[keys.k]\ndomain = "example.com"\nselector = "s1"\nfile = "{made}/key.pem"\n'
        f'[dns]\nzone_file = "{made}/zone.json"\n'
        f'[server]\nuser = "nobody"\npid_file = "{made}/run/m.pid"\n{more}'
    )
    try:
        yield made
    finally:
        shutil.rmtree(made)


def command(here: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "avowal", *arguments, str(here / "avowal.toml")]


@contextmanager
def running(here: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (here / "said").open("wb") as said:
        process = subprocess.Popen(
            command(here, "milter", "--config"), stdout=said, stderr=said, cwd=here
        )
    until = time.monotonic() + _PATIENCE
    while b"at work" not in (here / "said").read_bytes() and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_PATIENCE)


@pytest.mark.parametrize(
    ("owner", "mode"),
    [
        pytest.param((0, NOBODY), 0o640, id="0640-root-service"),
        pytest.param((NOBODY, NOBODY), 0o600, id="0600-service"),
        pytest.param((0, 0), 0o600, id="0600-root"),
    ],
)
def test_avowal_milter_signs_with_a_safe_key(owner: tuple[int, int], mode: int) -> None:
    with site() as here:
        os.chown(here / "key.pem", *owner)
        (here / "key.pem").chmod(mode)
        checked = subprocess.run(command(here, "config", "check"), capture_output=True, check=True)
        assert (b"note: keys.k.file" in checked.stdout) is (owner == (0, 0))
        with running(here):
            status = (here / "run" / "m.sock").stat()
            assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (NOBODY, 0o666)
            pid = (here / "run" / "m.pid").stat()
            assert (pid.st_uid, stat.S_IMODE(pid.st_mode)) == (0, 0o644)
            with MtaClient.connected(f"unix:{here}/run/m.sock") as mta:
                octets = mta.send(Transaction.of(message())).octets
            assert octets.startswith(b"DKIM-Signature:")
        assert sorted(path.name for path in (here / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("owner", "mode", "said"),
    [
        pytest.param((0, NOBODY), 0o644, b"others may read or change it", id="world-readable"),
        pytest.param((1, NOBODY), 0o640, b"belongs to daemon", id="foreign-owner"),
    ],
)
@pytest.mark.parametrize("action", [("config", "check"), ("milter", "--check", "--config")])
def test_avowal_milter_refuses_a_key_of_others(
    owner: tuple[int, int], mode: int, said: bytes, action: tuple[str, ...]
) -> None:
    with site() as here:
        os.chown(here / "key.pem", *owner)
        (here / "key.pem").chmod(mode)
        checked = subprocess.run(command(here, *action), capture_output=True, check=False)
    assert checked.returncode != 0
    assert said in checked.stdout + checked.stderr


@pytest.mark.parametrize("name", ["m.pid", "m.sock"])
def test_a_link_that_the_user_put_there_is_left_alone(name: str) -> None:
    with site() as here:
        prize = here / "prize"
        prize.write_text("precious")
        prize.chmod(0o600)
        (here / "run" / name).symlink_to(prize)
        os.chown(here / "run" / name, NOBODY, NOBODY, follow_symlinks=False)
        with running(here) as process:
            assert process.wait(_PATIENCE) != 0
        status = prize.stat()
        assert prize.read_text() == "precious"
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)
