"""dkimpy-milter.conf in our words: what is signed with what, and what each line became."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from avowal.config.model import Configuration
from avowal.config.opendkim_conf import read_conf
from avowal.config.toml import parse
from avowal.errors import ConfigError
from avowal.opendkim.from_dkimpy import read, translate
from avowal.opendkim.translated import Translation
from avowal.opendkim.translation import translate as of_opendkim

SINGLE = """\
Domain example.com, example.net
KeyFile /k/rsa
Selector s1
KeyFileEd25519 /k/ed
SelectorEd25519 s2
"""
TABLES = """\
KeyTable {dir}/keys
KeyTableEd25519 file:{dir}/keys-ed
SigningTable refile:{dir}/signing
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "keys").write_text("main example.com:s1:/k/rsa\nany %:s3:/k/any\n")
    (tmp_path / "keys-ed").write_text("main example.com:s2:/k/ed\n")
    (tmp_path / "signing").write_text(
        "boss@example.com main\n*@example.com %:main\nexample.org any\n*@*.example any\n% any\n"
    )
    return tmp_path


def translated(directory: Path, text: str) -> Translation:
    path = directory / "dkimpy-milter.conf"
    path.write_text(text.format(dir=directory))
    return translate(read(str(path)))


def configured(directory: Path, text: str) -> Configuration:
    return translated(directory, text).configuration


def words(directory: Path, text: str, option: str) -> str:
    (found,) = [
        one.words for one in translated(directory, text).became if one.setting.key == option
    ]
    return found


def test_each_domain_is_signed_with_both_single_keys(tmp_path: Path) -> None:
    made = configured(tmp_path, SINGLE)
    assert [(rule.author, rule.keys) for rule in made.signing.rules] == [
        ("example.com", ("example.com", "example.com-ed25519")),
        ("example.net", ("example.net", "example.net-ed25519")),
    ]
    key = made.keys["example.net-ed25519"]
    assert (key.domain, key.selector, key.file) == ("example.net", "s2", "/k/ed")


def test_a_key_without_a_selector_is_no_key(tmp_path: Path) -> None:
    made = configured(tmp_path, "Domain example.com\nKeyFile /k\nSelector s\nKeyFileEd25519 /e\n")
    assert list(made.keys) == ["example.com"]


def test_both_key_tables_sign_for_a_row_that_both_know(directory: Path) -> None:
    made = configured(directory, TABLES)
    assert {name: (key.file, key.algorithm) for name, key in made.keys.items()} == {
        "main": ("/k/rsa", "rsa-sha256"),
        "any": ("/k/any", "rsa-sha256"),
        "main-ed25519": ("/k/ed", "ed25519-sha256"),
    }
    assert [(rule.author, rule.keys, rule.identity) for rule in made.signing.rules] == [
        ("boss@example.com", ("main", "main-ed25519"), None),
        ("*@example.com", ("main", "main-ed25519"), "@%"),
        ("*", ("any",), None),
    ]
    assert made.signing.order == "table"


def test_an_algorithm_left_over_from_opendkim_counts_for_nothing(directory: Path) -> None:
    made = configured(directory, TABLES + "SignatureAlgorithm rsa-sha256\n")
    assert made.keys["main-ed25519"].algorithm == "ed25519-sha256"


@pytest.mark.parametrize(
    ("text", "option", "said"),
    [
        pytest.param(SINGLE, "KeyFile", "keys and signing.rules", id="single-key"),
        pytest.param(TABLES, "KeyTableEd25519", "keys", id="table"),
        pytest.param(
            TABLES, "SigningTable", "signing.rules, without example.org, *@*.example, which "
            "dkimpy-milter never matched; only mail that is ours is signed: see origin",
            id="patterns-that-never-fit",
        ),
        pytest.param(
            TABLES + "KeyFile /k\n", "KeyFile", "nothing: the key tables are used instead",
            id="tables-win",
        ),
        pytest.param(
            "KeyTable /k\n", "KeyTable",
            "NOTHING: there is no SigningTable to say whose mail is signed", id="keys-alone",
        ),
        pytest.param(
            "SigningTable {dir}/signing\n", "SigningTable",
            "NOTHING: there is no KeyTable that its names could be looked up in", id="rules-alone",
        ),
        pytest.param(
            "MacroListVerify daemon_name|IN\n", "MacroListVerify",
            'NOTHING: give the service that only receives a listener with role = "verify"',
            id="verify-macros",
        ),
        pytest.param(
            "OversignHeaders From\n", "OversignHeaders",
            "nothing: dkimpy-milter did not obey it either", id="not-obeyed",
        ),
        pytest.param("Mode sv\n", "Mode", "mode", id="as-opendkim"),
    ],
)  # fmt: skip
def test_a_line_became(directory: Path, text: str, option: str, said: str) -> None:
    assert words(directory, text, option) == said


def test_macros_mark_mail_as_ours(tmp_path: Path) -> None:
    made = configured(tmp_path, "MacroList daemon_name|SUB|SMTPS, auth_type, i_am|us\n")
    assert made.origin.daemon_names == ("SUB", "SMTPS")
    assert made.origin.macros == {"{auth_type}": (), "{i_am}": ("us",)}


def test_its_defaults_are_kept_where_ours_differ(tmp_path: Path) -> None:
    made = configured(tmp_path, "")
    assert made.signing.canonicalization == "relaxed/simple"
    assert made.origin.internal_hosts == ("127.0.0.1",)
    assert made.listeners[0].socket == "unix:/var/run/dkimpy-milter/dkimpy-milter.sock"


def test_signed_names_are_ours_unless_it_names_some(tmp_path: Path) -> None:
    assert configured(tmp_path, "").signing.signed_names == Configuration().signing.signed_names
    made = configured(tmp_path, "SignHeaders From,Subject\n")
    assert made.signing.signed_names == ("From", "Subject")


def test_an_unknown_option_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dkimpy-milter.conf:2: .*did you mean KeyFileEd25519"):
        translated(tmp_path, "Mode s\nKeyFileEd25518 /k\n")


def test_the_result_can_be_read_back(directory: Path) -> None:
    import tomllib

    read_back = tomllib.loads(translated(directory, TABLES).text())
    assert list(read_back["keys"]) == ["main", "any", "main-ed25519"]


def test_what_became_of_a_line_is_a_comment_whatever_it_held(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_bytes(b"PeerList a\x7f*,b\x1b*,c\rd*\n")
    written = of_opendkim(read_conf(str(path))).text()
    parse(written.encode())
    assert r"without a\x7f*, b\x1b*, c\rd*" in written


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        pytest.param(b"UserID a\xff", "not UTF-8, which a TOML file is", id="no-utf-8"),
        pytest.param(b"UserID a\x00b", "there is a NUL in the text", id="nul"),
        pytest.param(b"InternalHosts {dir}/set", "not UTF-8, which a TOML file is", id="in-a-set"),
    ],
)
@pytest.mark.parametrize("read_and_translate", [(read, translate), (read_conf, of_opendkim)])
def test_what_toml_cannot_hold_is_named(
    tmp_path: Path, setting: bytes, why: str, read_and_translate: tuple[Any, Any]
) -> None:
    reader, translator = read_and_translate
    (tmp_path / "set").write_bytes(b"a.example\nb\xff.example\n")
    path = tmp_path / "x.conf"
    path.write_bytes(b"Mode v\n" + setting.replace(b"{dir}", str(tmp_path).encode()) + b"\n")
    with pytest.raises(ConfigError, match=rf"x\.conf:2: (UserID|InternalHosts): {why}"):
        translator(reader(str(path)))
