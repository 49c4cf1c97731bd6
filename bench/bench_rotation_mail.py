"""Mail signed by a real daemon while its keys rotate over real name servers that fail and lie.

    bench/bench_rotation_mail.py [--messages 10000] [--rate 12] [--domains 3] [--seed 1]

Three authoritative servers, two views, two resolvers with caches (`tests.several_servers`, where
it is told what befalls them); `avowal keys run` with waits of seconds, which publishes by
dynamic update; `avowal milter` with `store:` keys.  Both are killed now and then.  Each message
is signed over the milter protocol and verified through both resolvers, some at once, some
after seconds in a queue.  One that a resolver gives no answer for is tried again, as a receiver
would have it sent again.

A message that does not verify is unverifiable: there has to be none, and none unsigned.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.mailloop import until
from tests.mta.client import MtaClient
from tests.mta.session import Transaction
from tests.several_servers import Misfortune, Servers, several_servers
from tests.zone_servers import TSIG

from avowal.calls.verify import verify
from avowal.dkim.reasons import Result
from avowal.dns.dnspython import DnsResolver
from avowal.errors import PeerError
from avowal.keys.store import signing_keys
from avowal.names import DomainName
from avowal.stores.key_stores import open_key_store

QUEUE = 20  # seconds that a message may wait: the schedule's queue-lifetime
DELAY = 5.0  # seconds that it does wait, at most
SCHEDULE = f"""rotate-every={{every}}s lead={{every}}s jitter=0 revoked-for=4s
look-every=1s watch-every=2s retry-every=1s shortest-wait=1s record-ttl=2s
pickup=25s queue-lifetime={QUEUE}s signature-lifetime=0"""
_RULE = '[[signing.rules]]\nfrom = "{domain}"\nkeys = ["store:{domain}"]\n'
_CONFIGURATION = """
[[listeners]]
socket = "unix:{here}/m.sock"
[signing]
key_store = "{here}/keys.db"
{rules}
[dns]
servers = ["{resolver}"]
[server]
workers = 1
drain = 5
"""
_SELECTOR = re.compile(rb"[ \t]s=([\w-]+);")


class Programs:
    """The daemon and whoever rotates its keys, as processes."""

    def __init__(self, here: Path, servers: Servers, domains: int, every: int) -> None:
        self.here, self.port, self._every = here, servers.port, every
        self.domains = [DomainName.parse(b"d%d.example.test" % n) for n in range(domains)]
        (here / "tsig.key").write_text(TSIG)
        (here / "tsig.key").chmod(0o600)
        inside, outside = servers.resolvers
        rules = "".join(_RULE.format(domain=one.ascii) for one in self.domains)
        text = _CONFIGURATION.format(here=here, rules=rules, resolver=inside.replace(":", "@"))
        (here / "avowal.toml").write_text(text)
        self.runner_options = [
            "--publish", f"rfc2136:127.0.0.1:{self.port}", "--zone-name", "example.test",
            "--tsig-key", "tsig.key", "--ttl", "2", "--key-directory", f"{here}/private",
            "--resolver", inside, "--resolver", outside, "--port", str(self.port), "--lease", "5",
        ]  # fmt: skip
        self.runner: subprocess.Popen[bytes] | None = None
        self.daemon: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._logs: list[TextIO] = []

    def enrol(self) -> None:
        """Make the store and begin the rotations: RSA for the last domain, else Ed25519."""
        self._keys("store", "create")
        given = [f"--set={one}" for one in SCHEDULE.format(every=self._every).split()]
        for domain in self.domains:
            kind = "rsa" if domain == self.domains[-1] else "ed25519"
            self._keys("schedule", domain.ascii, "--type", kind, *given)

    def start(self) -> None:
        """Run rotations until every domain signs, then the daemon as well."""
        self.runner = self._run("keys.log", "keys", "run", *self.runner_options)
        until(lambda: len(self.signing()) == len(self.domains), seconds=300, what="the first keys")
        self.daemon = self._run("milter.log", "milter", "--config", "avowal.toml")
        until((self.here / "m.sock").exists, seconds=300, what="the daemon")

    def signing(self) -> dict[str, str]:
        """Return the selector that signs for each domain."""
        with closing(open_key_store(f"{self.here}/keys.db")) as store:
            return {
                one.ascii: key.selector.ascii
                for one in self.domains
                for key in signing_keys(store, one)
            }

    def said(self) -> list[str]:
        """Return what the audit log has of the rotations."""
        with closing(open_key_store(f"{self.here}/keys.db")) as store:
            return [json.loads(entry.detail).get("said", "") for entry in store.audit()]

    def kill_runner(self) -> None:
        """Kill whoever rotates keys, wherever it is, and start another."""
        if self.runner is not None and self.daemon is not None and not self._ended:
            self.runner.kill()
            self.runner.wait()
            self.runner = self._run("keys.log", "keys", "run", *self.runner_options)

    def kill_worker(self) -> None:
        """Kill a worker of the daemon; its supervisor starts another."""
        if self.daemon is None:
            return
        pid = self.daemon.pid
        for worker in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(worker), signal.SIGKILL)

    def end(self) -> None:
        """End both."""
        self._ended = True
        for process in (self.runner, self.daemon):
            if process is not None:
                process.terminate()
                process.wait(30)
        for log in self._logs:
            log.close()

    def _keys(self, *arguments: str) -> None:
        self._run("setup.log", "keys", *arguments).wait(60)

    def _run(self, log_name: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.here / log_name).open("a")
        self._logs.append(log)
        return subprocess.Popen(
            [sys.executable, "-m", "avowal", *arguments], cwd=self.here, stdout=log, stderr=log,
            env={**os.environ, "AVOWAL_KEY_STORE": f"{self.here}/keys.db"},
        )  # fmt: skip


class Mail:
    """Messages on their way, and what came of them."""

    def __init__(self, programs: Programs, servers: Servers, draw: random.Random) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.latest = 0.0
        self._programs, self._draw = programs, draw
        self._resolvers = [DnsResolver([one], timeout=3.0) for one in servers.resolvers]
        self._queue: list[tuple[float, int, float, int, bytes]] = []
        self._lock = threading.Lock()
        self._sent = threading.Event()

    def pass_through(self, messages: int, rate: float) -> None:
        """Send so many messages, so many a second, and verify all."""
        readers = [threading.Thread(target=self._verify_all) for _ in range(2)]
        for reader in readers:
            reader.start()
        begun = time.monotonic()
        for number in range(messages):
            time.sleep(max(begun + number / rate - time.monotonic(), 0))
            octets = self._signed(number)
            now = time.monotonic()
            delay = self._draw.uniform(0, DELAY) if self._draw.random() < 0.2 else 0.0
            with self._lock:
                for which in range(len(self._resolvers)):
                    heapq.heappush(self._queue, (now + delay, number, now, which, octets))
        self._sent.set()
        for reader in readers:
            reader.join()

    def _signed(self, number: int) -> bytes:
        domain = self._draw.choice(self._programs.domains).ascii
        message = (
            f"From: a@{domain}\r\nTo: b@receiver.example\r\nSubject: {number}\r\n"
            f"Date: Mon, 30 Nov 2026 00:00:00 +0000\r\nMessage-ID: <{number}@{domain}>\r\n\r\nI\r\n"
        )
        while True:
            try:
                with MtaClient.connected(f"unix:{self._programs.here}/m.sock") as mta:
                    return mta.send(Transaction.of(message.encode())).octets
            except (OSError, PeerError):  # a worker was killed: an MTA would try again
                self.counts["sent again"] += 1
                time.sleep(0.2)

    def _verify_all(self) -> None:
        while True:
            with self._lock:
                if not self._queue and self._sent.is_set():
                    return
                due = bool(self._queue) and self._queue[0][0] <= time.monotonic()
                one = heapq.heappop(self._queue) if due else None
            if one is None:
                time.sleep(0.02)
            else:
                self._verify(*one[1:])

    def _verify(self, number: int, signed_at: float, which: int, octets: bytes) -> None:
        found = list(verify(octets, self._resolvers[which]))
        age = time.monotonic() - signed_at
        if any(one.result is Result.TEMPERROR for one in found) and age < QUEUE:
            with self._lock:
                self.counts["no answer, tried again"] += 1
                again = time.monotonic() + 1
                heapq.heappush(self._queue, (again, number, signed_at, which, octets))
            return
        result = "unsigned" if not found else str(found[0].result)
        with self._lock:
            self.latest = max(self.latest, age)
            self.counts[f"verifications: {result}"] += 1
            if result != "pass":
                why = found[0].explanation if found else "no signature"
                selector = b",".join(_SELECTOR.findall(octets)).decode()
                self.wrong.append(f"{number} s={selector} through {which} after {age:.1f} s: {why}")


def lived(
    here: Path, *, messages: int, rate: float, domains: int, seed: int, every: int = 15
) -> dict[str, object]:
    """Let so many messages pass; return what came of them, and what happened meanwhile."""
    draw = random.Random(seed)
    with several_servers(here) as servers:
        programs = Programs(here, servers, domains, every)
        programs.enrol()
        harms = (programs.kill_runner, programs.kill_worker)
        misfortune = Misfortune(servers, random.Random(seed + 1), harms)
        try:
            programs.start()
            mail = Mail(programs, servers, draw)
            mail.pass_through(messages, rate)
        finally:
            misfortune.end()
            programs.end()
        said = programs.said()
    return {
        "messages": messages,
        **mail.counts,
        "the longest on its way, seconds": round(mail.latest, 1),
        "unverifiable": mail.wrong,
        "switches": sum("-> signing" in one for one in said),
        "revoked": sum("-> revoked" in one for one in said),
        "halted": [one for one in said if ": halted: " in one],
        "lies": misfortune.keeper.lies,
        **misfortune.counts,
    }


def main() -> int:
    """Run; print what came of it as JSON, and return 1 for a message that did not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=12.0)
    parser.add_argument("--domains", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", help="where stores and logs are")
    options = parser.parse_args()
    here = Path(tempfile.mkdtemp(prefix="rotation-", dir=options.directory))
    begun = time.monotonic()
    found = lived(
        here,
        messages=options.messages,
        rate=options.rate,
        domains=options.domains,
        seed=options.seed,
    )
    print(json.dumps(found | {"seconds": round(time.monotonic() - begun)}, indent=1))
    if found["unverifiable"]:
        print(f"logs and the store are in {here}")
        return 1
    shutil.rmtree(here)
    return 0


if __name__ == "__main__":
    sys.exit(main())
