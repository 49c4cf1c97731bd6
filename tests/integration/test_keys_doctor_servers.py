"""``avowal keys doctor`` asks real BIND and Knot: faults are found, a clean key is silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.zone_servers import ZONE, authoritative

from avowal.cli import commands, exits
from avowal.keys.files import write_key
from avowal.keys.records import record_text, zone_line
from avowal.names import DomainName
from avowal.testing import ED25519, RSA_1024, RSA_2048

DOMAIN = DomainName.parse(b"example.test")
GOOD = record_text(RSA_2048)


def line(selector: bytes, text: str, *, ttl: int = 300) -> str:
    return zone_line(DomainName.parse(selector), DOMAIN, text, ttl=ttl) + "\n"


FAULTS = (
    ZONE
    + line(b"good", GOOD)
    + line(b"weak", record_text(RSA_1024))
    + line(b"quoted", f'"{GOOD[:200]}" "{GOOD[200:]}"')
    + line(b"two", record_text(ED25519))
    + line(b"two", "v=DKIM1; p=")
    + line(b"slow", "v=DKIM1; p=", ttl=604800)
    + "dangling._domainkey CNAME gone\n"
)


@pytest.mark.parametrize("program", ["named", "knotd"])
def test_faults_in_a_real_zone_are_found(
    program: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_key(tmp_path / "good.pem", RSA_2048)
    with authoritative(program, tmp_path, FAULTS) as port:
        server = ("--resolver", f"127.0.0.1:{port}", "--port", str(port))

        def doctor(*words: str) -> tuple[int, set[tuple[str, str]]]:
            every = ["keys", "doctor", "example.test", *words, *server, "--json"]
            status = exits.run(lambda: commands.run(every))
            found = json.loads(capsys.readouterr().out)["findings"]
            told = {(one["place"].partition(".")[0], one["code"]) for one in found}
            return status, told - {("example", "unsigned-zone")}

        assert doctor("-s", "good", "--key", str(tmp_path / "good.pem")) == (0, set())
        selectors = ("weak", "quoted", "two", "slow", "dangling", "missing")
        asked = [word for selector in selectors for word in ("-s", selector)]
        assert doctor(*asked) == (
            1,
            {
                ("weak", "weak-key"),
                ("quoted", "stray-quotes"),
                ("two", "several-records"),
                ("slow", "long-ttl"),
                ("dangling", "dangling-cname"),
                ("missing", "no-record"),
            },
        )
