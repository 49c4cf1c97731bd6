"""What the service counts, in Prometheus' text form.

The numbers are plain ones of this process.  Labels are words of closed lists: a client cannot
make series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """Counts responses, answers and what they took."""

    def __init__(self) -> None:
        self._responses: Counter[tuple[str, int]] = Counter()
        self._answers: Counter[tuple[str, str]] = Counter()
        self._refused: Counter[str] = Counter()
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0
        self._octets = 0
        self.gone = 0
        self._events: Counter[str] = Counter()
        self.closed = 0

    def response(self, path: str, status: int) -> None:
        """Count a response; `path` is a known one, or "other"."""
        self._responses[path, status] += 1

    def refused(self, problem: str) -> None:
        """Count a request without an answer, by the word of its problem."""
        self._refused[problem] += 1

    def answer(self, answer: str, ground: str) -> None:
        """Count a judgement."""
        self._answers[answer, ground] += 1

    def events(self, outcome: str, number: int) -> None:
        """Count events that were `recorded` or `dropped`."""
        self._events[outcome] += number

    def message(self, octets: int, seconds: float) -> None:
        """Count a message that was examined, from its first octet to the answer."""
        self._octets += octets
        self._seconds += seconds
        self._buckets[bisect_left(_BUCKETS, seconds)] += 1

    def text(self, *, under_way: int, connections: int) -> bytes:
        """Return everything in Prometheus' text form."""
        return "".join(f"{line}\n" for line in self._lines(under_way, connections)).encode()

    def _lines(self, under_way: int, connections: int) -> Iterator[str]:
        yield from _head("responses_total", "counter", "Responses by path and status.")
        for (path, status), count in sorted(self._responses.items()):
            yield f'avowal_serve_responses_total{{path="{path}",status="{status}"}} {count}'
        yield from _head("refused_total", "counter", "Requests without an answer, by problem.")
        for problem, count in sorted(self._refused.items()):
            yield f'avowal_serve_refused_total{{problem="{problem}"}} {count}'
        yield from _head("judgements_total", "counter", "Judgements by answer and ground.")
        for (answer, ground), count in sorted(self._answers.items()):
            yield f'avowal_serve_judgements_total{{answer="{answer}",ground="{ground}"}} {count}'
        yield from _head("events_total", "counter", "Events of messages, by outcome.")
        for outcome, count in sorted(self._events.items()):
            yield f'avowal_serve_events_total{{outcome="{outcome}"}} {count}'
        yield from _single("message_octets_total", "counter", "Octets of messages.", self._octets)
        yield from _single("clients_gone_total", "counter", "Clients that hung up.", self.gone)
        yield from _single(
            "connections_closed_total", "counter", "Connections we closed: too many, or slow.",
            self.closed,
        )  # fmt: skip
        yield from _single("messages_under_way", "gauge", "Messages being examined.", under_way)
        yield from _single("connections", "gauge", "Open connections.", connections)
        yield from self._histogram()

    def _histogram(self) -> Iterator[str]:
        yield from _head("message_seconds", "histogram", "From the first octet to the answer.")
        below = 0
        for edge, count in zip((*_BUCKETS, "+Inf"), self._buckets, strict=True):
            below += count
            yield f'avowal_serve_message_seconds_bucket{{le="{edge}"}} {below}'
        yield f"avowal_serve_message_seconds_sum {self._seconds}"
        yield f"avowal_serve_message_seconds_count {below}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP avowal_serve_{name} {text}"
    yield f"# TYPE avowal_serve_{name} {kind}"


def _single(name: str, kind: str, text: str, number: int) -> Iterator[str]:
    yield from _head(name, kind, text)
    yield f"avowal_serve_{name} {number}"
