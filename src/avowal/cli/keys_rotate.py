"""``avowal keys schedule``, ``rotate`` and what else an operator commands of a rotation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

import click

from avowal.cli.domains import domain_name
from avowal.cli.keystore import opened, store_option, who
from avowal.cli.streams import echo
from avowal.errors import UsageError
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.keys.rotation_events import Event
    from avowal.keys.rotation_state import Rotation
    from avowal.keys.store import KeyStore
    from avowal.names import DomainName

Chosen: TypeAlias = "Callable[[Rotation], Event | None]"
_domain = click.argument("domain")
_selector = click.argument("selector")
_type = click.option(
    "--type",
    "key_type",
    type=click.Choice(["rsa", "ed25519"]),
    help="The keys of this type only.  [default: all of the domain]",
)


@click.command("schedule")
@_domain
@click.option(
    "--type",
    "key_types",
    type=click.Choice(["rsa", "ed25519"]),
    multiple=True,
    help="The keys to rotate; may be repeated.  [default: those that do, or rsa]",
)
@click.option(
    "--set",
    "given",
    metavar="NAME=VALUE",
    multiple=True,
    help="A span or choice of the schedule, such as rotate-every=90d; may be repeated.",
)
@click.option(
    "--off",
    is_flag=True,
    help="Look after the keys no more: what signs and what stands in DNS stays as it is.",
)
@store_option
def schedule_command(
    *, domain: str, key_types: tuple[str, ...], given: tuple[str, ...], off: bool, store_name: str
) -> None:
    """Begin to rotate the keys of DOMAIN, or change how; keys that sign go on.

    Spans are written as 90d, 12h, 30m or 45s.  The schedule is shown.  After --off nobody looks
    at the records any more, and nothing is made, switched or revoked: the key that signs goes
    on, and what becomes of the others is yours to do.
    """
    name = domain_name(domain)
    if off:
        if given:
            raise UsageError("--off ends the schedule, --set changes it: not both")
        _end(store_name, name, {f"{one}-sha256" for one in key_types})
        return
    with opened(store_name) as store:
        there = [kept.algorithm for kept in store.rotations(name)]
        for algorithm in [f"{one}-sha256" for one in key_types] or there or ["rsa-sha256"]:
            rotation = _scheduled(store, name, algorithm, given, begun=algorithm in there)
            _show_schedule(rotation)


def _end(store_name: str, domain: DomainName, algorithms: set[str]) -> None:
    from avowal.keys.rotation_clock import moment
    from avowal.keys.rotation_orders import end

    with opened(store_name) as store:
        kept = [
            one for one in store.rotations(domain) if one.algorithm in algorithms or not algorithms
        ]
        if not kept:
            raise UsageError(f"{domain}: no rotation in {store_name} to end")
        for one in kept:
            rotation = end(store, one, moment(), who())
            echo(f"{domain} {one.algorithm}: looked after no more; as it was left:")
            for key in rotation.keys:
                if key.state != "gone":
                    stands = "nothing" if not key.stands else key.stands
                    echo(printable(f"  {key.selector}: {key.state}; in DNS: {stands}"))


def _scheduled(
    store: KeyStore, domain: DomainName, algorithm: str, given: Iterable[str], *, begun: bool
) -> Rotation:
    from avowal.keys.rotation_clock import moment
    from avowal.keys.rotation_document import read_rotation
    from avowal.keys.rotation_events import Reschedule
    from avowal.keys.rotation_orders import command, enrol
    from avowal.keys.schedule import Schedule
    from avowal.keys.schedule_words import changed

    if not begun:
        schedule = changed(Schedule(), given)
        return enrol(store, domain, algorithm, schedule, now=moment(), who=who())
    kept = next(one for one in store.rotations(domain) if one.algorithm == algorithm)
    rotation = read_rotation(kept.state)
    schedule = changed(rotation.schedule, given)
    if schedule == rotation.schedule:
        return rotation
    return command(store, kept, Reschedule(schedule=schedule), moment(), who())


def _show_schedule(rotation: Rotation) -> None:
    from avowal.keys.schedule_words import words

    echo(f"{rotation.domain} {rotation.algorithm}")
    for line in words(rotation.schedule):
        echo(f"  {line}")


@click.command("rotate")
@_domain
@_type
@store_option
def rotate_command(*, domain: str, key_type: str | None, store_name: str) -> None:
    """Follow the keys of DOMAIN now, each as soon as its successor is seen everywhere."""
    from avowal.keys.rotation_events import RotateNow

    _command(store_name, domain, lambda _: RotateNow(), key_type)


@click.command("retire")
@_domain
@_selector
@store_option
def retire_command(*, domain: str, selector: str, store_name: str) -> None:
    """Use a key no more: follow it if it signs, give it up if it never did."""
    from avowal.keys.rotation_events import Retire

    name = domain_name(selector)
    _command(store_name, domain, _having(name, lambda: Retire(selector=name)))


@click.command("revoke")
@_domain
@_selector
@store_option
def revoke_command(*, domain: str, selector: str, store_name: str) -> None:
    """Revoke a key that nothing under way needs; a stolen one is for `keys emergency`."""
    from avowal.keys.rotation_events import Revoke

    name = domain_name(selector)
    _command(store_name, domain, _having(name, lambda: Revoke(selector=name)))


@click.command("emergency")
@_domain
@click.argument("selectors", nargs=-1, metavar="[SELECTOR...]")
@click.option("--all", "every", is_flag=True, help="Every key of the domain was within reach.")
@store_option
def emergency_command(
    *, domain: str, selectors: tuple[str, ...], every: bool, store_name: str
) -> None:
    """Leave and revoke stolen keys: those named, or those that sign now.

    A successor that is seen everywhere signs at once, and the stolen key is revoked at once,
    whatever of its mail is under way.  Without one, the next key is made and waits for the
    shortest safe time; meanwhile the schedule's `when-stolen` decides.
    """
    from avowal.keys.rotation_events import Emergency

    names = {domain_name(one).ascii for one in selectors}
    if every and names:
        raise UsageError("--all or selectors, not both")

    def stolen(rotation: Rotation) -> Event | None:
        signing = rotation.signing
        mine = tuple(
            key.selector
            for key in rotation.keys
            if key.state != "gone"
            and (every or key.selector.ascii in names or (not names and key == signing))
        )
        return Emergency(selectors=mine) if mine else None

    _command(store_name, domain, stolen)


@click.command("pause")
@_domain
@_type
@store_option
def pause_command(*, domain: str, key_type: str | None, store_name: str) -> None:
    """Make, publish, switch and revoke nothing more; what protects mail goes on."""
    from avowal.keys.rotation_events import Pause

    _command(store_name, domain, lambda _: Pause(), key_type)


@click.command("resume")
@_domain
@_type
@store_option
def resume_command(*, domain: str, key_type: str | None, store_name: str) -> None:
    """Go on after a pause, or after the rotation halted by itself."""
    from avowal.keys.rotation_events import Resume

    _command(store_name, domain, lambda _: Resume(), key_type)


@click.command("rollback")
@_domain
@_type
@click.option("--why", default="an operator said so", show_default=True, help="For the log.")
@store_option
def rollback_command(*, domain: str, key_type: str | None, why: str, store_name: str) -> None:
    """Sign with the key before this one again, and halt the rotation."""
    from avowal.keys.rotation_events import RollBack

    _command(store_name, domain, lambda _: RollBack(why=why), key_type)


COMMANDS = (
    schedule_command,
    rotate_command,
    retire_command,
    revoke_command,
    emergency_command,
    pause_command,
    resume_command,
    rollback_command,
)


def _having(selector: DomainName, event: Callable[[], Event]) -> Chosen:
    """Choose the rotation that has a key."""
    return lambda rotation: None if rotation.key(selector) is None else event()


def _command(store_name: str, domain: str, chosen: Chosen, key_type: str | None = None) -> None:
    """Give a command to the rotations of a domain that it is for, and show what comes of it."""
    from avowal.keys.rotation_clock import moment
    from avowal.keys.rotation_document import read_rotation
    from avowal.keys.rotation_orders import command

    name, done = domain_name(domain), 0
    with opened(store_name) as store:
        for kept in store.rotations(name):
            if key_type is not None and not kept.algorithm.startswith(f"{key_type}-"):
                continue
            event = chosen(read_rotation(kept.state))
            if event is not None:
                _show(command(store, kept, event, moment(), who()))
                done += 1
    if not done:
        raise UsageError(
            f"{domain}: no rotation in {store_name} has such a key: avowal keys status --all shows"
            f" those that are there, avowal keys schedule {domain} begins a rotation"
        )


def _show(rotation: Rotation) -> None:
    from avowal.keys.rotation_outlook import outlook, when

    for key in rotation.keys:
        if key.state != "gone":
            next_ = outlook(key, rotation)
            echo(printable(f"{key.key.name}: {key.state}; next: {next_.step}{when(next_)}"))
