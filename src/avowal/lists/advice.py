"""What should this list do with this message, and why (RFC 6377 §5, RFC 7960 §4.1)?

`advise` compares what a list does to mail (`Habits`) with what the message's signatures
cover and what its author's domain asks for, and answers with values that are sentences
too: the first is the decision, the rest is what goes with it.

The policies come in as plain words, for they are other packages' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from avowal.dkim.verification import Verification
from avowal.enums import CitedWord
from avowal.lists.author_policy import AuthorPolicy, AuthorWish
from avowal.lists.habits import Habits, breaks, expected, fates
from avowal.mailbox import Authors
from avowal.message import Header

__all__ = [
    "Act", "Advice", "AuthorPolicy", "AuthorWish", "Habits", "advise", "breaks", "expected",
    "fates",
]  # fmt: skip


class Act(CitedWord):
    """What a list can do: the word, the section that asks for it, and the sentence."""

    REFUSE = ("refuse", "RFC 6377 §5.11", "refuse the message with 550 5.7.x")
    HOLD = ("hold", "RFC 6377 §5.6", "hold the message for a moderator")
    PASS = ("pass", "RFC 6377 §5.1", "pass the message on as you do: no signature suffers")
    KEEP_BODY = (
        "keep-body",
        "RFC 6377 §5.1",
        "leave subject and body alone; put what the footer says into List-* fields",
    )
    REWRITE_FROM = ("rewrite-from", "RFC 7960 §4.1.3.1", "speak from the list's own address")
    MODIFY = ("modify", "RFC 6377 §5.7", "make your changes and sign the result yourself")
    RECORD = (
        "record",
        "RFC 6377 §5.7",
        "write what you verified into Authentication-Results and sign it",
    )
    REMOVE = (
        "remove-signatures",
        "RFC 6377 §5.7",
        "the signatures you break may go: once evaluated, they only fail",
    )
    SIGN = ("sign", "RFC 6377 §5.8", "sign the whole message for the list, after all changes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do, and why it is asked for in this case."""

    act: Act
    why: str

    def __str__(self) -> str:
        return f"{self.act.sentence} ({self.act.source}): {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One message at one list: `fates` say of each passing signature why it breaks, or None."""

    habits: Habits
    authors: Authors
    policies: Sequence[AuthorPolicy]
    passing: tuple[Verification, ...]
    fates: Mapping[int, str | None]

    @property
    def broken(self) -> tuple[Verification, ...]:
        return tuple(one for one in self.passing if self.fates.get(one.place) is not None)

    @property
    def arrived(self) -> frozenset[int]:
        return frozenset(one.place for one in self.passing)

    @property
    def kept(self) -> frozenset[int]:
        return self.arrived - {one.place for one in self.broken}

    def asked(self) -> Iterator[tuple[AuthorPolicy, AuthorWish]]:
        for policy in self.policies:
            for wish in policy.asked(self.passing):
                yield policy, wish

    def unmet(self) -> Iterator[tuple[AuthorPolicy, AuthorWish]]:
        """Yield the wishes that what leaves, signed by the list, does not meet."""
        return (pair for pair in self.asked() if not pair[1].met(self.kept))

    def why_unmet(self, wish: AuthorWish) -> str:
        lost = [one for one in self.broken if one.place in wish.met_by] or self.broken
        if not lost:
            return "no signature that stays says so"
        return self.fates.get(lost[0].place) or ""


def advise(
    header: Header,
    verifications: Sequence[Verification],
    habits: Habits,
    policies: Sequence[AuthorPolicy] = (),
    *,
    seen: Mapping[int, str | None] | None = None,
) -> tuple[Advice, ...]:
    """Return what to do, the decision first.

    `policies` has one entry for each author domain that was looked up.  `seen` is what became
    of the signatures (`fates`), where that is known; else the habits tell.
    """
    passing = tuple(v for v in verifications if v.passed and v.signature is not None)
    case = _Case(
        habits=habits,
        authors=Authors.of(header),
        policies=policies,
        passing=passing,
        fates=expected(passing, habits) if seen is None else seen,
    )
    for rule in _DECISIONS:
        decision = rule(case)
        if decision is not None:
            return (decision, *_companions(case, decision))
    raise AssertionError("the last rule always decides")


def _unclear_author(case: _Case) -> Advice | None:
    if case.authors.domains and not case.authors.problems:
        return None
    names = "; ".join(problem.sentence for problem in case.authors.problems) or "no author"
    return Advice(act=Act.REFUSE, why=f"the author cannot be told: {names}")


def _discardable(case: _Case) -> Advice | None:
    """RFC 6377 §5.2: a resending list does not accept what receivers would discard."""
    for policy, wish in case.unmet():
        if wish.discards:
            return Advice(act=Act.REFUSE, why=f"{policy.domain} calls unsigned mail discardable")
    return None


def _unauthenticated(case: _Case) -> Advice | None:
    for policy in case.policies:
        if policy.authenticated:
            continue
        failed = [one for one in policy.asked(case.passing) if not one.met(case.arrived)]
        refused = next((one for one in failed if one.refuses), None)
        if refused is not None:
            why = f"it fails already, and {policy.domain} {refused.text}"
            return Advice(act=Act.REFUSE, why=why)
        if case.habits.holds_unauthenticated or failed:
            return Advice(act=Act.HOLD, why=f"nothing shows that {policy.domain} sent it")
    return None


def _harmless(case: _Case) -> Advice | None:
    if case.broken or any(case.unmet()):
        return None
    count = len(case.passing)
    return Advice(act=Act.PASS, why=f"{count} valid signature{'s' * (count != 1)} would survive")


def _orphaned(case: _Case) -> Advice | None:
    """What a domain asks for would not be met: change less, or speak yourself."""
    unmet = tuple(case.unmet())
    if not unmet:
        return None
    policy, wish = unmet[0]
    why = f"{policy.domain} {wish.text}, and {case.why_unmet(wish)}"
    if case.habits.can_leave_unchanged and all(one.met(case.arrived) for _, one in unmet):
        return Advice(act=Act.KEEP_BODY, why=why)
    return Advice(act=Act.REWRITE_FROM if case.habits.can_rewrite_from else Act.REFUSE, why=why)


def _tolerated(case: _Case) -> Advice | None:
    why = "no author's domain asks for its signature to survive"
    if any(case.asked()):
        why = "what the author's domain asks for is met all the same"
    return Advice(act=Act.MODIFY, why=why)


_DECISIONS: tuple[Callable[[_Case], Advice | None], ...] = (
    _unclear_author,
    _discardable,
    _unauthenticated,
    _harmless,
    _orphaned,
    _tolerated,
)


def _companions(case: _Case, decision: Advice) -> Iterator[Advice]:
    if decision.act in (Act.REFUSE, Act.HOLD):
        return
    if decision.act is Act.KEEP_BODY and case.habits.can_rewrite_from:
        yield Advice(act=Act.REWRITE_FROM, why="where the changes have to stay")
    yield Advice(act=Act.RECORD, why="receivers that trust the list learn what it saw")
    if case.broken and decision.act is not Act.KEEP_BODY:
        domains = ", ".join(dict.fromkeys(str(one.domain) for one in case.broken))
        yield Advice(act=Act.REMOVE, why=f"the signature of {domains} does not survive")
    yield Advice(act=Act.SIGN, why="the list answers for what it sends")
