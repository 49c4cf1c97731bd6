"""Finding out why signatures failed (ExplainFailures), when their mail has its answer.

It is what `avowal milter` does under `explanations`, with the same process beside the daemon and
the same bounds.  Both options are ours; they are read at the start, and a reload keeps them.
"""

from __future__ import annotations

from avowal.config.explanations import Capture, Explanations
from avowal.config.opendkim_conf import OpendkimConf
from avowal.dkim.signature import FIELD_NAME
from avowal.flow.failures import FailedMessage, KeptBody, Room, is_failure
from avowal.milter.explaining import ExplainingMaker
from avowal.opendkim.filtering import Filtering

_USUAL = Explanations()
_SECONDS = range(1, 61)  # as `explanations.seconds` has it


def explaining_of(conf: OpendkimConf) -> ExplainingMaker | None:
    """Return what makes the process, None without ExplainFailures.

    All that it needs is loaded here, before the root directory is another one.  Raises
    ConfigError for seconds that are too few or too many.
    """
    seconds = conf.integer("ExplainSeconds", _USUAL.seconds)
    setting = conf.setting("ExplainSeconds")
    if setting is not None and seconds not in _SECONDS:
        raise setting.fault(f"{seconds} seconds for a message", "write 1 to 60")
    if not conf.boolean("ExplainFailures"):
        return None
    return ExplainingMaker(Explanations(make=True, seconds=seconds), Capture())


def kept_body(filtering: Filtering, room: Room) -> KeptBody | None:
    """Begin to keep the body of a message that is verified and signed, None for any other."""
    if not filtering.verifies or FIELD_NAME not in filtering.header.positions:
        return None
    return room.body()


def failed(filtering: Filtering, body: KeptBody, *, now: int) -> FailedMessage | None:
    """Return the message if a signature failed for good, and all of it is there."""
    found = filtering.verifications
    if not body.whole or not any(is_failure(one) for one in found):
        return None
    # Whose signature it is matters for what is captured only: there is no box here.
    return FailedMessage(
        header=filtering.header, body=body, verifications=found, author=False, now=now
    )
