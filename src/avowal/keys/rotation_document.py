"""A rotation as text, for stores (`KeptRotation.state`): JSON with the version of its form.

There is no key material in it: the private half of a key is told by where it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from avowal.errors import StoreError
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.rotation_state import Evidence, RotatedKey, Rotation, Trouble
from avowal.keys.schedule import Moment, Schedule, WhenStolen
from avowal.names import DomainName

FORMAT: Final = "avowal-rotation"
VERSION: Final = 1


def write_rotation(rotation: Rotation) -> str:
    """Return a rotation as text."""
    document = {"format": FORMAT, "version": VERSION} | _members(rotation)
    return json.dumps(document, separators=(",", ":"))


def read_rotation(text: str) -> Rotation:
    """Read what `write_rotation` wrote.  Raises StoreError for anything else."""
    try:
        document: object = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
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


def _members(one: object) -> Any:
    """Turn values into what JSON has."""
    if isinstance(one, DomainName):
        return one.ascii
    if isinstance(one, frozenset):
        return sorted(one)
    if isinstance(one, tuple):
        return [_members(part) for part in one]
    if isinstance(one, Rotation | RotatedKey | ManagedKey | Evidence | Schedule | Moment | Trouble):
        return {field.name: _members(value) for field, value in _fields(one)}
    return one


def _fields(one: Any) -> list[tuple[Any, object]]:
    return [(field, one.__getattribute__(field.name)) for field in fields(one)]


def _rotation(said: Mapping[str, Any]) -> Rotation:
    return Rotation(
        **{
            **said,
            "domain": _name(said["domain"]),
            "schedule": _schedule(said["schedule"]),
            "keys": tuple(_key(key) for key in said["keys"]),
            "making": None if said["making"] is None else _name(said["making"]),
            "taken": frozenset(said["taken"]),
            "marks": tuple((Moment(**mark), at) for mark, at in said["marks"]),
            "troubles": tuple(Trouble(**one) for one in said["troubles"]),
        }
    )


def _schedule(said: Mapping[str, Any]) -> Schedule:
    return Schedule(**{**said, "when_stolen": WhenStolen(said["when_stolen"])})


def _key(said: Mapping[str, Any]) -> RotatedKey:
    key, evidence = said["key"], said["evidence"]
    return RotatedKey(
        **{
            **said,
            "key": ManagedKey(
                **{
                    **key,
                    "domain": _name(key["domain"]),
                    "selector": _name(key["selector"]),
                    "state": KeyState(key["state"]),
                }
            ),
            "evidence": Evidence(**{**evidence, "servers": tuple(evidence["servers"])}),
            "times": tuple((KeyState(state), at) for state, at in said["times"]),
        }
    )


def _name(text: str) -> DomainName:
    return DomainName.parse(text.encode())
