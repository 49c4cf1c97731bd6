"""Is a message ours?  By what the MTA says about where it came from, never by its content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from avowal.config.hosts import HostSet
from avowal.flow.plan import Plan
from avowal.flow.trace import Step, Topic
from avowal.flow.transaction import Transaction


def whether_ours(plan: Plan, transaction: Transaction) -> tuple[Step, ...]:
    """Ask the conditions of `origin` in turn; the last step has `matched` if one is met.

    The step that decided is marked: the condition that is met, or else the one that
    operators look at first, that the client is not among the internal hosts.
    """
    steps: list[Step] = []
    decisive = 0
    for condition in _CONDITIONS:
        step = condition(plan, transaction)
        if step is None:
            continue
        if step.matched or condition is _internal:
            decisive = len(steps)
        steps.append(step)
        if step.matched:
            break
    steps[decisive] = steps[decisive]._replace(decided=True)
    return tuple(steps)


def _authenticated(plan: Plan, transaction: Transaction) -> Step:
    auth, path = transaction.auth, ("origin", "authenticated")
    if auth is None:
        return plan.step(Topic.OURS, path, "the client did not authenticate")
    why = f"the client authenticated as {auth.user or 'somebody'} ({auth.type})"
    if not plan.configuration.origin.authenticated:
        return plan.step(Topic.OURS, path, f"{why}, which does not count")
    return plan.step(Topic.OURS, path, why, matched=True)


def _internal(plan: Plan, transaction: Transaction) -> Step:
    return host_step(plan, transaction, Topic.OURS, plan.hosts.internal_hosts, "internal_hosts")


def _daemon(plan: Plan, transaction: Transaction) -> Step | None:
    names, path = plan.configuration.origin.daemon_names, ("origin", "daemon_names")
    name = transaction.daemon_name
    if not names:
        return None
    lowered = [one.lower() for one in names]
    if name is not None and name.lower() in lowered:
        why = f"the MTA's service {name} is in daemon_names"
        return plan.step(Topic.OURS, (*path, lowered.index(name.lower())), why, matched=True)
    why = "the MTA named no service" if name is None else f"{name} is not in daemon_names"
    return plan.step(Topic.OURS, path, why)


def _macro(plan: Plan, transaction: Transaction) -> Step | None:
    wanted, path = plan.configuration.origin.macros, ("origin", "macros")
    for name, values in wanted.items():
        value = transaction.macros.get(name.strip("{}"))
        if value is not None and (not values or value.decode("utf-8", "replace") in values):
            why = f"macro {name} is {value.decode('utf-8', 'backslashreplace')!r}"
            return plan.step(Topic.OURS, (*path, name), why, matched=True)
    return plan.step(Topic.OURS, path, "no macro marks it") if wanted else None


_CONDITIONS: Final[tuple[Callable[[Plan, Transaction], Step | None], ...]] = (
    _authenticated,
    _internal,
    _daemon,
    _macro,
)


def host_step(
    plan: Plan, transaction: Transaction, topic: Topic, hosts: HostSet, option: str
) -> Step:
    """Look the client up in a set of hosts of `origin`."""
    client, hit = transaction.client_text, hosts.find(*transaction.host)
    if hit is None:
        return plan.step(topic, ("origin", option), f"{client} is not in {option}")
    why = f"{client} is {'in' if hit.included else 'taken out of'} {option}"
    return plan.step(topic, ("origin", option, hit.entry), why, matched=hit.included)
