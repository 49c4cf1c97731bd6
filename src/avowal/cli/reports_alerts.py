"""Where alerts of ``avowal reports health`` go: a webhook, and a file for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from http.client import HTTPException
from typing import Final, NamedTuple

from avowal import paths
from avowal.cli.exits import complain
from avowal.dates import DAY
from avowal.errors import StoreError
from avowal.reputation import http_client
from avowal.text import printable

SECONDS: Final = 10.0
"""For the whole of a webhook: address, connection, answer."""
_MODE = 0o644  # the node exporter is another user


class DomainHealth(NamedTuple):
    """What is told of a domain: the last day that has a report, and its alerts."""

    domain: str
    last_day: int
    alerts: tuple[str, ...]

    @property
    def subject(self) -> tuple[str, str]:
        """What it is about: a word and a name."""
        return "domain", self.domain


class HostHealth(NamedTuple):
    """What is told of a host of ours that receives mail."""

    host: str
    alerts: tuple[str, ...]

    @property
    def subject(self) -> tuple[str, str]:
        """What it is about."""
        return "host", self.host


def posted(url: str, told: Sequence[DomainHealth | HostHealth]) -> bool:
    """Post the alerts where there are some; whether that went well.

    A redirection is not followed: whoever answers could send alerts anywhere.
    """
    bad = [one for one in told if one.alerts]
    if not bad:
        return True
    text = "; ".join(f"{printable(one.subject[1])}: {', '.join(one.alerts)}" for one in bad)
    alerts = [dict([one.subject, ("alerts", list(one.alerts))]) for one in bad]
    octets = json.dumps({"text": text, "alerts": alerts}).encode()
    try:
        status = http_client.post(url, octets, "application/json", SECONDS)
    except (OSError, HTTPException, ValueError) as error:
        complain(f"--webhook: not posted: {printable(str(error) or type(error).__name__)}")
        return False
    if not 200 <= status < 300:
        complain(f"--webhook: not taken: the answer is {status}")
        return False
    return True


def write_metrics(path: str, told: Iterable[DomainHealth | HostHealth]) -> None:
    """Replace a file by the numbers, whole at any moment.  Raises StoreError."""
    rows = sorted(told, key=lambda one: one.subject)
    domains = [one for one in rows if isinstance(one, DomainHealth)]
    lines = [
        "# HELP avowal_reports_alerts What needs somebody's eye, by domain, or host of ours.",
        "# TYPE avowal_reports_alerts gauge",
        *(f"avowal_reports_alerts{_label(one)} {len(one.alerts)}" for one in rows),
        "# HELP avowal_reports_last_day_seconds The beginning of the last day with a report.",
        "# TYPE avowal_reports_last_day_seconds gauge",
        *(f"avowal_reports_last_day_seconds{_label(one)} {one.last_day * DAY}" for one in domains),
    ]
    try:
        paths.replace(path, "".join(f"{line}\n" for line in lines).encode(), _MODE)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from None


def _label(one: DomainHealth | HostHealth) -> str:
    word, subject = one.subject
    name = printable(subject, ascii_only=True).replace("\\", "\\\\").replace('"', '\\"')
    return f'{{{word}="{name}"}}'
