"""Events in ClickHouse, as far as no server is needed."""

from __future__ import annotations

import sys

import pytest

from avowal.errors import StoreError
from avowal.stores.clickhouse_events import ClickhouseEvents
from avowal.stores.clickhouse_ledger import named_ledger
from avowal.stores.events import event_opener


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "clickhouse_driver", None)
    with pytest.raises(StoreError, match=r"pip install 'avowal\[clickhouse\]'"):
        event_opener("clickhouse://127.0.0.1/default")


@pytest.mark.parametrize(
    ("name", "url", "ledger"),
    [
        pytest.param(
            "clickhouse://u:p@h/d", "clickhouse://u:p@h/d?connect_timeout=5", None, id="none"
        ),
        pytest.param(
            "clickhouse://h/d?ledger=postgresql://u@h/d&compression=1",
            "clickhouse://h/d?compression=1&connect_timeout=5", "postgresql://u@h/d",
            id="beside options of the client's",
        ),
        pytest.param(
            "clickhouses://h/d?connect_timeout=1&ledger=sqlite:/a%20b",
            "clickhouses://h/d?connect_timeout=1", "sqlite:/a b", id="TLS, and a time of its own",
        ),
    ],
)  # fmt: skip
def test_the_ledger_stands_in_the_name(name: str, url: str, ledger: str | None) -> None:
    assert named_ledger(name, 5) == (url, ledger)


def test_two_ledgers_are_refused() -> None:
    with pytest.raises(StoreError, match="ledger= stands twice"):
        named_ledger("clickhouse://h/d?ledger=a&ledger=b", 5)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("clickhouse://u:secret@127.0.0.1:1/d", id="nobody listens"),
        pytest.param("clickhouse://u:secret@127.0.0.1:x/d", id="no port"),
        pytest.param("clickhouse://u:secret@127.0.0.1:1/d?compression=x", id="no compression"),
    ],
)
def test_a_server_that_is_not_there_is_named_without_its_password(name: str) -> None:
    pytest.importorskip("clickhouse_driver", reason="not installed (extra: clickhouse)")
    with pytest.raises(StoreError, match="ClickHouse: ") as told:
        ClickhouseEvents(name)
    assert "secret" not in str(told.value)


def test_nothing_is_logged_beside_the_fault(caplog: pytest.LogCaptureFixture) -> None:
    """The client logs a traceback of each connection that fails; ours is the sentence."""
    pytest.importorskip("clickhouse_driver", reason="not installed (extra: clickhouse)")
    with pytest.raises(StoreError):
        ClickhouseEvents("clickhouse://127.0.0.1:1/d")
    assert caplog.records == []
