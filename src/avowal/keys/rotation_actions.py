"""What a rotation asks for: each action may be done twice, and says what it is answered by.

An action stands until its answer came (`avowal.keys.rotation.pending` derives it from the state
alone), so whoever carries actions out needs no memory of its own: after a crash they are there
again.  Doing one twice does nothing the second time.
"""

from __future__ import annotations

from typing import TypeAlias

from avowal.names import Selector
from avowal.valueclass import value


@value
class Make:
    """Make a key pair for a selector, or find the one that was made for it already.

    `number` tells pairs of one selector apart: it is another one for each key of a rotation.
    Answer: `Made`, `Taken` for a selector that any other key ever had, or `MakeFailed`.
    """

    selector: Selector
    algorithm: str
    bits: int | None
    number: int


@value
class Publish:
    """Have this key record stand at the selector.  Answer: `Published` or `PublishFailed`."""

    selector: Selector
    record: str


@value
class PublishRevoked:
    """Have a record with an empty p= stand there.  Answer: `Published` or `PublishFailed`."""

    selector: Selector
    record: str


@value
class Withdraw:
    """Have no record stand there.  Answer: `Published` with None, or `PublishFailed`."""

    selector: Selector


@value
class Look:
    """Look at the selector on every server.  Answer: `Looked` with this number, if at all."""

    selector: Selector
    number: int


@value
class SendCanary:
    """Sign a message with the key and verify it through DNS, with nothing remembered.

    Answer: `CanaryPassed` or `CanaryFailed` with this number.
    """

    selector: Selector
    number: int


@value
class Sign:
    """Sign with this key from now on, or with none (None).  Answer: `Switched`."""

    selector: Selector | None


@value
class PublishPrivate:
    """Publish the private half of a key that is revoked everywhere.  Answer: `PrivatePublished`."""

    selector: Selector


@value
class Alert:
    """Tell the operator `text`, which says what is wrong and what to do.  Answer: `Told`."""

    name: str
    text: str


Action: TypeAlias = (
    Make | Publish | PublishRevoked | Withdraw | Look | SendCanary | Sign | PublishPrivate | Alert
)
