"""What the inspector tells of a message, as one value: the pages show it, a bundle holds it.

Texts of two kinds stand here.  `Shared` are words of our own tables, names of domains, hashes
and numbers.  `str` alone is content: whatever of a stranger's octets or addresses may be in it
is left out of a bundle (`bundle.redacted`), so that a text which nobody thought about is too.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Shared: TypeAlias = Annotated[str, Meta(extra={"shared": True})]
"""A text that may leave this machine: none of it is content or somebody's address."""
Count: TypeAlias = Annotated[int, Meta(ge=-(1 << 53), le=1 << 53)]
"""A number that can be shown, whoever wrote it: a bundle comes from a stranger."""
State: TypeAlias = Literal["good", "bad", "open", "plain"]
Mark: TypeAlias = Literal["same", "came", "signed", "gap"]


class Octets(Struct, frozen=True, kw_only=True):
    """Octets with nothing hidden, a line each; `octets_left` of `total` are not shown."""

    title: Shared
    lines: tuple[str, ...] = ()
    total: Count = 0
    octets_left: Count = 0


class Fact(Struct, frozen=True, kw_only=True):
    """A name with its value; `private` is the value where it is content."""

    name: Shared
    value: Shared = ""
    private: str = ""
    said: Shared = ""


class Rung(Struct, frozen=True, kw_only=True):
    """One step of a verification: what was looked at, what came out, and the clause."""

    name: Shared
    state: State
    sentence: Shared
    detail: str = ""
    clause: Shared = ""
    facts: tuple[Fact, ...] = ()
    octets: tuple[Octets, ...] = ()


class Edit(Struct, frozen=True, kw_only=True):
    """One place that was changed on the way, by what it is in the registry of changes."""

    side: Literal["header", "body"]
    sentence: Shared
    subject: str = ""
    removed: Count = 0
    added: Count = 0


class Line(Struct, frozen=True, kw_only=True):
    """A field or a line of the body in the way back, seen from step `first` to `last`.

    `mark` says whether it is there all the time, came on the way, or was signed; a gap stands
    for `count` lines that never changed.
    """

    side: Literal["header", "body"]
    mark: Mark
    first: Count = 0
    last: Count = 1_000_000
    text: str = ""
    count: Count = 0


class Undo(Struct, frozen=True, kw_only=True):
    """The way back to the message as it was signed: its edits, and the lines between."""

    edits: tuple[Edit, ...]
    lines: tuple[Line, ...]


class Said(Struct, frozen=True, kw_only=True):
    """A sentence with who or what it is about."""

    who: Shared
    text: Shared


class Ladder(Struct, frozen=True, kw_only=True):
    """One signature: its steps, why it failed, the way back, and where it stands in the path.

    `key`, `header` and `body` are sentences of what is known of each; `steps` what was undone.
    """

    kind: Shared
    domain: Shared = ""
    selector: Shared = ""
    state: State
    result: Shared
    sentence: Shared
    detail: str = ""
    clause: Shared = ""
    explained: bool = False
    known: tuple[Said, ...] = ()
    steps: tuple[Said, ...] = ()
    notes: tuple[Shared, ...] = ()
    rungs: tuple[Rung, ...] = ()
    undo: Undo | None = None
    hop: Count = 0
    warnings: tuple[Shared, ...] = ()


class Hop(Struct, frozen=True, kw_only=True):
    """One host on the way, the first one first; number 0 is where the message was written.

    `seconds` passed since the host before took it.  `added` are names of the fields that stand
    above its Received field and below the next one.  `signed` are domains with their state.
    """

    number: Count
    host: str = ""
    came_from: str = ""
    protocol: str = ""
    when: str = ""
    seconds: Count | None = None
    added: tuple[str, ...] = ()
    signed: tuple[Fact, ...] = ()
    sealed: tuple[Fact, ...] = ()
    changed: Shared = ""
    list_host: bool = False


class ArcInstance(Struct, frozen=True, kw_only=True):
    """One set of an ARC chain."""

    instance: Count
    domain: Shared
    seal: State
    seal_sentence: Shared
    signature: State
    signature_sentence: Shared
    status: Shared
    results: str = ""


class Chain(Struct, frozen=True, kw_only=True):
    """The ARC chain of a message."""

    state: State
    sentence: Shared
    detail: str = ""
    clause: Shared = ""
    instances: tuple[ArcInstance, ...] = ()


class Generation(Struct, frozen=True, kw_only=True):
    """What one generation of policies makes of the message."""

    name: Shared
    title: Shared
    word: Shared
    state: State
    asks: Shared
    why: str
    clause: Shared
    trace: tuple[str, ...] = ()


class Envelope(Struct, frozen=True, kw_only=True):
    """What SPF says of the connection that somebody said the message came over."""

    state: State
    result: Shared
    sentence: Shared
    rungs: tuple[Rung, ...] = ()


class Verdict(Struct, frozen=True, kw_only=True):
    """The answer for whoever reads the message, and what it does not say.

    `story` says what became of a signature that fails, where that is proven; `problems` are of
    the field From, `misleading` of the names in it.
    """

    state: State
    answer: Shared
    sentence: Shared
    story: Shared = ""
    domain: Shared = ""
    author: str = ""
    shown_as: str = ""
    row: Count = 0
    show: Shared = ""
    covered: tuple[Shared, ...] = ()
    age: Shared = ""
    not_said: tuple[Shared, ...] = ()
    notes: tuple[Shared, ...] = ()
    problems: tuple[Shared, ...] = ()
    misleading: tuple[str, ...] = ()


class Report(Struct, frozen=True, kw_only=True, tag="avowal-report", tag_field="kind"):
    """All that the inspector tells of one message; `version` is that of this form."""

    version: Literal[1] = 1
    avowal: Shared = ""
    redacted: bool = False
    name: str = ""
    subject: str = ""
    date: str = ""
    author_line: str = ""
    octets: Count = 0
    fields: Count = 0
    examined: Shared = ""
    seconds: float = 0.0
    losses: tuple[Said, ...] = ()
    beyond: Shared = ""
    verdict: Verdict
    hops: tuple[Hop, ...] = ()
    hops_left: Count = 0
    ladders: tuple[Ladder, ...] = ()
    ladders_left: Count = 0
    envelope: Envelope | None = None
    chain: Chain | None = None
    generations: tuple[Generation, ...] = ()
    dnssec: str = ""
    advice: tuple[Said, ...] = ()
    questions: Count = 0
