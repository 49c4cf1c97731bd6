"""Which record applies to an author domain, and what its organizational domain is.

`TREE_WALK` is RFC 9989 §4.10, `SUFFIX_LIST` is RFC 7489 §3.2 and §6.6.3.  A lookup that
failed where its answer could have mattered is a `Failed`: then nothing is known, and no
weaker policy is taken instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from avowal.enums import Word
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Question, Steps
from avowal.names import DomainName
from avowal.policy.dmarc.record import DmarcRecord, DmarcRecordFault, Policy
from avowal.policy.dmarc.suffixes import SuffixList
from avowal.policy.existence import Existence
from avowal.policy.memory import Failed, Memory, failed, failure_text
from avowal.policy.trace import Action, TraceStep, excerpt

_MOST_LABELS = 7  # RFC 9989 §4.10: a longer name is cut to seven labels


class Discovery(Word):
    """How a policy is looked for."""

    TREE_WALK = "treewalk", "the tree walk of RFC 9989"
    SUFFIX_LIST = "psl", "the public suffix list, RFC 7489"


@dataclass(frozen=True, slots=True)
class Walk:
    """The records on the way from a name to its top-level domain, longest name first."""

    start: str
    records: tuple[tuple[str, DmarcRecord], ...]

    @property
    def organizational_domain(self) -> str:
        """RFC 9989 §4.10.2."""
        for name, record in self.records:
            if record.psd == "n":
                return name
            if record.psd == "y" and name != self.start:
                return _one_below(name, self.start)
        return self.records[-1][0] if self.records else self.start

    def at(self, name: str) -> DmarcRecord | None:
        """Return the record at one name."""
        return next((record for place, record in self.records if place == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """The record that applies; `record` is None when there is none.

    `record_domain` is where it was found.  `tag` is the one that decides (p, sp or np) and
    `policy` what it asks; `policy` is None when DMARC does not apply.
    """

    domain: DomainName
    record: DmarcRecord | None = None
    record_domain: str | None = None
    tag: str = "p"
    policy: Policy | None = None


def tree(name: str) -> tuple[str, ...]:
    """Return the names a tree walk asks, longest first: eight at most (RFC 9989 §4.10)."""
    labels = name.split(".")
    shorter = labels[1:] if len(labels) <= _MOST_LABELS else labels[-_MOST_LABELS:]
    return (name, *(".".join(shorter[i:]) for i in range(len(shorter))))


def records_at(
    name: str, octets: Iterable[bytes], limits: Limits = DEFAULT
) -> tuple[list[DmarcRecord], list[TraceStep]]:
    """Keep the DMARC records among the TXT records of a name (RFC 9989 §4.7)."""
    kept, steps = [], []
    for item in octets:
        try:
            kept.append(DmarcRecord.parse(item, limits=limits))
        except DmarcRecordFault as fault:
            if b"DMARC" in item[:20].upper():  # anything else at the name is none of ours
                steps.append(TraceStep("dmarc", "discarded", name, f"{fault}: {excerpt(item)}"))
    return kept, steps


class Explorer:
    """Walks the tree for one message: every name is asked once."""

    __slots__ = ("_walks", "limits", "mechanism", "memory", "notes")

    def __init__(
        self, *, limits: Limits = DEFAULT, memory: Memory | None = None, mechanism: str = "dmarc"
    ) -> None:
        self.limits = limits
        self.memory = Memory() if memory is None else memory
        self.mechanism = mechanism
        self.notes: dict[TraceStep, None] = {}
        """The trace so far, each step once."""
        self._walks: dict[str, Walk | Failed] = {}

    def own(self, domain: DomainName) -> Steps[list[DmarcRecord] | Failed]:
        """Return the records at the domain itself."""
        (answer,) = yield from self.memory.txt(f"_dmarc.{domain.ascii}")
        name = f"_dmarc.{domain.ascii}"
        if failed(answer):
            self.note("failed", name, failure_text(answer))
            return Failed.of(name, answer)
        kept, steps = records_at(name, answer.records, self.limits)
        self.notes.update(dict.fromkeys(steps))
        for record in kept:
            self.note("found", name, excerpt(record.octets))
        if not kept:
            self.note("absent", name)
        return kept

    def walk(self, domain: DomainName) -> Steps[Walk | Failed]:
        """Walk from a domain to the top (RFC 9989 §4.10), all names in one round.

        Deliberate: the steps are taken in the RFC's order, over answers asked together;
        names above a psd= record are asked and not looked at.
        """
        walked = self._walks.get(domain.ascii)
        if walked is None:
            names = tree(domain.ascii)
            answers = yield from self.memory.txt(*(f"_dmarc.{name}" for name in names))
            walked = self._walks[domain.ascii] = self._read(names, answers)
        return walked

    def _read(self, names: tuple[str, ...], answers: tuple[Answer, ...]) -> Walk | Failed:
        found: list[tuple[str, DmarcRecord]] = []
        for name, answer in zip(names, answers, strict=True):
            if failed(answer):
                self.note("failed", f"_dmarc.{name}", failure_text(answer))
                return Failed.of(f"_dmarc.{name}", answer)
            kept, steps = records_at(f"_dmarc.{name}", answer.records, self.limits)
            self.notes.update(dict.fromkeys(steps))
            if len(kept) > 1:  # RFC 9989 §4.10 step 2
                self.note("discarded", f"_dmarc.{name}", f"{len(kept)} records at one name")
            if len(kept) == 1:
                found.append((name, kept[0]))
                if kept[0].psd in {"y", "n"}:
                    break
        return Walk(names[0], tuple(found))

    def exists(self, domain: DomainName, rule: Existence) -> Steps[bool | Failed]:
        """Whether a name exists, as far as np= is concerned."""
        types = ("A",) if rule is Existence.NO_NAME else ("A", "AAAA", "MX")
        questions = tuple(Question(domain.ascii, rrtype) for rrtype in types)
        answers = yield from self.memory.ask(*questions)
        outcomes = [answer.outcome for answer in answers]
        if Outcome.FOUND in outcomes:
            return True
        if Outcome.NO_NAME in outcomes:
            return False
        if Outcome.FAILED in outcomes:
            place = outcomes.index(Outcome.FAILED)
            self.note("failed", f"{domain.ascii} {types[place]}", failure_text(answers[place]))
            return Failed.of(f"{domain.ascii} {types[place]}", answers[place])
        return rule is Existence.NO_NAME

    def note(self, action: Action, subject: str, detail: str = "") -> None:
        """Add a step to the trace, once."""
        self.notes[TraceStep(self.mechanism, action, subject, detail)] = None


def discover_by_walk(
    explorer: Explorer, domain: DomainName, existence: Existence
) -> Steps[Discovered | Failed]:
    """Find the policy as RFC 9989 §4.10.1 does."""
    own = yield from explorer.own(domain)
    if isinstance(own, Failed):
        return own
    if len(own) == 1:
        return _applied(explorer, domain, (domain.ascii, own[0]), "p", own[0].usable_policy)
    walk = yield from explorer.walk(domain)
    if isinstance(walk, Failed):
        return walk
    organizational = walk.organizational_domain
    candidates = [organizational, *(n for n, r in walk.records if r.psd == "y")]
    for name in candidates:
        record = walk.at(name)
        if record is not None:
            explorer.note("chose", f"_dmarc.{name}", "the organizational or public suffix domain")
            return (yield from _for_subdomain(explorer, domain, name, record, existence))
    explorer.note("absent", f"_dmarc.{domain.ascii}", "and no record at any name above")
    return Discovered(domain=domain)


def discover_by_suffixes(
    explorer: Explorer, domain: DomainName, suffixes: SuffixList
) -> Steps[Discovered | Failed]:
    """Find the policy as RFC 7489 §6.6.3 does: the domain, then its organizational domain."""
    own = yield from explorer.own(domain)
    if isinstance(own, Failed):
        return own
    name, tag = domain.ascii, "p"
    organizational = suffixes(name) or name
    if not own and organizational != name:
        name, tag = organizational, "sp"
        above = yield from explorer.own(DomainName(organizational, organizational))
        if isinstance(above, Failed):
            return above
        own = above
    if len(own) != 1:  # step 5: several records end the search, none ends it too
        if own:
            explorer.note("discarded", f"_dmarc.{name}", f"{len(own)} records at one name")
        return Discovered(domain=domain)
    record = _without_np(own[0])
    policy = record.usable_policy
    if tag == "sp" and not record.spoiled and record.sp is not None:
        policy = record.sp
    else:
        tag = "p"
    return _applied(explorer, domain, (name, record), tag, policy)


def _without_np(record: DmarcRecord) -> DmarcRecord:
    """See a record with the eyes of RFC 7489, which knows no np=."""
    problems = tuple(problem for problem in record.problems if problem.tag != "np")
    return replace(record, np=None, problems=problems)


def _for_subdomain(
    explorer: Explorer, domain: DomainName, name: str, record: DmarcRecord, existence: Existence
) -> Steps[Discovered | Failed]:
    existing = True
    if record.tells_existence_apart:
        exists = yield from explorer.exists(domain, existence)
        if isinstance(exists, Failed):
            return exists
        existing = exists
    tag, policy = record.for_subdomains(existing=existing)
    return _applied(explorer, domain, (name, record), tag, policy)


def _applied(
    explorer: Explorer,
    domain: DomainName,
    place: tuple[str, DmarcRecord],
    tag: str,
    policy: Policy | None,
) -> Discovered:
    name, record = place
    for problem in record.problems:
        explorer.note("discarded", f"{problem.tag}= at _dmarc.{name}", problem.why)
    if policy is None:
        explorer.note("discarded", f"_dmarc.{name}", "no valid p=, sp= or np=, and no rua=")
        return Discovered(domain=domain)
    explorer.note("chose", f"{tag}= of _dmarc.{name}", policy.value)
    return Discovered(domain=domain, record=record, record_domain=name, tag=tag, policy=policy)


def _one_below(name: str, start: str) -> str:
    """The name one label below `name` on the way to `start`."""
    return ".".join(start.split(".")[-(name.count(".") + 2) :])
