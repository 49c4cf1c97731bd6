"""`avowal keys look`: what it says of what all servers show."""

from __future__ import annotations

import pytest
from tests.servers_of_zones import KEY, NAME, two_servers

from avowal.cli import commands, exits, observing


@pytest.mark.parametrize(
    ("record", "said"),
    [
        pytest.param(KEY, "all of them show the same key", id="a key"),
        pytest.param("v=DKIM1; p=", "the key is revoked: p= is empty", id="a revoked one"),
    ],
)
def test_what_all_servers_show_is_called_what_it_is(
    record: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {NAME: record}
    world = two_servers(shown, shown, seen=record)
    monkeypatch.setattr(observing, "observer", lambda *_, **__: world)
    domain = NAME.partition("._domainkey.")[2]
    status = exits.run(lambda: commands.run(["keys", "look", domain, "-s", "s1"]))
    assert said in capsys.readouterr().out
    assert status == 0
