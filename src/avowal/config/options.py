"""How an option is declared: its type, default, unit and meaning in one place.

The reference page, the sample file, the man page and the errors read these declarations.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

Natural: TypeAlias = Annotated[int, Meta(ge=0)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
FieldName: TypeAlias = Annotated[str, Meta(pattern="^[!-9;-~]+$")]
Octal: TypeAlias = Annotated[str, Meta(pattern="^0?[0-7]{3}$")]
Address: TypeAlias = Annotated[str, Meta(pattern=r"^[^<>,\s]+@[^<>,\s]+$")]
HostPort: TypeAlias = Annotated[
    str, Meta(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+)(:[0-9]{1,5})?$")
]

Entries: TypeAlias = Literal["addresses", "hosts", "domains", "field names", "key names", "texts"]
"""What the entries of a list are, and so how each is read when a plan is compiled."""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the configuration.  Unknown keys are mistakes, never passed over."""


def option(
    meaning: str,
    *,
    unit: str | None = None,
    example: Any = None,
    entries: Entries | None = None,
    **bounds: Any,
) -> Meta:
    """Describe one option: `meaning` in one or two sentences, `bounds` as msgspec has them.

    `example` is what the sample file shows where there is no default; `entries` says how the
    entries of a list are compiled.
    """
    extra = {} if unit is None else {"unit": unit}
    if entries is not None:
        extra["entries"] = entries
    examples = None if example is None else [example]
    return Meta(description=meaning, extra=extra, examples=examples, **bounds)
