"""Who works on a key store: root does so as the user that it belongs to."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from avowal.cli import commands, exits

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root works as somebody else")


@pytest.mark.parametrize("kind", ["", "directory:"])
def test_root_works_as_the_owner_of_the_store_and_leaves_no_file_of_its_own(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = pwd.getpwnam("nobody")
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001:
            above.chmod(0o711)
    home = tmp_path / "home"
    home.mkdir()
    name = f"{kind}{home}/keys"

    def run(*arguments: str) -> int:
        return exits.run(lambda: commands.run(["keys", *arguments, "--store", name]))

    assert run("store", "create") == 0
    for one in (home, *home.rglob("*")):
        os.chown(one, nobody.pw_uid, nobody.pw_gid)
    capsys.readouterr()
    assert run("add", "-d", "example.com", "-s", "s1", "--key-directory", f"{home}/private") == 0
    assert f"{home}/keys belongs to nobody" in capsys.readouterr().err
    assert os.geteuid() == 0
    made = list(home.rglob("*"))
    assert f"{home}/private/example.com.s1.pem" in map(str, made)
    assert {one.stat().st_uid for one in made} == {nobody.pw_uid}
