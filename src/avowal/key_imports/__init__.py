"""The keys that other programs' files name, for ``avowal keys import``.

`read_keys` finds out what a file is and reads it: OpenDKIM's KeyTable and opendkim.conf,
dkimpy-milter.conf, rspamd's dkim_signing, configurations and exports of Stalwart, and files that
hold a key alone.  What cannot be obeyed is refused with its line; nothing is left out quietly.
"""

from __future__ import annotations

import os

from avowal import paths
from avowal.key_imports import bare, rspamd, stalwart, tables
from avowal.key_imports.key import ImportedKey, fault

__all__ = ["ImportedKey", "read_keys"]

_MAX_FILE = 16 << 20  # octets: a table of 100,000 keys by their paths
_FORMS = (
    "OpenDKIM's KeyTable or opendkim.conf, dkimpy-milter.conf, rspamd's dkim_signing.conf, "
    "Stalwart's TOML or JSON, or a private key"
)


def read_keys(path: str | os.PathLike[str]) -> tuple[ImportedKey, ...]:
    """Read the keys that a file names, in its order.

    Raises ConfigError with the line for what is wrong or cannot be obeyed, KeyMaterialError
    for a key file that holds none, StoreError for a table that cannot be read.
    """
    file = os.fspath(path)
    try:
        octets = paths.read(file, _MAX_FILE)
    except OSError as error:
        raise fault(file, None, error.strerror or str(error)) from None
    if bare.is_key(octets):
        return bare.read(octets, file)
    if b"\0" in octets:  # no path may hold one
        line = octets.count(b"\n", 0, octets.index(b"\0")) + 1
        raise fault(file, line, "there is a NUL in the file", _FORMS)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise fault(file, line, "neither text nor a private key", _FORMS) from None
    found = _read(text, file)
    if not found:
        raise fault(file, None, "it names no keys")
    return found


def _read(text: str, file: str) -> tuple[ImportedKey, ...]:
    begun = text.lstrip()
    if begun[:1] == "{" and rspamd.is_ours(text):
        return rspamd.read(text, file)
    if begun[:1] == "{" or (begun[:1] == "[" and begun[1:].lstrip()[:1] in {"{", "["}):
        return stalwart.read_json(text, file)
    of_stalwart = stalwart.read_toml(text, file)
    if of_stalwart is not None:
        return of_stalwart
    if rspamd.is_ours(text):
        return rspamd.read(text, file)
    if tables.is_conf(text):
        return tables.read_conf_keys(text, file)
    if tables.is_table(text):
        return tables.read_table(file)
    if tables.is_signing_table(text):
        hint = "name the KeyTable, or opendkim.conf with both"
        raise fault(file, None, "a SigningTable says who signs, not where the keys are", hint)
    raise fault(file, None, "of no form that is read", _FORMS)
