"""What follows a message once it is answered: failure reports, and notes of failed signatures.

One thread hands over what messages left; a message is answered before its reports leave,
and never waits for one.  The queue and the hour are bounded, because anybody can send mail
that asks for reports to somebody else (RFC 6651 §8.3): beyond the bounds they are dropped.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from avowal import paths
from avowal.errors import EnvironmentFault, StoreError
from avowal.flow.actions import Actions, Diagnosis
from avowal.milter.hours import SharedHour
from avowal.milter.journal import LOGGER, Facts
from avowal.report.delivery import Sending
from avowal.report.failure_spool import FailureSpool

_MOST_WAITING = 32  # reports and notes; each holds up to half a megabyte
_NOTE_MODE = 0o666  # less the umask, as of any file
_MOST_FILES = 1000  # in the directory of diagnoses


class Notes:
    """A directory that diagnoses are written to, one file for each message."""

    def __init__(self, directory: str) -> None:
        """Take the directory.  Raises StoreError where there is none."""
        self._directory = Path(directory)
        if not self._directory.is_dir():
            raise StoreError(f"{directory} is no directory")

    def write(self, diagnosis: Diagnosis) -> None:
        """Write one file.  Raises StoreError where that fails, or there are too many."""
        path = self._directory / f"{diagnosis.name}.txt"
        try:
            if sum(1 for _ in self._directory.iterdir()) >= _MOST_FILES:
                raise StoreError(f"{self._directory} holds {_MOST_FILES} files: clear it")
            paths.write_new(path, diagnosis.text.encode(errors="backslashreplace"), _NOTE_MODE)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None


class Outbox:
    """Takes what messages leave behind and hands it over in a thread of its own.

    `most_per_hour` bounds the reports of all workers that are forked from the process which
    makes this; `now` counts seconds.  What the owners of domains are told is put down in the
    `spool`, which has bounds of its own.
    """

    def __init__(
        self,
        sending: Sending | None,
        notes: Notes | None = None,
        *,
        spool: FailureSpool | None = None,
        most_per_hour: int = 100,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._sending = sending
        self._notes = notes
        self._spool = spool
        self._hour = SharedHour(most_per_hour, now)
        self._waiting: queue.Queue[tuple[Callable[[], object], Facts]] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None

    def take(self, actions: Actions) -> None:
        """Take what is to leave.  Never waits, raises nothing."""
        queue_id = actions.record.queue_id
        facts: Facts = {} if queue_id is None else {"queue_id": queue_id}
        for mail in actions.reports:
            if self._sending is not None and self._within_the_hour(facts):
                recipient: Facts = {"recipient": mail.envelope.recipient}
                self._put(partial(self._sending.send, mail), facts | recipient)
        if actions.diagnosis is not None and self._notes is not None:
            self._put(partial(self._notes.write, actions.diagnosis), facts)

        if actions.failure is not None and self._spool is not None:
            self._put(partial(self._spool.take, actions.failure), facts)

    def settle(self, seconds: float) -> None:
        """Wait until everything is handed over, but not for ever."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(
                lambda: not self._waiting.unfinished_tasks, timeout=seconds
            )
        left = self._waiting.unfinished_tasks
        if left:
            LOGGER.warning("stopped with %d reports and notes not handed over", left)

    def _within_the_hour(self, facts: Facts) -> bool:
        """Count one more report; say so once an hour where there are too many."""
        beyond = self._hour.take()
        if beyond == 1:
            LOGGER.warning(
                "no more reports in this hour: reports.most_per_hour is reached",
                extra={"facts": facts},
            )
        return beyond == 0

    def _put(self, job: Callable[[], object], facts: Facts) -> None:
        try:
            self._waiting.put_nowait((job, facts))
        except queue.Full:
            LOGGER.warning("a report or note is dropped: too many wait", extra={"facts": facts})
            return
        if self._thread is None:  # not before there is something to do: workers fork
            self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            job, facts = self._waiting.get()
            try:
                job()
            except EnvironmentFault as fault:
                LOGGER.warning("not handed over: %s", fault, extra={"facts": facts})
            except Exception:  # noqa: BLE001 - the last resort: the thread has to live on
                LOGGER.exception("program error", extra={"facts": facts})
            self._waiting.task_done()
