"""Three real authoritative servers of one zone and two real resolvers, and what befalls them.

===========  ===============  ====================================================================
127.0.0.1    ns1, BIND        the primary: takes the updates of whoever rotates keys.  Another view,
                              for all but 127.0.0.1, is a secondary of the first, and lags more
127.0.0.2    ns2, Knot        a secondary, which fetches the zone now and then
127.0.0.3    ns3, Knot        kept by hand (`Keeper`): it lags, and at first tells lies
"inside"     BIND's resolver  has a cache; asks all three, from 127.0.0.1
"outside"    BIND's resolver  the same from 127.0.0.5: it sees ns1's other view, and nothing else
===========  ===============  ====================================================================

The three listen on one port.  Servers are stopped for a while, or killed and started again.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest
from tests.mailloop import free_port, until
from tests.zone_servers import SECRET, TSIG

from avowal.dns.dnspython import DnsResolver
from avowal.dns.update import TsigKey, Updater, UpdateRefusedError
from avowal.lookup import Outcome, Question

ZONE_NAME = "example.test"
ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
NEGATIVE_TTL = 2
_ZONE = f"""\
$TTL {NEGATIVE_TTL}
@ SOA ns1 host 1 1 1 86400 {NEGATIVE_TTL}
@ NS ns1
@ NS ns2
@ NS ns3
ns1 A 127.0.0.1
ns2 A 127.0.0.2
ns3 A 127.0.0.3
"""
_KNOT = """\
server:
  listen: {address}@{port}
  rundir: {root}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {root}
key:
  - id: avowal
    algorithm: hmac-sha256
    secret: {secret}
"""
_BY_HAND = """\
acl:
  - id: update
    key: avowal
    action: update
    update-type: TXT
zone:
  - domain: example.test
    storage: {root}
    file: zone
    acl: update
"""
_FETCHED = """\
remote:
  - id: primary
    address: 127.0.0.1@{port}
zone:
  - domain: example.test
    storage: {root}
    file: zone
    master: primary
    refresh-min-interval: 2
    refresh-max-interval: 2
    retry-min-interval: 1
    retry-max-interval: 1
"""
_NAMED = """\
options {{
  directory "{root}"; pid-file "{root}/pid"; session-keyfile "{root}/session.key";
  listen-on port {listens} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; port {port};
  dnssec-validation no; empty-zones-enable no; notify no; {more}
}};
controls {{ }};
key "avowal" {{ algorithm hmac-sha256; secret "{secret}"; }};
"""
_VIEWS = """\
view inside { match-clients { key avowal; 127.0.0.1; };
  zone "example.test" { type primary; file "zone"; update-policy { grant avowal zonesub TXT; }; };
};
view outside { match-clients { any; };
  zone "example.test" { type secondary; primaries { 127.0.0.1 key avowal; };
    min-refresh-time 3; max-refresh-time 3; min-retry-time 1; max-retry-time 1; };
};
"""
_STUB = 'zone "example.test" {{ type static-stub; server-addresses {{ {addresses} }}; }};\n'


class Server:
    """One program with its configuration, on an address of its own."""

    def __init__(self, command: list[str], root: Path, address: str, port: int) -> None:
        self.address = address
        self._command, self._root, self._port = command, root, port
        self.start()

    def start(self) -> None:
        """Start it, and wait until it knows the zone."""
        with (self._root / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        until(self._answers, what=f"the server at {self.address}@{self._port}")

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._root / "log").read_text()
        asked = DnsResolver([f"{self.address}:{self._port}"], timeout=1.0)
        (answer,) = asked.resolve((Question(ZONE_NAME, "SOA"),))
        return answer.outcome is Outcome.FOUND

    def silence(self, *, silent: bool) -> None:
        """Stop it where it stands, or let it go on."""
        self._process.send_signal(signal.SIGSTOP if silent else signal.SIGCONT)

    def end(self, *, killed: bool = False) -> None:
        """End it, or kill it."""
        self.silence(silent=False)
        (self._process.kill if killed else self._process.terminate)()
        self._process.wait(20)


class Servers:
    """The zone's servers, in the order of their addresses, and the resolvers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.resolvers = tuple(f"127.0.0.1:{free_port()}" for _ in range(2))
        self.key = TsigKey.parse(TSIG, file="tsig.key")
        self._programs = {name: _program(name) for name in ("knotd", "named")}
        self.all: list[Server] = []

    def start(self) -> None:
        """Start them, the primary first."""
        self._named(self.port, "recursion no;", _VIEWS)
        self._knot(ADDRESSES[1], _FETCHED)
        self._knot(ADDRESSES[2], _BY_HAND)
        asked = (("127.0.0.1", ADDRESSES), ("127.0.0.5", ADDRESSES[:1]))
        for (source, addresses), listens in zip(asked, self.resolvers, strict=True):
            more = f"recursion yes; query-source address {source}; max-cache-size 10m;"
            stub = _STUB.format(addresses=" ".join(f"{one};" for one in addresses))
            self._named(int(listens.rpartition(":")[2]), more, stub)

    @property
    def of_zone(self) -> list[Server]:
        """Those that are authoritative."""
        return self.all[: len(ADDRESSES)]

    def updater(self, address: str) -> Updater:
        """Return what changes the zone at one server."""
        return Updater(f"{address}:{self.port}", ZONE_NAME, self.key, timeout=1.0)

    def _knot(self, address: str, zones: str) -> None:
        root = self._directory()
        if zones == _BY_HAND:
            (root / "zone").write_text(_ZONE)
        text = (_KNOT + zones).format(address=address, port=self.port, root=root, secret=SECRET)
        self._begin("knotd", root, address, self.port, text)

    def _named(self, listens: int, more: str, zones: str) -> None:
        root = self._directory()
        (root / "zone").write_text(_ZONE)
        options = _NAMED.format(
            root=root, port=self.port, listens=listens, more=more, secret=SECRET
        )
        self._begin("named", root, ADDRESSES[0], listens, options + zones)

    def _directory(self) -> Path:
        root = self.root / f"dns{len(self.all)}"
        root.mkdir()
        return root

    def _begin(self, program: str, root: Path, address: str, port: int, text: str) -> None:
        path = root / "conf"
        path.write_text(text)
        arguments = ["-g", "-n", "1", "-c"] if program == "named" else ["-c"]
        command = [self._programs[program], *arguments, str(path)]
        self.all.append(Server(command, root, address, port))

    def end(self) -> None:
        """End them all."""
        for server in self.all:
            server.end(killed=True)


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextmanager
def several_servers(root: Path) -> Iterator[Servers]:
    """Run them all.  Skips where a program is not there."""
    servers = Servers(root)
    try:
        servers.start()
        yield servers
    finally:
        servers.end()


