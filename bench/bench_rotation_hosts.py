"""Two hosts rotate keys over one PostgreSQL, and whoever leads is killed at every step.

    bench/bench_rotation_hosts.py [--kills 1000]

Each host (a UTS namespace of its own where that can be had) runs `avowal keys run` and `avowal
milter`; private keys are in a directory that both see; Knot takes the updates.  Whenever the
audit log grew, the leader is killed (SIGKILL) and started again, and the other takes over when
the lease is over.  A key comes, signs, is followed and revoked.  Then the audit log has to have
each step of each key once and in order, there is one private key for each, and both daemons
sign with the same key.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.database_servers import postgresql
from tests.mailloop import until
from tests.mta.client import MtaClient
from tests.mta.session import Transaction
from tests.zone_servers import TSIG, authoritative

from avowal.keys.audit import first_fault
from avowal.keys.lifecycle import KeyState
from avowal.keys.rotation_runner import LEASE
from avowal.names import DomainName
from avowal.stores.key_stores import open_key_store

DOMAIN = DomainName.parse(b"example.test")
SCHEDULE = """rotate-every=1d lead=1s jitter=0 look-every=1s watch-every=1s retry-every=1s
shortest-wait=0 record-ttl=1s pickup=4s queue-lifetime=1s signature-lifetime=0 revoked-for=1d"""
MESSAGE = b"From: a@example.test\r\nTo: b@receiver.example\r\nSubject: s\r\n\r\nbody\r\n"
_CONFIGURATION = """
[[listeners]]
socket = "unix:{here}/m.sock"
[signing]
key_store = "{store}"
[[signing.rules]]
from = "example.test"
keys = ["store:example.test"]
[server]
workers = 1
drain = 1
"""
_SELECTOR = re.compile(rb"[ \t]s=([\w-]+);")
_STEP = re.compile(r"(\w+)\._domainkey\.\S+: (\w+) -> (\w+): ")


class Host:
    """One host: its name, its directory, and its two programs."""

    def __init__(self, name: str, above: Path, store: str, options: list[str]) -> None:
        self.name, self.here, self._options = name, above / name, options
        self.here.mkdir()
        text = _CONFIGURATION.format(here=self.here, store=store)
        (self.here / "avowal.toml").write_text(text)
        self._environment = {**os.environ, "AVOWAL_KEY_STORE": store}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.rotate()

    def rotate(self) -> None:
        """Start whoever rotates keys."""
        self._start("keys.log", "keys", "run", "--lease", "5", *self._options)

    def sign(self) -> None:
        """Start the daemon."""
        self._start("milter.log", "milter", "--config", "avowal.toml")
        until((self.here / "m.sock").exists, seconds=300, what=f"the daemon of {self.name}")

    def selectors(self) -> set[str]:
        """Return what the daemon signs with."""
        with MtaClient.connected(f"unix:{self.here}/m.sock") as mta:
            return {
                one.decode() for one in _SELECTOR.findall(mta.send(Transaction.of(MESSAGE)).octets)
            }

    def _start(self, log_name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "avowal", *arguments]
        if os.geteuid() == 0 and shutil.which("unshare"):
            script = f'hostname {self.name} && exec "$@"'
            command = ["unshare", "--uts", "sh", "-c", script, "sh", *command]
        with (self.here / log_name).open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    command, cwd=self.here, stdout=log, stderr=log, env=self._environment
                )
            )

    def end(self) -> None:
        """End all that run."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)


class Life:
    """What the two make of one domain's keys."""

    def __init__(self, store: str, hosts: list[Host], kills: int) -> None:
        self.kills, self.leaders, self.failed = 0, set[str](), list[str]()
        self._most, self._hosts, self._seen = kills, hosts, 0
        self.store = open_key_store(store)

    def until_signing(self, wanted: KeyState, number: int) -> None:
        """Kill the leader at each step until the key of a number is in a state."""
        end = time.monotonic() + 600
        while time.monotonic() < end:
            self._strike()
            keys = sorted(self.store.keys(DOMAIN), key=lambda key: key.selector.ascii)
            if len(keys) >= number and keys[number - 1].state is wanted:
                return
            time.sleep(0.05)
        raise AssertionError(f"never {wanted}: {self.store.keys(DOMAIN)}")

    def _strike(self) -> None:
        length = len(list(self.store.audit()))
        lease = self.store.leader(LEASE)
        if length == self._seen or lease is None:
            return
        self._seen = length
        name, _, pid = lease.holder.rpartition(" ")
        self.leaders.add(lease.holder)
        if self.kills >= self._most:
            return
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
            self.kills += 1
            next((one for one in self._hosts if one.name == name), self._hosts[0]).rotate()

    def steps(self) -> dict[str, list[str]]:
        """Return the states that each key came through, by the audit log."""
        log = list(self.store.audit())
        assert first_fault(log) is None
        found: dict[str, list[str]] = {}
        for entry in log:
            if (step := _STEP.match(json.loads(entry.detail).get("said", ""))) is not None:
                states = found.setdefault(step[1], ["prepared"])
                if states[-1] != step[2]:
                    self.failed.append(f"{step[1]}: {step[2]} -> {step[3]} after {states[-1]}")
                states.append(step[3])
        return found


def lived(here: Path, kills: int) -> dict[str, Any]:
    """Live one key's life and the beginning of the next; return what is to be judged."""
    with ExitStack() as stack:
        store = f"postgresql://avowal@127.0.0.1:{stack.enter_context(postgresql())}/postgres"
        zone = here / "zone"
        zone.mkdir()
        at = f"127.0.0.1:{stack.enter_context(authoritative('knotd', zone))}"
        (here / "tsig.key").write_text(TSIG)
        (here / "tsig.key").chmod(0o600)
        given = [f"--set={one}" for one in SCHEDULE.split()]
        _keys(store, "store", "create")
        _keys(store, "schedule", "example.test", "--type", "ed25519", *given)
        options = [
            "--publish", f"rfc2136:{at}", "--zone-name", "example.test", "--ttl", "1",
            "--tsig-key", f"{here}/tsig.key", "--resolver", at, "--port", at.partition(":")[2],
            "--key-directory", f"{here}/private",
        ]  # fmt: skip
        hosts = [Host(name, here, store, options) for name in ("mx1", "mx2")]
        for host in hosts:
            stack.callback(host.end)
        life = Life(store, hosts, kills)
        stack.enter_context(closing(life.store))
        life.until_signing(KeyState.SIGNING, 1)
        for host in hosts:
            host.sign()
        before = [sorted(host.selectors()) for host in hosts]
        _keys(store, "rotate", "example.test")
        life.until_signing(KeyState.SIGNING, 2)
        until(lambda: hosts[0].selectors() == hosts[1].selectors() != set(before[0]), seconds=300)
        life.until_signing(KeyState.REVOKED, 1)
        return {
            "before": before,
            "after": [sorted(host.selectors()) for host in hosts],
            "steps": life.steps(),
            "wrong": life.failed,
            "kills": life.kills,
            "leaders": sorted(life.leaders),
            "private keys": len(list((here / "private").glob("*.pem"))),
            "signers": sorted({use.signer for use in life.store.uses()}),
        }


def _keys(store: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "avowal", "keys", *arguments], check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "AVOWAL_KEY_STORE": store},
    )  # fmt: skip


def main() -> int:
    """Run; print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hosts-") as here:
        found = lived(Path(here), options.kills)
    print(json.dumps(found, indent=1))
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
