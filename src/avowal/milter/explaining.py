"""What a worker does with messages whose signatures failed: explain, log, count, capture.

A thread of its own hands them to the process that explains (`explainer`), when they have their
answer.  The queue is bounded by number here and by octets through `flow.failures.Room`, for
whoever sends mail decides how much of it fails; beyond the bounds messages are dropped, and
counted.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from avowal.config.explanations import Capture, Explanations
from avowal.diagnose.registry import REGISTRY
from avowal.dkim.reasons import Reason
from avowal.errors import EnvironmentFault
from avowal.flow.failures import FailedMessage, Room
from avowal.message import Field
from avowal.milter.capture import CaptureBox, FullBoxError
from avowal.milter.explainer import ExplainerProcess, load
from avowal.milter.explainer import Facts as Found
from avowal.milter.journal import LOGGER, Facts
from avowal.milter.meters import Meters

_MOST_WAITING = 16  # messages
_MOST_FIELDS = 3  # explanations of one message that are written into it
_HOUR = 3600.0  # seconds between two looks at the age of what was captured
_CAUSES = frozenset(REGISTRY) | {reason.value for reason in Reason}


class _Job(NamedTuple):
    failed: FailedMessage
    queue_id: str | None
    told: Callable[[list[Found] | None], None]


class ExplainingMaker:
    """Makes what explains in each worker, of a box that was looked at before they forked.

    Raises KeyMaterialError for public keys that are none.
    """

    def __init__(self, explanations: Explanations, capture: Capture) -> None:
        self._options = explanations
        self._keep = capture.keep
        self._box = CaptureBox.of(capture)
        self._loaded = load() if explanations.make else 0
        self.made: Explaining | None = None

    def of(self, meters: Meters) -> Explaining | None:
        """Fork the process and start the thread; None where neither is wanted."""
        options = self._options
        if not options.make and self._box is None:
            return None
        process = ExplainerProcess(float(options.seconds), self._loaded) if options.make else None
        room = Room(most=options.memory, most_each=options.most_octets)
        self.made = Explaining(process, self._box, room, meters, keep=self._keep, options=options)
        self.made.start()
        return self.made


class Explaining:
    """Takes failed messages.  `process` explains, None for not; `box` keeps, None for not.

    `options` are those it was made with at the start.
    """

    def __init__(
        self,
        process: ExplainerProcess | None,
        box: CaptureBox | None,
        room: Room,
        meters: Meters,
        *,
        keep: str = Capture().keep,
        options: Explanations | None = None,
    ) -> None:
        self.room = room
        self.options = Explanations() if options is None else options
        self.explains = process is not None
        self._process = process
        self._box = box
        self._meters = meters
        self._keeps_all = keep == "failed"
        self._waiting: queue.Queue[_Job | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="explaining", daemon=True)
        self._looked: float | None = None
        self._told_full = False

    def start(self) -> None:
        """Start the thread; not before the worker has forked its process."""
        self._thread.start()

    def take(self, failed: FailedMessage, queue_id: str | None) -> None:
        """Take a message.  Never waits, raises nothing."""
        self._put(_Job(failed, queue_id, lambda found: None))

    async def found(
        self, failed: FailedMessage, queue_id: str | None, seconds: float
    ) -> list[Found] | None:
        """Take a message and wait for what is found; None where that is not known in time."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Found] | None] = loop.create_future()

        def tell(found: list[Found] | None) -> None:
            if not answer.done():
                answer.set_result(found)

        self._put(_Job(failed, queue_id, lambda found: _in(loop, tell, found)))
        try:
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError:
            return None

    def settle(self, seconds: float) -> None:
        """Finish what waits, but not for ever."""
        until = time.monotonic() + seconds
        while self._waiting.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.02)
        if self._process is not None:
            self._process.end()

    def _put(self, job: _Job) -> None:
        try:
            self._waiting.put_nowait(job)
        except queue.Full:
            self._meters.explanation("dropped")
            job.told(None)

    # -- in the thread -------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            try:
                self._look_at_age()
                job = self._waiting.get(timeout=_HOUR if self._box is not None else None)
            except queue.Empty:
                continue
            if job is None:
                return
            try:
                self._one(job)
            except Exception:  # noqa: BLE001 - the last resort: the thread has to live on
                LOGGER.exception("program error", extra={"facts": _named(job)})
            self._waiting.task_done()

    def _one(self, job: _Job) -> None:
        process = self._process
        found = None if process is None else self._explained(process, job)
        job.told(found)
        unexplained = found is None or not all(one["explained"] for one in found)
        if self._box is not None and job.failed.author and (self._keeps_all or unexplained):
            self._capture(self._box, job)

    def _explained(self, process: ExplainerProcess, job: _Job) -> list[Found] | None:
        started = time.monotonic()
        try:
            found = process.explain(job.failed)
        except (OSError, EOFError) as error:
            LOGGER.error("nothing is explained any more: %s", error, extra={"facts": _named(job)})
            self._process = None
            found = None
        if found is None:
            self._meters.explanation("given up")
            LOGGER.info("not explained: it took too long", extra={"facts": _named(job)})
            return None
        elapsed = round((time.monotonic() - started) * 1000, 1)
        for one in found:
            self._meters.explanation("explained" if one["explained"] else "unexplained")
            for cause in causes(one):
                self._meters.cause(cause)
            LOGGER.info("explanation", extra={"facts": _named(job) | _facts(one, elapsed)})
        return found

    def _capture(self, box: CaptureBox, job: _Job) -> None:
        failed = job.failed
        try:
            name = box.take(failed.message.octets, job.queue_id, failed.now)
        except FullBoxError as fault:
            self._meters.captured("full")
            if not self._told_full:
                LOGGER.warning("not captured: %s", fault, extra={"facts": _named(job)})
            self._told_full = True
        except EnvironmentFault as fault:
            self._meters.captured("failed")
            LOGGER.warning("not captured: %s", fault, extra={"facts": _named(job)})
        else:
            self._told_full = False
            self._meters.captured("kept")
            LOGGER.info("captured", extra={"facts": _named(job) | {"file": name}})

    def _look_at_age(self) -> None:
        now = time.monotonic()
        if self._box is None or (self._looked is not None and now - self._looked < _HOUR):
            return
        self._looked = now
        try:
            self._box.erase_old()
        except EnvironmentFault as fault:
            LOGGER.warning("nothing is erased of what was captured: %s", fault)


