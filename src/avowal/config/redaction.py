"""Texts of an operator's as they may be shown: the one place where passwords are taken out.

A data source names its password in the middle of its specification
(``dsn:pgsql://mail:secret@db/mail``), so a specification is shown through `redacted` only:
in errors, logs, reprs, and in what a database says.
"""

from __future__ import annotations

import re

HIDDEN = "***"
# From the colon behind the user to the last @ of the word: a password that is written with
# a slash or an @ of its own, against the rules, is hidden as well.
_PASSWORD = re.compile(r"(//+[^:@/\s]*:)\S*@")


def redacted(text: str, *secrets: str | None) -> str:
    """Return a text without passwords: those in URLs, and the given ones wherever they stand."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    return _PASSWORD.sub(rf"\1{HIDDEN}@", text)
