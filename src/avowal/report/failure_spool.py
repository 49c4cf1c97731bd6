"""Where failure reports wait until they are sent: redacted, counted, and no more than may be.

The mail's way leaves drafts behind; a thread that nobody waits for redacts them and puts them
down.  The bounds on a day are counted in the store, so they hold over all workers and hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.report.failure_case import FailureCase, FailureDraft
from avowal.report.redaction import Redactor
from avowal.valueclass import value

REDACTION: Final = "redaction"
"""The name of the secret that local parts are hidden by."""

Noted: TypeAlias = Literal["new", "again", "beyond"]


@value
class FailureCaps:
    """How many reports of a UTC day a policy domain gets, and all of them together."""

    domain: int
    total: int


@value
class WaitingCase:
    """A case that may be told, and how many incidents were like it."""

    case: FailureCase
    incidents: int


class FailureStore(Protocol):
    """What keeps cases.  One thread uses it; every method raises StoreError."""

    def secret(self, name: str, /) -> bytes:
        """Return a secret, made when it is asked for first; all hosts have the same."""

    def note(self, case: FailureCase, caps: FailureCaps, /) -> Noted:
        """Put a case down, or count it: where one is like it, or the bounds are reached."""

    def waiting(self, day: int, noted_before: int, /) -> Iterator[WaitingCase]:
        """Yield the cases of a day that were first noted before a time, domain by domain."""

    def days(self) -> Sequence[int]:
        """Return the days that have cases."""

    def beyond(self) -> Sequence[tuple[int, str, int]]:
        """Return day and policy domain of failures beyond the bounds, and how many there were."""

    def close(self) -> None:
        """Let go of it."""


class FailureSpool:
    """Takes drafts in a thread of somebody else's; opens the store with the first one."""

    def __init__(
        self,
        open_store: Callable[[], FailureStore],
        caps: FailureCaps,
        *,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._open_store = open_store
        self._caps = caps
        self._tell = tell
        self._store: FailureStore | None = None
        self._redactor: Redactor | None = None
        self._told: tuple[int, str] | None = None

    def take(self, draft: FailureDraft) -> Noted:
        """Redact a draft and put it down.  Raises StoreError; the next draft is tried anew."""
        try:
            store = self._store = self._store or self._open_store()
            redactor = self._redactor = self._redactor or Redactor(store.secret(REDACTION))
            noted = store.note(FailureCase.of(draft, redactor), self._caps)
        except StoreError:
            if self._store is not None:
                self._store.close()
            self._store = self._redactor = None
            raise
        if noted == "beyond":
            self._say(draft)
        return noted

    def _say(self, draft: FailureDraft) -> None:
        """Say that bounds are reached, once for a domain and day in a row."""
        place = draft.time // DAY, draft.domain
        if self._told != place:
            self._told = place
            self._tell(
                f"no more failure reports to {draft.domain} on this day: a bound of"
                " [failure_reports] is reached; further failures are counted"
            )
