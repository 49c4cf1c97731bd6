"""How an option is declared: its type, default, unit and meaning in one place.

The reference page, the sample file, the man page and the errors read these declarations.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

Natural: TypeAlias = Annotated[int, Meta(ge=0)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
Octal: TypeAlias = Annotated[str, Meta(pattern="^0?[0-7]{3}$")]
Address: TypeAlias = Annotated[str, Meta(pattern=r"^[^<>,\s]+@[^<>,\s]+$")]
HostPort: TypeAlias = Annotated[
    str, Meta(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+)(:[0-9]{1,5})?$")
]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the configuration.  Unknown keys are mistakes, never passed over."""


def option(meaning: str, *, unit: str | None = None, example: Any = None, **bounds: Any) -> Meta:
    """Describe one option: `meaning` in one or two sentences, `bounds` as msgspec has them.

    `example` is what the sample file shows where there is no default.
    """
    extra = {} if unit is None else {"unit": unit}
    examples = None if example is None else [example]
    return Meta(description=meaning, extra=extra, examples=examples, **bounds)
