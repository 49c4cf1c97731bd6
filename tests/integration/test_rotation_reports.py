"""A receiver fails the new key, its reports say so, and the rotation goes back: all by commands."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.aggregates import METADATA, POLICY, RECORD
from tests.integration.test_rotation_life import DOMAIN, SECONDS, ran, states
from tests.zone_servers import TSIG, authoritative

from avowal.cli import commands, exits
from avowal.keys.lifecycle import KeyState
from avowal.report.aggregate import AggregateReport, Aligned, DkimAuthResult, Record, Result
from avowal.report.aggregate_xml import write_compressed
from avowal.stores.key_stores import open_key_store

DAY = 86_400


def judged(selector: str, count: int, *, passed: bool) -> Record:
    result = Result.PASS if passed else Result.FAIL
    return replace(
        RECORD, count=count, header_from=DOMAIN.ascii, dkim=Aligned(result.value),
        dkim_results=(DkimAuthResult(domain=DOMAIN.ascii, selector=selector, result=result),),
    )  # fmt: skip


def write_report(receiver: str, *records: Record) -> None:
    """Write today's report of a receiver, as our own sender of reports does."""
    begin = int(time.time()) // DAY * DAY
    report = AggregateReport(
        metadata=replace(
            METADATA, org_name=receiver, report_id=f"r.{receiver}", begin=begin, end=begin + DAY - 1
        ),
        policy=replace(POLICY, domain=DOMAIN.ascii),
        records=records,
    )
    Path("in").mkdir(exist_ok=True)
    Path("in", f"{receiver}.xml.gz").write_bytes(write_compressed(report))


def reports(*words: str) -> int:
    return exits.run(lambda: commands.run(["reports", *words, "--store", "reports.db"]))


def signing() -> str | None:
    """Return the selector that signs."""
    return next((one for one, state in states().items() if state is KeyState.SIGNING), None)


def run_until_signing(options: list[str], *, but: str | None = None) -> str:
    for _ in range(80):
        ran("run", "--once", *options)
        if (now := signing()) not in {None, but}:
            assert now is not None
            return now
        time.sleep(0.3)
    raise AssertionError(f"never: {states()}")


def test_a_rotation_goes_back_by_what_a_receiver_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AVOWAL_KEY_STORE", "keys.db")
    Path("tsig.key").write_text(TSIG)
    Path("tsig.key").chmod(0o600)
    root = tmp_path / "named"
    root.mkdir()
    with authoritative("named", root) as port:
        at = f"127.0.0.1:{port}"
        options = ["--resolver", at, "--port", str(port), "--publish", f"rfc2136:{at}"]
        options += ["--zone-name", "example.test", "--tsig-key", "tsig.key", "--ttl", "1"]
        options += ["--key-directory", "private"]
        given = [f"--set={one}" for one in (*SECONDS.split(), "lead=0", "queue-lifetime=1d")]
        assert ran("store", "create") == 0
        assert ran("schedule", "example.test", "--type", "ed25519", *given) == 0
        old = run_until_signing(options)
        assert ran("rotate", "example.test") == 0
        new = run_until_signing(options, but=old)

        write_report(
            "big.example",
            judged(old, 9_920, passed=True), judged(old, 80, passed=False),
            judged(new, 412, passed=True), judged(new, 488, passed=False),
        )  # fmt: skip
        write_report("other.example", judged(old, 900, passed=True), judged(new, 300, passed=True))
        assert reports("read", "in") == 0
        assert reports("shares", "example.test", "--key-store", "keys.db") == 0
        assert states()[new] is KeyState.SIGNING
        capsys.readouterr()
        assert ran("run", "--once", *options) == 1
        told = capsys.readouterr().err
        assert "the rotation halted: big.example: passed 412 of 900 (45.8%" in told
        assert f"and 9,920 of 10,000 (99.2%; 98.8% to 99.4%) of those that {old} signed" in told
        assert states() == {old: KeyState.SIGNING, new: KeyState.DRAINING}

        assert ran("status") == 1
        assert "big.example" in capsys.readouterr().out
        store = open_key_store("keys.db")
        log = [entry.detail for entry in store.audit()]
        store.close()
        assert any("draining -> signing: big.example: passed 412 of 900" in one for one in log)
