"""Policy scripts of live installations, as options: Lua is never run.

Two kinds are known, whatever their variables and comments are called: a screen script that has
signatures of others than the author's domain ignored, and a final script that refuses mail
without a signature that passes, and may take the signatures out of mail it lets through.  They
come from chatmail relays.  `as_options` puts our own options in the place of the line that
names such a script; any other script is refused, with its calls and what says the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from avowal import paths
from avowal.config.opendkim_conf import OpendkimConf, Setting
from avowal.config.opendkim_options import BY_NAME
from avowal.errors import ConfigError

SCREEN, FINAL, SETUP = "ScreenPolicyScript", "FinalPolicyScript", "SetupPolicyScript"
_MAX_SCRIPT = 1 << 16  # octets
_SHOWN = 6  # calls that a refusal names

_TOKEN: Final = re.compile(
    r"--\[\[(?:[^\]]|\](?!\]))*\]\]|--[^\n]*"  # comments, dropped
    r"|\"[^\"\n]*\"|'[^'\n]*'|\w+|[=~<>]=|\.\.|[^\s\w]"
)
_CALL: Final = re.compile(r"odkim\s*\.\s*(\w+)")
_OPTIONAL: Final = frozenset(("local", ";"))

_SIGNATURES = (  # n = number of signatures; nothing to do where none were looked at
    r"(?P<n>\w+) = odkim \. get_sigcount \( ctx \) "
    r"if (?P=n) == nil then return (?:nil )?end "
)
_EACH = (
    r"for (?P<i>\w+) = 1 , (?P=n) do (?P<sig>\w+) = odkim \. get_sighandle \( ctx , (?P=i) - 1 \) "
)
_SCREEN: Final = re.compile(
    r"(?P<author>\w+) = odkim \. get_fromdomain \( ctx \) "
    r"if (?P=author) == nil then return (?:nil )?end "
    + _SIGNATURES
    + _EACH
    + r"(?P<d>\w+) = odkim \. sig_getdomain \( (?P=sig) \) "
    r"if (?:(?P=author) ~= (?P=d)|(?P=d) ~= (?P=author)) then "
    r"odkim \. sig_ignore \( (?P=sig) \) end end (?:return (?:nil )?)?"
)
_GUARD = (
    r"(?:(?P<internal>if odkim \. internal_ip \( ctx \) == 1 then return (?:nil )?end )"
    r"|(?P<mta>\w+) = odkim \. get_mtasymbol \( ctx , \"{daemon_name}\" \) "
    r"if (?P=mta) == \"(?P<name>[^\"]+)\" then return (?:nil )?end )?"
)
_TEXT = r"(?:\"[^\"]*\"|\w+)(?: \.\. (?:\"[^\"]*\"|tostring \( \w+ \)|\w+))* "
_REFUSE = (
    rf"odkim \. set_reply \( ctx , \"5\d\d\" , \"5\.\d+\.\d+\" , {_TEXT}\) "
    r"odkim \. set_result \( ctx , SMFIS_REJECT \) "
)
_RESULT = r"(?P<res>\w+) = odkim \. sig_result \( (?P=sig) \) if (?P=res) == 0 then "
_REMOVE = (
    r"(?P<removes>for (?P<j>\w+) = (?P=n) , 1 , - 1 do "
    r"odkim \. del_header \( ctx , \"DKIM-Signature\" , (?P=j) \) end )"
)
_AT_ONCE: Final = re.compile(
    _GUARD + _SIGNATURES + _EACH + _RESULT + r"return (?:nil )?end end " + _REFUSE +
    r"(?:return (?:nil )?)?"
)  # fmt: skip
_IN_THE_END: Final = re.compile(
    _GUARD
    + _SIGNATURES
    + rf"(?P<ok>\w+) = false (?:(?P<text>\w+) = {_TEXT})?"
    + _EACH
    + _RESULT
    + rf"(?P=ok) = true (?:else (?P=text) = {_TEXT})?end end "
    + rf"if (?:not (?P=ok) then |(?P=ok) then {_REMOVE}else ){_REFUSE}end "
    + r"(?:return (?:nil )?)?"
)

_INSTEAD: Final = {
    "internal_ip": "InternalHosts", "get_clienthost": "InternalHosts or PeerList",
    "get_clientip": "InternalHosts or PeerList", "get_mtasymbol": "MTA or MacroList",
    "get_fromdomain": "SigningTable", "get_rcpt": "DontSignMailTo",
    "get_rcptcount": "DontSignMailTo", "get_rcptarray": "DontSignMailTo",
    "get_header": "SigningTable or SenderHeaders", "sign": "SigningTable and KeyTable",
    "signfor": "SigningTable and KeyTable", "verify": "Mode, InternalHosts and MTA",
    "use_ltag": "BodyLengthDB", "replace_header": "ReplaceRules",
    "resign": "signing.resign of `avowal milter`",
    "get_envfrom": "signing.resign of `avowal milter`",
    "set_result": "the On- options", "set_reply": "On-NoPassingSignature",
    "quarantine": "the On- options", "sig_ignore": "IgnoreOtherSigners",
    "sig_result": "On-NoPassingSignature", "sig_getdomain": "IgnoreOtherSigners",
    "del_header": "RemoveVerifiedSignatures", "add_header": "actions of `avowal milter`: tag",
    "add_rcpt": "RedirectFailuresTo", "delete_rcpt": "RedirectFailuresTo",
    "db_check": "a dsn: data set", "db_open": "a dsn: data set",
    "sig_canonlength": "Minimum", "sig_bodylength": "Minimum", "log": "LogWhy",
    "rate_check": "the MTA", "rbl_check": "the MTA", "xtag": "the library, in Python",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FinalScript:
    """What a final script asks for: who is exempt, and whether signatures are taken out."""

    exempt_name: str | None
    removes: bool


def as_options(conf: OpendkimConf) -> OpendkimConf:
    """Put options in the place of the scripts.  Raises ConfigError for one that is not known."""
    settings: list[Setting] = []
    for setting in conf.settings:
        if setting.key not in _READ:
            settings.append(setting)
        elif conf.setting(setting.key) is not setting:
            continue  # a later line counts
        else:
            settings += _replaced(setting)
    return OpendkimConf(conf.file, tuple(settings))


def _replaced(setting: Setting) -> Iterator[Setting]:
    for name, text in _READ[setting.key](setting):
        yield Setting(BY_NAME[name.lower()], text, setting.place)


def _screen(setting: Setting) -> Iterator[tuple[str, str]]:
    text = _script(setting)
    if _SCREEN.fullmatch(normal(text)) is None:
        raise _unknown(setting, text)
    yield "IgnoreOtherSigners", "yes"


def _final(setting: Setting) -> Iterator[tuple[str, str]]:
    text = _script(setting)
    found = final_script(text)
    if found is None:
        raise _unknown(setting, text)
    yield "On-NoPassingSignature", "reject"
    if found.exempt_name is not None:
        yield "SignatureExemptMTA", found.exempt_name
    if found.removes:
        yield "RemoveVerifiedSignatures", "yes"


def _setup(setting: Setting) -> Iterator[tuple[str, str]]:
    raise _unknown(setting, _script(setting))


_READ: Final = {SCREEN: _screen, FINAL: _final, SETUP: _setup}


def final_script(text: str) -> FinalScript | None:
    """Read a final script; None for one that is not known."""
    words = normal(text)
    found = _AT_ONCE.fullmatch(words) or _IN_THE_END.fullmatch(words)
    if found is None:
        return None
    named: dict[str, str | None] = found.groupdict()
    if not named["internal"] and not named["name"]:
        return FinalScript(exempt_name="-", removes=bool(named.get("removes")))
    return FinalScript(exempt_name=named["name"], removes=bool(named.get("removes")))


def normal(text: str) -> str:
    """Return a script word by word, one space behind each: no comments, no `local`, no `;`."""
    words: list[str] = _TOKEN.findall(text)
    kept = [word for word in words if not word.startswith("--") and word not in _OPTIONAL]
    return "".join(f'"{w[1:-1]}" ' if w[0] in "'\"" else f"{w} " for w in kept)


def _script(setting: Setting) -> str:
    try:
        return paths.read(setting.text, _MAX_SCRIPT).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise setting.fault(f"cannot read {setting.text}: {error.strerror or error}") from None


def _unknown(setting: Setting, text: str) -> ConfigError:
    """Say which calls of a script keep it from being obeyed, and what says the same."""
    calls: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        names: list[str] = _CALL.findall(line.partition("--")[0])
        for name in names:
            calls.setdefault(name, number)
    told = [
        f"line {number}, odkim.{name}: {_INSTEAD.get(name, 'the library, in Python')}"
        for name, number in list(calls.items())[:_SHOWN]
    ]
    rest = f"; {len(calls) - _SHOWN} more" if len(calls) > _SHOWN else ""
    same = "; ".join(told) or "none is needed"
    return setting.fault(
        f"{setting.text} is none of the scripts that are known, and Lua is not run",
        f"delete the line and say the same with options: {same}{rest}",
    )
