"""All that is observed beside the proofs of one message."""

from __future__ import annotations

from collections.abc import Sequence

from avowal.diagnose.added_notes import note_observations
from avowal.diagnose.author_policy import policy_observations
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.key_names import key_observations
from avowal.diagnose.observed import Observation
from avowal.lookup import Steps, together
from avowal.message import Message


def observations(
    message: Message, explanations: Sequence[Explanation]
) -> Steps[tuple[Observation, ...]]:
    """Ask DNS about keys and the author's policy; what fails there is not observed."""
    found = yield from together(
        key_observations(explanations), policy_observations(message.header, explanations)
    )
    notes = tuple(note_observations(message, explanations))
    return (*(one for some in found for one in some), *notes)