# -- what befalls them -------------------------------------------------------------------------


class Keeper:
    """Keeps ns3 by hand: copies what the primary has, late; of a new key it shows lies at first.

    A lie is told before the truth was ever shown, and once more within a second of it, so that
    no key signs while there is one unless somebody did not look.
    """

    def __init__(self, servers: Servers, draw: random.Random) -> None:
        self._servers, self._draw = servers, draw
        self._shown: dict[str, str | None] = {}
        self._plans: dict[str, list[tuple[float, str | None]]] = {}
        self._wanted: dict[str, str | None] = {}
        self.lies = 0

    def work(self) -> None:
        """Look at the primary, and do what is due."""
        with contextlib.suppress(dns.exception.DNSException, OSError, EOFError):
            self._plan(_texts(self._servers))
        now = time.monotonic()
        for name, plan in self._plans.items():
            while plan and plan[0][0] <= now:
                self._show(name, plan.pop(0)[1])

    def _show(self, name: str, text: str | None) -> None:
        while True:
            with contextlib.suppress(UpdateRefusedError):
                self._servers.updater(ADDRESSES[2]).replace({name: text}, ttl=NEGATIVE_TTL)
                return
            time.sleep(0.1)  # it is stopped

    def _plan(self, there: Mapping[str, str]) -> None:
        now, lag = time.monotonic(), self._draw.uniform(0, 2)
        for name in {*self._wanted, *there}:
            text = there.get(name)
            if self._wanted.get(name) == text:
                continue
            first = name not in self._wanted
            self._wanted[name] = text
            plan = self._plans.setdefault(name, [])
            if first and text is not None and self._draw.random() < 0.7:
                plan += self._lies(now, text)
            at = max(now + lag, plan[-1][0] + self._draw.uniform(1, 3) if plan else 0)
            plan.append((at, text))

    def _lies(self, now: float, text: str) -> Iterator[tuple[float, str | None]]:
        cut, other = text[:-8], text[:-12] + "A" * 10 + text[-2:]
        self.lies += 1
        yield now, self._draw.choice([None, cut, other, "v=DKIM1; p="])
        if self._draw.random() < 0.5:
            # The truth between them is too short to be seen at two looks a TTL apart.
            yield now + 1.0, text
            yield now + 1.0, self._draw.choice([None, cut, other])


def _texts(servers: Servers) -> dict[str, str]:
    """Return every TXT record of the primary."""
    zone = dns.zone.Zone(ZONE_NAME)
    query, _ = dns.xfr.make_query(zone)
    dns.query.inbound_xfr(ADDRESSES[0], zone, query, port=servers.port, timeout=1, lifetime=2)
    found = {}
    for owner, rdataset in zone.iterate_rdatasets("TXT"):
        name = owner.derelativize(zone.origin or dns.name.root).to_text(omit_final_dot=True)
        found[name] = b"".join(rdataset[0].strings).decode()
    return found


class Misfortune:
    """Lets ns3 lag and lie, and stops, kills and starts servers, until it is ended.

    `others` are further harms, done in turn.
    """

    def __init__(
        self, servers: Servers, draw: random.Random, others: tuple[Callable[[], object], ...] = ()
    ) -> None:
        self.keeper = Keeper(servers, draw)
        self.counts = {"silences": 0, "restarts": 0, "kills": 0}
        self._servers, self._draw, self._others = servers, draw, others
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=one) for one in (self._keep, self._strike, self._harm)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let all recover."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _keep(self) -> None:
        while not self._over.wait(0.2):
            self.keeper.work()

    def _strike(self) -> None:
        while not self._over.wait(self._draw.uniform(2, 6)):
            server = self._draw.choice(self._servers.of_zone)
            if self._draw.random() < 0.8:
                server.silence(silent=True)
                self._over.wait(self._draw.uniform(0.3, 3))
                server.silence(silent=False)
                self.counts["silences"] += 1
            else:
                server.end(killed=True)
                self._over.wait(self._draw.uniform(0, 1))
                server.start()
                self.counts["restarts"] += 1

    def _harm(self) -> None:
        number = 0
        while self._others and not self._over.wait(self._draw.uniform(25, 60)):
            self._others[number % len(self._others)]()
            self.counts["kills"] += 1
            number += 1
