"""The commands of a rotation: what they begin, show, change, refuse and draw."""

from __future__ import annotations

import json
import signal
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.rotating import ALGORITHM, DOMAIN, changing_course

from avowal.cli import commands, exits, keys_run, keystore
from avowal.errors import StoreAwayError, StoreError
from avowal.keys.audit import deed
from avowal.keys.lifecycle import PassShare
from avowal.keys.rotation_clock import moment
from avowal.keys.rotation_document import write_rotation
from avowal.keys.rotation_runner import LEASE, Runner
from avowal.keys.store import Change, KeptRotation, KeyStore
from avowal.stores.key_stores import open_key_store

Run: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture
def keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs `avowal keys …` on a store of its own."""
    monkeypatch.setenv("AVOWAL_KEY_STORE", str(tmp_path / "keys.db"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = exits.run(lambda: commands.run(["keys", *arguments]))
        said = capsys.readouterr()
        return status, said.out, said.err

    assert run("store", "create")[0] == 0
    return run


@pytest.fixture
def rotating(keys: Run) -> Run:
    """The same, with a rotation whose key ``sa`` drains and whose ``sb`` signs."""
    course = changing_course()
    rotation = replace(course.rotation, marks=((moment(), course.rotation.elapsed),))
    kept = KeptRotation(
        domain=DOMAIN, algorithm=ALGORITHM, version=0, state=write_rotation(rotation)
    )
    store = open_key_store("keys.db")
    store.commit(
        Change(
            who="test",
            at=0,
            deeds=(deed("add", "sa"),),
            rotations=(kept,),
            keys=tuple(key.key for key in rotation.keys),
        )
    )
    store.close()
    return keys


def test_a_schedule_is_begun_shown_and_changed(keys: Run) -> None:
    status, out, _ = keys("schedule", "example.com", "--set", "rotate-every=90d")
    assert (status, "  rotate-every=90d" in out.splitlines()) == (0, True)
    assert keys("schedule", "example.com", "--set", "lead=30d")[0] == 0
    out = keys("schedule", "example.com")[1]
    assert {"  rotate-every=90d", "  lead=30d"} <= set(out.splitlines())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param("rotate-often=1d", "write NAME=VALUE with a name of", id="unknown"),
        pytest.param("lead=soon", "write 90d, 12h, 30m or 45s", id="no span"),
        pytest.param("publish-private=maybe", "yes or no", id="no truth"),
        pytest.param("when-stolen=panic", "sign-on or stop", id="no choice"),
        pytest.param("template={host}", "'host' is none of", id="template"),
        pytest.param("rotate-every=1d", "jitter: as long as a key signs", id="jitter"),
        pytest.param("rotate-every=0", "rotate-every: 1 seconds at least", id="no time"),
        pytest.param("bits=512", "bits=512: 1024 to 8192 may sign", id="a short key"),
        pytest.param("bits=99999", "bits=99999: 1024 to 8192 may sign", id="a long key"),
        pytest.param("bits=2k", "bits=2k: write a number, such as 2048", id="bits in words"),
    ],
)
def test_what_is_no_schedule_is_refused_and_nothing_begun(keys: Run, given: str, said: str) -> None:
    status, _, err = keys("schedule", "example.com", "--set", given)
    assert (status, said in err) == (2, True)
    assert "no rotation" in keys("status")[1]


def test_the_status_says_what_comes_next_and_when(rotating: Run) -> None:
    status, out, _ = rotating("status")
    assert status == 0
    head, first, second = out.splitlines()
    assert head == "example.com ed25519-sha256"
    assert first.split()[:2] == ["sa", "draining"]
    assert "revoked in 51 minutes" in first
    assert second.split()[:2] == ["sb", "signing"]
    assert "a successor is made in 25 hours" in second


def test_the_status_as_json_is_for_programs(rotating: Run) -> None:
    found = json.loads(rotating("status", "--json")[1])
    assert found["signing"] == "sb"
    assert [key["state"] for key in found["keys"]] == ["draining", "signing"]
    assert found["keys"][0]["next"] == "revoked"
    assert found["troubles"] == []


def test_the_status_writes_what_a_daemon_tells_of_rotations(rotating: Run, tmp_path: Path) -> None:
    status, out, _ = rotating("status", "--metrics", "keys.prom")
    assert (status, "sb  " in out) == (0, True)
    lines = (tmp_path / "keys.prom").read_text().splitlines()
    assert "avowal_rotations 1" in lines
    halted = 'avowal_rotation_halted{domain="example.com",algorithm="ed25519-sha256"}'
    assert f"{halted} 0" in lines
    rotating("rollback", "example.com", "--why", "a receiver called")
    assert rotating("status", "--metrics", "keys.prom")[0] == 1
    assert f"{halted} 1" in (tmp_path / "keys.prom").read_text().splitlines()


def test_the_status_tells_how_receivers_judged_each_key(rotating: Run) -> None:
    store = open_key_store("keys.db")
    row = PassShare(
        domain="example.com",
        selector="sb",
        receiver="big.example",
        day=moment().wall // 86_400,
        passed=990,
        failed=10,
    )
    store.commit(Change(who="test", at=0, shares=(row,)))
    store.close()
    assert "passes 990 of 1,000 (99.0%; 97.3% to 99.6%)" in rotating("status")[1]


def test_what_the_operator_has_to_know_is_in_the_status_and_its_exit(rotating: Run) -> None:
    status, out, _ = rotating("rollback", "example.com", "--why", "a receiver called")
    assert (status, "sa._domainkey.example.com: signing" in out) == (0, True)
    status, out, _ = rotating("status")
    assert (status, "the rotation halted: a receiver called" in out) == (1, True)
    assert rotating("resume", "example.com")[0] == 0
    assert rotating("status")[0] == 0


def test_an_emergency_leaves_the_signing_key_at_once(rotating: Run) -> None:
    status, out, _ = rotating("emergency", "example.com")
    assert status == 0
    assert "sa._domainkey.example.com: signing" in out
    assert "sb._domainkey.example.com: revoked" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("revoke", "example.com", "sb"), "follow it first", id="signing"),
        pytest.param(("revoke", "example.com", "sa"), "may be under way for", id="under way"),
        pytest.param(("retire", "example.com", "x"), "no rotation in", id="unknown selector"),
        pytest.param(("rotate", "example.net"), "schedule example.net", id="unknown domain"),
        pytest.param(("pause", "example.com", "--type", "rsa"), "no rotation", id="type"),
        pytest.param(("emergency", "example.com", "sa", "--all"), "not both", id="both"),
    ],
)
def test_what_would_break_a_rule_is_refused_in_a_sentence(
    rotating: Run, arguments: tuple[str, ...], said: str
) -> None:
    status, _, err = rotating(*arguments)
    assert (status, said in err) == (2, True)


def test_commands_stand_in_the_audit_log(rotating: Run) -> None:
    rotating("pause", "example.com")
    assert '"command": "Pause"' in rotating("audit", "export")[1].replace('":"', '": "')


def test_the_picture_has_each_state_of_each_key_with_its_dates(rotating: Run) -> None:
    assert rotating("status", "--svg", "keys.svg", "--html", "keys.html")[0] == 0
    svg = "{http://www.w3.org/2000/svg}"
    titles = [title.text or "" for title in ET.parse("keys.svg").iter(f"{svg}title")]
    assert any(title.startswith("sa: draining 2027-01-1") for title in titles)
    assert [title.split()[1] for title in titles if title.startswith("sb: ")] == [
        "prepared",
        "published",
        "seen",
        "canary",
        "signing",
    ]
    page = Path("keys.html").read_text(encoding="utf-8")
    assert "<td>sb</td>" in page
    assert "<script" not in page


def test_who_holds_the_lease_is_named_to_one_who_finds_it_taken(keys: Run) -> None:
    store = open_key_store("keys.db")
    store.take_lease(LEASE, "mx1 4711", now=int(time.time()), seconds=100)
    store.close()
    status, _, err = keys("run", "--once", "--resolver", "127.0.0.1:9")
    assert status == 3
    assert "mx1 4711 (host and process) acts on this store, for " in err
    assert " s more if it was killed; nothing was done" in err


def test_a_run_that_is_terminated_gives_its_lease_back(
    keys: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_run.time, "sleep", lambda _: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as ended:
        keys("run", "--resolver", "127.0.0.1:9")
    store = open_key_store("keys.db")
    lease = store.leader(LEASE)
    store.close()
    assert ended.value.code == 0
    assert lease is not None
    assert lease.until == 0


def test_an_alert_command_that_cannot_be_read_is_refused_at_the_start(keys: Run) -> None:
    status, _, err = keys("run", "--once", "--alert-command", "'mail")
    assert (status, "--alert-command: No closing quotation" in err) == (2, True)


def test_a_run_that_could_not_publish_ends_with_1(rotating: Run) -> None:
    assert rotating("emergency", "example.com", "sa")[0] == 0
    run = ("run", "--once", "--resolver", "127.0.0.1:9", "--publish")
    assert rotating(*run, "zone-file:nowhere/zone")[0] == 1
    time.sleep(1)  # retry-every is 30 seconds: what failed is still so
    assert rotating(*run, "zone-file:zone")[0] == 1


def test_a_run_that_did_what_was_due_ends_with_0(rotating: Run) -> None:
    assert rotating("run", "--once", "--resolver", "127.0.0.1:9")[0] == 0


def test_a_store_that_is_away_is_waited_for_and_told_once(
    keys: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice it is away, then it is there, and then SIGTERM ends the run."""
    turns = iter([True, True, False])

    def run(_: Runner) -> int:
        if next(turns):
            raise StoreError("keys.db: away")
        return 1

    def sleep(_: float) -> None:
        if turns.__length_hint__() == 0:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Runner, "run", run)
    monkeypatch.setattr(keys_run.time, "sleep", sleep)
    with pytest.raises(SystemExit) as ended:
        keys("run", "--resolver", "127.0.0.1:9")
    assert ended.value.code == 0
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "avowal: keys.db: away; nothing is done until the store is there again",
    ]


