"""What programs look for in ``dkim.util``: reading a tag list at hand."""

from __future__ import annotations

import logging

from avowal.compat.dkim.octets import Octets, octets
from avowal.taglist import TagList, TagListFault

LOGGER = logging.getLogger("dkimpy")
LOGGER.addHandler(logging.NullHandler())  # silent until the program listens

__all__ = [
    "DuplicateTag",
    "InvalidTagSpec",
    "InvalidTagValueList",
    "get_default_logger",
    "get_linesep",
    "parse_tag_value",
]


class InvalidTagValueList(Exception):
    """Octets that are no tag list."""


class DuplicateTag(InvalidTagValueList):
    """A tag that stands twice."""


class InvalidTagSpec(InvalidTagValueList):
    """A tag that is malformed."""


def parse_tag_value(tag_list: Octets) -> dict[bytes, bytes]:
    """Return the tags of a list (RFC 6376 §3.2), white space around their values removed.

    Raises DuplicateTag, InvalidTagSpec.
    """
    try:
        tags = TagList.parse(octets(tag_list, "a tag list").strip(b" \t\r\n"))
    except TagListFault as fault:
        kind = DuplicateTag if "twice" in fault.why else InvalidTagSpec
        raise kind(str(fault)) from None
    return {tag.name.encode(): tag.value for tag in tags}


def get_default_logger() -> logging.Logger:
    """Return the logger that is written to where none is given."""
    return LOGGER


def note(logger: logging.Logger | None, fault: Exception) -> None:
    """Tell a logger that was given of an exception that becomes an answer."""
    if logger is not None:
        logger.error("%s", fault)


def get_linesep(msg: bytes) -> bytes:
    """Return the line end of a message's last line."""
    return b"\n" if msg[-1:] == b"\n" and msg[-2:] != b"\r\n" else b"\r\n"
