"""Frozen values that cost little to declare: dataclasses that compile one method, not six.

`dataclass(frozen=True, slots=True)` writes out and compiles each method of a class, which
takes about a millisecond, and a run of the command pays for every class on the way to its
verdict.  `value` compiles ``__init__`` only and shares the other methods.  What comes out is a
dataclass still: `dataclasses.fields`, `replace` and `asdict` take it, and type checkers know
it by `typing.dataclass_transform`.

    @value
    class Answer:
        records: tuple[bytes, ...] = ()
        ttl: int = 0

docs/design/decisions/0006 tells why and has the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform, overload

from avowal._fast import COMPILED, fill

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


@overload
def value(declared: type[T], /) -> type[T]: ...
@overload
def value(*, kw_only: bool = True, eq: bool = True) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def value(declared: Any = None, /, *, kw_only: bool = True, eq: bool = True) -> Any:
    """Make a frozen dataclass with slots of a class; a decorator, with or without options.

    Fields are given by keyword, with ``kw_only=False`` by place too; ``eq=False`` compares by
    identity.  Methods that the class has are kept, and a ``__post_init__`` is called.  Every
    field counts in comparisons and is shown.  Raises TypeError for a default factory: defaults
    of frozen values have no need of one.
    """

    def finished(declared: Any) -> Any:
        described = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
        made = described(declared)
        methods = _SHARED | {"__init__": _init(made)}
        if eq:
            methods |= _comparing(*[one.name for one in fields(made)])
        for name, method in methods.items():
            if name not in declared.__dict__:
                setattr(made, name, method)
        return made

    return finished if declared is None else finished(declared)


def _init(made: type[DataclassInstance]) -> Callable[..., None]:
    """Compile ``def __init__(self, *, records=_0_default): _fill(self, _slots, (records,))``.

    The names of the scope cannot meet those of fields.  Without the C kernel, ``_0`` writes to
    the slot of a field, which takes half the time of `object.__setattr__`.
    """
    names = [one.name for one in fields(made)]
    scope: dict[str, object] = {"_fill": fill}
    scope["_slots"] = tuple([getattr(made, name) for name in names])
    by_place, by_keyword, lines = ["self"], ["*"], []
    for number, one in enumerate(fields(made)):
        if one.default_factory is not MISSING:
            raise TypeError(f"{made.__qualname__}.{one.name}: a value has no default factories")
        scope[f"_{number}"] = getattr(made, one.name).__set__
        scope[f"_{number}_default"] = one.default
        default = "" if one.default is MISSING else f"=_{number}_default"
        (by_keyword if one.kw_only else by_place).append(one.name + default)
        lines.append(f" _{number}(self, {one.name})")
    if COMPILED and names:
        lines = [f" _fill(self, _slots, ({', '.join(names)},))"]
    if "__post_init__" in vars(made):
        lines.append(" self.__post_init__()")
    parameters = by_place if len(by_keyword) == 1 else by_place + by_keyword
    lines.insert(0, f"def __init__({', '.join(parameters)}):")
    exec("\n".join([*lines, " pass"]), scope)  # noqa: S102 - of names that the class body declares
    init: Any = scope["__init__"]
    init.__qualname__ = f"{made.__qualname__}.__init__"  # what a TypeError says is missing
    init.__annotations__ = {one.name: one.type for one in fields(made)} | {"return": None}
    return init  # type: ignore[no-any-return]


def _comparing(*names: str) -> dict[str, object]:
    """The methods that look at all fields: those of one class."""
    contents = attrgetter(*(names or ("__class__",)))

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - it becomes a method
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(contents(self) == contents(other))

    def __hash__(self: object) -> int:  # noqa: N807 - it becomes a method
        return hash(contents(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _repr(self: DataclassInstance) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))
    return f"{self.__class__.__qualname__}({shown})"


def _refuse(self: object, name: str, *_value: object) -> NoReturn:
    raise FrozenInstanceError(f"{self.__class__.__qualname__}.{name} cannot be changed")


def _state(self: DataclassInstance) -> list[object]:
    return [getattr(self, one.name) for one in fields(self)]


def _restore(self: DataclassInstance, state: list[object]) -> None:
    for one, kept in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, kept)


_SHARED: dict[str, object] = {
    "__repr__": _repr,
    "__setattr__": _refuse,
    "__delattr__": _refuse,
    "__getstate__": _state,  # pickle and copy go around the constructor
    "__setstate__": _restore,
}
