"""Keys that the files of other programs name: what is read of each form, and what is refused."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from avowal.errors import ConfigError, KeyMaterialError
from avowal.key_imports import ImportedKey, read_keys, ucl
from avowal.keys.files import load_key, write_key
from avowal.testing import ED25519, RSA_1024

Row = tuple[str | None, str | None, str | None, str | None, int | None]
PEM = ED25519.pem().decode()


def written(tmp_path: Path, text: str | bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(found: tuple[ImportedKey, ...]) -> list[Row]:
    return [
        (
            None if key.domain is None else key.domain.ascii,
            None if key.selector is None else key.selector.ascii,
            key.algorithm,
            key.path,
            key.line,
        )
        for key in found
    ]


KEY_TABLE = """# our keys
one example.com:s1:/keys/one.pem

two example.net:s2:/keys/two.pem:ed25519-sha256
"""
OPENDKIM = """Domain a.example,b.example
Selector mail
KeyFile /keys/mail.private
"""
DKIMPY = """Domain a.example
Selector r1
KeyFile /keys/r1.key
SelectorEd25519 e1
KeyFileEd25519 /keys/e1.key
"""
RSPAMD = """
# local.d/dkim_signing.conf
selector = "dkim";
path = "/keys/$domain.$selector.key";
try_fallback = false;
domain {
  a.example {
    selector = "s1";
  }
  "b.example" {
    selectors [
      { path: "/keys/b-rsa.key", selector: "rsa" },
      { path: "/keys/b-ed.key", selector: "ed" }  # both sign
    ]
  }
}
"""
DUMPED = """\
*** Section dkim_signing ***
path = "/keys/$selector.pem";
sign_networks [
    "127.2.4.7",
]
domain {
    b.example {
        selectors [
            {
                selector = "s2";
            }
        ]
    }
}
try_fallback = false;

*** End of section dkim_signing ***
"""
DUMPED_JSON = json.dumps(
    {"path": "/keys/$selector.pem", "domain": {"a.example": {"selector": "s1"}},
     "try_fallback": False}, indent=4,
)  # fmt: skip
STALWART = """
[signature."rsa-a"]
private-key = "%{file:/keys/a.key}%"
domain = "a.example"
selector = "s1"
algorithm = "rsa-sha-256"

