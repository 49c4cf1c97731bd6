"""dkimpy's exceptions.

::

    DKIMException
    ├─ AuthresNotFoundError   never raised: avowal needs no further package
    ├─ DnsTimeoutError        for a `dnsfunc` to raise
    ├─ InternalError          never raised
    ├─ KeyFormatError         a private key that cannot be read, a public key too small
    ├─ MessageFormatError     a header, or a signature's tag list, that is none
    ├─ NaClNotFoundError      never raised
    ├─ ParameterError         a signature that must not be made as asked
    ├─ UnknownKeyTypeError    never raised
    └─ ValidationError        a signature that is refused before its b= is looked at

    UnparsableKeyError        no DKIMException there and here: what `crypto` raises
"""

from __future__ import annotations


class DKIMException(Exception):
    """The root."""


class AuthresNotFoundError(DKIMException):
    """There for programs that catch it."""


class DnsTimeoutError(DKIMException):
    """DNS took too long."""


class InternalError(DKIMException):
    """There for programs that catch it."""


class KeyFormatError(DKIMException):
    """A key that cannot be used."""


class MessageFormatError(DKIMException):
    """A message that is not RFC 5322, or a signature that is no tag list."""


class NaClNotFoundError(DKIMException):
    """There for programs that catch it."""


class ParameterError(DKIMException):
    """An argument that cannot be signed with."""


class UnknownKeyTypeError(DKIMException):
    """There for programs that catch it."""


class ValidationError(DKIMException):
    """A signature that is not valid."""


class UnparsableKeyError(Exception):
    """Octets that are no private key."""
