"""Everything a domain publishes about the use of its name, asked for in two rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Question, Steps
from avowal.names import DomainName
from avowal.policy import adsp, domainkeys, ssp, ssp2007
from avowal.policy.dmarc.discovery import Explorer, Walk
from avowal.policy.memory import Failed, Memory, failed
from avowal.policy.spf.record import is_record
from avowal.policy.symbols import SymbolRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedName:
    """One name and the records of one mechanism that stand there."""

    mechanism: str
    name: str
    records: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a domain publishes: a place per mechanism, and the walk that DMARC takes from it.

    `strays` are TXT records at the domain that somebody may have meant for SPF; receivers do
    not take them for it.  `exchanges` are the MX records, None when that question failed;
    `exists` is False for NXDOMAIN.  `failures` are the questions that got no answer.
    """

    domain: DomainName
    exists: bool
    exchanges: tuple[bytes, ...] | None
    places: tuple[PublishedName, ...]
    walk: Walk | None
    strays: tuple[bytes, ...] = ()
    failures: tuple[Failed, ...] = ()
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)

    def at(self, mechanism: str) -> PublishedName:
        """Return the place of one mechanism."""
        return next(place for place in self.places if place.mechanism == mechanism)


def _looks_like_spf(octets: bytes) -> bool:
    """Whether a record that is none may have been meant as one; Sender ID's spf2.0 is its own."""
    beginning = octets[:20].lower()
    return b"spf" in beginning and not is_record(octets) and not beginning.startswith(b"spf2.0/")


def _symbols(symbols: str) -> Callable[[bytes], bool]:
    return lambda octets: bool(octets) and SymbolRecord.parse(octets, symbols) is not None


def _looks_like_words(octets: bytes) -> bool:
    """Whether somebody may have meant a record of practices; lint says which cannot be read."""
    return b"dkim" in octets[:200].lower() and b"=" in octets and not octets.startswith(b"v=DKIM1")


def _looks_like_dmarc(octets: bytes) -> bool:
    return b"DMARC" in octets[:20].upper()


# Mechanism, prefix of the name, and which of the TXT records there belong to it.
MECHANISMS: tuple[tuple[str, str, Callable[[bytes], bool]], ...] = (
    ("spf", "", is_record),
    ("dmarc", "_dmarc.", _looks_like_dmarc),
    ("adsp", f"{adsp.PREFIX}.", _looks_like_words),
    ("ssp2007", f"{ssp2007.PREFIX}.", _looks_like_words),
    ("ssp", f"{ssp.PREFIX}.", _symbols(ssp.SYMBOLS)),
    ("domainkeys", f"{domainkeys.PREFIX}.", _symbols(domainkeys.SYMBOLS)),
)


def survey(domain: DomainName, *, limits: Limits = DEFAULT) -> Steps[Survey]:
    """Ask for everything.  Raises nothing."""
    explorer = Explorer(limits=limits)
    questions = [Question(f"{prefix}{domain.ascii}") for _, prefix, _ in MECHANISMS]
    exchange, *answers = yield from explorer.memory.ask(Question(domain.ascii, "MX"), *questions)
    walk = yield from explorer.walk(domain)
    places = tuple(
        PublishedName(
            mechanism=mechanism, name=question.name, records=tuple(filter(belongs, a.records))
        )
        for (mechanism, _, belongs), question, a in zip(MECHANISMS, questions, answers, strict=True)
    )
    failures = [
        _failure(question, answer) for question, answer in zip(questions, answers, strict=True)
    ]
    failures.append(_failure(Question(domain.ascii, "MX"), exchange))
    if isinstance(walk, Failed):
        failures.append(walk)
    return Survey(
        domain=domain,
        exists=exchange.outcome is not Outcome.NO_NAME,
        exchanges=None if failed(exchange) else exchange.records,
        places=places,
        walk=walk if isinstance(walk, Walk) else None,
        strays=tuple(filter(_looks_like_spf, answers[0].records)),
        failures=tuple(dict.fromkeys(f for f in failures if f is not None)),
        memory=explorer.memory,
    )


def _failure(question: Question, answer: Answer) -> Failed | None:
    name = question.name if question.type == "TXT" else f"{question.name} {question.type}"
    return Failed.of(name, answer) if failed(answer) else None
