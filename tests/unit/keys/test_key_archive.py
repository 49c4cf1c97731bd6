"""The key archive: its file, and its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from avowal.errors import ConfigError
from avowal.keys.archive import ArchivedKey, KeyArchive, KeySource
from avowal.lookup import NO_NAME, Question
from avowal.testing import ED25519, RSA_1024, record_for

NAME = "s1._domainkey.example.com"


def key(**members: Any) -> ArchivedKey:
    given = {
        "domain": "example.com",
        "selector": "s1",
        "record": record_for(RSA_1024),
        "source": KeySource.RECOVERED,
    }
    return ArchivedKey(**(given | members))


def saved(tmp_path: Path, *lines: object) -> str:
    path = tmp_path / "keys.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path)


HEAD = {"format": "avowal-key-archive", "version": 1}
KEY = {"domain": "example.com", "selector": "s1", "record": "v=DKIM1; p=", "source": "dns"}


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.jsonl")
    archive = KeyArchive([key(first=1, last=2, messages=3), key(selector="s2")])
    archive.save(path)
    assert list(KeyArchive.load(path)) == list(archive)


def test_two_sights_of_a_key_are_one_entry_with_the_whole_span() -> None:
    archive = KeyArchive([key(first=20, last=30, messages=2), key(first=10, last=25, messages=5)])
    assert list(archive) == [key(first=10, last=30, messages=5)]


def test_members_of_a_later_release_are_kept(tmp_path: Path) -> None:
    path = saved(tmp_path, HEAD, KEY | {"dnssec": True})
    KeyArchive.load(path).save(path)
    assert '"dnssec": true' in Path(path).read_text()


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        pytest.param([], 1, id="empty"),
        pytest.param([{"format": "else"}], 1, id="another format"),
        pytest.param([HEAD | {"version": 2}], 1, id="a later version"),
        pytest.param([HEAD, []], 2, id="no object"),
        pytest.param([HEAD, KEY, KEY | {"domain": 1}], 3, id="a domain that is no text"),
        pytest.param([HEAD, KEY | {"domain": "a..b"}], 2, id="a domain that is no name"),
        pytest.param([HEAD, KEY | {"record": "p=\ud800"}], 2, id="a record that is no text"),
        pytest.param([HEAD, KEY | {"source": "heard"}], 2, id="an unknown source"),
        pytest.param([HEAD, KEY | {"first": "1"}], 2, id="a time that is no number"),
        pytest.param([HEAD, {"domain": "example.com"}], 2, id="members missing"),
    ],
)
def test_a_bad_file_is_refused_by_line(tmp_path: Path, lines: list[Any], line: int) -> None:
    path = saved(tmp_path, *lines)
    with pytest.raises(ConfigError) as caught:
        KeyArchive.load(path)
    assert (caught.value.file, caught.value.line) == (path, line)


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.jsonl"
    path.write_text(json.dumps(HEAD) + "\n" + "[" * 100_000)
    with pytest.raises(ConfigError):
        KeyArchive.load(str(path))


def test_a_file_larger_than_it_may_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.keys.archive._MOST_OCTETS", 10)
    with pytest.raises(OSError, match="too large"):
        KeyArchive.load(saved(tmp_path, HEAD))


def test_it_answers_with_the_records_of_a_name() -> None:
    archive = KeyArchive([key(), key(record=record_for(ED25519), source=KeySource.DNS)])
    (answer,) = archive.resolve((Question(NAME),))
    assert {*answer.records} == {record_for(RSA_1024).encode(), record_for(ED25519).encode()}


def test_it_says_which_records_dns_never_showed() -> None:
    archive = KeyArchive([key(), key(record=record_for(ED25519), source=KeySource.DNS)])
    (answer,) = archive.resolve((Question(NAME),))
    assert answer.unpublished == {record_for(RSA_1024).encode()}


def test_a_key_that_dns_showed_as_well_is_published() -> None:
    archive = KeyArchive([key(), key(source=KeySource.DNS)])
    (answer,) = archive.resolve((Question(NAME),))
    assert not answer.unpublished


@pytest.mark.parametrize(
    "question", [Question("s9._domainkey.example.com"), Question(NAME, "A")], ids=["name", "type"]
)
def test_what_is_not_in_it_does_not_exist(question: Question) -> None:
    assert KeyArchive([key()]).resolve((question,)) == (NO_NAME,)


async def test_both_ways_of_asking_answer_alike() -> None:
    archive = KeyArchive([key()])
    assert await archive.aresolve((Question(NAME),)) == archive.resolve((Question(NAME),))
