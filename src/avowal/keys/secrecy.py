"""Keeping the memory of a process that holds keys out of core files and debuggers.

Nothing here keeps root out.  An ordinary process of the same user can read another's memory
(ptrace(2), /proc/PID/mem), and a crash writes it to a file or hands it to a crash reporter;
both end when the process is not "dumpable" (prctl(2)).
"""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

_SET_DUMPABLE: Final = 4  # PR_SET_DUMPABLE of linux/prctl.h


def keep_memory_private() -> bool:
    """Leave no core, and let no process of the same user look in; say whether that was done.

    Becoming another user (setuid) undoes it: call it afterwards.  Only Linux knows how.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not sys.platform.startswith("linux"):
        return False
    prctl = ctypes.CDLL(None).prctl
    return bool(prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0)
