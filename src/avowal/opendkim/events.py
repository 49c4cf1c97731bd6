"""One event per verdict (EventStore), as `avowal milter` keeps them: of signatures only.

This option is ours.  The policies of authors are not asked for here, so no aggregate report
can be made of these events; shares of passing signatures are counted from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from avowal.config.events import Events
from avowal.config.opendkim_conf import OpendkimConf
from avowal.examine.findings import Findings
from avowal.milter.packets import Answer, InsertHeader, PlainAnswer, Quarantine, ReplyCode
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering
from avowal.opendkim.journal import Line, LogLevel
from avowal.opendkim.verdict import OpendkimVerdict
from avowal.report.event import Event
from avowal.report.recorder import Recorder
from avowal.report.verdict_event import event_of

_WORDS: dict[Answer, str] = {
    PlainAnswer.DISCARD: "discard", PlainAnswer.REJECT: "reject", PlainAnswer.TEMPFAIL: "tempfail",
}  # fmt: skip


def recorder_of(conf: OpendkimConf, say: Callable[[Line], None]) -> Recorder | None:
    """Return what takes events, None without EventStore.  Raises StoreError.

    All that is imported is imported here, before the root directory is another one.
    """
    name = conf.text("EventStore")
    if name is None:
        return None
    from avowal.stores.events import event_opener  # noqa: PLC0415 - few keep events

    return Recorder(
        event_opener(name),
        waiting=Events().most_waiting,
        tell=lambda sentence: say(Line(LogLevel.ERROR, sentence)),
    )


def event_of_verdict(
    filtering: Filtering, envelope: Envelope, verdict: OpendkimVerdict, *, now: int
) -> Event:
    """Return what is kept of a message."""
    treatment = filtering.treatment
    author = None if treatment is None or treatment.author is None else treatment.author[1]
    return event_of(
        Findings(dkim=filtering.verifications),
        time=now,
        host=(envelope.macro("j") or "localhost").lower(),
        client=envelope.client,
        queue_id=envelope.macro("i"),
        action=action_of(verdict),
        author=author,
        signed=_signed(filtering, verdict),
    )


def action_of(verdict: OpendkimVerdict) -> str:
    """Return the word of what was done with a message."""
    answer = verdict.answer
    if isinstance(answer, ReplyCode):
        return "reject" if answer.text.startswith(b"5") else "tempfail"
    if any(isinstance(one, Quarantine) for one in verdict.modifications):
        return "quarantine"
    return _WORDS.get(answer, "accept")


def _signed(filtering: Filtering, verdict: OpendkimVerdict) -> Iterator[tuple[str, str]]:
    added = [one for one in verdict.modifications if isinstance(one, InsertHeader)]
    if filtering.treatment is None or not any(one.name == b"DKIM-Signature" for one in added):
        return
    for wanted in filtering.treatment.signings:
        yield wanted.domain, wanted.selector
