"""What one SPF check asks DNS: in few rounds, counted, and ended by a failure.

Rules this file keeps:

- A failure is temperror (RFC 7208 §4.4, §5), except where a client's own names are at fault.
- Terms that ask DNS, and lookups that find nothing, are counted over the whole check (§4.6.4).
- A name that DNS cannot hold is not asked for and has no records (§4.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from avowal.lookup import NO_NAME, Answer, Outcome, Question, Steps, ask
from avowal.names import MAX_LABEL, MAX_NAME
from avowal.policy.spf.values import Client, SpfLimits, SpfWord
from avowal.policy.trace import Action, TraceStep


class Settled(Exception):
    """A result that ends the whole check: temperror or permerror, and why.

    `by_macros` says that the name at fault was made of macros: another client may fare better.
    """

    def __init__(self, word: SpfWord, problem: str, *, by_macros: bool = False) -> None:
        super().__init__(word, problem)
        self.by_macros = by_macros
        self.word = word
        self.problem = problem


class Lookups:
    """The questions of one check, with its counters and its trace."""

    def __init__(self, client: Client, limits: SpfLimits) -> None:
        self.client = plain(client)
        self.limits = limits
        self.terms = 0
        self.voids = 0
        self.trace: list[TraceStep] = []
        self._validated: tuple[str, ...] | None = None

    def note(self, action: Action, subject: str, detail: str = "") -> None:
        """Add a step to the trace."""
        self.trace.append(TraceStep("spf", action, subject, detail))

    def address(self, name: str) -> Question:
        """Return the question for a name's addresses of the client's family (§5)."""
        return Question(name, "A" if self.client.version == 4 else "AAAA")

    def for_term(self, *questions: Question) -> Steps[tuple[Answer, ...]]:
        """Ask for a term; what finds nothing is counted (RFC 7208 §4.6.4)."""
        answers = yield from self.ask(*questions)
        for answer in answers:
            self._count_void(answer)
        return answers

    def ask(self, *questions: Question) -> Steps[tuple[Answer, ...]]:
        """Ask in one round; a failure is temperror (RFC 7208 §4.4, §5)."""
        askable = tuple(question for question in questions if can_exist(question.name))
        answers = iter((yield askable) if askable else ())
        given = tuple(
            next(answers) if can_exist(question.name) else NO_NAME for question in questions
        )
        for question, answer in zip(questions, given, strict=True):
            if answer.outcome is Outcome.FAILED:
                why = answer.failure.value if answer.failure else "no answer"
                self.note("failed", question.name, why)
                raise Settled(SpfWord.TEMPERROR, f"{question.name} {question.type}: {why}")
        return given

    def count_term(self, text: str) -> None:
        """Count a term that asks DNS."""
        self.terms += 1
        if self.terms > self.limits.terms:
            raise Settled(
                SpfWord.PERMERROR, f"{text}: more than {self.limits.terms} terms that ask DNS"
            )

    def _count_void(self, answer: Answer) -> None:
        if answer.outcome not in (Outcome.NO_DATA, Outcome.NO_NAME):
            return
        self.voids += 1
        if self.voids > self.limits.void_lookups:
            raise Settled(
                SpfWord.PERMERROR, f"more than {self.limits.void_lookups} lookups found nothing"
            )

    def validated_names(self) -> Steps[tuple[str, ...]]:
        """The client's names that lead back to it; DNS trouble leaves some out (§5.5)."""
        if self._validated is None:
            (answer,) = yield from ask(Question(self.client.reverse_pointer, "PTR"))
            self._count_void(answer)
            names = [octets.decode("ascii", "replace").lower() for octets in answer.records]
            names = [name for name in names[: self.limits.ptr_names] if can_exist(name)]
            answers = (yield from ask(*map(self.address, names))) if names else ()
            self._validated = tuple(
                name
                for name, found in zip(names, answers, strict=True)
                if self.client in addresses(found.records)
            )
        return self._validated


def plain(client: Client) -> Client:
    """An IPv4 client seen through an IPv6 socket is an IPv4 client (RFC 7208 §5)."""
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        return client.ipv4_mapped
    return client


def addresses(records: Sequence[bytes]) -> list[IPv4Address | IPv6Address]:
    """Read A or AAAA records; what is no address is left out."""
    read = []
    for octets in records:
        try:
            read.append(ip_address(octets.decode("ascii", "replace")))
        except ValueError:
            continue
    return read


def preference(octets: bytes) -> tuple[int, str]:
    """Read an MX record's presentation form."""
    number, _, host = octets.decode("ascii", "replace").partition(" ")
    return (int(number) if number.isdigit() else 0), host.strip().removesuffix(".")


def can_exist(name: str) -> bool:
    """Whether DNS can hold such a name (RFC 1035 §2.3.4)."""
    labels = name.split(".")
    return (
        len(name) <= MAX_NAME
        and name.isascii()
        and all(0 < len(label) <= MAX_LABEL for label in labels)
    )
