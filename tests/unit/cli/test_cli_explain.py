"""avowal explain: sentences, a diff, JSON, statuses, and the author's octets in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import avowal
from avowal.cli import commands, exits, explanation_table
from avowal.cli.exits import ExitStatus
from avowal.testing import RSA_2048, message, record_for
from avowal.text import revealed

README = Path(__file__).parents[3] / "README.md"
TEXT = "Dear all,\r\n\r\nShall we meet at noon?\r\n"
FOOTER = b"________________\r\nfood mailing list\r\n"


def main(arguments: list[str]) -> int:
    return exits.run(lambda: commands.run(arguments))


@pytest.fixture
def zone(tmp_path: Path) -> str:
    path = tmp_path / "zone.json"
    path.write_text(json.dumps({"s1._domainkey.example.com": record_for(RSA_2048)}))
    return str(path)


def signed(subject: str = "Lunch") -> bytes:
    octets = message(TEXT, subject=subject)
    field = avowal.sign(
        octets, domain="example.com", selector="s1", key=RSA_2048, now=1_790_000_000
    )
    return field + octets


def through_a_list(octets: bytes) -> bytes:
    return octets.replace(b"Subject: ", b"Subject: [food] ") + FOOTER


@pytest.fixture
def posted(tmp_path: Path) -> str:
    path = tmp_path / "posted.eml"
    path.write_bytes(through_a_list(signed()))
    return str(path)


def test_the_reason_is_proven_and_shown(
    zone: str, posted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "--zone", zone, posted]) == ExitStatus.PASSED
    shown = capsys.readouterr().out
    assert "a tag was put into the Subject" in shown
    assert "lines were added at the end" in shown
    assert "- Subject: Lunch\n      + Subject: [food] Lunch" in shown
    assert "+ food mailing list" in shown
    assert "list: leave the Subject alone" in shown


def test_what_is_not_explained_has_another_status(
    zone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "forged.eml"
    path.write_bytes(signed().replace(b"noon", b"midnight"))
    assert main(["explain", "--zone", zone, str(path)]) == ExitStatus.NOT_PASSED
    assert "changed, and what was signed was not found" in capsys.readouterr().out


def test_json_has_every_change(zone: str, posted: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "--json", "--zone", zone, posted])
    (signature,) = json.loads(capsys.readouterr().out)["signatures"]
    assert (signature["passed"], signature["explained"]) == (False, True)
    assert signature["header_changes"] == [
        {"signed": ["Subject: Lunch"], "came": ["Subject: [food] Lunch"]}
    ]
    assert [step["name"] for step in signature["steps"]] == ["subject-tag", "footer"]


def test_the_original_is_restored_and_verifies(zone: str, posted: str, tmp_path: Path) -> None:
    path = tmp_path / "original.eml"
    main(["explain", "--restore", str(path), "--zone", zone, posted])
    assert path.read_bytes() == signed()
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_restored_without_a_proof(zone: str, tmp_path: Path) -> None:
    source, path = tmp_path / "forged.eml", tmp_path / "original.eml"
    source.write_bytes(signed().replace(b"noon", b"midnight"))
    status = main(["explain", "--restore", str(path), "--zone", zone, str(source)])
    assert (status, path.exists()) == (ExitStatus.UNUSABLE, False)


def test_a_mailbox_is_explained_message_by_message(
    zone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mbox"
    posts = (through_a_list(signed(f"Lunch {n}")).replace(b"\r\n", b"\n") for n in range(3))
    path.write_bytes(b"".join(b"From x Tue Nov 24 12:00:00 2026\n" + one + b"\n" for one in posts))
    assert main(["explain", "--json", "--zone", zone, str(path)]) == ExitStatus.PASSED
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["message"], one["explained"]) for one in found] == [(n, True) for n in (1, 2, 3)]


def test_a_body_beyond_the_limit_is_refused(
    zone: str, posted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("avowal.cli.explaining._LARGEST", 10)
    assert main(["explain", "--zone", zone, posted]) == ExitStatus.UNUSABLE
    assert "too large to be explained" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        pytest.param(b"a\tb", "a→b", id="a tab"),
        pytest.param(b"end  ", "end··", id="blanks at the end"),
        pytest.param(b"\x1b[31m", "\\x1b[31m", id="a control"),
        pytest.param(b"Subject: a\r\n b", "Subject: a⏎ b", id="a fold"),
    ],
)
def test_white_space_is_seen(row: bytes, shown: str) -> None:
    assert revealed(row) == shown


# -- pages and tables ----------------------------------------------------------------------------


def test_a_page_escapes_what_strangers_wrote(zone: str, tmp_path: Path) -> None:
    source, path = tmp_path / "post.eml", tmp_path / "page.html"
    evil = b"<script>alert(1)</script><img src=x onerror=y>\x1b[31m\r\n"
    source.write_bytes(through_a_list(signed()) + evil)
    assert main(["explain", "--html", str(path), "--zone", zone, str(source)]) == 0
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http-equiv", "")
    assert "\x1b" not in page


def test_a_page_is_never_written_over_a_file(zone: str, posted: str, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("mine")
    assert main(["explain", "--html", str(path), "--zone", zone, posted]) == ExitStatus.UNUSABLE
    assert path.read_text() == "mine"


def test_a_folder_ends_in_a_table_of_its_lists(
    zone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(3):
        octets = through_a_list(signed(f"Lunch {number}"))
        octets = octets.replace(b"\r\n\r\n", b"\r\nList-Id: <food.lists.example>\r\n\r\n", 1)
        (folder / f"{number}.eml").write_bytes(octets)
    assert main(["explain", "--summary", "--zone", zone, str(folder)]) == ExitStatus.PASSED
    shown = capsys.readouterr().out
    assert shown.startswith("food.lists.example: 3 messages, 3 signatures\n")
    assert "3  100.0 %  explained" in shown
    assert "3 times lines were added at the end" in shown


def test_the_table_is_there_for_programs(
    zone: str, posted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["explain", "--summary", "--json", "--zone", zone, posted])
    (row,) = json.loads(capsys.readouterr().out)["lists"]
    assert (row["list"], row["outcomes"]) == ("no list", {"explained": 1})


def test_ctrl_c_keeps_the_table_so_far(
    zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.eml").write_bytes(through_a_list(signed()))
    done: list[int] = []

    def status(found: object) -> ExitStatus:
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        return ExitStatus.PASSED

    monkeypatch.setattr("avowal.cli.explaining._status", status)
    assert main(["explain", "--summary", "--zone", zone, str(folder)]) == ExitStatus.INTERRUPTED
    assert "no list: 2 messages" in capsys.readouterr().out


@pytest.fixture
def posts(tmp_path: Path) -> str:
    """A folder of more messages than a process takes at a time."""
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(9):
        octets = signed(f"Lunch {number}")
        octets = octets if number % 4 == 3 else through_a_list(octets)
        (folder / f"{number}.eml").write_bytes(octets)
    return str(folder)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param([], id="text"),
        pytest.param(["--json"], id="json"),
        pytest.param(["--summary"], id="table"),
    ],
)
def test_two_processes_explain_as_one_does(
    zone: str, posts: str, how: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for jobs in ("1", "2"):
        status = main(["explain", *how, "--zone", zone, "--jobs", jobs, posts])
        told.append((status, *capsys.readouterr()))
    assert told[0] == told[1]
    assert "explained" in told[0][1]


def test_ctrl_c_keeps_the_table_of_several_processes(
    zone: str, posts: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add = explanation_table.ListTable.add

    def interrupted(table: explanation_table.ListTable, row: explanation_table.Row) -> None:
        if table.messages == 5:
            raise KeyboardInterrupt
        add(table, row)

    monkeypatch.setattr(explanation_table.ListTable, "add", interrupted)
    status = main(["explain", "--summary", "--zone", zone, "--jobs", "2", posts])
    assert status == ExitStatus.INTERRUPTED
    assert "no list: 5 messages" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--profiles", "--record"])
def test_what_one_process_keeps_is_not_shared(
    zone: str, posts: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    source = [] if option == "--record" else ["--zone", zone]
    assert (
        main(["explain", *source, "--jobs", "2", option, str(kept), posts]) == ExitStatus.UNUSABLE
    )
    assert f"{option}: one process keeps the file: leave --jobs out" in capsys.readouterr().err
    assert not kept.exists()


def test_what_proofs_teach_is_kept_in_a_file_for_its_owner_alone(
    zone: str, posted: str, tmp_path: Path
) -> None:
    kept = tmp_path / "profiles"
    for _ in range(2):
        assert main(["explain", "--zone", zone, "--profiles", str(kept), posted]) == 0
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert rows[1]["steps"] == {"footer": 2, "subject-tag": 2}
    assert rows[2]["there"]["from"] == 2
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_file_of_profiles_that_is_none_is_named_with_its_line(
    zone: str, posted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "profiles"
    kept.write_text("[]")
    assert main(["explain", "--zone", zone, "--profiles", str(kept), posted]) != 0
    assert "1: this is no file of profiles" in capsys.readouterr().err
    assert kept.read_text() == "[]"


def test_the_first_screen_of_the_readme_is_what_is_printed(
    zone: str, posted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path(posted).rename("post.eml")
    shown = README.read_text(encoding="utf-8").split("```text\n", 1)[1].split("```", 1)[0]
    command, _, output = shown.partition("\n")
    main([*command.removeprefix("$ avowal ").split(), "--zone", zone])
    assert capsys.readouterr().out.startswith(output)
