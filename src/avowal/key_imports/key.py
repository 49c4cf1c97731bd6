"""A key that another program's files name: for which domain, under which selector, and where.

Nothing here opens the key itself: `avowal.keys.files.load_key` judges who else may read it.
"""

from __future__ import annotations

from avowal.crypto.algorithms import ALGORITHMS, signing_names
from avowal.errors import ConfigError
from avowal.names import DomainName, NameFault, Selector
from avowal.text import printable
from avowal.valueclass import value

_SHOWN = 40  # characters of what is no name: a key that was put there is not shown whole


@value
class ImportedKey:
    """One key as a file names it.

    `domain` and `selector` are None where the file does not say them, as a key alone does not.
    Exactly one of `path` and `inline` says where the private key is; `inline` is the key itself,
    in a form that `load_key` reads, and is never shown.  `algorithm` is the a= that the file
    asks for, None where the kind of the key decides.  `file` and `line` say where all that
    stands, the line counted from 1 and None where there are no lines.
    """

    domain: DomainName | None = None
    selector: Selector | None = None
    algorithm: str | None = None
    path: str | None = None
    inline: str | None = None
    file: str
    line: int | None = None

    @property
    def place(self) -> str:
        """Where the file names the key."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def __repr__(self) -> str:
        where = "a key in the file" if self.path is None else self.path
        return f"<ImportedKey {self.selector or '?'} {self.domain or '?'} {where} of {self.place}>"


def fault(file: str, line: int | None, why: str, hint: str | None = None) -> ConfigError:
    """Build the refusal of what stands on a line."""
    return ConfigError(printable(why), file=file, line=line, hint=hint)


def name_of(what: str, written: str, file: str, line: int | None) -> DomainName:
    """Read a domain or selector.  Raises ConfigError."""
    try:
        return DomainName.parse(written.strip().encode("utf-8", "surrogateescape"))
    except NameFault as error:
        shown = printable(written, most=_SHOWN)
        raise fault(file, line, f"{shown!r} is no {what}: {error.why}") from None


def algorithm_of(written: str | None, file: str, line: int | None) -> str | None:
    """Read an a= that we sign with.  Raises ConfigError."""
    if written is None:
        return None
    name = written.strip().lower().replace("sha-", "sha")  # Stalwart's rsa-sha-256
    if name in signing_names():
        return name
    if name in ALGORITHMS:
        raise fault(
            file, line, f"{name} does not sign any more (RFC 8301 §3.1)", "write rsa-sha256"
        )
    raise fault(file, line, f"{written!r} is no algorithm that signs", " or ".join(signing_names()))
