"""Query mode (-Q): ask a data set by hand, as the filter would."""

from __future__ import annotations

from typing import TextIO

from avowal.config.redaction import redacted
from avowal.errors import AvowalError
from avowal.stores.opening import open_data_set, why_not

_NAME = "avowal-opendkim"
_MOST_DIGITS = 3  # of the number of fields that are asked for
_FORMS = (
    "csl:entry1[,entry2[,...]]", "file:path", "refile:path", "db:path", "mdb:path",
    "dsn:<backend>://[user[:pwd]@][port+]host/dbase[/key=val[?...]]",
)  # fmt: skip
_FIRST = f"{_NAME}: enter data set description\n\t" + "\n\t".join(_FORMS) + "\n> "
_SECOND = f"{_NAME}: enter 'query/n' where 'n' is number of fields to request\n> "


def query(given: TextIO, out: TextIO, complaints: TextIO) -> int:
    """Read a data set and a query ``key/fields``, print its fields; return the exit status."""
    answers = []
    for prompt in (_FIRST, _SECOND):
        if given.isatty():
            out.write(prompt)
            out.flush()
        answers.append(given.readline().strip())
    spec, asked = answers
    key, slash, count = asked.rpartition("/")
    try:
        data = open_data_set(spec)
        if not slash or not (count.isascii() and count.isdigit() and len(count) <= _MOST_DIGITS):
            complaints.write(f"{_NAME}: invalid query '{_shown(asked)}'\n")
            return 64
        fields = data.find(key, max(1, int(count)))
    except AvowalError as fault:
        said = redacted(f"{_kind(spec)}: {why_not(fault)}")
        complaints.write(f"{_NAME}: {said}\n")
        return 70
    if fields is None:
        complaints.write(f"{_NAME}: record not found\n")
        return 0
    for place in range(int(count)):
        text = fields[place] if place < len(fields) else None
        shown = None if text is None else _shown(text)
        out.write("<absent>\n" if shown is None else f"'{shown}'\n" if shown else "<empty>\n")
    return 0


def _kind(spec: str) -> str:
    """Return the word before the colon, where it is the kind of a data set."""
    word = spec.partition(":")[0]
    return word if word.isalpha() else "data set"


def _shown(text: str) -> str:
    """Return a text that any output can be written with: octets beyond UTF-8 as escapes."""
    return text.encode("utf-8", "surrogateescape").decode(errors="backslashreplace")
