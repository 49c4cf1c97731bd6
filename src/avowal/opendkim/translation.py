"""opendkim.conf as a configuration of `avowal milter`, and what each line became.

What decides about a message is translated from what the filter itself makes of the file
(`opendkim.settings`), so that both treat the same mail alike; of a line that is not obeyed in
full, NOTHING says what is missing.  Where OpenDKIM's default is another than ours, the
translation says so explicitly.  What `avowal milter` does better on purpose (it judges
signatures by today's standards, for one) is left at its default and noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from avowal.config.opendkim_conf import OpendkimConf, Setting
from avowal.config.opendkim_options import OptionKind, OptionSupport
from avowal.crypto.algorithms import signing_names
from avowal.errors import AvowalError
from avowal.opendkim import option_map
from avowal.opendkim.settings import OMITTED, SIGNED, compiled, names_of
from avowal.opendkim.sockets import confined_name
from avowal.opendkim.translated import Became, Translation
from avowal.opendkim.translated_decisions import FIELD_NAME, decided_words
from avowal.opendkim.translated_keys import signing_part
from avowal.opendkim.translated_sets import (
    DATABASE,
    Members,
    domain_pattern,
    hosts,
    level_pattern,
    listed,
    rows_in,
)
from avowal.stores.datasets import PatternSet, Row, open_text_set
from avowal.stores.opening import why_not

_KEY_FIELDS = 4


def translate(conf: OpendkimConf) -> Translation:
    """Translate a configuration.  Raises ConfigError for what cannot be read."""
    for setting in conf.effective:
        refuse_unwritable(setting, setting.text)
        if (
            setting.option.kind is OptionKind.SET
            and setting.option.verdict is OptionSupport.SUPPORTED
        ):
            _opened(setting)
    settings = compiled(conf)
    made = Translation(conf, settings)
    for path, value in option_map.DEFAULTS:
        made.put(path, value)
    made.put("mode", _MODES[settings.signs, settings.verifies])
    names = tuple(name.decode().title() for name in settings.signed_names)
    made.put("signing.signed_names", [n for n in names if FIELD_NAME.fullmatch(n)])
    part = signing_part(settings)
    made.put("keys", part.keys)
    made.put("signing.rules", part.rules)
    made.put("signing.order", "table" if part.patterned else "specific")
    for setting in conf.effective:
        words = part.words if setting.key in _KEY_OPTIONS else became(made, setting)
        made.became.append(Became(setting, words))
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
    decided = decided_words(made, setting)
    if decided is not None:
        return decided
    simple = option_map.SIMPLE.get(option.name)
    if simple is None:
        return f"nothing: {option_map.NOTED[option.name]}"
    refused = [made.accept(*pair) for pair in simple.values(made.conf, setting)]
    return next((why for why in refused if why is not None), simple.path)


# -- sets --------------------------------------------------------------------------------------


def rows_of(setting: Setting) -> tuple[Row, ...] | None:
    """Return the rows of a set; None for a database, which a TOML file cannot hold."""
    return rows_in(_opened(setting))


def _opened(setting: Setting) -> object:
    try:
        data = open_text_set(setting.text)
    except AvowalError as fault:
        raise setting.fault(why_not(fault)) from None
    for row in rows_in(data) or ():
        refuse_unwritable(setting, row.key + row.value)
    return data


def refuse_unwritable(setting: Setting, text: str) -> None:
    """Raise ConfigError for text of a setting, or of its set, that a TOML file cannot hold."""
    if "\0" in text:
        raise setting.fault("there is a NUL in the text", "take it out")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise setting.fault("not UTF-8, which a TOML file is", "save it as UTF-8") from None


def _hosts(path: str) -> Callable[[Translation, Setting], str]:
    """Make the translation of a set of hosts."""

    def translated(made: Translation, setting: Setting) -> str:
        members = hosts(_opened(setting))
        if members is None:
            return DATABASE
        made.put(path, members.entries)
        return members.words(path)

    return translated


def _pattern_list(
    path: str, pattern: Callable[..., str | None]
) -> Callable[[Translation, Setting], str]:
    """Make the translation of a set of addresses or domains."""

    def translated(made: Translation, setting: Setting) -> str:
        data = _opened(setting)
        if data is None:
            return DATABASE
        patterned = isinstance(data, PatternSet)
        keys = [row.key for row in rows_in(data) or ()]
        members = listed((key, pattern(key, patterned=patterned)) for key in keys)
        made.put(path, members.entries)
        return members.words(path)

    return translated


def _texts(path: str) -> Callable[[Translation, Setting], str]:
    """Make the translation of a set of words: a pattern among them cannot be said."""

    def translated(made: Translation, setting: Setting) -> str:
        data = _opened(setting)
        if data is None:
            return DATABASE
        patterned = isinstance(data, PatternSet)
        members = Members()
        for row in rows_in(data) or ():
            (members.lost if patterned and "*" in row.key else members.entries).append(row.key)
        made.put(path, members.entries)
        return members.words(path)

    return translated


def _macros(made: Translation, setting: Setting) -> str:
    rows = rows_of(setting)
    if rows is None:
        return DATABASE
    macros: dict[str, list[str]] = {}
    for row in rows:
        name = row.key.strip("{}")
        shown = f"{{{name}}}" if len(name) > 1 else name
        values = [value for value in row.value.split("|") if value]
        any_value = not values or macros.get(shown) == []
        macros[shown] = [] if any_value else [*macros.get(shown, ()), *values]
    made.put("origin.macros", macros)
    return "origin.macros"


# -- sockets -------------------------------------------------------------------------------------


def _socket(made: Translation, setting: Setting) -> str:
    listeners = []
    for spec in setting.text.split():
        listener = {"socket": confined_name(made.conf, spec)}
        if listener["socket"].startswith("unix:") and made.conf.setting("UMask") is not None:
            listener["mode"] = f"0{0o666 & ~made.conf.integer('UMask'):03o}"
        listeners.append(listener)
    made.put("listeners", listeners)
    return "listeners"


def _user(made: Translation, setting: Setting) -> str:
    user, colon, group = setting.text.partition(":")
    made.put("server.user", user)
    if colon:
        made.put("server.group", group)
    return "server.user"


# -- fields and keys -----------------------------------------------------------------------------


def signed_names(made: Translation) -> None:
    """Set the names that SignHeaders and OmitHeaders of another program come to."""
    signed = names_of(made.conf, "SignHeaders", SIGNED)
    omitted = {name.lower() for name in names_of(made.conf, "OmitHeaders", OMITTED)} - {"from"}
    made.put("signing.signed_names", [n for n in signed if n.lower() not in omitted])


def table_keys(
    conf: OpendkimConf, setting: Setting, rows: Iterable[Row]
) -> Iterator[tuple[str, dict[str, object]]]:
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


def _without_none(table: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in table.items() if value is not None}


_MODES = {(True, True): "both", (True, False): "sign", (False, True): "verify"}
_KEY_OPTIONS = frozenset(("KeyTable", "SigningTable", "Domain", "KeyFile", "Selector"))
_SPECIAL: dict[str, Callable[[Translation, Setting], str]] = {
    "Socket": _socket, "UMask": lambda _m, _s: "listeners.mode", "UserID": _user,
    "InternalHosts": _hosts("origin.internal_hosts"),
    "ExternalIgnoreList": _hosts("origin.external_ignore"),
    "PeerList": _hosts("origin.ignored_hosts"),
    "ExemptDomains": _pattern_list("origin.exempt_domains", domain_pattern),
    "MTA": _texts("origin.daemon_names"), "MacroList": _macros,
    "BodyLengthDB": _pattern_list("signing.body_length_recipients", level_pattern),
    "ATPSDomains": _pattern_list("signing.atps_domains", domain_pattern),
    "RemoveARFrom": _texts("results.remove_ids"),
    "SignatureAlgorithm": lambda _m, _s: "keys.*.algorithm",
}  # fmt: skip
