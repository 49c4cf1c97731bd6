"""What a verification says about one signature."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MemberDescriptorType
from typing import TYPE_CHECKING, NoReturn, ParamSpec, Protocol, TypeVar

from avowal.dkim.key import KeyRecord
from avowal.dkim.reasons import Caution, Reason, Result
from avowal.dkim.signature import Signature
from avowal.errors import TruthError
from avowal.message import Field
from avowal.taglist import TagList
from avowal.text import printable
from avowal.valueclass import value

P = ParamSpec("P")
T = TypeVar("T")

if TYPE_CHECKING:

    def later(make: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
        """Give `Verification.warnings` as the call that works them out when they are read."""

else:

    class later(partial):  # noqa: N801 - to its callers it is the function above
        """A call that is made when its result is read."""


class _WhenRead:
    """Reads a slot of a frozen value, and puts into it what was to be worked out `later`."""

    __slots__ = ("_slot",)

    def __init__(self, slot: MemberDescriptorType) -> None:
        self._slot = slot

    def __get__(self, one: object, owner: type) -> object:
        kept: object = self._slot if one is None else self._slot.__get__(one, owner)
        if isinstance(kept, partial):
            kept = kept()
            self._slot.__set__(one, kept)
        return kept

    def __set__(self, one: object, given: object) -> None:
        self._slot.__set__(one, given)  # copies come here; `__setattr__` refuses the rest


class Judged(Protocol):
    """A verdict on a signature of any kind: `reason` is None exactly for a pass."""

    @property
    def reason(self) -> Reason | None: ...


@value(kw_only=False)
class Evidence:
    """What was measured on the way to a verdict.

    `body_hash` is the digest of the message's body as the signature asks for it, and
    `body_octets`, for a signature with l=, how long the canonical body was found to be;
    `header_intact` says whether the signed fields and the signature fit together, None
    when that was not tried or one hash covers body and header; `key_bits` and `secure` (the
    answer's AD bit) describe the key.
    """

    body_hash: bytes | None = None
    body_octets: int | None = None
    header_intact: bool | None = None
    key_bits: int | None = None
    secure: bool = False


@value(kw_only=False)
class Verification:
    """The verdict on one DKIM-Signature field.

    `reason` is None exactly for a pass; `detail` adds the particulars of this message.
    `signature` is None when the field could not be read: then `salvage` holds the tags
    that could.  `place` is the field's place in the header, counted from 0 at the top.
    `warnings` are worked out when they are read first; until then the verdict keeps the header.
    """

    field: Field
    place: int
    signature: Signature | None = None
    salvage: TagList | None = None
    key: KeyRecord | None = None
    reason: Reason | None = None
    detail: str | None = None
    warnings: tuple[Caution, ...] = ()
    evidence: Evidence | None = None

    def __bool__(self) -> NoReturn:
        raise TruthError("a verdict is neither true nor false: ask for its .passed")

    @property
    def result(self) -> Result:
        """The RFC 8601 word."""
        return Result.PASS if self.reason is None else self.reason.result

    @property
    def passed(self) -> bool:
        """Whether the signature verified and is acceptable."""
        return self.reason is None

    @property
    def domain(self) -> str | None:
        """The SDID d= as written, as far as it could be read."""
        return self._written("d")

    @property
    def selector(self) -> str | None:
        """The selector s= as written."""
        return self._written("s")

    @property
    def algorithm(self) -> str | None:
        """The algorithm a= as written."""
        return self._written("a")

    @property
    def identity(self) -> str | None:
        """The AUID i=, or its default ``@d``."""
        if self.signature is not None:
            return str(self.signature.auid)
        return self._written("i")

    @property
    def explanation(self) -> str:
        """One sentence for a person."""
        if self.reason is None:
            return "the signature verifies"
        return f"{self.reason.sentence}: {self.detail}" if self.detail else self.reason.sentence

    def _written(self, tag: str) -> str | None:
        tags = self.signature.tags if self.signature is not None else self.salvage
        found = None if tags is None else tags.values.get(tag)
        return None if found is None else printable(found)


setattr(Verification, "warnings", _WhenRead(vars(Verification)["warnings"]))  # noqa: B010 - no type has it so