def _in(
    loop: asyncio.AbstractEventLoop,
    tell: Callable[[list[Found] | None], None],
    found: list[Found] | None,
) -> None:
    """Tell it in an event loop, unless that has ended."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell, found)


def causes(found: Found) -> list[str]:
    """Return what is counted: the steps that are proven, else the verdict's reason."""
    named = [one for one in found["steps"] if one in _CAUSES] if found["explained"] else []
    return named or [one for one in (found["reason"],) if one in _CAUSES]


def _named(job: _Job) -> Facts:
    return {} if job.queue_id is None else {"queue_id": job.queue_id}


def _facts(found: Found, elapsed: float) -> Facts:
    facts: Facts = {
        name: found[name]
        for name in ("domain", "selector", "explained", "reason", "key", "header", "body")
        if found[name] is not None
    }
    for name in ("steps", "limits"):
        if found[name]:
            facts[name] = ",".join(found[name])
    return facts | {"ms": elapsed}


def fields(name: str, found: list[Found]) -> list[Field]:
    """Say what was found in fields for the message itself."""
    return [Field.of(_line(name, one)) for one in found[:_MOST_FIELDS]]


def _line(name: str, one: Found) -> bytes:
    words = [
        "explained" if one["explained"] else "unexplained",
        f"d={one['domain']}", f"s={one['selector']}", f"key={one['key']}",
        f"header={one['header']}", f"body={one['body']}",
    ]  # fmt: skip
    if one["steps"]:
        words.append("steps=" + ",".join(one["steps"]))
    return f"{name}: {'; '.join(words)}".encode("ascii", "replace")
