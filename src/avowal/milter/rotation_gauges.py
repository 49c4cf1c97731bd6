"""What the daemon's metrics tell of the rotations of its key store.

The supervisor reads the store, which workers of another user may not, and puts the text where
every worker finds it for /metrics.  A store that is away leaves the last text: its own gauge
says how old that is.
"""

from __future__ import annotations

import time

from avowal.errors import AvowalError
from avowal.milter.fleet import WorkerGeneration
from avowal.milter.journal import LOGGER
from avowal.milter.rotation_text import write

_PAUSE = 15.0  # seconds between looks


class RotationGauges:
    """Keeps the text, not oftener than every `_PAUSE` seconds."""

    def __init__(self) -> None:
        self._next = 0.0
        self._failed = False

    def keep(self, generation: WorkerGeneration | None, directory: str | None) -> None:
        """Write anew what is told, where there are metrics and a store with rotations."""
        told = None if generation is None else generation.prepared.rotations
        now = time.monotonic()
        if told is None or directory is None or now < self._next:
            return
        self._next = now + _PAUSE
        try:
            write(directory, told())
        except (AvowalError, OSError) as error:
            if not self._failed:
                LOGGER.error("%s: the metrics of rotations stay as they were", error)
            self._failed = True
        else:
            self._failed = False
