"""Alerts of `avowal reports health`: posted to a webhook, written for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from avowal.cli.reports_alerts import DomainHealth, HostHealth, posted, write_metrics
from avowal.errors import StoreError

BAD = DomainHealth("example.org", 20_000, ("no report since 2024-10-04",))
WELL = DomainHealth("example.net", 20_001, ())


class Hook(HTTPServer):
    """Answers with a status, and keeps what it gets."""

    status = 204
    got: list[bytes]


class Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook(("127.0.0.1", 0), Handler) as server:
        server.got = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(hook: Hook) -> str:
    return f"http://127.0.0.1:{hook.server_port}/alerts"


def test_alerts_are_posted_once_together(hook: Hook) -> None:
    assert posted(url(hook), [BAD, WELL])
    (told,) = hook.got
    assert json.loads(told) == {
        "text": "example.org: no report since 2024-10-04",
        "alerts": [{"domain": "example.org", "alerts": ["no report since 2024-10-04"]}],
    }


def test_a_host_of_ours_is_told_as_a_host(hook: Hook, tmp_path: Path) -> None:
    host = HostHealth("mx1", ("3 messages of 2024-10-04 without an event, so in no report",))
    assert posted(url(hook), [WELL, host])
    assert json.loads(hook.got[0])["alerts"] == [{"host": "mx1", "alerts": list(host.alerts)}]
    write_metrics(str(tmp_path / "m.prom"), [host, WELL])
    lines = (tmp_path / "m.prom").read_text().splitlines()
    assert 'avowal_reports_alerts{host="mx1"} 1' in lines
    assert [one for one in lines if one.startswith("avowal_reports_last_day")] == [
        'avowal_reports_last_day_seconds{domain="example.net"} 1728086400'
    ]


def test_without_alerts_nothing_is_posted(hook: Hook) -> None:
    assert posted(url(hook), [WELL])
    assert hook.got == []


@pytest.mark.parametrize("status", [302, 403, 500])
def test_an_answer_that_is_no_yes_is_told_and_a_redirection_is_not_followed(
    hook: Hook, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = status
    assert not posted(url(hook), [BAD])
    assert f"the answer is {status}" in capsys.readouterr().err
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:1/", "ftp://example.org/", "file:///etc/passwd", "no url"]
)
def test_what_cannot_be_posted_is_a_sentence(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not posted(where, [BAD])
    assert "--webhook: not posted: " in capsys.readouterr().err


def test_metrics_are_numbers_by_domain(tmp_path: Path) -> None:
    write_metrics(str(tmp_path / "a.prom"), [BAD, WELL])
    lines = (tmp_path / "a.prom").read_text().splitlines()
    assert 'avowal_reports_alerts{domain="example.org"} 1' in lines
    assert 'avowal_reports_alerts{domain="example.net"} 0' in lines
    assert 'avowal_reports_last_day_seconds{domain="example.org"} 1728000000' in lines


def test_a_domain_of_a_stranger_adds_no_line(tmp_path: Path) -> None:
    write_metrics(str(tmp_path / "a.prom"), [DomainHealth('a"\n# x\\', 1, ())])
    assert (tmp_path / "a.prom").read_text().count("\n") == 6


def test_metrics_that_cannot_be_written_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        write_metrics(str(tmp_path / "none/a.prom"), [BAD])
