"""Reading opendkim.conf as it stands: names, values and places, with OpenDKIM's quirks.

- A line is a name, white space, a value; `#` cuts a line off wherever it stands.
- Case means nothing in names.  A later setting of the same name wins.
- Of a boolean only the first letter counts: ``TtYy1`` or ``FfNn0``.
- An integer is written as in C: ``022`` is octal, ``0x12`` hexadecimal.
- `Include` reads another file in its place, to a depth of five.

What the options mean is said in `opendkim_options` and done elsewhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from avowal import paths
from avowal.config.opendkim_options import BY_NAME, Option, OptionKind, OptionSupport
from avowal.config.places import Place
from avowal.config.redaction import redacted
from avowal.errors import ConfigError
from avowal.text import printable

_MAX_FILE = 16 << 20  # octets
_SHOWN = 32  # characters of what is no option: a key that was pasted is not shown whole
MAX_DEPTH = 5  # opendkim.conf(5), Include
_TRUE, _FALSE = frozenset("TtYy1"), frozenset("FfNn0")
_NUMBERS = (
    (re.compile(r"[+-]?0[xX][0-9A-Fa-f]+"), 16),
    (re.compile(r"[+-]?0[0-7]*"), 8),
    (re.compile(r"[+-]?[1-9][0-9]*"), 10),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One option as it was set: its value as text, and where.

    The text may hold the password of a data source: whoever shows it shows `shown`.
    """

    option: Option
    text: str
    place: Place

    @property
    def key(self) -> str:
        """The option's name."""
        return self.option.name

    @property
    def shown(self) -> str:
        """The value without passwords."""
        return redacted(self.text)

    def __repr__(self) -> str:
        return f"<Setting {self.key} {self.shown!r} of {self.place}>"

    def fault(self, why: str, hint: str | None = None) -> ConfigError:
        """Build the error that names this setting."""
        place, why = self.place, redacted(why)
        return ConfigError(why, file=place.file, line=place.line, key=self.key, hint=hint)


@dataclass(frozen=True, slots=True)
class OpendkimConf:
    """The settings of a configuration, in the order they were read.

    `text`, `boolean` and `integer` give the value that counts; names without regard to case.
    """

    file: str
    settings: tuple[Setting, ...] = ()
    _by_name: dict[str, Setting] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {s.key.lower(): s for s in self.settings})

    def setting(self, name: str) -> Setting | None:
        """Return the setting of an option that counts, or None where it is not set."""
        return self._by_name.get(name.lower())

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return the value of an option as written."""
        setting = self.setting(name)
        return default if setting is None else setting.text

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return the value of a boolean option."""
        setting = self.setting(name)
        return default if setting is None else setting.text[0] in _TRUE

    def integer(self, name: str, default: int = 0) -> int:
        """Return the value of an integer option."""
        setting = self.setting(name)
        if setting is None:
            return default
        number = c_integer(setting.text)
        return default if number is None else number

    @property
    def effective(self) -> tuple[Setting, ...]:
        """The settings that count, in order; those overridden later are left out."""
        return tuple(s for s in self.settings if self._by_name[s.key.lower()] is s)

    def with_overrides(self, overrides: Iterator[tuple[str, str]]) -> OpendkimConf:
        """Return the configuration with options of the command line set on top."""
        place = Place("command line")
        added = tuple(_setting(name, value, place) for name, value in overrides)
        return OpendkimConf(self.file, self.settings + added)

    def refuse(self, *, tolerate_removed: bool = False) -> None:
        """Raise ConfigError for the first setting that cannot be obeyed.

        An option that is not supported is refused whatever its value: what it would do where it
        is switched off is nobody's promise.  One that OpenDKIM removed is refused unless
        `tolerate_removed`.
        """
        for setting in self.effective:
            verdict = setting.option.verdict
            if verdict is OptionSupport.REFUSED:
                raise setting.fault("this option is not supported", setting.option.note)
            if verdict is OptionSupport.REMOVED and not tolerate_removed:
                raise setting.fault("this option was removed in 2.10", setting.option.note)


def read_conf(
    path: str,
    *,
    read: Callable[[str], str] | None = None,
    known: Mapping[str, Option] = BY_NAME,
) -> OpendkimConf:
    """Read a file and what it includes.  Raises ConfigError.

    `read` returns the text of a file, for callers that have it elsewhere; `known` are the
    options by lower-cased name, for programs whose files are alike.
    """
    return OpendkimConf(path, tuple(_settings(path, read or _text, known)))


def c_integer(text: str) -> int | None:
    """Read an integer the way C's strtol does with base 0; None where it is none."""
    for pattern, base in _NUMBERS:
        if pattern.fullmatch(text):
            return int(text, base)
    return None


def _text(path: str) -> str:
    return paths.read(path, _MAX_FILE).decode("utf-8", "surrogateescape")


def _settings(
    path: str,
    read: Callable[[str], str],
    known: Mapping[str, Option],
    depth: int = 0,
    included: Setting | None = None,
) -> Iterator[Setting]:
    try:
        text = read(path)
    except OSError as error:
        why = error.strerror or str(error)
        if included is not None:
            raise included.fault(f"cannot read {path}: {why}") from None
        raise ConfigError(f"error reading configuration file: {why}", file=path) from None
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split(None, 1)
        if not words:
            continue
        place = Place(path, number)
        setting = _setting(words[0], words[1].strip() if len(words) > 1 else "", place, known)
        if setting.key != "Include":
            yield setting
        elif depth == MAX_DEPTH:
            raise setting.fault("nesting too deep", f"{MAX_DEPTH} levels are allowed")
        else:
            yield from _settings(setting.text, read, known, depth + 1, setting)


def _setting(name: str, text: str, place: Place, known: Mapping[str, Option] = BY_NAME) -> Setting:
    option = known.get(name.lower())
    if option is None:
        near = difflib.get_close_matches(name.lower(), known, 1)
        hint = f"did you mean {known[near[0]].name}?" if near else None
        shown = printable(name, most=_SHOWN)
        raise ConfigError(
            "unrecognized parameter", file=place.file, line=place.line, key=shown, hint=hint
        )
    setting = Setting(option, text, place)
    if not text:
        raise setting.fault("required value missing")
    if option.kind is OptionKind.BOOLEAN and text[0] not in _TRUE | _FALSE:
        raise setting.fault(f"illegal value {text!r}", "write yes or no")
    if option.kind is OptionKind.INTEGER and c_integer(text) is None:
        raise setting.fault(f"illegal value {text!r}", "write a number")
    return setting
