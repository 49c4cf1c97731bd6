"""When keys change, how long each step waits, and what new selectors are called.

A `Schedule` is what an operator chooses; a `Moment` is when something happens.  A moment has
two clocks.  The wall clock names dates and selectors and is shown; it can be set, so nothing
waits by it.  The steady clock counts seconds since the machine of that name started and
cannot be set; every wait is counted by it (`avowal.keys.rotation`).
"""

from __future__ import annotations

import time
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from enum import StrEnum
from hashlib import sha256
from string import Formatter
from typing import Final

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.privatekey import MAX_RSA_BITS, MIN_RSA_BITS
from avowal.errors import UsageError
from avowal.members import refuse_other_numbers
from avowal.names import DomainName, NameFault, Selector
from avowal.valueclass import value

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_LEAST_FIXED: Final = 2
_FIELDS: Final = frozenset({"algorithm", "year", "month", "day", "n"})


@value
class Moment:
    """When something happens: `wall` in Unix seconds, `steady` in seconds since `boot`."""

    wall: int
    steady: int
    boot: str = ""


class WhenStolen(StrEnum):
    """What happens to mail after a theft, until a successor is seen everywhere."""

    SIGN_ON = "sign-on"  # the stolen key signs until the successor does, then it is revoked
    STOP = "stop"  # the stolen key is revoked at once, mail leaves unsigned meanwhile


@value
class Schedule:
    """How a domain's keys change.  Spans are seconds.

    A key signs for `rotate_every`, less up to `jitter` so that many domains do not change in
    one hour; its successor is made `lead` before that (a lead as long as `rotate_every`, or
    longer, keeps one ready all the time).  No wait for caches is shorter than `shortest_wait`.
    After a key stopped signing its record stays for `pickup` (until every signer knows), the
    longest `queue_lifetime`, `signature_lifetime` (x= less t=) and the TTL of the record, which
    is taken to be `record_ttl` at least.  It stands revoked for `revoked_for`.  What does not
    happen for `patience` is an alert.
    """

    rotate_every: int = 180 * DAY
    lead: int = 14 * DAY
    jitter: int = 2 * DAY
    look_every: int = 5 * MINUTE  # at a record that is waited for
    watch_every: int = HOUR  # at a record that stands
    retry_every: int = 5 * MINUTE  # what failed: publishing, making, the canary
    shortest_wait: int = HOUR
    record_ttl: int = HOUR
    pickup: int = 5 * MINUTE
    queue_lifetime: int = 5 * DAY  # Postfix's maximal_queue_lifetime
    signature_lifetime: int = 7 * DAY
    revoked_for: int = 30 * DAY
    patience: int = DAY
    publish_private: bool = False
    when_stolen: WhenStolen = WhenStolen.SIGN_ON
    template: str = "{algorithm}{year}{month}{day}{n}"
    selectors: str = ""  # fixed names, used in turn in place of the template's
    bits: int = 2048

    def __post_init__(self) -> None:
        refuse_other_numbers(self)
        for name, span in asdict(self).items():
            if name in _AT_LEAST and span < _AT_LEAST[name]:
                raise UsageError(f"{name.replace('_', '-')}: {_AT_LEAST[name]} seconds at least")
        if self.jitter >= self.rotate_every:
            raise UsageError("jitter: as long as a key signs (rotate-every), or longer")
        if not MIN_RSA_BITS <= self.bits <= MAX_RSA_BITS:
            raise UsageError(f"bits={self.bits}: {MIN_RSA_BITS} to {MAX_RSA_BITS} may sign")
        selector_names(self.template, "rsa-sha256", 0, 1)
        if self.selectors and len(set(self.fixed)) < _LEAST_FIXED:
            raise UsageError(f"selectors {self.selectors!r}: two at least, to use in turn")

    @property
    def fixed(self) -> tuple[str, ...]:
        """The fixed names of selectors; none where the template makes new ones."""
        return tuple(_selector(name, "selectors").ascii for name in self.selectors.split())

    @property
    def drain(self) -> int:
        """How long a record stays at least after its key signed last."""
        return self.pickup + self.queue_lifetime + self.signature_lifetime + self.record_ttl


_AT_LEAST: Final = {
    "rotate_every": 1,
    "look_every": 1,
    "watch_every": 1,
    "retry_every": 1,
    "lead": 0,
    "jitter": 0,
    "shortest_wait": 0,
    "record_ttl": 0,
    "pickup": 0,
    "queue_lifetime": 0,
    "signature_lifetime": 0,
    "revoked_for": 0,
    "patience": 0,
}


def jitter(schedule: Schedule, domain: DomainName, seed: str) -> int:
    """Return how much earlier a key is followed: 0 to `schedule.jitter`, the same every time."""
    octets = sha256(f"{domain.ascii} {seed}".encode()).digest()
    return int.from_bytes(octets[:8]) % (schedule.jitter + 1)


def next_selector(
    schedule: Schedule, algorithm: str, wall: int, taken: AbstractSet[str]
) -> Selector | None:
    """Return a name that is free: the first of the template, or None while no fixed one is."""
    if schedule.selectors:
        free = (name for name in schedule.fixed if name not in taken)
        return next((Selector.parse(name.encode()) for name in free), None)
    number = 1
    while (name := selector_names(schedule.template, algorithm, wall, number).ascii) in taken:
        number += 1
    return Selector.parse(name.encode())


def selector_names(template: str, algorithm: str, wall: int, number: int) -> Selector:
    """Return what a template gives on a day.

    ``{algorithm}`` is the first letter of the key type, ``{year}``, ``{month}`` and ``{day}``
    the date (UTC), ``{n}`` a letter: a for the first name of that day, then b …, z, ba.  A
    template without ``{n}`` gets it at its end from the second name on.  Raises UsageError.
    """
    try:
        parts = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise UsageError(f"template {template!r}: {error}") from None
    if any(form or conversion for _, _, form, conversion in parts):
        raise UsageError(f"template {template!r}: names only, without ':' and '!'")
    names = {str(name) for _, name, _, _ in parts}
    if other := names - _FIELDS:
        known = ", ".join(sorted(_FIELDS))
        raise UsageError(f"template {template!r}: {min(other)!r} is none of {known}")
    day = time.gmtime(wall)
    text = template.format(
        algorithm=ALGORITHMS[algorithm].key_type[0],
        year=f"{day.tm_year:04}",
        month=f"{day.tm_mon:02}",
        day=f"{day.tm_mday:02}",
        n=_letters(number),
    )
    if "n" not in names and number > 1:
        text += _letters(number)
    return _selector(text, f"template {template!r}")


def _selector(text: str, source: str) -> Selector:
    try:
        return Selector.parse(text.encode())
    except NameFault as fault:
        raise UsageError(f"{source} gives {text!r}: {fault.why}") from None


def _letters(number: int) -> str:
    """Write a number from 1 in letters: a, b, …, z, ba, bb."""
    letters = ""
    number -= 1
    while True:
        number, rest = divmod(number, 26)
        letters = chr(ord("a") + rest) + letters
        if not number:
            return letters
