from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from avowal.config.model import Configuration
from avowal.config.schema import dotted_names, tables
from avowal.config.toml import parse
from avowal.config.writing import reference, sample, toml

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def test_the_reference_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "avowal config reference > the page"


def test_every_option_is_described() -> None:
    for table in tables():
        assert table.meaning
        for option in table.options:
            assert option.meaning.endswith("."), option.name
    assert "signing.rules.from" in dotted_names()


def test_the_sample_is_a_valid_file_as_it_stands() -> None:
    assert parse(sample().encode()).configuration == Configuration()


def test_the_sample_shows_the_defaults() -> None:
    lines = sample().split("\n")
    shown = "\n".join(re.sub(r"^#(\w+ = )(?!# unset)", r"\1", line) for line in lines)
    whole = re.sub(r"(?m)^#\[", "[", shown)
    configuration = parse(whole.encode()).configuration
    assert configuration.signing.rules[0].keys == ("main",)
    assert configuration.dns == Configuration().dns
    assert configuration.actions == Configuration().actions


EXAMPLE = """\
mode = "sign"

[origin]
internal_hosts = ["10.0.0.0/8"]

[origin.macros]
"{x}" = ["a"]

[keys."bob@work"]
domain = "example.com"
selector = "s"
inline = "a\\nb\\u007f\\"\\\\"

[signing]
lifetime = 60

[[signing.rules]]
from = "a.example"
keys = ["bob@work"]

[[signing.rules]]
from = "b.example"
keys = ["bob@work"]
identity = "@b.example"

[log]
format = "json"
"""


def test_a_configuration_survives_being_written() -> None:
    configuration = parse(EXAMPLE.encode()).configuration
    assert parse(toml(configuration).encode()).configuration == configuration


def test_only_what_differs_from_the_defaults_is_written() -> None:
    assert toml(Configuration()) == ""
    written = toml(parse(b'[log]\nformat = "json"\nname = "avowal"\n').configuration)
    assert written == '[log]\nformat = "json"\n'


DOCS = PAGE.parents[1]
EXAMPLES = [
    pytest.param(text, id=f"{page.relative_to(DOCS)}-{place}")
    for page in sorted(DOCS.rglob("*.md"))
    if "_build" not in page.parts
    for place, text in enumerate(
        re.findall(
            r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        )
    )
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_configurations_in_the_pages_are_valid(text: str) -> None:
    parse(text.encode())


def test_the_listeners_are_written_out_where_they_are_wanted() -> None:
    written = toml(Configuration(), listeners=True)
    assert written == '[[listeners]]\nsocket = "inet:8891@localhost"\n'
    assert parse(written.encode()).configuration == Configuration()


def test_what_a_table_may_hold_is_worked_out_once_for_thousands_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    there = msgspec.structs.fields
    monkeypatch.setattr(msgspec.structs, "fields", lambda of: (asked.append(of), there(of))[1])
    text = "".join(
        f'[keys.k{n}]\ndomain = "a.example"\nselector = "s"\nfile = "/k"\n' for n in range(50)
    )
    toml(parse(text.encode()).configuration)
    assert len(asked) == len(set(asked))