[signature.ed-a]
domain = "a.example"
selector = "s2"
algorithm = "ed25519-sha256"
private-key = '''KEY'''
""".replace("KEY", PEM)
PLAN = json.dumps(
    [
        {"@type": "destroy", "object": "Domain"},
        {"@type": "create", "object": "Domain", "value": {"domain-b": {"name": "a.example"}}},
        {
            "@type": "create",
            "object": "DkimSignature",
            "value": {
                "dkimsignature-a": {
                    "@type": "Dkim1RsaSha256",
                    "domainId": "#domain-b",
                    "selector": "v1-rsa",
                    "privateKey": {"@type": "File", "filePath": "/keys/a.key"},
                }
            },
        },
    ],
    indent=1,
)
ANSWER = json.dumps({
    "methodResponses": [
        ["x:Domain/get", {"list": [{"id": "b", "name": "a.example"}]}, "0"],
        ["x:DkimSignature/get", {"list": [{
            "@type": "Dkim1Ed25519Sha256", "id": "c", "domainId": "b", "selector": "v1-ed",
            "privateKey": {"@type": "File", "filePath": "/keys/e.key"}}]}, "1"],
    ]
})  # fmt: skip
FLAT = json.dumps({
    "signature.rsa-a.domain": "a.example",
    "signature.rsa-a.selector": "s1",
    "signature.rsa-a.algorithm": "rsa-sha256",
    "signature.rsa-a.private-key": "%{file:/keys/a.key}%",
    "other.key": "x",
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            KEY_TABLE,
            [
                ("example.com", "s1", None, "/keys/one.pem", 2),
                ("example.net", "s2", "ed25519-sha256", "/keys/two.pem", 4),
            ],
            id="KeyTable of OpenDKIM",
        ),
        pytest.param(
            OPENDKIM,
            [
                ("a.example", "mail", None, "/keys/mail.private", 3),
                ("b.example", "mail", None, "/keys/mail.private", 3),
            ],
            id="opendkim.conf with one key",
        ),
        pytest.param(
            DKIMPY,
            [
                ("a.example", "r1", "rsa-sha256", "/keys/r1.key", 3),
                ("a.example", "e1", "ed25519-sha256", "/keys/e1.key", 5),
            ],
            id="dkimpy-milter.conf with two",
        ),
        pytest.param(
            RSPAMD,
            [
                ("a.example", "s1", None, "/keys/a.example.s1.key", 8),
                ("b.example", "rsa", None, "/keys/b-rsa.key", 12),
                ("b.example", "ed", None, "/keys/b-ed.key", 13),
            ],
            id="rspamd",
        ),
        pytest.param(
            f"dkim_signing {{\n{RSPAMD}}}\n",
            [
                ("a.example", "s1", None, "/keys/a.example.s1.key", 9),
                ("b.example", "rsa", None, "/keys/b-rsa.key", 13),
                ("b.example", "ed", None, "/keys/b-ed.key", 14),
            ],
            id="rspamd, the whole section",
        ),
        pytest.param(
            DUMPED, [("b.example", "s2", None, "/keys/s2.pem", 10)], id="rspamadm configdump"
        ),
        pytest.param(
            DUMPED_JSON, [("a.example", "s1", None, "/keys/s1.pem", 5)], id="the same in JSON"
        ),
        pytest.param(
            STALWART,
            [
                ("a.example", "s1", "rsa-sha256", "/keys/a.key", 2),
                ("a.example", "s2", "ed25519-sha256", None, 8),
            ],
            id="Stalwart in TOML",
        ),
        pytest.param(
            PLAN,
            [("a.example", "v1-rsa", "rsa-sha256", "/keys/a.key", 19)],
            id="a plan of Stalwart",
        ),
        pytest.param(
            ANSWER, [("a.example", "v1-ed", "ed25519-sha256", "/keys/e.key", 1)],
            id="an answer of Stalwart",
        ),
        pytest.param(
            FLAT, [("a.example", "s1", "rsa-sha256", "/keys/a.key", 1)], id="flat keys of Stalwart"
        ),
    ],
)  # fmt: skip
def test_a_file_names_keys(text: str, expected: list[Row], tmp_path: Path) -> None:
    assert rows(read_keys(written(tmp_path, text))) == expected


def test_a_conf_with_tables_says_who_signs_where_the_key_table_leaves_it_open(
    tmp_path: Path,
) -> None:
    keys = written(tmp_path, "all %:s:/keys/%.pem\n", "KeyTable")
    authors = "*@a.example all\nbob@b.example all\nc.example all\n*.d.example all\n"
    signing = written(tmp_path, authors, "SigningTable")
    conf = written(tmp_path, f"KeyTable {keys}\nSigningTable refile:{signing}\n")
    assert rows(read_keys(conf)) == [
        ("a.example", "s", None, "/keys/a.example.pem", 1),
        ("b.example", "s", None, "/keys/b.example.pem", 1),
    ]


def test_the_tables_of_dkimpy_say_what_signs_with_which_algorithm(tmp_path: Path) -> None:
    rsa = written(tmp_path, "k a.example:r:/keys/r.key\n", "KeyTable")
    ed = written(tmp_path, "k a.example:e:/keys/e.key\n", "KeyTableEd25519")
    conf = written(tmp_path, f"KeyTable file:{rsa}\nKeyTableEd25519 file:{ed}\n")
    found = read_keys(conf)
    assert rows(found) == [
        ("a.example", "r", "rsa-sha256", "/keys/r.key", 1),
        ("a.example", "e", "ed25519-sha256", "/keys/e.key", 1),
    ]
    assert [key.file for key in found] == [str(rsa), str(ed)]


def test_maps_of_rspamd_name_domains_and_key_files_on_disk_name_the_rest(tmp_path: Path) -> None:
    written(tmp_path, "a.example s1\nb.example s2 # newer\n", "selectors")
    written(tmp_path, f"b.example {tmp_path}/special.$selector.key\n", "paths")
    for name in ("a.example.s1.key", "c.example.dkim.key", "d.example.old.key"):
        written(tmp_path, "", name)
    conf = written(
        tmp_path,
        f'path = "{tmp_path}/$domain.$selector.key";\n'
        'selector_map = "selectors";\npath_map = "paths";\n',
    )
    found = read_keys(conf)
    assert rows(found) == [
        ("a.example", "s1", None, f"{tmp_path}/a.example.s1.key", 1),
        ("b.example", "s2", None, f"{tmp_path}/special.s2.key", 2),
        ("c.example", "dkim", None, f"{tmp_path}/c.example.dkim.key", 1),
    ]
    assert found[0].place == f"{tmp_path}/selectors:1"


def seed() -> bytes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    raw: bytes = load_pem_private_key(PEM.encode(), None).private_bytes_raw()  # type: ignore[union-attr]
    return base64.b64encode(raw) + b"\n"


@pytest.mark.parametrize(
    ("octets", "algorithm"),
    [
        pytest.param(PEM.encode(), "ed25519-sha256", id="PKCS#8"),
        pytest.param(seed(), "ed25519-sha256", id="the seed that dkimpy writes"),
        pytest.param(RSA_1024.pem(), "rsa-sha256", id="RSA"),
        pytest.param(
            b"".join(RSA_1024.pem().splitlines()[1:-1]), "rsa-sha256", id="base64 without its lines"
        ),
        pytest.param(
            base64.b64decode(b"".join(RSA_1024.pem().splitlines()[1:-1])), "rsa-sha256", id="DER"
        ),
        pytest.param(RSA_1024.pem(b"secret"), None, id="encrypted: known with the password only"),
    ],
)
def test_a_key_alone_says_neither_domain_nor_selector(
    octets: bytes, algorithm: str | None, tmp_path: Path
) -> None:
    path = written(tmp_path, octets)
    assert rows(read_keys(path)) == [(None, None, algorithm, str(path), None)]


def test_what_is_inline_is_read_by_load_key_and_never_shown(tmp_path: Path) -> None:
    key = read_keys(written(tmp_path, STALWART))[1]
    assert key.inline is not None
    assert load_key(key.inline.encode()).public_octets == ED25519.public_octets
    assert PEM.split("\n")[1] not in repr(key)


def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_keys(path)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        pytest.param("one example.com:s1:/a\ntwo a..b:s:/k\n", 2, "no domain", id="no domain"),
        pytest.param("one example.com:s 1:/a\n", 1, "no selector", id="no selector"),
        pytest.param("all %:s:/keys/%.pem\n", 1, "whatever domain", id="any author"),
        pytest.param("*@a.example all\n", None, "SigningTable", id="a SigningTable"),
        pytest.param("KeyFile /k\n", 1, "no Selector", id="a key without a selector"),
        pytest.param("KeyFil /k\nKeyFile /k\n", 1, "unrecognized", id="an unknown option"),
        pytest.param(
            "KeyTable dsn:mysql://u@h/d/table=t?keycol=k?datacol=d\n", 1, "in a database",
            id="a database",
        ),
        pytest.param("domain {\n a.example {\n}\n", 4, "not closed", id="a section left open"),
        pytest.param("domain { a.example { } }\n", 1, "no path", id="no path"),
        pytest.param("selector_map = 'x';\nuse_redis = true;", 2, "no file", id="keys in Redis"),
        pytest.param("selector_map = 'https://h/x';\n", 1, "no file of", id="a map elsewhere"),
        pytest.param("selector_map = 'missing';\n", 1, "No such file", id="a map that is gone"),
        pytest.param(
            "selector = 'x';\n.include 'y'\npath='$domain'", 2, ".include", id="an include"
        ),
        pytest.param("path = '${DBDIR}/$domain.key';domain{a.example{}}", 1, "variable", id="${}"),
        pytest.param("domain { a.example { path = '/unclosed }", 1, "not closed", id="a string"),
        pytest.param('{\n"domain": {}\n} x', 3, "follows the last", id="more behind the end"),
        pytest.param("domain {} /* no end", 1, "not closed", id="a comment"),
        pytest.param("domain { a.example { path [ }", 1, "closed with }", id="a list"),
        pytest.param(
            "domain " + "{ a " * 20, 1, "deeper than 16", id="deeper than is read"
        ),
        pytest.param('[signature.a]\ndomain = "a.example"\n', 1, "no selector", id="incomplete"),
        pytest.param(
            STALWART.replace("rsa-sha-256", "rsa-sha1"), 2, "does not sign", id="a dead algorithm"
        ),
        pytest.param(
            STALWART.replace("%{file:/keys/a.key}%", "*****"), 2, "not in the file", id="masked"
        ),
        pytest.param(PLAN.replace("#domain-b", "#domain-c"), 19, "not here", id="no domain object"),
        pytest.param('{\n "a": \n', 3, "no JSON", id="JSON that ends"),
        pytest.param('{"a": %s}' % ("9" * 5000), None, "too many digits", id="an endless number"),
        pytest.param("{}", None, "no DKIM signatures", id="JSON without any"),
        pytest.param("some\ntext of another kind\n", None, "of no form", id="anything else"),
        pytest.param("", None, "of no form", id="an empty file"),
        pytest.param(b"\xff\xfe\n", 1, "neither text", id="octets"),
        pytest.param("\nselector_map = '\0'", 2, "a NUL", id="no path holds a NUL"),
    ],
)  # fmt: skip
def test_what_cannot_be_obeyed_is_refused_with_its_line(
    text: str | bytes, line: int | None, why: str, tmp_path: Path
) -> None:
    error = refused(written(tmp_path, text))
    assert why in str(error)
    assert error.line == line


def test_a_domain_of_a_section_is_not_in_a_map_as_well(tmp_path: Path) -> None:
    written(tmp_path, "\na.example s2\n", "map")
    conf = written(tmp_path, "selector_map = 'map';domain{a.example{path='/k';}}")
    error = refused(conf)
    assert (error.file, error.line) == (str(tmp_path / "map"), 2)


def test_a_file_that_holds_a_damaged_key_alone_is_refused_without_showing_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "k.pem"
    write_key(path, ED25519)
    path.write_bytes(path.read_bytes().replace(b"MC4C", b"MC4D"))
    with pytest.raises(KeyMaterialError) as caught:
        read_keys(path)
    assert PEM.split("\n")[1][8:] not in str(caught.value)


def test_a_key_in_the_place_of_a_selector_is_not_shown_whole(tmp_path: Path) -> None:
    body = PEM.split("\n")[1]
    error = refused(written(tmp_path, f"one a.example:{body}+/:/path\n"))
    assert body not in str(error)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in str(refused(tmp_path / "missing"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a b { c = d }", id="a named section"),
        pytest.param("a { b { c d } }", id="without a sign"),
        pytest.param('"a" "b" {c: "d";}', id="quoted"),
        pytest.param("a { /* x /* nested */ */ b { c = 'd', } }", id="comments"),
        pytest.param("a = { b = { c = d # the end\n } }", id="a comment behind a value"),
        pytest.param('a { b { "c" = "\\u0064" } }', id="an escape"),
    ],
)
def test_ucl_has_several_ways_to_say_the_same(text: str) -> None:
    a = ucl.parse(text, "f").entries[0]
    assert isinstance(a.value, ucl.Section)
    b = a.value.entries[0]
    assert isinstance(b.value, ucl.Section)
    assert (a.key, b.key, b.value.entries[0][:2]) == ("a", "b", ("c", "d"))
