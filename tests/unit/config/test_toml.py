from __future__ import annotations

from pathlib import Path

import pytest

from avowal.config.mistakes import Mistakes
from avowal.config.model import Configuration
from avowal.config.toml import MAX_OCTETS, parse, read
from avowal.errors import ConfigError

KEY = '[keys.main]\ndomain = "example.com"\nselector = "s"\nfile = "/k"\n'


def mistake(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), file="f.toml")
    return caught.value


def test_an_empty_file_is_the_default_configuration() -> None:
    assert parse(b"").configuration == Configuration()


def test_options_have_their_places() -> None:
    loaded = parse(b'mode = "sign"\n[origin]\ninternal_hosts = ["10.0.0.1"]\n', file="f.toml")
    assert loaded.configuration.origin.internal_hosts == ("10.0.0.1",)
    assert str(loaded.places.of(("origin", "internal_hosts", 0))) == "f.toml line 3"
    assert loaded.places.of(("origin", "authenticated")) is None
    assert str(loaded.places.near(("origin", "authenticated"))) == "f.toml line 2"
    assert str(loaded.places.near(("dns", "timeout"))) == "f.toml"


@pytest.mark.parametrize("escape", ["\\u0000", "\\U00000000"])
def test_a_nul_is_a_mistake_however_it_is_escaped(escape: str) -> None:
    found = mistake(KEY + f'password_file = "/p{escape}"\n')
    assert (found.line, found.why) == (5, "there is a NUL in the text")


def test_what_reads_like_an_escape_in_a_literal_string_is_text() -> None:
    loaded = parse((KEY + "password_file = '/p\\u0000'\n").encode())
    assert loaded.configuration.keys["main"].password_file == "/p\\u0000"


def test_windows_line_ends_and_a_byte_order_mark_are_fine() -> None:
    loaded = parse(b'\xef\xbb\xbfmode = "sign"\r\n[origin]\r\nauthenticated = false\r\n')
    assert loaded.configuration.mode == "sign"
    place = loaded.places.of(("origin", "authenticated"))
    assert place is not None
    assert place.line == 3


@pytest.mark.parametrize(
    ("text", "line", "key", "why", "hint"),
    [
        pytest.param(
            "mode = both\n", 1, None, "invalid value", "text stands in quotes", id="no-quotes"
        ),
        pytest.param(
            'a = "x\n', 1, None, "illegal character", None, id="open-quote"
        ),
        pytest.param(
            "Mode sv\n", 1, None, "expected '='", "avowal config from-opendkim", id="opendkim-conf"
        ),
        pytest.param(
            "[signing]\nlifetim = 1\n", 2, "signing.lifetim", "no such option",
            "did you mean lifetime?", id="mistyped-option",
        ),
        pytest.param(
            "lifetime = 1\n", 1, "lifetime", "no such option",
            "did you mean signing.lifetime?", id="option-of-another-table",
        ),
        pytest.param(
            '[signing]\ndomain = "example.com"\n', 2, "signing.domain", "no such option",
            "did you mean keys.NAME.domain?", id="option-of-another-table-alike-to-one-here",
        ),
        pytest.param(
            "[verifying]\natps = true\n", 2, "verifying.atps", "no such option",
            "did you mean policies.atps?", id="option-that-moved",
        ),
        pytest.param(
            "[mailer]\nx = 1\n", 1, "mailer", "no such option", "avowal config reference",
            id="unknown-table",
        ),
        pytest.param(
            'mode = "sing"\n', 1, "mode", "none of", "did you mean sign?", id="mistyped-word"
        ),
        pytest.param(
            "\n[server]\nworkers = 0\n", 3, "server.workers", ">= 1", "Worker processes",
            id="out-of-range",
        ),
        pytest.param(
            '[server]\nworkers = "2"\n', 2, "server.workers",
            "expected a whole number, got text in quotes", "Worker processes", id="wrong-type",
        ),
        pytest.param(
            '[origin]\ninternal_hosts = [\n"a",\n7]\n', 4, "origin.internal_hosts[2]",
            "expected text in quotes", "Hosts whose mail is ours", id="wrong-list-entry",
        ),
        pytest.param(
            '[signing]\nlifetime = "1d"\n', 2, "signing.lifetime",
            "expected a whole number, got text in quotes", None, id="wrong-type-of-an-unset-option",
        ),
        pytest.param(
            '[origin]\ninternal_hosts = "a"\n', 2, "origin.internal_hosts", "expected a list",
            None, id="text-for-a-list",
        ),
        pytest.param(
            '[signing.rules]\nfrom = "x"\n', 1, "signing.rules", "expected a list of tables",
            "write [[signing.rules]] in front of each", id="table-for-a-list-of-tables",
        ),
        pytest.param(
            '[keys]\nmain = "x"\n', 2, "keys.main", "expected a table", None, id="text-for-a-table"
        ),
        pytest.param(
            '[keys.main]\nfile = "/k"\n', 1, "keys.main", "selector is missing", "selector s=",
            id="missing-option",
        ),
    ],
)  # fmt: skip
def test_a_mistake_says_what_where_and_what_to_do(
    text: str, line: int, key: str | None, why: str, hint: str | None
) -> None:
    error = mistake(text)
    assert (error.file, error.line, error.key) == ("f.toml", line, key)
    assert why in error.why
    if hint is not None:
        assert error.hint is not None
        assert hint in error.hint


def test_all_mistakes_are_told_in_the_order_of_their_lines() -> None:
    error = mistake('mode = "x"\n[keys.a]\nselecto = "s"\n[server]\nworkers = -1\n')
    assert isinstance(error, Mistakes)
    assert [(one.line, one.key) for one in error.each] == [
        (1, "mode"),
        (2, "keys.a"),
        (3, "keys.a.selecto"),
        (5, "server.workers"),
    ]
    assert str(error).count("\n") == 3


def test_octets_that_are_no_text_are_refused_with_their_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(b"# ok\n# \xff\n")
    assert caught.value.line == 2


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse(b"x = " + b"[" * 5000 + b"]" * 5000)


def test_a_number_longer_than_is_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="too many digits"):
        parse(b"x = " + b"9" * 5000)


def test_a_missing_file_is_named_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/a\.toml: .*--config, or begin one with"):
        read("/nowhere/a.toml")


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"#" * (MAX_OCTETS + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read(file)


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(KEY)
    assert read(file).configuration.keys["main"].selector == "s"
