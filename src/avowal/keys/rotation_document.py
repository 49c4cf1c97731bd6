"""A rotation as text, for stores (`KeptRotation.state`): JSON with the version of its form.

There is no key material in it: the private half of a key is told by where it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Final, TypeVar

from avowal.errors import StoreError
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation, Trouble
from avowal.keys.schedule import Moment, Schedule, WhenStolen
from avowal.names import DomainName

FORMAT: Final = "avowal-rotation"
VERSION: Final = 1

T = TypeVar("T")


def write_rotation(rotation: Rotation) -> str:
    """Return a rotation as text."""
    document = {"format": FORMAT, "version": VERSION} | _members(rotation)
    return json.dumps(document, separators=(",", ":"), default=_plain)


def read_rotation(text: str) -> Rotation:
    """Read what `write_rotation` wrote.  Raises StoreError for anything else."""
    try:
        document = _object(json.loads(text))
    except (TypeError, ValueError):
        document = {}
    if document.get("format") != FORMAT:
        raise StoreError("the store's rotation is none: the text is of another form")
    if document.get("version") != VERSION:
        raise StoreError(
            f"the store's rotation has version {document.get('version')}: this release reads"
            f" {VERSION}; use the release that wrote it"
        )
    try:
        return _rotation({k: v for k, v in document.items() if k not in {"format", "version"}})
    except (TypeError, KeyError, ValueError) as error:
        raise StoreError(f"the store's rotation is damaged: {error}") from None


def _plain(one: object) -> object:
    """Turn a value into what JSON has."""
    if isinstance(one, DomainName):
        return one.ascii
    if isinstance(one, frozenset):
        return sorted(one)
    if isinstance(one, (RotatedKey, ManagedKey, Evidence, Schedule, Moment, Trouble)):
        return _members(one)
    raise TypeError(f"a rotation has no {type(one).__name__}")


def _members(
    one: Rotation | RotatedKey | ManagedKey | Evidence | Schedule | Moment | Trouble,
) -> dict[str, object]:
    return {field.name: one.__getattribute__(field.name) for field in fields(one)}


def _object(said: object) -> dict[str, object]:
    if not isinstance(said, dict):
        raise TypeError(f"an object is needed, not {type(said).__name__}")
    return said


def _list(said: object) -> list[object]:
    if not isinstance(said, list):
        raise TypeError(f"a list is needed, not {type(said).__name__}")
    return said


def _text(said: object) -> str:
    if not isinstance(said, str):
        raise TypeError(f"a text is needed, not {type(said).__name__}")
    return said


def _made(kind: Callable[..., T], said: dict[str, object]) -> T:
    """Make a value of its members; TypeError for others than it has."""
    return kind(**said)


def _rotation(said: dict[str, object]) -> Rotation:
    making, marks = said["making"], map(_list, _list(said["marks"]))
    read: dict[str, object] = {
        "domain": _name(said["domain"]),
        "schedule": _schedule(_object(said["schedule"])),
        "keys": tuple(_key(_object(key)) for key in _list(said["keys"])),
        "making": None if making is None else _name(making),
        "taken": frozenset(_list(said["taken"])),
        "marks": tuple((_made(Moment, _object(mark)), at) for mark, at in marks),
        "troubles": tuple(_made(Trouble, _object(one)) for one in _list(said["troubles"])),
    }
    return _made(Rotation, said | read)


def _schedule(said: dict[str, object]) -> Schedule:
    return _made(Schedule, said | {"when_stolen": WhenStolen(_text(said["when_stolen"]))})


def _key(said: dict[str, object]) -> RotatedKey:
    key, evidence = _object(said["key"]), _object(said["evidence"])
    read: dict[str, object] = {
        "domain": _name(key["domain"]),
        "selector": _name(key["selector"]),
        "state": KeyState(_text(key["state"])),
    }
    servers, times = tuple(_list(evidence["servers"])), map(_list, _list(said["times"]))
    parts: dict[str, object] = {
        "key": _made(ManagedKey, key | read),
        "evidence": _made(Evidence, evidence | {"servers": servers}),
        "times": tuple((KeyState(_text(state)), at) for state, at in times),
    }
    return _made(RotatedKey, said | parts)


def _name(said: object) -> DomainName:
    return DomainName.parse(_text(said).encode())
