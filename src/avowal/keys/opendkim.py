"""OpenDKIM's tables: which keys there are (KeyTable), and who signs with them (SigningTable).

Both are data sets; what a data set is made of does not matter here (`avowal.stores`).  The
order of lookups is what OpenDKIM 2.11 does, measured, which is not quite what its manual
says: each domain is asked for with the user before it and then alone, level by level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from avowal.crypto.algorithms import signing_names
from avowal.errors import KeyMaterialError
from avowal.names import DomainName, NameFault
from avowal.valueclass import value

_KEY_FIELDS = 3


class DataSet(Protocol):
    """Maps keys to fields; a lookup may wait for a network or a disk."""

    @property
    def name(self) -> str: ...

    def find(self, key: str, fields: int = 1) -> tuple[str, ...] | None:
        """Return at most so many fields of a key's value, or None; raises StoreError."""


@runtime_checkable
class PatternDataSet(Protocol):
    """A data set whose keys are patterns, tried in order."""

    def matches(self, key: str, fields: int = 1) -> Iterator[tuple[str, ...]]: ...


@value
class TableKey:
    """A row of the KeyTable for one author domain: all `%` replaced.

    Exactly one of `path` and `inline` says where the key is.  `algorithm` is the a= of the
    optional fourth field.
    """

    name: str
    domain: str
    selector: str
    path: str | None = None
    inline: str | None = None
    algorithm: str | None = None


class KeyTable:
    """Key names to ``domain:selector:key[:algorithm]``."""

    __slots__ = ("data",)

    def __init__(self, data: DataSet) -> None:
        self.data = data

    def key(self, name: str, author_domain: str) -> TableKey | None:
        """Return the key of a name, or None; ``%`` stands for the author's domain.

        Raises KeyMaterialError for a row that is no key.
        """
        written = self.written(name)
        if written is None:
            return None
        domain = author_domain if written.domain == "%" else written.domain
        _check(f"{self.data.name}: {name}", domain, written.selector)
        path = None if written.path is None else written.path.replace("%", author_domain)
        if (domain, path) == (written.domain, written.path):
            return written  # as nearly always: a copy would cost more than the look-up
        return replace(written, domain=domain, path=path)

    def written(self, name: str) -> TableKey | None:
        """Return the key of a name with ``%`` as it is written, or None.

        Raises KeyMaterialError for a row that is not of three fields.
        """
        fields = self.data.find(name, _KEY_FIELDS)
        if fields is None:
            return None
        if len(fields) < _KEY_FIELDS or not all(fields[:_KEY_FIELDS]):
            raise KeyMaterialError(
                f"{self.data.name}: {name}", "not of the form domain:selector:key"
            )
        domain, selector, material = fields
        material, algorithm = _algorithm(material)
        is_path = material.startswith(("/", "./", "../"))
        return TableKey(
            name=name,
            domain=domain,
            selector=selector,
            path=material if is_path else None,
            inline=None if is_path else material,
            algorithm=algorithm,
        )


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a row of the SigningTable asks for: a key's name, and the identity i=."""

    key: str
    identity: str | None = None


class SigningTable:
    """Authors to ``keyname[:identity]``."""

    __slots__ = ("data",)

    def __init__(self, data: DataSet) -> None:
        self.data = data

    def requests(
        self, local_part: str, domain: str, *, every: bool = False
    ) -> tuple[SigningRequest, ...]:
        """Return what signs the mail of an author: the first row that matches, or `every` one.

        `domain` is lower-cased.  Raises StoreError.
        """
        found = []
        for key, identity in self._rows(local_part, domain):
            name = domain if key == "%" else key
            found.append(SigningRequest(name, identity.replace("%", domain) or None))
            if not every:
                break
        return tuple(found)

    def _rows(self, local_part: str, domain: str) -> Iterator[tuple[str, str]]:
        address = f"{local_part}@{domain}"
        if isinstance(self.data, PatternDataSet):
            rows = self.data.matches(address, 2)
        else:
            asked = (self.data.find(probe, 2) for probe in probes(local_part, domain))
            rows = (row for row in asked if row is not None)
        for key, *identity in rows:
            yield key, identity[0] if identity else ""


def probes(local_part: str, domain: str) -> Iterator[str]:
    """Yield the keys under which an address is looked for, the most specific first.

    ``user@host, host, user@.parent, .parent, ..., user@*, *``.

    >>> list(probes("a", "x.example"))
    ['a@x.example', 'x.example', 'a@.example', '.example', 'a@*', '*']
    """
    for level in (domain, *parents(domain), "*"):
        yield f"{local_part}@{level}"
        yield level


def parents(domain: str) -> Iterator[str]:
    """Yield the domains above a domain, each with a dot in front."""
    dot = domain.find(".")
    while dot >= 0:
        yield domain[dot:]
        dot = domain.find(".", dot + 1)


def _algorithm(material: str) -> tuple[str, str | None]:
    """Cut off a fourth field, where there is one.  A path may hold colons as well."""
    head, colon, tail = material.rpartition(":")
    if colon and tail.strip() in signing_names():
        return head.strip(), tail.strip()
    return material, None


def _check(source: str, domain: str, selector: str) -> None:
    for what, name in (("domain", domain), ("selector", selector)):
        try:
            DomainName.parse(name.encode("utf-8", "surrogateescape"))
        except NameFault as fault:
            raise KeyMaterialError(source, f"{name!r} is no {what}: {fault.why}") from None
