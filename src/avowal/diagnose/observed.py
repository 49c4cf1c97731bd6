"""What was observed beside the proofs: no hash shows it, DNS or the words of a message do."""

from __future__ import annotations

from avowal.diagnose.registry import REGISTRY, Step
from avowal.valueclass import value


@value
class Observation:
    """One thing that was observed: a row of the registry, and the evidence in words.

    `domain` and `selector` are those of the signature it is about, None for the message.
    """

    name: str
    evidence: str
    domain: str | None = None
    selector: str | None = None

    @property
    def step(self) -> Step:
        """The row of the registry."""
        return REGISTRY[self.name]
