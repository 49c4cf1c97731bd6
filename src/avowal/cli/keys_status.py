"""``avowal keys status``: every key, its state, what comes next, and how it fares."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from avowal.cli.domains import domain_name
from avowal.cli.exits import ExitStatus
from avowal.cli.keystore import opened, store_option
from avowal.cli.streams import echo
from avowal.dates import DAY
from avowal.text import lasting, printable
from avowal.valueclass import value

if TYPE_CHECKING:
    from avowal.keys.lifecycle import ManagedKey
    from avowal.keys.rotation_state import RotatedKey, Rotation
    from avowal.keys.store import KeyStore

_HEALTH_DAYS = 7
_COLOURS = {"signing": "green", "draining": "yellow", "revoked": "red", "gone": "bright_black"}


@click.command("status")
@click.argument("domains", nargs=-1, metavar="[DOMAIN...]")
@click.option("--all", "every", is_flag=True, help="Keys that are gone, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per rotation and line.")
@click.option("--svg", metavar="FILE", help="Draw the life of the keys as an SVG picture.")
@click.option("--html", metavar="FILE", help="Write a page with the picture and the table.")
@click.option(
    "--metrics",
    metavar="FILE",
    help="Write the numbers of rotations for Prometheus' node exporter to this .prom file.",
)
@store_option
def command(
    *,
    domains: tuple[str, ...],
    every: bool,
    as_json: bool,
    svg: str | None,
    html: str | None,
    metrics: str | None,
    store_name: str,
) -> int:
    """Show the keys of DOMAIN, or of all: state, age, bits, next step and when, health.

    The status is 1 while there is anything that the operator has to know, else 0.
    """
    names = [domain_name(one) for one in domains]
    with opened(store_name) as store:
        views = _views(store, {name.ascii for name in names})
        if metrics is not None:
            _write_metrics(metrics, views, store)
    if svg is not None or html is not None:
        _draw(views, svg, html)
    elif as_json:
        for view in views:
            echo(json.dumps(view.as_object(every=every)))
    else:
        _write(views, every=every)
    troubled = any(view.rotation.troubles for view in views)
    return ExitStatus.NOT_PASSED if troubled else ExitStatus.PASSED


@value
class View:
    """A rotation as it is now, and how receivers judged each of its keys of late."""

    rotation: Rotation
    health: dict[str, str]

    def keys(self, *, every: bool) -> Sequence[RotatedKey]:
        """The keys that are shown."""
        return [key for key in self.rotation.keys if every or key.state != "gone"]

    def as_object(self, *, every: bool) -> dict[str, object]:
        """The rotation as JSON has it; times are Unix seconds, spans seconds."""
        rotation = self.rotation
        return {
            "domain": rotation.domain.ascii,
            "algorithm": rotation.algorithm,
            "signing": None if rotation.signing is None else rotation.signing.selector.ascii,
            "paused": rotation.paused,
            "halted": rotation.halted,
            "troubles": [one.text for one in rotation.troubles],
            "keys": [self._key(key) for key in self.keys(every=every)],
        }

    def _key(self, key: RotatedKey) -> dict[str, object]:
        from avowal.keys.rotation_outlook import outlook

        next_ = outlook(key, self.rotation)
        return {
            "selector": key.selector.ascii,
            "state": str(key.state),
            "since": key.key.since,
            "created": key.key.created,
            "bits": key.key.bits,
            "record": key.record,
            "next": next_.step,
            "next_seconds": next_.seconds,
            "problem": key.evidence.problem,
            "health": self.health.get(key.selector.ascii),
            "times": [{"state": str(state), "at": at} for state, at in key.times],
        }


def _views(store: KeyStore, names: set[str]) -> list[View]:
    from avowal.keys.rotation_clock import moment
    from avowal.keys.rotation_document import read_rotation
    from avowal.keys.rotation_turn import passed

    views = []
    for kept in store.rotations():
        if not names or kept.domain.ascii in names:
            rotation = passed(read_rotation(kept.state), moment())
            views.append(View(rotation=rotation, health=_health(store, rotation)))
    return views


def _write_metrics(path: str, views: Sequence[View], store: KeyStore) -> None:
    """Replace a file by what a daemon's /metrics tells of these rotations."""
    from avowal import paths
    from avowal.keys.rotation_metrics import exposition, gauges_of
    from avowal.keys.rotation_runner import LEASE

    found = [gauges_of(view.rotation) for view in views]
    text = exposition(found, store.leader(LEASE), int(time.time()))
    paths.replace(path, text.encode(), 0o644)


def _health(store: KeyStore, rotation: Rotation) -> dict[str, str]:
    from avowal.keys.health import shares_of, total

    since = int(time.time()) // DAY - _HEALTH_DAYS
    rows = store.shares(rotation.domain.ascii, since)
    found = {}
    for key in rotation.keys:
        share = total(shares_of(rows, key.selector.ascii).values())
        if share.total:
            found[key.selector.ascii] = str(share)
    return found


def _write(views: Sequence[View], *, every: bool) -> None:
    if not views:
        echo("no rotation: avowal keys schedule DOMAIN begins one")
    for view in views:
        rotation = view.rotation
        held = " paused" if rotation.paused else ""
        held += " halted" if rotation.halted is not None else ""
        click.secho(f"{rotation.domain} {rotation.algorithm}{held}", bold=True)
        rows = [_row(key, view) for key in view.keys(every=every)]
        widths = [max((len(row[at]) for row in rows), default=0) for at in range(3)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            cells[1] = click.style(cells[1], fg=_COLOURS.get(row[1]))
            echo("  " + "  ".join([*cells, *row[3:]]).rstrip())
        for trouble in rotation.troubles:
            echo(click.style(f"  ! {printable(trouble.text)}", fg="red"))


def _row(key: RotatedKey, view: View) -> list[str]:
    from avowal.keys.rotation_outlook import outlook, when

    next_ = outlook(key, view.rotation)
    health = view.health.get(key.selector.ascii)
    parts = [next_.step + when(next_)] if next_.step else []
    parts += [f"passes {health}"] if health is not None else []
    return [key.selector.ascii, str(key.state), _age(key.key), printable("; ".join(parts))]


def _age(key: ManagedKey) -> str:
    bits = "" if key.bits is None else f" {key.bits} bits"
    return f"{lasting(max(int(time.time()) - key.created, 0))}{bits}"


def _draw(views: Sequence[View], svg: str | None, html: str | None) -> None:
    from avowal import paths
    from avowal.cli.keys_timeline import page, picture

    rotations = [view.rotation for view in views]
    for path, text in ((svg, picture), (html, page)):
        if path is not None:
            paths.replace(path, text(rotations, int(time.time())).encode(), 0o644)
            echo(f"{path}: the life of {sum(len(one.keys) for one in rotations)} keys", err=True)
