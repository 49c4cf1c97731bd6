"""What may be said of a signature besides its domain, selector and key, for type checkers.

The calls of one line take these as keyword arguments; each is the field of `Intent` of its name.
"""

from __future__ import annotations

from typing import TypedDict

from avowal.dkim.layout import Layout


class IntentOptions(TypedDict, total=False):
    """The options of `avowal.sign` and `avowal.seal`, as `Intent` describes them."""

    identity: str | None
    header_canon: str
    body_canon: str
    names: tuple[bytes, ...]
    oversigned: frozenset[bytes]
    lifetime: int | None
    copy_fields: bool
    body_length: bool
    most_octets: int | None
    request_reports: bool
    other_tags: tuple[tuple[str, bytes], ...]
    layout: Layout
