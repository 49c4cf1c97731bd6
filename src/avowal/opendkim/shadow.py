"""Shadow mode: nothing is changed; what would have been done is compared with what was.

Run it behind OpenDKIM, as a further milter: the fields OpenDKIM wrote stand in the message,
and for each message a line says whether we would have written the same.  A summary of all
differences follows at the end and on SIGUSR2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from avowal.message import Header
from avowal.milter.packets import InsertHeader, PlainAnswer
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering
from avowal.opendkim.forged import authserv_id
from avowal.opendkim.journal import Log, LogLevel, line
from avowal.opendkim.verdict import OpendkimVerdict
from avowal.taglist import TagList

_SIGNATURE, _RESULTS = b"DKIM-Signature", b"Authentication-Results"
_SHOWN = 20  # kinds of difference in a summary
_FRESH = 600  # seconds; a signature younger than this may be the one to compare with


@dataclass(slots=True)
class ShadowLog:
    """Compares message by message, and counts: `counts` has one entry per kind of outcome."""

    log: Log
    counts: Counter[str] = field(default_factory=Counter)

    def signing_time(self, header: Header, now: int) -> int:
        """Return the time to sign with: that of the newest signature, to compare octets."""
        for signature in header.named(_SIGNATURE.lower()):
            written = TagList.salvage(signature.value).get("t") or b""
            if written.isdigit() and len(written) <= 12 and abs(now - int(written)) <= _FRESH:
                return int(written)
        return now

    def compare(self, filtering: Filtering, verdict: OpendkimVerdict, envelope: Envelope) -> None:
        """Compare what we would do with the fields that stand in the message."""
        differences = [
            *_signatures(filtering.header, verdict),
            *_results(filtering, verdict, envelope),
            *_answers(verdict),
        ]
        words = "; ".join(detail for _, detail in differences) or "same"
        for kind, _ in differences or [("same", "")]:
            self.counts[kind] += 1
        done = ", ".join(_doings(verdict)) or "nothing"
        level = LogLevel.NOTICE if differences else LogLevel.INFO
        text = f"{envelope.job}: shadow: {words} (we: {done})"
        self.log.write(line(level, text))

    def summarize(self) -> None:
        """Write how many messages came out the same, and which differences there were."""
        total = sum(self.counts.values())
        self.log.write(line(LogLevel.INFO, f"shadow: {self.counts['same']} of {total} the same"))
        for kind, count in self.counts.most_common(_SHOWN):
            if kind != "same":
                self.log.write(line(LogLevel.INFO, f"shadow: {count} times: {kind}"))


def _signatures(header: Header, verdict: OpendkimVerdict) -> Iterator[tuple[str, str]]:
    """Yield (kind, detail) for each signature of ours that is not in the message as it is."""
    theirs = [field.value.replace(b"\r\n", b"\n") for field in header.named(_SIGNATURE.lower())]
    for ours in _inserted(verdict, _SIGNATURE):
        if ours in theirs:
            continue
        tags = TagList.salvage(ours)
        names = b" ".join(b"%s=%s" % (n.encode(), tags.get(n) or b"") for n in ("d", "s"))
        written = names.decode("ascii", "replace")
        twin = next((t for t in map(TagList.salvage, theirs) if _same_key(t, tags)), None)
        if twin is None:
            yield "a signature that is not there", f"no signature {written}"
        else:
            unlike = [t.name for t in tags if twin.get(t.name) != t.value and t.name != "b"]
            differing = ", ".join(f"{name}=" for name in unlike) or "b="
            yield f"a signature differs in {differing}", f"signature {written}: {differing} differs"


def _results(
    filtering: Filtering, verdict: OpendkimVerdict, envelope: Envelope
) -> Iterator[tuple[str, str]]:
    """Yield the difference of Authentication-Results, if there is one."""
    name = authserv_id(filtering.settings, envelope).encode("utf-8", "surrogateescape")
    theirs = [
        value
        for field in filtering.header.named(_RESULTS.lower())
        if (value := b" ".join(field.value.split())).startswith(name + b";")
    ]
    ours = [b" ".join(value.split()) for value in _inserted(verdict, _RESULTS)]
    if ours and not theirs:
        yield "results that are not there", "no Authentication-Results"
    elif theirs and not ours:
        yield "results that we would not write", "Authentication-Results we would not write"
    elif ours and ours[0] not in theirs:
        shown = theirs[0].decode("utf-8", "replace"), ours[0].decode("utf-8", "replace")
        yield "other results", f"results: theirs {shown[0]!r}, ours {shown[1]!r}"


def _answers(verdict: OpendkimVerdict) -> Iterator[tuple[str, str]]:
    """The message was let through, or it would not be here."""
    if verdict.answer not in (PlainAnswer.ACCEPT, PlainAnswer.CONTINUE):
        yield "we would not accept", f"we would answer {verdict.answer}"


def _doings(verdict: OpendkimVerdict) -> Iterator[str]:
    for value in _inserted(verdict, _SIGNATURE):
        tags = TagList.salvage(value)
        words = (tags.get("s") or b"").decode(), (tags.get("d") or b"").decode()
        yield "sign s={} d={}".format(*words)
    for value in _inserted(verdict, _RESULTS):
        yield b" ".join(value.split()).decode("utf-8", "replace")


def _inserted(verdict: OpendkimVerdict, name: bytes) -> Iterator[bytes]:
    for modification in verdict.modifications:
        if isinstance(modification, InsertHeader) and modification.name == name:
            yield modification.value


def _same_key(one: TagList, other: TagList) -> bool:
    return all(one.get(name) == other.get(name) for name in ("d", "s", "a"))
