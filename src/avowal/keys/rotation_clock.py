"""The clocks of this machine, as a rotation takes them."""

from __future__ import annotations

import os
import time
from functools import cache

from avowal import paths
from avowal.keys.schedule import Moment

_BOOT = "/proc/sys/kernel/random/boot_id"
_LONG = 4096


def moment() -> Moment:
    """Return what the clocks say now.

    The steady clock counts the sleep of the machine where the system has one that does.  Where
    the system does not name its boots, each process counts for itself.
    """
    return Moment(wall=int(time.time()), steady=int(_steady()), boot=_boot())


def _steady() -> float:
    try:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return time.monotonic()


@cache
def _boot() -> str:
    try:
        return paths.read(_BOOT, _LONG).decode("ascii", "replace").strip()
    except OSError:
        return f"process {os.getpid()} of {int(time.time())}"
