"""opendkim.conf as a configuration of `avowal milter`, and what each line became.

Where OpenDKIM's default is another than ours, the translation says so explicitly, so that
the same mail is signed in the same way.  What `avowal milter` does better on purpose (it
judges signatures by today's standards, for one) is left at its default and noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from avowal.config.model import Configuration
from avowal.config.opendkim_conf import OpendkimConf, Setting
from avowal.config.opendkim_options import OptionSupport
from avowal.config.writing import toml
from avowal.crypto.algorithms import signing_names
from avowal.errors import AvowalError, ConfigError
from avowal.opendkim import option_map
from avowal.opendkim.settings import OMITTED, SIGNED
from avowal.opendkim.sockets import socket_name
from avowal.stores.datasets import PatternSet, Row, open_text_set
from avowal.stores.opening import why_not

_KEY_FIELDS = 4


@dataclass(frozen=True, slots=True)
class Became:
    """What one line became: an option of ours, or a sentence."""

    setting: Setting
    words: str


@dataclass(slots=True)
class Translation:
    """The configuration as nested tables, and what each setting became."""

    conf: OpendkimConf
    tables: dict[str, Any] = field(default_factory=dict)
    became: list[Became] = field(default_factory=list)

    @property
    def configuration(self) -> Configuration:
        """The model.  Raises ConfigError where a value of theirs is none of ours."""
        try:
            return msgspec.convert(self.tables, Configuration)
        except msgspec.ValidationError as error:
            raise ConfigError(str(error), file=self.conf.file) from None

    def text(self) -> str:
        """The TOML, with what each line became as comments on top."""
        lines = [f"# From {self.conf.file}; what its lines became:"]
        for one in self.became:
            where = one.setting.place.line or "-"
            lines.append(f"#   {where!s:>4}  {one.setting.key:<28} {one.words}")
        return "\n".join(lines) + "\n\n" + toml(self.configuration).rstrip("\n") + "\n"

    def put(self, path: str, value: Any) -> None:
        """Set an option by its dotted name."""
        *tables, name = path.split(".")
        at = self.tables
        for table in tables:
            at = at.setdefault(table, {})
        at[name] = value


def translate(conf: OpendkimConf) -> Translation:
    """Translate a configuration.  Raises ConfigError for what cannot be read."""
    made = Translation(conf)
    for path, value in option_map.DEFAULTS:
        made.put(path, value)
    for setting in conf.effective:
        refuse_unwritable(setting, setting.text)
        words = became(made, setting)
        made.became.append(Became(setting, words))
    signed_names(made)
    _keys(made)
    return made


def became(made: Translation, setting: Setting) -> str:
    """Translate one setting; say what it became."""
    option = setting.option
    if option.verdict is OptionSupport.IGNORED:
        return f"nothing: {option.note}"
    if option.verdict in (OptionSupport.REFUSED, OptionSupport.REMOVED):
        return f"NOTHING, {option.verdict}: {option.note}"
    special = _SPECIAL.get(option.name)
    if special is not None:
        return special(made, setting)
    simple = option_map.SIMPLE.get(option.name)
    if simple is None:
        return f"nothing: {option_map.NOTED[option.name]}"
    for path, value in simple.values(made.conf, setting):
        made.put(path, value)
    return simple.path


def refuse_unwritable(setting: Setting, text: str) -> None:
    """Raise ConfigError for text of a setting, or of its set, that a TOML file cannot hold."""
    if "\0" in text:
        raise setting.fault("there is a NUL in the text", "take it out")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise setting.fault("not UTF-8, which a TOML file is", "save it as UTF-8") from None


# -- sets --------------------------------------------------------------------------------------


def rows_of(setting: Setting) -> tuple[Row, ...] | None:
    """Return the rows of a set; None for a database, which a TOML file cannot hold."""
    try:
        data = open_text_set(setting.text)
    except AvowalError as fault:
        raise setting.fault(why_not(fault)) from None
    if data is None:
        return None
    for row in data.rows:
        refuse_unwritable(setting, row.key + row.value)
    return data.rows


def _listed(path: str) -> Callable[[Translation, Setting], str]:
    """Make the translation of a set into a list."""

    def translated(made: Translation, setting: Setting) -> str:
        rows = rows_of(setting)
        if rows is None:
            return _DATABASE
        made.put(path, [row.key for row in rows])
        return path

    return translated


def _hosts(path: str) -> Callable[[Translation, Setting], str]:
    """Make the translation of a set of hosts.

    A pattern ``*.domain`` is written ``.domain``; in a list or file:, where a star means
    nothing, OpenDKIM never matched it, and it is left out.
    """

    def translated(made: Translation, setting: Setting) -> str:
        rows = rows_of(setting)
        if rows is None:
            return _DATABASE
        is_pattern = setting.text.lower().startswith("refile:")
        kept: list[str] = []
        lost: list[str] = []
        for row in rows:
            host = row.key[1:] if is_pattern and row.key.startswith("*.") else row.key
            (lost if "*" in host else kept).append(host)
        made.put(path, kept)
        if not lost:
            return path
        words = ", ".join(lost)
        if is_pattern:
            return f"{path}, but NOTHING for {words}: write a network or a domain"
        return f"{path}, without {words}, which OpenDKIM never matched"

    return translated


def _macros(made: Translation, setting: Setting) -> str:
    rows = rows_of(setting)
    if rows is None:
        return _DATABASE
    macros = {f"{{{r.key}}}" if len(r.key) > 1 else r.key: _values(r.value) for r in rows}
    made.put("origin.macros", macros)
    return "origin.macros"


def _values(text: str) -> list[str]:
    return [value for value in text.split("|") if value]


def _replace_rules(made: Translation, setting: Setting) -> str:
    from avowal.opendkim.replacer import Replacer  # noqa: PLC0415 - two of a hundred use it

    try:
        replacer = Replacer.load(setting.text)
    except AvowalError as fault:
        raise setting.fault(why_not(fault)) from None
    rewrites = [
        {"pattern": pattern.pattern.decode("latin-1"), "replacement": text.decode("latin-1")}
        for pattern, text in replacer.rules
    ]
    made.put("signing.rewrites", rewrites)
    return "signing.rewrites"


_DATABASE = (
    "NOTHING: the set is in a database; write it to a file: set first, or stay with avowal-opendkim"
)


# -- sockets -------------------------------------------------------------------------------------


def _socket(made: Translation, setting: Setting) -> str:
    listener: dict[str, Any] = {"socket": socket_name(setting.text)}
    umask = made.conf.setting("UMask")
    if listener["socket"].startswith("unix:") and umask is not None:
        listener["mode"] = f"0{0o666 & ~made.conf.integer('UMask'):03o}"
    made.put("listeners", [listener])
    return "listeners"


def _user(made: Translation, setting: Setting) -> str:
    user, colon, group = setting.text.partition(":")
    made.put("server.user", user)
    if colon:
        made.put("server.group", group)
    return "server.user"


# -- what is signed, and with what ---------------------------------------------------------------


def signed_names(made: Translation) -> None:
    """Set the names that SignHeaders and OmitHeaders come to."""
    signed = _field_list(made.conf, "SignHeaders", SIGNED)
    omitted = {name.lower() for name in _field_list(made.conf, "OmitHeaders", OMITTED)} - {"from"}
    made.put("signing.signed_names", [n for n in signed if n.lower() not in omitted])


def _field_list(conf: OpendkimConf, name: str, default: Iterable[str]) -> list[str]:
    setting = conf.setting(name)
    rows = None if setting is None else rows_of(setting)
    listed = list(default) if rows is None else [row.key for row in rows]
    if "*" not in listed:
        return [item.lstrip("+") for item in listed if item not in (".", "-")]
    gone = {item[1:].lower() for item in listed if item.startswith("-")}
    added = [item[1:] for item in listed if item.startswith("+")]
    return [item for item in (*default, *added) if item.lower() not in gone]


def _keys(made: Translation) -> None:
    if made.conf.setting("KeyTable") is None:
        _default_key(made)
        return
    keys, signing = made.conf.setting("KeyTable"), made.conf.setting("SigningTable")
    if keys is None or signing is None:
        return
    key_rows, rules = rows_of(keys), _signing_rows(signing)
    if key_rows is None or rules is None:
        return
    made.put("keys", dict(table_keys(made.conf, keys, key_rows)))
    made.put("signing.rules", [_rule(row) for row in rules])


def _default_key(made: Translation) -> None:
    conf = made.conf
    selector, path, domains = conf.text("Selector"), conf.text("KeyFile"), conf.setting("Domain")
    if selector is None or path is None or domains is None:
        return
    rules, keys = [], {}
    for row in rows_of(domains) or ():
        domain = None if row.key == "*" else row.key
        name = domain or "any"
        keys[name] = _without_none({"domain": domain, "selector": selector, "file": path,
                                    "algorithm": conf.text("SignatureAlgorithm")})  # fmt: skip
        rules.append({"from": row.key, "keys": [name]})
    made.put("keys", keys)
    made.put("signing.rules", rules)


def table_keys(
    conf: OpendkimConf, setting: Setting, rows: Iterable[Row]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the keys of a KeyTable by name, as tables of ours.  Raises ConfigError."""
    for row in rows:
        fields = [part.strip() for part in row.value.split(":", _KEY_FIELDS - 1)]
        if len(fields) < _KEY_FIELDS - 1:
            raise setting.fault(
                f"{row.key} (line {row.line}) is not of the form domain:selector:key"
            )
        domain, selector, material = fields[:3]
        algorithm = fields[3] if fields[3:] and fields[3] in signing_names() else None
        if fields[3:] and algorithm is None:
            material = f"{material}:{fields[3]}"
        is_path = material.startswith(("/", "./", "../"))
        yield row.key, _without_none({
            "domain": None if domain == "%" else domain,
            "selector": selector,
            "file": material if is_path else None,
            "inline": None if is_path else material,
            "algorithm": algorithm or conf.text("SignatureAlgorithm"),
        })  # fmt: skip