def test_a_database_that_is_away_at_the_start_is_waited_for_and_told_once(
    keys: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = iter([True, True, False])
    there = keystore.opened

    def opened(name: str) -> AbstractContextManager[KeyStore]:
        if next(turns):
            raise StoreAwayError("postgresql://db/keys: refused")
        return there(name)

    def run(_: Runner) -> int:
        signal.raise_signal(signal.SIGTERM)
        return 1

    monkeypatch.setattr(Runner, "run", run)
    monkeypatch.setattr(keystore, "opened", opened)
    monkeypatch.setattr(keystore.time, "sleep", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        keys("run", "--resolver", "127.0.0.1:9")
    assert ended.value.code == 0
    assert capsys.readouterr().err.splitlines() == [
        "avowal: postgresql://db/keys: refused; nothing is done until the store is there",
        "avowal: the store is there",
    ]


def test_once_does_not_wait_for_a_database_that_is_away(
    keys: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(name: str) -> AbstractContextManager[KeyStore]:
        raise StoreAwayError(f"{name}: connection refused")

    monkeypatch.setattr(keys_run, "opened", opened)
    # docs/reference/command.md: 3 is what is so for now, 2 what the operator has to change.
    assert keys("run", "--once", "--resolver", "127.0.0.1:9")[0] == 3


def test_a_rotation_that_is_ended_leaves_its_keys_as_they_are(rotating: Run) -> None:
    def kept() -> list[tuple[str, str]]:
        with closing(open_key_store("keys.db")) as store:
            return [(key.selector.ascii, str(key.state)) for key in store.keys(DOMAIN)]

    before = kept()
    status, out, _ = rotating("schedule", "example.com", "--off")
    assert (status, "  sb: signing; in DNS: v=DKIM1; k=ed25519" in out) == (0, True)
    assert rotating("status")[1] == "no rotation: avowal keys schedule DOMAIN begins one\n"
    assert kept() == before
    assert "schedule --off" in rotating("audit", "show")[1]
    assert rotating("schedule", "example.com", "--off")[0] == 2
    assert rotating("schedule", "example.com", "--type", "ed25519")[0] == 0
    assert "sb  signing" in rotating("status")[1]


def test_a_rotation_whose_stolen_key_still_stands_is_not_ended(rotating: Run) -> None:
    rotating("emergency", "example.com")
    status, _, err = rotating("schedule", "example.com", "--off")
    assert (status, "is stolen, and its record is not revoked yet" in err) == (2, True)
