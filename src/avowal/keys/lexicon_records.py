"""Key records at providers of DNS, by dns-lexicon (extra ``lexicon``), which speaks their APIs.

Which provider, and the zone, are given; credentials are those that lexicon reads from the
environment (``LEXICON_CLOUDFLARE_TOKEN`` …).  The new record is there before the old one at its
name is taken away: an API has no change that is all or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from avowal.errors import UsageError
from avowal.keys.publishing import Publication, PublishError


class Operations(Protocol):
    """What is used of lexicon's client; the names are lexicon's."""

    def create_record(self, rtype: str, name: str, content: str) -> bool: ...

    def list_records(
        self, rtype: str | None = None, name: str | None = None
    ) -> list[dict[str, object]]: ...

    def delete_record(
        self, identifier: str | None = None, rtype: str | None = None,
        name: str | None = None, content: str | None = None,
    ) -> bool: ...  # fmt: skip


class LexiconRecords:
    """A publisher that changes a zone through its provider's API."""

    def __init__(self, provider: str, zone: str, *, ttl: int = 3600) -> None:
        """Take a provider's name as lexicon has it.  Raises UsageError."""
        try:
            import lexicon.client  # noqa: F401,PLC0415 - an extra
        except ImportError:
            raise UsageError(
                "--publish lexicon needs a library: pip install 'avowal[lexicon]'"
            ) from None
        self._provider, self._zone, self._ttl = provider, zone, ttl

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        """Bring each record to the provider.  Raises PublishError."""
        del standing
        with self._operations() as operations:
            for name, record in changes.items():
                _replace(operations, name, record)
        return Publication(written=True, told=f"told {self._provider} {', '.join(changes)}")

    @contextmanager
    def _operations(self) -> Iterator[Operations]:
        from lexicon.client import Client  # noqa: PLC0415 - an extra
        from lexicon.config import ConfigResolver  # noqa: PLC0415
        from lexicon.exceptions import LexiconError  # noqa: PLC0415

        given = {
            "provider_name": self._provider,
            "domain": self._zone,
            "delegated": self._zone,  # the zone is what was named, whatever a list of TLDs says
            "ttl": self._ttl,
        }
        resolver: Callable[[], ConfigResolver] = ConfigResolver
        # Providers raise what comes: errors of lexicon, of HTTP (an OSError), of answers.
        faults = (LexiconError, OSError, ValueError, LookupError, AttributeError, TypeError)
        try:
            with Client(resolver().with_dict(given).with_env()) as operations:
                yield operations
        except faults as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise PublishError(
                f"{self._provider} did not take the change of {self._zone}: {said}"
            ) from None


def _replace(operations: Operations, name: str, record: str | None) -> None:
    there = operations.list_records("TXT", name)
    old = [one for one in there if _content(one) != record]
    if record is not None and len(old) == len(there):
        _expect(operations.create_record("TXT", name, record), name)
    for one in old:
        known = one.get("id")
        identifier = None if known is None else str(known)
        content = None if identifier is not None else str(one.get("content"))
        _expect(operations.delete_record(identifier, "TXT", name, content), name)


def _content(record: Mapping[str, object]) -> str:
    """Return the text of a record, without the quotes that some providers keep."""
    text = str(record.get("content"))
    return "".join(text.split('"')[1::2]) if text.startswith('"') else text


def _expect(done: bool, name: str) -> None:  # noqa: FBT001 - what lexicon returns
    if not done:
        raise ValueError(f"it refused the record at {name}")