def _signing_rows(setting: Setting) -> tuple[Row, ...] | None:
    rows = rows_of(setting)
    if rows is not None and any(row.value.partition(":")[0].strip() == "%" for row in rows):
        raise setting.fault(
            "a key name of % cannot be translated", "name the key, or stay with avowal-opendkim"
        )
    return rows


def _rule(row: Row) -> dict[str, Any]:
    name, _, identity = row.value.partition(":")
    return _without_none(
        {
            "from": row.key,
            "keys": [name.strip()],
            # OpenDKIM cannot sign with an identity that has no @
            "identity": identity.strip() if "@" in identity else None,
        }
    )


def _signing_table(made: Translation, setting: Setting) -> str:
    try:
        data = open_text_set(setting.text)
    except AvowalError as fault:
        raise setting.fault(why_not(fault)) from None
    made.put("signing.order", "table" if isinstance(data, PatternSet) else "specific")
    return _DATABASE if data is None else "signing.rules"


def _key_table(made: Translation, setting: Setting) -> str:
    return _DATABASE if rows_of(setting) is None else "keys"


def _default_part(made: Translation, setting: Setting) -> str:
    if made.conf.setting("KeyTable") is not None:
        return "nothing: the KeyTable is used instead"
    return "keys and signing.rules"


def _without_none(table: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value is not None}


