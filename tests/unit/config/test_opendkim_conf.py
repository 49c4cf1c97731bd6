"""opendkim.conf as OpenDKIM reads it, quirks included."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from avowal.config.opendkim_conf import OpendkimConf, c_integer, read_conf
from avowal.config.opendkim_options import OPTIONS, OptionKind, OptionSupport
from avowal.errors import ConfigError


def conf(text: str, files: Mapping[str, str] | None = None) -> OpendkimConf:
    texts = {"main": text, **(files or {})}

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(2, "No such file or directory", path)
        return texts[path]

    return read_conf("main", read=read)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("Domain example.com\n", "example.com", id="plain"),
        pytest.param("  domain\t example.com  \n", "example.com", id="case and white space"),
        pytest.param("Domain example.com # ours\n", "example.com", id="comment"),
        pytest.param("Domain exam#ple.com\n", "exam", id="a hash cuts anywhere"),
        pytest.param("Domain a\nDomain b\n", "b", id="the later setting wins"),
        pytest.param("Domain a b  c\n", "a b  c", id="the value is the rest of the line"),
        pytest.param("\n# Domain x\n\n", None, id="not set"),
    ],
)
def test_a_setting_is_read(text: str, value: str | None) -> None:
    assert conf(text).text("Domain") == value


@pytest.mark.parametrize(
    ("word", "value"),
    [("yes", True), ("True", True), ("1", True), ("Yellow", True), ("no", False), ("F", False),
     ("0", False), ("never", False)],
)  # fmt: skip
def test_of_a_boolean_the_first_letter_counts(word: str, value: bool) -> None:
    assert conf(f"SubDomains {word}\n").boolean("subdomains") is value


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("022", 18), ("0x10", 16), ("0", 0), ("-1", -1), ("9x", None), ("", None),
     ("08", None)],
)  # fmt: skip
def test_an_integer_is_written_as_in_c(text: str, number: int | None) -> None:
    assert c_integer(text) == number


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        pytest.param("Syslog yes\nDomian x\n", 2, "did you mean Domain?", id="a misspelt name"),
        pytest.param("Domain\n", 1, "required value missing", id="no value"),
        pytest.param("SubDomains perhaps\n", 1, "write yes or no", id="no boolean"),
        pytest.param("DNSTimeout soon\n", 1, "write a number", id="no number"),
        pytest.param("Include absent\n", 1, "No such file or directory", id="no such file"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(ConfigError, match=why.replace("?", r"\?")) as caught:
        conf(text)
    assert (caught.value.file, caught.value.line) == ("main", line)


def test_includes_stand_in_their_place() -> None:
    read = conf("Selector a\nInclude more\nMode s\n", {"more": "Selector b\nDomain x\n"})
    assert [setting.key for setting in read.effective] == ["Selector", "Domain", "Mode"]
    assert str(read.effective[0].place) == "more line 1"


def test_includes_nest_five_deep_and_no_deeper() -> None:
    files = {str(n): f"Include {n + 1}\n" for n in range(1, 5)} | {"5": "Mode s\n"}
    assert conf("Include 1\n", files).text("Mode") == "s"
    with pytest.raises(ConfigError, match="nesting too deep"):
        conf("Include 1\n", {**files, "5": "Include 6\n", "6": "Mode s\n"})


def test_the_command_line_comes_last() -> None:
    read = conf("Mode s\n").with_overrides(iter([("Mode", "v")]))
    assert read.text("Mode") == "v"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("FinalPolicyScript /x.lua\n", "Lua scripts are not run", id="Lua"),
        pytest.param("ResignMailTo x\n", "signing.resign", id="built out of OpenDKIM"),
        pytest.param("ADSPAction reject\n", "removed in 2.10", id="removed"),
    ],
)
def test_what_would_change_a_decision_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        conf(text).refuse()


@pytest.mark.parametrize("name", ["LuaOnlySigning", "ConditionalSignatures", "ResignAll"])
@pytest.mark.parametrize("value", ["yes", "no"])
def test_what_is_not_supported_is_refused_whatever_its_value(name: str, value: str) -> None:
    """OpenDKIM itself knows none of these names in the builds of distributions."""
    with pytest.raises(ConfigError, match="this option is not supported") as caught:
        conf(f"Mode v\n{name} {value}\n").refuse()
    assert (caught.value.key, caught.value.line) == (name, 2)


def test_removed_options_can_be_tolerated() -> None:
    conf("ADSPAction reject\n").refuse(tolerate_removed=True)


def test_every_option_has_a_kind_and_a_verdict() -> None:
    assert len({option.name.lower() for option in OPTIONS}) == len(OPTIONS) >= 157
    assert all(isinstance(option.kind, OptionKind) for option in OPTIONS)


def test_whatever_is_not_supported_says_what_to_do() -> None:
    assert all(option.note for option in OPTIONS if option.verdict is not OptionSupport.SUPPORTED)


# Counted in 31 public configurations: each of these stands in one of them at least.
_SEEN = [
    "Syslog",
    "UMask",
    "Socket",
    "KeyTable",
    "SigningTable",
    "InternalHosts",
    "Canonicalization",
    "Mode",
    "UserID",
    "OversignHeaders",
    "PidFile",
    "ExternalIgnoreList",
    "SyslogSuccess",
    "LogWhy",
    "TrustAnchorFile",
    "SignatureAlgorithm",
    "Domain",
    "Selector",
    "KeyFile",
    "AutoRestart",
    "AutoRestartRate",
    "Background",
    "SubDomains",
    "DNSTimeout",
    "TemporaryDirectory",
    "MinimumKeyBits",
    "RequireSafeKeys",
    "SignHeaders",
    "LogResults",
    "SoftwareHeader",
    "Nameservers",
    "SendReports",
    "FixCRLF",
    "RemoveARFrom",
    "RemoveARAll",
    "AuthservID",
    "RemoveOldSignatures",
    "RequiredHeaders",
    "StrictHeaders",
    "On-DNSError",
    "X-Header",
    "Statistics",
    "AlwaysAddARHeader",
    "QueryCache",
]


@pytest.mark.parametrize("name", _SEEN)
def test_options_in_use_are_not_refused(name: str) -> None:
    (option,) = [option for option in OPTIONS if option.name == name]
    assert option.verdict in (OptionSupport.SUPPORTED, OptionSupport.IGNORED)
