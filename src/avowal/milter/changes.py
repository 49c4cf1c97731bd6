"""Whether what a generation of workers was made of has changed, asked now and then.

Who asks is the supervisor, in its loop: a change is brought in as by a reload, off the mail's
way, and what cannot be known leaves the workers as they are.
"""

from __future__ import annotations

import time

from avowal.errors import AvowalError
from avowal.milter.fleet import WorkerGeneration
from avowal.milter.journal import LOGGER

_PAUSE = 2.0  # seconds between looks at what may have changed: the key store


class Changes:
    """Asks a generation's `changed`, not oftener than every `_PAUSE`."""

    def __init__(self) -> None:
        self._next = 0.0

    def there(self, generation: WorkerGeneration | None) -> bool:
        """Whether the generation at work is to be made anew."""
        now = time.monotonic()
        prepared = None if generation is None else generation.prepared
        if prepared is None or prepared.changed is None or now < self._next:
            return False
        self._next = now + _PAUSE
        try:
            return prepared.changed()
        except AvowalError as error:
            LOGGER.error("%s: the keys that are known go on signing", error)
            return False
