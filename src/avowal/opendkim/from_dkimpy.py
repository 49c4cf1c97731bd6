"""dkimpy-milter.conf as a configuration of `avowal milter`.

dkimpy-milter (looked at: 1.2.3) reads a dialect of opendkim.conf.  Its own are a second key
for Ed25519, SigningTable values whose key comes last, and MacroListVerify; what it does not
obey of OpenDKIM's options it passes over, and so do we.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from avowal.config.opendkim_conf import OpendkimConf, Setting, read_conf
from avowal.config.opendkim_options import BY_NAME, Option, OptionKind, OptionSupport
from avowal.opendkim.translated import Became, Translation
from avowal.opendkim.translation import (
    became,
    refuse_unwritable,
    rows_of,
    signed_names,
    table_keys,
)
from avowal.stores.datasets import Row

_OWN = (
    ("KeyFileEd25519", OptionKind.STRING),
    ("SelectorEd25519", OptionKind.STRING),
    ("KeyTableEd25519", OptionKind.SET),
    ("MacroListVerify", OptionKind.SET),
    ("DNSOverride", OptionKind.STRING),
    ("debugLevel", OptionKind.INTEGER),
)
_KNOWN: Mapping[str, Option] = BY_NAME | {
    name.lower(): Option(name, kind, OptionSupport.SUPPORTED) for name, kind in _OWN
}
_AS_OPENDKIM = frozenset({
    "AuthservID", "Canonicalization", "DNSTimeout", "Include", "InternalHosts", "MinimumKeyBits",
    "Mode", "PidFile", "Socket", "SubDomains", "Syslog", "SyslogFacility", "SyslogSuccess",
    "UMask", "UserID",
})  # fmt: skip
# What dkimpy-milter does where its file says nothing, and ours would do otherwise.
_DEFAULTS: tuple[tuple[str, object], ...] = (
    ("listeners", [{"socket": "unix:/var/run/dkimpy-milter/dkimpy-milter.sock"}]),
    ("server.user", "dkimpy-milter"),
    ("origin.internal_hosts", ["127.0.0.1"]),
    ("signing.canonicalization", "relaxed/simple"),
    ("signing.order", "table"),
    ("results.write", "signed"),
    ("log.target", "syslog"),
    ("log.success", False),
)
_ALGORITHMS = {"KeyTable": "rsa-sha256", "KeyTableEd25519": "ed25519-sha256"}
_SINGLE = (
    # the option with the key's file, with its selector; what it is called in ours
    ("KeyFile", "Selector", "KeyTable", ""),
    ("KeyFileEd25519", "SelectorEd25519", "KeyTableEd25519", "-ed25519"),
)
_OURS_ONLY = "; only mail that is ours is signed: see origin"


def read(path: str, *, read: Callable[[str], str] | None = None) -> OpendkimConf:
    """Read a dkimpy-milter.conf as `read_conf` does.  Raises ConfigError."""
    return read_conf(path, read=read, known=_KNOWN)


def translate(conf: OpendkimConf) -> Translation:
    """Translate a configuration.  Raises ConfigError for what cannot be read."""
    made = Translation(conf)
    for path, value in _DEFAULTS:
        made.put(path, value)
    for setting in conf.effective:
        refuse_unwritable(setting, setting.text)
        made.became.append(Became(setting, _became(made, setting)))
    _sign(made)
    return made


def _became(made: Translation, setting: Setting) -> str:
    name = setting.key
    if name in _AS_OPENDKIM:
        return became(made, setting)
    special = _SPECIAL.get(name)
    if special is None:
        return "nothing: dkimpy-milter did not obey it either"
    return special(made, setting)


# -- whose mail it is ----------------------------------------------------------------------------


def _macro_list(made: Translation, setting: Setting) -> str:
    """Entries are written ``name|value|value``; any value will do where none is named."""
    macros = {}
    for row in rows_of(setting) or ():
        name, *values = row.key.split("|")
        if name == "daemon_name" and values:
            made.put("origin.daemon_names", values)
        else:
            macros[f"{{{name}}}"] = values
    if macros:
        made.put("origin.macros", macros)
    names = [key for key in ("daemon_names", "macros") if key in made.tables["origin"]]
    return " and ".join(f"origin.{name}" for name in names)


# -- keys ----------------------------------------------------------------------------------------


def _sign(made: Translation) -> None:
    conf = made.conf
    tables = [table for name in _ALGORITHMS if (table := conf.setting(name)) is not None]
    signing = conf.setting("SigningTable")
    if tables and signing is not None:
        keys = [dict(_keys(conf, table)) for table in tables]
        made.put("keys", {name: entry for each in keys for name, entry in each.items()})
        made.put("signing.rules", list(_rules(rows_of(signing) or (), made.tables["keys"])))
    elif not tables:
        _single_keys(made)


def _keys(conf: OpendkimConf, table: Setting) -> Iterator[tuple[str, dict[str, Any]]]:
    suffix = next(suffix for *_, key_table, suffix in _SINGLE if key_table == table.key)
    for name, entry in table_keys(conf, table, rows_of(table) or ()):
        yield name + suffix, entry | {"algorithm": _ALGORITHMS[table.key]}


def _rules(rows: Iterable[Row], keys: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in rows:
        pattern = _pattern(row.key)
        *identity, name = (part.strip() for part in row.value.split(":"))
        named = [name + suffix for *_, suffix in _SINGLE if name + suffix in keys]
        rule: dict[str, Any] = {"from": pattern, "keys": named or [name]}
        if identity:
            rule["identity"] = "@%" if identity[0] == "%" else identity[0]
        if pattern is not None:
            yield rule


def _pattern(key: str) -> str | None:
    """Return a pattern of ours; None where dkimpy-milter never finds one that fits.

    A star is looked for by the end of the address alone, ``%`` stands for everybody, and
    without a star the key has to be the whole address.
    """
    if key == "%":
        return "*"
    _, star, end = key.partition("*")
    if not star:
        return key if "@" in key.strip("@") else None
    return None if "*" in end else f"*{end}"


def _single_keys(made: Translation) -> None:
    conf, domains = made.conf, made.conf.setting("Domain")
    if domains is None:
        return
    keys, rules = {}, []
    for row in rows_of(domains) or ():
        named = []
        for file, selector, table, suffix in _SINGLE:
            path, label = conf.text(file), conf.text(selector)
            if path is not None and label is not None:
                named.append(row.key + suffix)
                keys[named[-1]] = {
                    "domain": row.key,
                    "selector": label,
                    "file": path,
                    "algorithm": _ALGORITHMS[table],
                }
        if named:
            rules.append({"from": row.key, "keys": named})
    made.put("keys", keys)
    made.put("signing.rules", rules)


def _single(made: Translation, setting: Setting) -> str:
    if any(made.conf.setting(table) is not None for table in _ALGORITHMS):
        return "nothing: the key tables are used instead"
    return "keys and signing.rules" + (_OURS_ONLY if setting.key == "Domain" else "")


def _table(made: Translation, setting: Setting) -> str:
    if made.conf.setting("SigningTable") is None:
        return "NOTHING: there is no SigningTable to say whose mail is signed"
    if rows_of(setting) is None:
        return "NOTHING: the set is in a database, which dkimpy-milter does not read either"
    return "keys"


def _signing_table(made: Translation, setting: Setting) -> str:
    if not any(made.conf.setting(table) is not None for table in _ALGORITHMS):
        return "NOTHING: there is no KeyTable that its names could be looked up in"
    rows = rows_of(setting)
    if rows is None:
        return "NOTHING: the set is in a database, which dkimpy-milter does not read either"
    lost = ", ".join(row.key for row in rows if _pattern(row.key) is None)
    never = f", without {lost}, which dkimpy-milter never matched" if lost else ""
    return "signing.rules" + never + _OURS_ONLY


def _sign_headers(made: Translation, setting: Setting) -> str:
    signed_names(made)
    return "signing.signed_names"


_SPECIAL: Mapping[str, Callable[[Translation, Setting], str]] = {
    "MacroList": _macro_list,
    "MacroListVerify": lambda _made, _setting: (
        'NOTHING: give the service that only receives a listener with role = "verify"'
    ),
    "Domain": _single, "KeyFile": _single, "Selector": _single,
    "KeyFileEd25519": _single, "SelectorEd25519": _single,
    "KeyTable": _table, "KeyTableEd25519": _table, "SigningTable": _signing_table,
    "SignHeaders": _sign_headers,
    "DiagnosticDirectory": lambda _made, _setting: (
        "nothing: save the message and ask `avowal verify`"
    ),
    "DNSOverride": lambda _made, _setting: "nothing: of use in tests; dns.zone_file is",
    "debugLevel": lambda _made, _setting: "nothing: log.why tells of each decision",
}  # fmt: skip
