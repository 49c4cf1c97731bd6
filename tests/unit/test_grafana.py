"""The dashboards for Grafana: whole, of one data source each, about series that there are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.grafana_files import DASHBOARDS, FILES, panels, targets

from avowal.keys import rotation_metrics

SERIES = """
import json
from avowal.milter import meters
directory = meters.prepare()
made = meters.Prometheus(0)
found = {}
for one in vars(made).values():
    if hasattr(one, "describe"):
        (family,) = one.describe()
        found[family.name] = [family.type, list(one._labelnames)]
meters.remove(directory)
print(json.dumps(found))
"""
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@pytest.fixture(scope="module")
def series() -> dict[str, list[str]]:
    """The series that the daemon has, and their labels."""
    pytest.importorskip("prometheus_client", reason="not installed (extra: daemon)")
    said = subprocess.check_output([sys.executable, "-c", SERIES], text=True)
    families: dict[str, tuple[str, list[str]]] = json.loads(said)
    found = {
        f"{name}{suffix}": [*labels, "le"] if suffix == "_bucket" else labels
        for name, (kind, labels) in families.items()
        for suffix in SUFFIXES[kind]
    }
    rotations = {
        f"avowal_rotation_{name}": ["domain", "algorithm"] for name, _ in rotation_metrics._SERIES
    }
    return found | rotations


@pytest.mark.parametrize(("where", "target"), [pytest.param(*t, id=t[0]) for t in targets("expr")])
def test_a_panel_asks_for_series_and_labels_that_the_daemon_has(
    where: str, target: dict[str, Any], series: dict[str, list[str]]
) -> None:
    names = re.findall(r"avowal_\w+", target["expr"])
    assert names, where
    for name in names:
        assert name in series
    grouped = re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"])))
    told = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    assert set(grouped) <= set(series[names[0]])
    assert set(told) <= set(grouped)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_keeps_every_member_through_grafanas_own_models(name: str) -> None:
    why = "not installed: grafana-foundation-sdk"
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard", reason=why)
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder", reason=why)
    kept = json.loads(encoder.JSONEncoder().encode(models.Dashboard.from_json(DASHBOARDS[name])))
    assert covers(kept, DASHBOARDS[name])


def covers(kept: object, given: object) -> bool:
    """Whether everything that was given is in what was kept."""
    if isinstance(given, dict):
        return isinstance(kept, dict) and all(
            key in kept and covers(kept[key], value) for key, value in given.items()
        )
    if isinstance(given, list):
        return isinstance(kept, list) and len(kept) == len(given) and all(map(covers, kept, given))
    return kept == given


def test_every_panel_stands_alone_in_its_place_and_says_what_it_is() -> None:
    for name, board in DASHBOARDS.items():
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not taken & cells, (name, panel["title"])
            assert at["x"] + at["w"] <= 24
            taken |= cells
            assert panel["description"].endswith(".")
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        assert board["uid"] == name


def test_dashboards_ask_for_the_data_sources_that_are_provisioned() -> None:
    provisioned = (FILES / "provisioning/datasources/avowal.yaml").read_text(encoding="utf-8")
    known = dict(re.findall(r"uid: (\S+)\n    type: (\S+)", provisioned))
    for where, panel in panels():
        for one in (panel["datasource"], *(t["datasource"] for t in panel["targets"])):
            assert known[one["uid"]] == one["type"], where
    howto = (Path(__file__).parents[2] / "docs/howto/dashboards.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`([\w-]+)\.json`", howto)) == set(DASHBOARDS)
