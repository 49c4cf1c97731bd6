"""Finding out why signatures failed (ExplainFailures), and keeping messages that did (Capture…).

It is what `avowal milter` does under `explanations` and `capture`, with the same process beside
the daemon, the same box and the same bounds.  The options are ours; they are read at the start,
and a reload keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec

from avowal.config.explanations import Capture, Explanations
from avowal.config.opendkim_conf import OpendkimConf
from avowal.dkim.signature import FIELD_NAME
from avowal.flow.failures import (
    FailedMessage,
    KeptBody,
    Room,
    is_authors,
    is_failure,
    mistakes_of,
)
from avowal.message import Header
from avowal.milter.actions import delete
from avowal.milter.explaining import ExplainingMaker
from avowal.milter.packets import ChangeHeader
from avowal.names import DomainName, NameFault
from avowal.opendkim.filtering import Filtering
from avowal.opendkim.treatment import TreatmentKind

_Options = TypeVar("_Options", Explanations, Capture)
_EXPLANATIONS: Mapping[str, str] = MappingProxyType(
    {
        "make": "ExplainFailures", "seconds": "ExplainSeconds", "field": "ExplainField",
        "wait": "ExplainWait",
    }
)  # fmt: skip
_CAPTURE: Mapping[str, str] = MappingProxyType(
    {
        "directory": "CaptureDirectory", "recipients": "CaptureRecipients", "keep": "CaptureKeep",
        "most_files": "CaptureMostFiles", "most_octets": "CaptureMostOctets",
        "days": "CaptureDays",
    }
)  # fmt: skip
_NAMES = MappingProxyType({"explanations": _EXPLANATIONS, "capture": _CAPTURE})
_LEFT_ALONE = (TreatmentKind.SIGN, TreatmentKind.LEAVE)


def explaining_of(conf: OpendkimConf) -> ExplainingMaker | None:
    """Return what explains and captures, None where neither is wanted.

    All that it needs is loaded here, before the root directory is another one.  Raises
    ConfigError for an option that cannot be meant, KeyMaterialError for public keys that are
    none.
    """
    explanations = _read(conf, Explanations, _EXPLANATIONS)
    capture = _read(conf, Capture, _CAPTURE)
    for (table, name), why, _ in mistakes_of(explanations, capture):
        setting = conf.setting(_NAMES[table][name])
        if setting is not None:
            raise setting.fault(why, _HINTS.get(setting.key.lower()))
    if not explanations.make and capture.directory is None:
        return None
    return ExplainingMaker(explanations, capture)


_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "explainfield": "set ExplainFailures yes",
        "capturedirectory": "name a public key of age in CaptureRecipients, and set "
        "ExplainFailures yes or CaptureKeep failed",
    }
)


def _read(conf: OpendkimConf, kind: type[_Options], names: Mapping[str, str]) -> _Options:
    """Read a table of ours from options; its own bounds hold."""
    made = kind()
    for name, option in names.items():
        setting = conf.setting(option)
        if setting is None:
            continue
        given: object = setting.text
        if name == "make":
            given = conf.boolean(option)
        elif name == "recipients":
            given = tuple(one.strip() for one in setting.text.split(",") if one.strip())
        elif isinstance(getattr(made, name), int):
            given = conf.integer(option)
        try:
            made = msgspec.convert({**msgspec.to_builtins(made), name: given}, kind)
        except msgspec.ValidationError as error:
            raise setting.fault(str(error).partition(" - at ")[0]) from None
    return made


def kept_body(filtering: Filtering, room: Room) -> KeptBody | None:
    """Begin to keep the body of a message that is verified and signed, None for any other."""
    if not filtering.verifies or FIELD_NAME not in filtering.header.positions:
        return None
    return room.body()


def failed(filtering: Filtering, body: KeptBody, *, now: int) -> FailedMessage | None:
    """Return the message if a signature failed for good, and all of it is there."""
    wrong = [one for one in filtering.verifications if is_failure(one)]
    if not body.whole or not wrong:
        return None
    return FailedMessage(
        header=filtering.header,
        body=body,
        verifications=filtering.verifications,
        author=is_authors(wrong, _authors(filtering)),
        now=now,
    )


def _authors(filtering: Filtering) -> tuple[DomainName, ...]:
    treatment = filtering.treatment
    if treatment is None or treatment.author is None:
        return ()
    try:
        return (DomainName.parse(treatment.author[1].encode("utf-8", "surrogateescape")),)
    except NameFault:
        return ()


def forged(filtering: Filtering, name: str | None) -> tuple[ChangeHeader, ...]:
    """Return the deletions of fields of a name that only this host may have written."""
    treatment, header = filtering.treatment, filtering.header
    if name is None or (treatment is not None and treatment.kind in _LEFT_ALONE):
        return ()
    octets = name.encode()
    return delete(octets, range(1, _count(header, octets.lower()) + 1))


def _count(header: Header, name: bytes) -> int:
    unread = 0 if header.beyond is None else header.beyond.count(name)
    return len(header.positions.get(name, ())) + unread
