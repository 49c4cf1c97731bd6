"""Making the filter of each worker, with what works beside the mail's way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from avowal.config.model import Configuration
from avowal.flow.plan import Plan
from avowal.milter.flow_filter import FlowFilter
from avowal.milter.meters import Meters
from avowal.milter.outbox import Outbox
from avowal.report.recorder import Recorder

if TYPE_CHECKING:
    from avowal.milter.explaining import Explaining, ExplainingMaker


def explaining_maker(configuration: Configuration) -> ExplainingMaker | None:
    """Return what explains and captures; None where neither is wanted, and nothing is loaded."""
    if not configuration.explanations.make and configuration.capture.directory is None:
        return None
    from avowal.milter.explaining import ExplainingMaker  # noqa: PLC0415 - the explainer's tables

    return ExplainingMaker(configuration.explanations, configuration.capture)


class FilterMaker:
    """Called in each worker with its meters, when it has its user and neither thread nor loop."""

    def __init__(
        self,
        plan: Plan,
        outbox: Outbox | None,
        recorders: Callable[[Meters], Recorder] | None,
        explaining: ExplainingMaker | None,
    ) -> None:
        self._plan = plan
        self._outbox = outbox
        self._recorders = recorders
        self._explaining = explaining
        self._beside: list[Outbox | Recorder | Explaining] = [] if outbox is None else [outbox]

    def __call__(self, meters: Meters) -> FlowFilter:
        """Make a filter."""
        maker = self._explaining  # forks: before anything has a thread
        explaining = None if maker is None else maker.of(meters)
        recorder = None if self._recorders is None else self._recorders(meters)
        self._beside += [one for one in (explaining, recorder) if one is not None]
        return FlowFilter(
            self._plan,
            meters=meters,
            outbox=self._outbox,
            recorder=recorder,
            explaining=explaining,
        )

    def settle(self, seconds: float) -> None:
        """Let each of them finish what waits, for so long."""
        for one in self._beside:
            one.settle(seconds)
