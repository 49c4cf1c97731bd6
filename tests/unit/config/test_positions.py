from __future__ import annotations

import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avowal.config.places import Path
from avowal.config.positions import find_places

DOCUMENT = '''\
# a comment = with signs
mode = "both"   # [not.a.table]
text = """
[also.not] = a table
\\""" still text"""
literal = \'\'\'
"quoted" \'\'\'
[origin]
internal_hosts = [
  "127.0.0.1",  # "one"
  "10.0.0.0/8",
]
point = {x = 1, "y z" = [2, {deep = true}]}
dotted.name."with.dot" = 2026-11-24T10:00:00Z

[keys."bob\\u0040work"]
file = \'C:\\keys\'
[[signing.rules]]
from = "a"
[[signing.rules]]
from = "b"
[signing.rules.more]
x = -1.5e3
'''


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        pytest.param(("mode",), 2, 1, id="key"),
        pytest.param(("literal",), 6, 1, id="key-behind-a-long-text"),
        pytest.param(("origin",), 8, 1, id="table"),
        pytest.param(("origin", "internal_hosts"), 9, 1, id="key-in-a-table"),
        pytest.param(("origin", "internal_hosts", 0), 10, 3, id="list-entry"),
        pytest.param(("origin", "internal_hosts", 1), 11, 3, id="list-entry-behind-a-comment"),
        pytest.param(("origin", "point", "x"), 13, 10, id="inline-table"),
        pytest.param(("origin", "point", "y z", 1, "deep"), 13, 30, id="nested"),
        pytest.param(("origin", "dotted", "name", "with.dot"), 14, 1, id="dotted-key"),
        pytest.param(("keys", "bob@work"), 16, 1, id="quoted-key-with-an-escape"),
        pytest.param(("keys", "bob@work", "file"), 17, 1, id="literal-string"),
        pytest.param(("signing", "rules", 0, "from"), 19, 1, id="first-of-a-list-of-tables"),
        pytest.param(("signing", "rules", 1), 20, 1, id="second-of-a-list-of-tables"),
        pytest.param(("signing", "rules", 1, "more", "x"), 23, 1, id="table-in-the-last-of-a-list"),
    ],
)
def test_everything_has_its_place(path: Path, line: int, column: int) -> None:
    tomllib.loads(DOCUMENT)
    place = find_places(DOCUMENT, "f")[path]
    assert (place.line, place.column) == (line, column)


_KEYS = st.text("ab-1", min_size=1, max_size=3)
_TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)


def _basic(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08X}" if not c.isalnum() else c for c in text) + '"'


_VALUES = st.recursive(
    st.one_of(
        _TEXTS.map(_basic),
        st.integers(-99, 99).map(str),
        st.sampled_from(["true", "1979-05-27", "1.5", "'lit # [x]'", '"""a\n"b" ""c"""']),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", # x\n".join(items) + "\n]"),
        st.dictionaries(_KEYS, inner, max_size=3).map(
            lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_every_value_of_a_document_has_a_place(document: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in document.items())
    found = find_places(text, "f")

    def walk(value: object, path: Path) -> None:
        assert path in found
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, (*path, name))
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                walk(inner, (*path, number))

    for name, value in tomllib.loads(text).items():
        walk(value, (name,))


def test_the_cost_grows_with_the_document_only() -> None:
    def seconds(text: str) -> float:
        tomllib.loads(text)
        started = time.process_time()
        find_places(text, "f")
        return time.process_time() - started

    plain = 'key = "' + "x" * 500_000 + '"\n'
    hostile = 'key = """' + '\\"' * 250_000 + '"""\n' + "#" * 1000 + "\n"
    commas = "key = [" + "1,\n" * 100_000 + "]\n"
    assert seconds(hostile) < 1 + 20 * seconds(plain)
    assert seconds(commas) < 5
