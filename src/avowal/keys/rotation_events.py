"""What a rotation is told: what came of its actions, and what an operator commands."""

from __future__ import annotations

from typing import TypeAlias

from avowal.keys.lifecycle import Sight
from avowal.keys.schedule import Schedule
from avowal.names import Selector
from avowal.valueclass import value


@value
class Tick:
    """Time has passed."""


# -- what came of actions --------------------------------------------------------------


@value
class Made:
    """A key pair was made, or was there already: the answer to `Make`."""

    selector: Selector
    record: str
    private: str
    bits: int | None = None


@value
class Taken:
    """The selector of a `Make` was used before, by whatever key: another name is needed."""

    selector: Selector


@value
class MakeFailed:
    """No key pair could be made; `why` is for the operator."""

    selector: Selector
    why: str


@value
class Published:
    """Whoever writes the zone has this text for a selector (None: that nothing stands there).

    The answer to `Publish`, `PublishRevoked` and `Withdraw`.  It says nothing of what DNS shows.
    """

    selector: Selector
    record: str | None


@value
class PublishFailed:
    """Whoever writes the zone could not be told; it is tried again."""

    selector: Selector
    why: str


@value
class Looked:
    """What servers showed: the answer to a `Look` of the same number.

    `complete` says that every authoritative server of the zone, every one of the zone that a
    CNAME leads to, and every configured resolver is among the sights, each once.  A server
    that gave no answer is there with its `problem`.  The answers are from after the `Look`
    was asked for: none is from a cache of the observer's own.  `problems` say why it is not
    complete.
    """

    selector: Selector
    number: int
    sights: tuple[Sight, ...]
    complete: bool
    problems: tuple[str, ...] = ()


@value
class CanaryPassed:
    """A message signed with the key verified through DNS: the answer to a `SendCanary`."""

    selector: Selector
    number: int


@value
class CanaryFailed:
    """It did not verify; `temporary` where DNS or the way of the message failed, not the key."""

    selector: Selector
    number: int
    why: str
    temporary: bool = False


@value
class Switched:
    """Those who sign take this key from now on, or none: the answer to `Sign`."""

    selector: Selector | None


@value
class PrivatePublished:
    """The private half of a revoked key is public now: the answer to `PublishPrivate`."""

    selector: Selector


@value
class Told:
    """The operator was told: the answer to `Alert`."""

    name: str


@value
class ShareFell:
    """A receiver passes less of what the key signs than of what its predecessor signed.

    `evidence` is the sentence with the figures.
    """

    selector: Selector
    receiver: str
    evidence: str


# -- commands of an operator -----------------------------------------------------------


@value
class Pause:
    """Make, publish, switch and revoke nothing more; what protects mail goes on."""


@value
class Resume:
    """Go on after a pause or a halt."""


@value
class RotateNow:
    """Follow the signing key as soon as that is safe, whatever the schedule says."""


@value
class RollBack:
    """Sign with the key before this one again, and halt."""

    why: str = "an operator said so"


@value
class Retire:
    """Use a key no more: follow it if it signs, give it up if it never did."""

    selector: Selector


@value
class Revoke:
    """Revoke a key as soon as nothing it signed is under way; refused for one that signs."""

    selector: Selector


@value
class Emergency:
    """These keys are stolen (docs/design/rotation.md has the order)."""

    selectors: tuple[Selector, ...]


@value
class Reschedule:
    """Go by another schedule from now on."""

    schedule: Schedule


Event: TypeAlias = (
    "Tick | Made | Taken | MakeFailed | Published | PublishFailed | Looked | CanaryPassed"
    " | CanaryFailed | Switched | PrivatePublished | Told | ShareFell | Pause | Resume"
    " | RotateNow | RollBack | Retire | Revoke | Emergency | Reschedule"
)
