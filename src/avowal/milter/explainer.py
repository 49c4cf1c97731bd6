"""The process that explains failed messages beside a worker: niced, bounded, and replaceable.

A search takes seconds of the processor, which an event loop does not have.  The process is
forked while its worker has neither thread nor loop; it lets go of every socket, and serves one
message after the other over a pipe.  One that is stuck is ended by the kernel and followed by
another.  What it learns of lists ends with it; it writes nothing, nowhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe
from types import FrameType
from typing import Any, Never

from avowal.diagnose.explain import Explainer
from avowal.diagnose.explanation import Explanation
from avowal.diagnose.profiles import Profiles
from avowal.dkim.verification import Verification
from avowal.flow.failures import FailedMessage, is_failure
from avowal.lists.charsets import load_codecs
from avowal.message import Message

_NICE = 10
_MOST_MEMORY = 512 << 20  # octets of addresses, beyond what the process begins with
_MOST_LISTS = 500  # whose habits are kept
_LATE_SECONDS = 1.0  # beyond the budget of a message: then the search is given up
_STUCK_SECONDS = 5.0  # of the processor, beyond it: then the process is ended by the kernel
_PAUSE_SECONDS = 1.0  # before the next process is made

Facts = dict[str, Any]
"""What is known of one signature, as `facts_of` says it."""


_Question = tuple[int, bytes, tuple[Verification, ...]]
"""The number of a message, its octets, and what verification said of it."""


class _LateError(Exception):
    """The time for one message is up."""


def load() -> int:
    """Load what texts are read with: a worker that changed its user may not see the files.

    Return the octets of addresses in use, for a worker that changed its root has no /proc.
    """
    load_codecs()
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - /proc has no links of strangers
        return int(file.read().split()[0]) * resource.getpagesize()


class ExplainerProcess:
    """A process that explains; `seconds` is what one message may take.

    `loaded` is what `load` returned.
    """

    def __init__(self, seconds: float, loaded: int) -> None:
        """Fork it.  Only where there is neither a thread nor an event loop."""
        self._seconds = seconds
        self._number = 0
        self._channel, theirs = Pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _become_explainer(theirs, seconds, loaded + _MOST_MEMORY)
        theirs.close()

    def explain(self, failed: FailedMessage) -> list[Facts] | None:
        """Return what is known of the signatures that failed; None where that took too long.

        Waits for it: call it in a thread.  Raises OSError where the process is gone.
        """
        self._number += 1
        message = failed.message
        self._channel.send_bytes(pickle.dumps((self._number, message.octets, failed.verifications)))
        until = time.monotonic() + self._seconds + _LATE_SECONDS + _STUCK_SECONDS
        while self._channel.poll(max(0.0, until - time.monotonic())):
            answer: tuple[int, list[Facts] | None] = json.loads(self._channel.recv_bytes())
            number, found = answer
            if number == self._number:  # else: of one that was given up
                return found
        return None

    def end(self) -> None:
        """Let it end by itself: it does as soon as its channel is closed."""
        self._channel.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)


# -- in the process ------------------------------------------------------------------------------


def _become_explainer(channel: Connection, seconds: float, most: int) -> Never:
    """Stay as the one who makes a process that explains, and another when it was ended."""
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # it ends with its worker
        own = channel.fileno()
        os.closerange(3, own)
        os.closerange(own + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        os.nice(_NICE)
        while True:
            pid = os.fork()
            if pid == 0:
                _serve(channel, seconds, most)
                break
            if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
                break
            time.sleep(_PAUSE_SECONDS)
    except Exception:  # noqa: BLE001 - the last resort of a process that has no log
        traceback.print_exc()
    finally:
        os._exit(0)


def _serve(channel: Connection, seconds: float, most: int) -> None:
    _limit_memory(most)
    signal.signal(signal.SIGALRM, _too_late)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def deadline() -> Callable[[], bool]:
        end = time.monotonic() + seconds
        return lambda: time.monotonic() > end

    explainer = Explainer(deadline=deadline, profiles=Profiles(most=_MOST_LISTS))
    while True:
        try:
            octets = channel.recv_bytes()
        except (EOFError, OSError):
            return  # the worker is gone
        channel.send_bytes(_answer(explainer, octets, seconds))


def _answer(explainer: Explainer, octets: bytes, seconds: float) -> bytes:
    """Explain one message; None stands for what took too long, or too much."""
    question: _Question = pickle.loads(octets)  # noqa: S301 - from our own worker
    number, whole, verifications = question
    found: list[Facts] | None = None
    signal.setitimer(signal.ITIMER_PROF, seconds + _LATE_SECONDS + _STUCK_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, seconds + _LATE_SECONDS)
    try:
        explained = explainer.explain(Message.parse(whole), verifications)
        found = [facts_of(one) for one in explained if is_failure(one.verification)]
    except (_LateError, MemoryError):
        found = None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    return json.dumps((number, found)).encode()


def facts_of(explanation: Explanation) -> Facts:
    """Say what is known of a signature in words that are all ours, but for d= and s=."""
    verdict = explanation.verification
    signature = verdict.signature
    return {
        "domain": None if signature is None else signature.domain.ascii,
        "selector": None if signature is None else signature.selector.ascii,
        "reason": None if verdict.reason is None else verdict.reason.value,
        "explained": explanation.explained,
        "key": explanation.key.value,
        "header": explanation.header.value,
        "body": explanation.body.value,
        "steps": _names(explanation.header_steps) + _names(explanation.body_steps),
        "limits": list(explanation.limits),
    }


def _names(steps: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(steps))


def _too_late(number: int, frame: FrameType | None) -> Never:
    raise _LateError


def _limit_memory(most: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
