"""A translated configuration on its way: options by dotted names, and what each line became."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from avowal.config.model import Configuration
from avowal.config.opendkim_conf import OpendkimConf, Setting
from avowal.config.schema import option_type
from avowal.config.writing import toml
from avowal.errors import ConfigError
from avowal.opendkim.settings import Settings
from avowal.text import printable


@dataclass(frozen=True, slots=True)
class Became:
    """What one line became: an option of ours, or a sentence."""

    setting: Setting
    words: str

    @property
    def lost(self) -> bool:
        """Whether something the line says is not obeyed by the result."""
        return "NOTHING" in self.words


@dataclass(slots=True)
class Translation:
    """The configuration as nested tables, and what each setting became."""

    conf: OpendkimConf
    settings: Settings | None = None  # None for another program's
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
        lines = [f"# From {printable(self.conf.file)}; what its lines became:"]
        for one in self.became:
            where = one.setting.place.line or "-"
            lines.append(f"#   {where!s:>4}  {one.setting.key:<28} {printable(one.words)}")
        return (
            "\n".join(lines) + "\n\n" + toml(self.configuration, listeners=True).rstrip("\n") + "\n"
        )

    def accept(self, path: str, value: object) -> str | None:
        """Set an option if ours may be so; return why not."""
        try:
            msgspec.convert(value, option_type(path))
        except msgspec.ValidationError:
            return f"NOTHING: {path} cannot be {value!r}"
        self.put(path, value)
        return None

    def put(self, path: str, value: object) -> None:
        """Set an option by its dotted name."""
        *tables, name = path.split(".")
        at = self.tables
        for table in tables:
            below: dict[str, Any] = at.setdefault(table, {})
            at = below
        at[name] = value
