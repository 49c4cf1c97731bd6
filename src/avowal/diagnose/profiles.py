"""What proofs have taught about lists and signers: only what was proven is kept.

A profile of a list names no text of any message; the addresses of subscribers that a list takes
out of Cc are what it needs to put them back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from avowal.diagnose.address_words import spelled, split_addresses
from avowal.diagnose.quoted_writers import Writer

_MOST_WRITERS = 12
_NEAR = 12  # addresses around a removed one that may show its place
_MOST_REMOVED = 200  # addresses of one list that are known to be taken out
_MOST_LISTS = 10_000
_MOST_NAMES = 100  # in h= of one signer that are counted
_ENOUGH = 3  # proofs without a counter-example


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
        _first(self.writers, writer)

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


def _first(writers: list[Writer], writer: Writer | None) -> None:
    """Put a writer in front, and let those go that hit the longest ago."""
    if writer is not None:
        if writer in writers:
            writers.remove(writer)
        writers.insert(0, writer)
        del writers[_MOST_WRITERS:]


@dataclass(slots=True)
class SignerProfile:
    """One signer, by d= and s=: which names in h= had a field, and how it writes a text.

    `there` and `absent` count, by name, the signed headers that had such a field or had none.
    """

    there: Counter[bytes] = field(default_factory=Counter)
    absent: Counter[bytes] = field(default_factory=Counter)
    writers: list[Writer] = field(default_factory=list)

    def learn(self, names: Mapping[bytes, bool], writer: Writer | None = None) -> None:
        """Count the names in h= of one proven header, by whether a field was there."""
        for name, is_there in names.items():
            counts = self.there if is_there else self.absent
            if name in counts or len(counts) < _MOST_NAMES:
                counts[name] += 1
        _first(self.writers, writer)

    def had(self, name: bytes) -> bool | None:
        """Return whether this signer's headers have a field of a name; None for not known."""
        there, absent = self.there[name], self.absent[name]
        if there >= _ENOUGH and not absent:
            return True
        return False if absent >= _ENOUGH and not there else None


class Profiles:
    """The profiles by List-Id and by signer, those of `most` each; `forget` deletes one."""

    def __init__(self, *, most: int = _MOST_LISTS) -> None:
        self._most = most
        self._known: dict[str, Profile] = {}
        self._signers: dict[tuple[str, str], SignerProfile] = {}

    def of(self, list_id: str) -> Profile:
        """Return the profile of a list, a new one where nothing was proven yet.

        Beyond `most` lists the one goes that was not asked for the longest.
        """
        profile = self._known.pop(list_id, None) or Profile()
        self._known[list_id] = profile
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return profile

    def of_signer(self, domain: str, selector: str) -> SignerProfile:
        """Return the profile of a signer, a new one where nothing was proven yet."""
        who = domain, selector
        profile = self._signers.pop(who, None) or SignerProfile()
        self._signers[who] = profile
        if len(self._signers) > self._most:
            del self._signers[next(iter(self._signers))]
        return profile

    def lists(self) -> Iterator[tuple[str, Profile]]:
        """Yield the lists of which something is known."""
        return ((name, one) for name, one in self._known.items() if one.steps)

    def signers(self) -> Iterator[tuple[tuple[str, str], SignerProfile]]:
        """Yield the signers of which something is known."""
        return ((who, one) for who, one in self._signers.items() if one.there or one.writers)

    def forget(self, list_id: str) -> None:
        """Delete what is known of a list."""
        self._known.pop(list_id, None)
