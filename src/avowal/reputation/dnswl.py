"""DNS whitelists (RFC 5782, RFC 8904): a name or an address, asked for below a zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from avowal.lookup import (
    AsyncResolver,
    Outcome,
    Question,
    Resolver,
    Steps,
    arun,
    ask,
    run,
)
from avowal.names import MAX_NAME
from avowal.reputation.opinions import Assessment, IdentityType, Opinion, Subject

_ADDRESSES = (IdentityType.IPV4, IdentityType.IPV6)


def whitelisted(
    zone: str, subjects: Sequence[Subject], *, assertion: str = "whitelisted"
) -> Steps[Assessment]:
    """Ask for all subjects in one round.

    An answer in 127.0.0.0/8 lists the subject (RFC 5782 §2.1, §3); its last octet, 0 to 3,
    is the trust that dnswl-style lists give, and any other listing counts as full.
    """
    names = {subject: name for subject in subjects if (name := _name(subject, zone)) is not None}
    if not names:
        return Assessment()
    answers = yield from ask(*(Question(name, "A") for name in names.values()))
    opinions, problems = [], []
    for subject, answer in zip(names, answers, strict=True):
        if answer.outcome is Outcome.FAILED:
            why = answer.failure.value if answer.failure else "no answer"
            problems.append(f"{names[subject]}: {why}")
        listings = [record for record in answer.records if record.startswith(b"127.")]
        if listings:
            opinions.append(
                Opinion(
                    rater=zone, subject=subject, assertion=assertion, rating=_rating(listings[0])
                )
            )
    return Assessment(opinions=tuple(opinions), problems=tuple(problems))


def _name(subject: Subject, zone: str) -> str | None:
    """Return the name to ask for; only domains and addresses have one."""
    if subject.identity in _ADDRESSES:
        try:
            reverse = ip_address(subject.name).reverse_pointer
        except ValueError:
            return None
        return f"{reverse.rsplit('.', 2)[0]}.{zone}"
    if "@" in subject.name or not subject.name.isascii():
        return None
    name = f"{subject.name}.{zone}"
    return name if len(name) <= MAX_NAME else None


def _rating(address: bytes) -> float:
    last = address.rpartition(b".")[2]
    return int(last) / 3 if last.isdigit() and int(last) <= 3 else 1.0


@dataclass(frozen=True, slots=True)
class DnsWhitelist:
    """An assessor over one list and one resolver."""

    zone: str
    resolver: Resolver | None = None
    aresolver: AsyncResolver | None = None
    assertion: str = field(default="whitelisted")

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Ask the list."""
        if self.resolver is None:
            return Assessment(problems=(f"{self.zone}: no resolver",))
        return run(whitelisted(self.zone, subjects, assertion=self.assertion), self.resolver)

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Ask the list without blocking."""
        if self.aresolver is None:
            return Assessment(problems=(f"{self.zone}: no resolver",))
        flow = whitelisted(self.zone, subjects, assertion=self.assertion)
        return await arun(flow, self.aresolver)
