"""A rotation over a real name server: BIND takes the updates, shows them, and is believed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.zone_servers import TSIG, ZONE, authoritative

from avowal.cli import commands, exits
from avowal.dns.dnspython import DnsResolver
from avowal.keys.lifecycle import KeyState
from avowal.lookup import Question
from avowal.names import DomainName
from avowal.stores.key_stores import open_key_store

DOMAIN = DomainName.parse(b"example.test")
SECONDS = """rotate-every=300s lead=300s jitter=0 look-every=1s watch-every=1s retry-every=1s
shortest-wait=0 record-ttl=1s pickup=1s queue-lifetime=1s signature-lifetime=0 revoked-for=1s"""
ALIASES = """\
avowal1._domainkey CNAME avowal1.example.test._domainkey
avowal2._domainkey CNAME avowal2.example.test._domainkey
"""


def ran(*arguments: str) -> int:
    return exits.run(lambda: commands.run(["keys", *arguments]))


def states() -> dict[str, KeyState]:
    store = open_key_store("keys.db")
    try:
        return {key.selector.ascii: key.state for key in store.keys(DOMAIN)}
    finally:
        store.close()


def run_until(wanted: dict[str, KeyState], options: list[str]) -> None:
    for _ in range(60):
        assert ran("run", "--once", *options) == 0
        if wanted.items() <= states().items():
            return
        time.sleep(0.4)
    raise AssertionError(f"never: {states()}")


def test_keys_behind_two_cnames_come_sign_and_are_stolen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVOWAL_KEY_STORE", "keys.db")
    Path("tsig.key").write_text(TSIG)
    Path("tsig.key").chmod(0o600)
    schedule = [f"--set={one}" for one in (*SECONDS.split(), "selectors=avowal1 avowal2")]
    first, second = "avowal1", "avowal2"
    root = tmp_path / "named"
    root.mkdir()
    with authoritative("named", root, ZONE + ALIASES) as port:
        at = f"127.0.0.1:{port}"
        options = ["--resolver", at, "--port", str(port), "--publish", f"rfc2136:{at}"]
        options += ["--zone-name", "example.test", "--tsig-key", "tsig.key", "--ttl", "1"]
        options += ["--key-directory", "private", "--alias-zone", "example.test"]
        assert ran("store", "create") == 0
        assert ran("schedule", "example.test", "--type", "ed25519", *schedule) == 0
        run_until({first: KeyState.SIGNING, second: KeyState.SEEN}, options)
        time.sleep(2.5)  # the negative TTL of the zone, for the one that stands by
        run_until({first: KeyState.SIGNING}, options)
        assert ran("emergency", "example.test") == 0
        assert states() == {first: KeyState.REVOKED, second: KeyState.SIGNING}
        assert ran("run", "--once", *options) == 0
        question = Question(f"{first}._domainkey.example.test")
        (answer,) = DnsResolver([at]).resolve((question,))
        assert answer.records == (b"v=DKIM1; k=ed25519; p=",)
