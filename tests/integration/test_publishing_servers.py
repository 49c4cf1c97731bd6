"""Key records by dynamic update in real BIND and Knot, and seen there by a look and a canary."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.zone_servers import TSIG, authoritative

from avowal.calls.canary import canary
from avowal.cli.publishers import PublisherOptions
from avowal.dns.authority import NameServers
from avowal.dns.dnspython import DnsResolver
from avowal.keys.differences import differences
from avowal.keys.observation import Named, Observer
from avowal.keys.publishing import PublishError
from avowal.keys.records import record_text
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_2048

DOMAIN, SELECTOR = DomainName.parse(b"example.test"), DomainName.parse(b"s1")
NAME = "s1._domainkey.example.test"


def options(port: int, root: Path, tsig: str = TSIG) -> PublisherOptions:
    path = root / "tsig.key"
    path.write_text(tsig)
    path.chmod(0o600)
    return PublisherOptions(f"rfc2136:127.0.0.1:{port}", "example.test", str(path), None, 60)


@pytest.mark.parametrize("program", ["named", "knotd"])
def test_a_record_is_published_seen_used_and_taken_back(program: str, tmp_path: Path) -> None:
    record = record_text(RSA_2048)
    with authoritative(program, tmp_path) as port:
        publisher = options(port, tmp_path).publisher()
        resolvers = [Named("the server", DnsResolver([f"127.0.0.1:{port}"]))]
        observer = Observer(resolvers, NameServers(port=port))
        publisher.publish({NAME: record}, {})
        publisher.publish({NAME: record}, {})  # twice is once
        seen = observer.look(NAME)
        assert (differences(seen, record), seen.negative_ttl) == ((), 2)
        now = int(time.time())
        assert canary(RSA_2048, SELECTOR, DOMAIN, resolvers, now=now).passed
        assert canary(ED25519, SELECTOR, DOMAIN, resolvers, now=now).why is not None
        publisher.publish({NAME: None}, {})
        assert [one.record for one in observer.look(NAME).sights] == [None, None]


@pytest.mark.parametrize("program", ["named", "knotd"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"tsig": TSIG.replace("c2Vj", "AAAA")}, "TSIG", id="secret"),
        pytest.param({"zone_name": "other.test"}, "TSIG|primary|zone", id="zone"),
        pytest.param({"tsig_key": None}, "refused|TSIG", id="without a key"),
    ],
)
def test_what_a_server_refuses_says_what_to_do(
    program: str, change: dict[str, str | None], said: str, tmp_path: Path
) -> None:
    with authoritative(program, tmp_path) as port:
        given = options(port, tmp_path, change.get("tsig") or TSIG)
        other = {name: value for name, value in change.items() if name != "tsig"}
        publisher = given._replace(**other).publisher()  # type: ignore[arg-type]
        with pytest.raises(PublishError, match=said):
            publisher.publish({NAME: "v=DKIM1; p="}, {})


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    publisher = options(1, tmp_path).publisher()
    with pytest.raises(PublishError, match="refused"):
        publisher.publish({NAME: None}, {})
