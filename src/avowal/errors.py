"""Every exception avowal raises, and whose fault each one is.

::

    AvowalError
    ├─ UsageError            the caller asked for something impossible
    │  ├─ StateError         the right call at the wrong time
    │  ├─ TruthError         a verdict taken for true or false; also a TypeError
    │  ├─ IntentError        a signature that must not be made: (field, why)
    │  └─ KeyMaterialError   a key that cannot be used: (source, why)
    ├─ SyntaxFault           low-level parsers only: (offset, why); also a ValueError
    ├─ ConfigError           the operator's files: (file, line, column, key, why, hint)
    └─ EnvironmentFault      the world around us
       ├─ StoreError         a file or database could not be read or written
       │  └─ StoreAwayError   its server does not answer now and may do so later
       ├─ ResolverSetupError no usable DNS resolver
       └─ PeerError          the other end of a connection broke its protocol

Verdicts are never exceptions.  Three sentences hold, and the fuzzers test them:
verifying raises nothing for any octets and any answers; signing raises only
`UsageError`; a parser raises only its `SyntaxFault`.
"""

from __future__ import annotations


class AvowalError(Exception):
    """The root: `except AvowalError` catches everything avowal raises on purpose."""


class UsageError(AvowalError):
    """The caller asked for something that cannot be done."""


class StateError(UsageError):
    """A call came at the wrong time, such as feeding a finished verifier."""


class TruthError(UsageError, TypeError):
    """A verdict, or a sequence of them, was asked whether it is true: `passed` says it."""


class IntentError(UsageError):
    """A signature that must not be made as asked.

    `field` names the header field or tag at fault, `why` says what is wrong with it.
    """

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class KeyMaterialError(UsageError):
    """A key that cannot be read or used.

    `source` says where it came from (a path, never key material), `why` what is wrong.
    """

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source}: {why}")
        self.source = source
        self.why = why


class SyntaxFault(AvowalError, ValueError):
    """Octets that do not fit a grammar.

    `offset` counts octets from the start of what was parsed.
    """

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(f"{why} (at octet {offset})")
        self.offset = offset
        self.why = why


class ConfigError(AvowalError):
    """A mistake in the operator's configuration: what, where and what to do.

    `line` and `column` count from 1; None where the format cannot tell.
    """

    def __init__(
        self,
        why: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        key: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.why = why
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.hint = hint
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        subject = f"{key}: {why}" if key else why
        text = f"{place}: {subject}" if place else subject
        super().__init__(f"{text} ({hint})" if hint else text)


class EnvironmentFault(AvowalError):
    """Something outside the program failed."""


class StoreError(EnvironmentFault):
    """A file or database could not be read or written."""


class StoreAwayError(StoreError):
    """A store's server does not answer now and may do so later; nothing is wrong with the name."""


class ResolverSetupError(EnvironmentFault):
    """No DNS resolver can be set up from what was given."""


class PeerError(EnvironmentFault):
    """The other end of a connection broke its protocol or a limit."""
