"""The dashboards that are provisioned with avowal: their panels, statements and expressions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = Path(__file__).parents[1] / "packaging" / "grafana"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((FILES / "dashboards").glob("*.json"))
}


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each panel by its dashboard and title."""
    for name, board in DASHBOARDS.items():
        for panel in board["panels"]:
            yield f"{name}: {panel['title']}", panel


def targets(member: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each query that has a member: rawSql or expr."""
    for name, panel in panels():
        for target in panel["targets"]:
            if member in target:
                yield f"{name}, {target['refId']}", target
