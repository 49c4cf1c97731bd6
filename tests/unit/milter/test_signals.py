from __future__ import annotations

import signal

from avowal.milter.signals import Signals

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)


def test_signals_are_left_as_they_were_when_nobody_listens_any_more() -> None:
    before = [signal.getsignal(number) for number in _NUMBERS]
    wakeup = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup)
    caught = Signals()
    signal.raise_signal(signal.SIGHUP)
    assert caught.heard() == [signal.SIGHUP]
    caught.close()
    assert [signal.getsignal(number) for number in _NUMBERS] == before
    assert signal.set_wakeup_fd(wakeup) == wakeup
