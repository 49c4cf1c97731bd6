"""The charsets list tools read and write: a closed table, never a look-up by a stranger's name."""

from __future__ import annotations

import codecs
from typing import Final

from avowal.authres.identifiers import CODECS

_SINGLE: Final = {f"iso-8859-{n}": f"iso8859-{n}" for n in range(1, 17) if n != 12} | {
    f"windows-{n}": f"cp{n}" for n in (874, *range(1250, 1259))
}
APPENDABLE: Final[dict[bytes, str]] = {
    name.encode(): codec
    for name, codec in {
        "us-ascii": "ascii",
        "ascii": "ascii",
        "utf-8": "utf-8",
        "utf8": "utf-8",
        "koi8-r": "koi8-r",
        "koi8-u": "koi8-u",
        "gb2312": "gb2312",
        "gbk": "gbk",
        "gb18030": "gb18030",
        "big5": "big5",
        "euc-jp": "euc-jp",
        "euc-kr": "euc-kr",
        "shift_jis": "shift_jis",
        **_SINGLE,
    }.items()
}
"""Charsets by lower-cased name whose texts can be put behind one another: ASCII is in them as it
is, and no text leaves a state behind.  The values are Python's codecs."""

DECODABLE: Final[dict[bytes, str]] = {
    **APPENDABLE,
    b"iso-2022-jp": "iso-2022-jp",
    b"iso-2022-kr": "iso-2022-kr",
    b"utf-7": "utf-7",
}
"""Charsets that occur in encoded words (RFC 2047 §2)."""


def load_codecs() -> None:
    """Load what texts of strangers are read with.

    Codecs are modules: a process that changes its root, or its user, may find none any more.
    """
    for name in {*DECODABLE.values(), *CODECS}:
        codecs.lookup(name)
