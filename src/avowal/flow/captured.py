"""The names of captured messages: when each came, its queue id, and a number of its own.

The daemon writes files by these names (`milter.capture`), the inspector lists them
(`web.captures`).  A name holds nothing of a path.
"""

from __future__ import annotations

import re
from secrets import token_hex
from typing import NamedTuple

_UNSAFE = re.compile(r"[^A-Za-z0-9]")
_FORM = re.compile(r"([0-9]{1,12})\.([A-Za-z0-9_]{1,64})\.([0-9a-f]{8})\.eml\.age")
_LONGEST_ID = 64  # characters of a queue id in the name of a file


class CapturedName(NamedTuple):
    """One captured message; `received_at` in Unix seconds, `queue_id` as far as a name holds it."""

    received_at: int
    queue_id: str
    mark: str

    @classmethod
    def of(cls, received_at: int, queue_id: str | None) -> CapturedName:
        """Return a new name, which no other message has."""
        job = _UNSAFE.sub("_", queue_id or "message")[:_LONGEST_ID]
        return cls(received_at, job, token_hex(4))

    @classmethod
    def read(cls, file: str) -> CapturedName | None:
        """Read the name of a file; None for one of another form."""
        found = _FORM.fullmatch(file)
        return None if found is None else cls(int(found[1]), found[2], found[3])

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.received_at}.{self.queue_id}.{self.mark}.eml.age"
