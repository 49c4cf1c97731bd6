"""The law about authors, as a question: who shows what does not answer?

Each domain that a reference reader shows of a From field is among `Authors.domains`, or the
authors are not complete.
"""

from __future__ import annotations

from tests.readers import READERS, python_message

from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName, NameFault


def unanswered(authors: Authors, shown: set[str]) -> set[str]:
    """The shown texts for which no domain of these authors answers."""
    known = {domain.ascii for domain in authors.domains}
    missing = set()
    for text in shown:
        try:
            name = DomainName.parse(text.strip().rstrip(".").encode("utf-8", "surrogateescape"))
        except NameFault:
            missing.add(text)
        else:
            if name.ascii not in known:
                missing.add(text)
    return missing


def broken_by(value: bytes) -> dict[str, set[str]]:
    """The readers that show what does not answer, and what they show."""
    return _broken(Authors.parse(value), (value,))


def broken_by_header(octets: bytes) -> dict[str, set[str]]:
    """The same for every From field that Python's parser finds in a header section."""
    authors = Authors.of(Header.parse(octets))
    if not authors.complete:
        return {}
    values = python_message(octets)
    return _broken(authors, (*values, b", ".join(values)))


def _broken(authors: Authors, values: tuple[bytes, ...]) -> dict[str, set[str]]:
    if not authors.complete:
        return {}
    found: dict[str, set[str]] = {}
    for name, reader in READERS.items():
        for value in values:
            if missing := unanswered(authors, reader(value)):
                found.setdefault(name, set()).update(missing)
    return found
