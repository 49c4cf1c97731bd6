"""Opinions about those who answer for a message, in the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.flow.conftest import NOW, Site, steps_about

import avowal
from avowal import app
from avowal.config.toml import parse
from avowal.errors import ConfigError
from avowal.flow.actions import Actions, FlowDisposition
from avowal.flow.trace import Topic
from avowal.testing import ED25519, Zone, message, record_for

ZONE = Zone({"ed._domainkey.example.com": record_for(ED25519)})
SIGNED = (
    avowal.sign(message(), domain="example.com", selector="ed", key=ED25519, now=NOW) + message()
)
LIMIT = """
[reputation]
file = "{file}"
limits = [{{ assertion = "spam", rating = 0.8, confidence = 0.5 }}]
[actions]
disreputable = "reject"
"""


def taken(tmp_path: Path, lines: str, octets: bytes = SIGNED) -> Actions:
    file = tmp_path / "opinions.txt"
    file.write_text(lines)
    loaded = parse(LIMIT.format(file=file).encode())
    site = Site(app.plan(loaded.configuration, loaded.places))
    return site.actions(octets, zone=ZONE, client="192.0.2.7")


@pytest.mark.parametrize(
    ("lines", "octets", "disposition"),
    [
        pytest.param("example.com spam 0.9", SIGNED, FlowDisposition.REJECT, id="beyond the limit"),
        pytest.param("example.com spam 0.7", SIGNED, FlowDisposition.ACCEPT, id="below it"),
        pytest.param(
            "example.com spam 0.9 0.1", SIGNED, FlowDisposition.ACCEPT, id="not sure enough"
        ),
        pytest.param("example.com fraud 0.9", SIGNED, FlowDisposition.ACCEPT, id="something else"),
        pytest.param(
            "example.com spam 0.9", message(), FlowDisposition.ACCEPT, id="nobody answers for it"
        ),
    ],
)
def test_an_opinion_beyond_a_limit_has_its_action(
    tmp_path: Path, lines: str, octets: bytes, disposition: FlowDisposition
) -> None:
    assert taken(tmp_path, lines, octets).disposition is disposition


def test_the_opinion_stands_in_the_trace(tmp_path: Path) -> None:
    steps = steps_about(Topic.POLICY, taken(tmp_path, "example.com spam 0.9").trace)
    assert any("example.com spam 0.900" in str(step) for step in steps)


def test_a_bad_table_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"opinions\.txt:1"):
        taken(tmp_path, "example.com spam much")


def test_a_missing_table_is_an_error_at_start() -> None:
    loaded = parse(b'[reputation]\nfile = "/nowhere/opinions.txt"\n')
    with pytest.raises(ConfigError, match=r"opinions\.txt"):
        app.plan(loaded.configuration)


def test_nobody_is_asked_by_default() -> None:
    assert app.assessor(parse(b"").configuration) is None


def test_the_opinion_stands_in_the_log(tmp_path: Path) -> None:
    logged = dict(taken(tmp_path, "example.com spam 0.7").record.items())
    assert str(logged["opinion1"]).endswith("opinions.txt: example.com spam 0.700")
