"""Query mode (-Q): ask a data set by hand, as the filter would."""

from __future__ import annotations

from typing import TextIO

from avowal.errors import AvowalError
from avowal.stores.opening import open_data_set, why_not

_NAME = "avowal-opendkim"
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
        if not slash or not count.isdigit():
            complaints.write(f"{_NAME}: invalid query '{asked}'\n")
            return 64
        fields = data.find(key, max(1, int(count)))
    except AvowalError as fault:
        complaints.write(f"{_NAME}: {spec.partition(':')[0]}: {why_not(fault)}\n")
        return 70
    if fields is None:
        complaints.write(f"{_NAME}: record not found\n")
        return 0
    for place in range(int(count)):
        text = fields[place] if place < len(fields) else None
        out.write("<absent>\n" if text is None else f"'{text}'\n" if text else "<empty>\n")
    return 0
