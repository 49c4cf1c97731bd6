"""Texts of an operator's as they may be shown: the one place where passwords are taken out.

A data source names its password in the middle of its specification
(``dsn:pgsql://mail:secret@db/mail``), so a specification is shown through `redacted` only:
in errors, logs, reprs, and in what a database says.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_SHORT = 5  # characters
# From the colon behind the user to the last @ of the word: a password that is written with
# a slash or an @ of its own, against the rules, is hidden as well.
_PASSWORD = re.compile(r"(//+[^:@/\s]*:)\S*@")


def redacted(text: str, *secrets: str | None) -> str:
    """Return a text without passwords: those in URLs, and the given ones wherever they stand.

    A short one is hidden as a word by itself: within other words its place would tell it.
    """
    for secret in secrets:
        if secret:
            written = re.escape(secret)
            word = rf"(?<!\w){written}(?!\w)" if len(secret) < _SHORT else written
            text = re.sub(word, HIDDEN, text)
    return _PASSWORD.sub(rf"\1{HIDDEN}@", text)
