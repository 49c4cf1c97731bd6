"""`avowal milter` signs with the keys of a key store, and follows its changes."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

from tests.integration.test_milter_lifecycle import Process, sent
from tests.mailloop import free_port, until

from avowal.keys.audit import deed
from avowal.keys.files import write_key
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.places import file_uri, open_private
from avowal.keys.registration import register, registered
from avowal.keys.rotation_clock import moment
from avowal.keys.rotation_orders import enrol
from avowal.keys.schedule import Schedule
from avowal.keys.signer import Signer
from avowal.keys.store import Change
from avowal.names import DomainName
from avowal.stores.key_stores import create_key_store
from avowal.testing import ED25519, RSA_2048

DOMAIN = DomainName.parse(b"sender.example")
CONFIGURATION = """
[[listeners]]
socket = "unix:{here}/m.sock"
[signing]
key_store = "{here}/keys.db"
[[signing.rules]]
from = "sender.example"
keys = ["store:sender.example"]
[dns]
zone_file = "{here}/zone.json"
[server]
workers = 1
drain = 5
"""


def managed(selector: str, path: Path, state: KeyState) -> ManagedKey:
    uri = file_uri(str(path))
    return registered(
        open_private(uri), domain=DOMAIN, selector=DomainName.parse(selector.encode()),
        private=uri, state=state, now=1,
    )  # fmt: skip


def selectors(at: str) -> set[str]:
    fields = re.findall(rb"[ \t]s=(\w+);", sent(at))
    return {selector.decode() for selector in fields}


def test_the_daemon_signs_with_the_keys_of_the_store_and_follows_a_change(tmp_path: Path) -> None:
    for name, key in (("r1", RSA_2048), ("e1", ED25519), ("r2", RSA_2048)):
        write_key(tmp_path / f"{name}.pem", key)
    (tmp_path / "zone.json").write_text("{}")
    (tmp_path / "avowal.toml").write_text(CONFIGURATION.format(here=tmp_path))
    old, new = (managed(n, tmp_path / f"{n}.pem", s) for n, s in
                (("r1", KeyState.SIGNING), ("r2", KeyState.SEEN)))  # fmt: skip
    at = f"unix:{tmp_path}/m.sock"
    with closing(create_key_store(f"{tmp_path}/keys.db")) as store:
        ed = managed("e1", tmp_path / "e1.pem", KeyState.SIGNING)
        register(store, [old, new, ed], who="test", what="add")
        daemon = Process(tmp_path, "--config", "avowal.toml").at_work()
        try:
            assert selectors(at) == {"r1", "e1"}
            switch = (
                replace(old, state=KeyState.DRAINING), replace(new, state=KeyState.SIGNING),
            )  # fmt: skip
            store.commit(Change(who="t", at=2, deeds=(deed("switch", old.name),), keys=switch))
            daemon.at_work(2)
            assert {str(use.selector) for use in store.uses()} == {"r1", "r2", "e1"}
            until(lambda: selectors(at) == {"r2", "e1"}, what="the new key")
            (tmp_path / "keys.db").rename(tmp_path / "gone")
            until(lambda: "the keys that are known go on signing" in daemon.log, what="a line")
            assert selectors(at) == {"r2", "e1"}
        finally:
            assert daemon.end() == 0
    assert "generation 3" not in daemon.log


def test_the_metrics_of_the_daemon_tell_of_the_rotations_of_its_store(tmp_path: Path) -> None:
    write_key(tmp_path / "e1.pem", ED25519)
    (tmp_path / "zone.json").write_text("{}")
    at = f"127.0.0.1:{free_port()}"
    text = CONFIGURATION.format(here=tmp_path) + f'metrics = "{at}"\n'
    (tmp_path / "avowal.toml").write_text(text)
    with closing(create_key_store(f"{tmp_path}/keys.db")) as store:
        key = managed("e1", tmp_path / "e1.pem", KeyState.SIGNING)
        register(store, [key], who="test", what="add")
        enrol(store, DOMAIN, "ed25519-sha256", Schedule(), now=moment(), who="test")
    daemon = Process(tmp_path, "--config", "avowal.toml").at_work()
    try:
        until(lambda: "avowal_rotations 1" in page(at), what="the rotations")
        told = page(at)
        assert (
            'avowal_rotation_halted{domain="sender.example",algorithm="ed25519-sha256"} 0' in told
        )
        assert 'avowal_rotation_troubles{kind="stopped"} 0' in told
        assert "avowal_connections " in told  # beside what the workers count
    finally:
        assert daemon.end() == 0


def page(at: str) -> str:
    with urlopen(f"http://{at}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def test_the_daemon_signs_by_a_signer_while_it_serves_others(tmp_path: Path) -> None:
    """The signer holds the first message back until a second one was answered."""
    answered = threading.Event()
    asked: list[bytes] = []

    class Held:
        algorithm = ED25519.algorithm
        public_octets = ED25519.public_octets

        def sign(self, digest: bytes, /) -> bytes:
            asked.append(digest)
            if len(asked) == 1:
                assert answered.wait(60)
            return ED25519.sign(digest)

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{tmp_path}/s.sock")
    listening.listen()
    signer = threading.Thread(target=Signer(lambda _: Held()).serve, args=(listening,))
    signer.start()
    (tmp_path / "zone.json").write_text("{}")
    text = CONFIGURATION.replace("store:sender.example", "k").format(here=tmp_path)
    key = f'private = "signer:{tmp_path}/s.sock?key=e1._domainkey.sender.example"'
    named = f'[keys.k]\ndomain = "sender.example"\nselector = "e1"\n{key}\n'
    (tmp_path / "avowal.toml").write_text(text + named)
    daemon = Process(tmp_path, "--config", "avowal.toml").at_work()
    at, found = f"unix:{tmp_path}/m.sock", []
    first = threading.Thread(target=lambda: found.append(selectors(at)))
    try:
        first.start()
        until(lambda: bool(asked), what="the first signature")
        assert selectors(at) == {"e1"}
        assert found == []
        answered.set()
        first.join()
        assert found == [{"e1"}]
    finally:
        answered.set()
        assert daemon.end() == 0
        listening.shutdown(socket.SHUT_RDWR)
        signer.join()
        listening.close()
