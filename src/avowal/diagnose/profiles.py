"""What proofs have taught about a list: only what was proven is kept.

A profile names no text of any message; the addresses of subscribers that a list takes out of
Cc are what it needs to put them back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from avowal.diagnose.address_words import spelled, split_addresses
from avowal.diagnose.quoted_writers import Writer

_MOST_WRITERS = 12
_NEAR = 12  # addresses around a removed one that may show its place
_MOST_REMOVED = 200  # addresses of one list that are known to be taken out
_MOST_LISTS = 10_000


@dataclass(slots=True)
class Profile:
    """One list: how often each step was proven, whom it takes out of Cc, and where they stood.

    `before` and `behind` count, for each removed address, the neighbours it had.
    """

    steps: Counter[str] = field(default_factory=Counter)
    removed: Counter[bytes] = field(default_factory=Counter)
    spellings: dict[bytes, Counter[bytes]] = field(default_factory=dict)
    before: dict[bytes, Counter[bytes]] = field(default_factory=dict)
    behind: dict[bytes, Counter[bytes]] = field(default_factory=dict)
    writers: list[Writer] = field(default_factory=list)

    def learn_steps(self, steps: Sequence[str], writer: Writer | None) -> None:
        """Count what a proof needed."""
        self.steps.update(steps)
        if writer is not None:
            if writer in self.writers:
                self.writers.remove(writer)
            self.writers.insert(0, writer)
            del self.writers[_MOST_WRITERS:]

    def learn_recipients(self, signed: bytes | None, received: bytes | None) -> None:
        """Compare the proven value of Cc with what came."""
        if signed is None:
            return
        came = {spelled(one).key for one in split_addresses(received or b"")}
        mailboxes = split_addresses(signed)
        keys = [spelled(one).key for one in mailboxes]
        for at, key in enumerate(keys):
            if key in came or (key not in self.removed and len(self.removed) >= _MOST_REMOVED):
                continue
            self.removed[key] += 1
            self.spellings.setdefault(key, Counter())[mailboxes[at]] += 1
            near = [one for one in keys[:at][::-1][:_NEAR] if one in came][:1]
            self.before.setdefault(key, Counter()).update(near)
            near = [one for one in keys[at + 1 :][:_NEAR] if one in came][:1]
            self.behind.setdefault(key, Counter()).update(near)


class Profiles:
    """The profiles by List-Id, those of `most` lists; `forget` deletes one."""

    def __init__(self, *, most: int = _MOST_LISTS) -> None:
        self._most = most
        self._known: dict[str, Profile] = {}

    def of(self, list_id: str) -> Profile:
        """Return the profile of a list, a new one where nothing was proven yet.

        Beyond `most` lists the one goes that was not asked for the longest.
        """
        profile = self._known.pop(list_id, None) or Profile()
        self._known[list_id] = profile
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return profile

    def forget(self, list_id: str) -> None:
        """Delete what is known of a list."""
        self._known.pop(list_id, None)