_SPECIAL: dict[str, Callable[[Translation, Setting], str]] = {
    "Socket": _socket, "UMask": lambda _m, _s: "listeners.mode", "UserID": _user,
    "InternalHosts": _hosts("origin.internal_hosts"),
    "ExternalIgnoreList": _hosts("origin.external_ignore"),
    "PeerList": _hosts("origin.ignored_hosts"),
    "ExemptDomains": _listed("origin.exempt_domains"),
    "MTA": _listed("origin.daemon_names"), "MacroList": _macros,
    "DontSignMailTo": _listed("signing.unsigned_recipients"),
    "BodyLengthDB": _listed("signing.body_length_recipients"),
    "SenderHeaders": _listed("signing.author_fields"),
    "OversignHeaders": _listed("signing.oversigned_names"),
    "ATPSDomains": _listed("signing.atps_domains"),
    "MustBeSigned": _listed("verifying.required_fields"),
    "TrustSignaturesFrom": _listed("verifying.trusted_signers"),
    "RemoveARFrom": _listed("results.remove_ids"),
    "ReplaceHeaders": _listed("signing.rewritten_names"), "ReplaceRules": _replace_rules,
    "KeyTable": _key_table, "SigningTable": _signing_table,
    "Domain": _default_part, "KeyFile": _default_part, "Selector": _default_part,
    "SignatureAlgorithm": lambda _m, _s: "keys.*.algorithm",
    "SignHeaders": lambda _m, _s: "signing.signed_names",
    "OmitHeaders": lambda _m, _s: "signing.signed_names",
}  # fmt: skip
