"""What should this list do with this message, and why (RFC 6377 §5, RFC 7960 §4.1)?

`advise` compares what a list does to mail (`Habits`) with what the message's signatures
cover and what its author's domain asks for, and answers with values that are sentences
too: the first is the decision, the rest is what goes with it.

The policies come in as plain words, for they are other packages' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.enums import CitedWord
from avowal.lists.findings import ListFindingKind
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName

DmarcDisposition: TypeAlias = Literal["none", "quarantine", "reject"]
Practice: TypeAlias = Literal["unknown", "all", "discardable"]
_STRICT = frozenset(("quarantine", "reject"))


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
class Habits:
    """What a list's software does to each message, and what it is able to do.

    `fields` are further fields it sets or removes, lower-cased.
    """

    subject_tag: bool = False
    footer: bool = False
    rewraps: bool = False
    fields: frozenset[bytes] = frozenset()
    can_rewrite_from: bool = True
    can_leave_unchanged: bool = True
    holds_unauthenticated: bool = False

    @property
    def touched(self) -> frozenset[bytes]:
        """The header fields it changes."""
        mime = (b"content-type", b"content-transfer-encoding") if self.rewraps else ()
        subject = (b"subject",) if self.subject_tag else ()
        return self.fields.union(subject, mime)

    @classmethod
    def observed(cls, kinds: Sequence[ListFindingKind], fields: Sequence[bytes] = ()) -> Habits:
        """Read the habits off findings of `lists.changes`; `fields` are those it touched."""
        seen = set(kinds)
        return cls(
            subject_tag=ListFindingKind.SUBJECT_TAG in seen,
            footer=bool(seen & {ListFindingKind.FOOTER, ListFindingKind.BANNER}),
            rewraps=bool(
                seen
                & {
                    ListFindingKind.MIME_WRAPPED,
                    ListFindingKind.ENCODING,
                    ListFindingKind.PART_DROPPED,
                }
            ),
            fields=frozenset(fields),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorPolicy:
    """What an author's domain asks receivers to do; None where it says nothing.

    `authenticated` tells whether the message passed its DMARC evaluation on the way in.
    """

    domain: DomainName
    dmarc: DmarcDisposition | None = None
    adsp: Practice | None = None
    authenticated: bool = False

    @property
    def is_strict(self) -> bool:
        """Whether a message that fails is unwelcome elsewhere."""
        return self.dmarc in _STRICT or self.adsp == "discardable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do, and why it is asked for in this case."""

    act: Act
    why: str

    def __str__(self) -> str:
        return f"{self.act.sentence} ({self.act.source}): {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    habits: Habits
    authors: Authors
    policies: Sequence[AuthorPolicy]
    passing: tuple[Signature, ...]
    broken: tuple[Signature, ...]

    @property
    def strict(self) -> tuple[AuthorPolicy, ...]:
        return tuple(policy for policy in self.policies if policy.is_strict)

    @property
    def orphaned(self) -> tuple[AuthorPolicy, ...]:
        """Strict authors whose every passing signature the list would break."""
        return tuple(policy for policy in self.strict if not self._kept(policy))

    def _kept(self, policy: AuthorPolicy) -> bool:
        return any(
            policy.domain.is_within(signature.domain) or signature.domain.is_within(policy.domain)
            for signature in self.passing
            if signature not in self.broken
        )


def breaks(habits: Habits, signature: Signature) -> str | None:
    """Say what of a list's habits breaks this signature; None when it survives them.

    A field that is only added breaks a signature when h= names it at all, for a mention
    beyond the instances stands for the next one (RFC 6376 §5.4.2).
    """
    touched = habits.touched.intersection(signature.signed_names)
    if touched:
        return f"{min(touched).decode('ascii', 'backslashreplace').title()} is signed"
    if habits.rewraps:
        return "the body is wrapped anew"
    if habits.footer and signature.body_length is None:
        return "the whole body is signed"
    return None


def advise(
    header: Header,
    verifications: Sequence[Verification],
    habits: Habits,
    policies: Sequence[AuthorPolicy] = (),
) -> tuple[Advice, ...]:
    """Return what to do, the decision first.

    `policies` has one entry for each author domain that was looked up.
    """
    passing = tuple(v.signature for v in verifications if v.passed and v.signature is not None)
    case = _Case(
        habits=habits,
        authors=Authors.of(header),
        policies=policies,
        passing=passing,
        broken=tuple(s for s in passing if breaks(habits, s) is not None),
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
    for policy in case.policies:
        if policy.adsp == "discardable" and (case.broken or not case.passing):
            return Advice(act=Act.REFUSE, why=f"{policy.domain} calls unsigned mail discardable")
    return None


def _unauthenticated(case: _Case) -> Advice | None:
    for policy in case.policies:
        if policy.authenticated:
            continue
        if policy.dmarc == "reject":
            return Advice(
                act=Act.REFUSE, why=f"it fails already, and {policy.domain} publishes p=reject"
            )
        if case.habits.holds_unauthenticated or policy.is_strict:
            return Advice(act=Act.HOLD, why=f"nothing shows that {policy.domain} sent it")
    return None


def _harmless(case: _Case) -> Advice | None:
    if case.broken:
        return None
    count = len(case.passing)
    return Advice(act=Act.PASS, why=f"{count} valid signature{'s' * (count != 1)} would survive")


def _orphaned(case: _Case) -> Advice | None:
    """A strict author's last valid signature would break: change less, or speak yourself."""
    if not case.orphaned:
        return None
    policy = case.orphaned[0]
    asks = f"p={policy.dmarc}" if policy.dmarc in _STRICT else f"dkim={policy.adsp}"
    why = f"{policy.domain} publishes {asks}, and {breaks(case.habits, case.broken[0])}"
    if case.habits.can_leave_unchanged:
        return Advice(act=Act.KEEP_BODY, why=why)
    return Advice(act=Act.REWRITE_FROM if case.habits.can_rewrite_from else Act.REFUSE, why=why)


def _tolerated(case: _Case) -> Advice | None:
    return Advice(act=Act.MODIFY, why="no author's domain asks for its signature to survive")


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
        domains = ", ".join(dict.fromkeys(str(s.domain) for s in case.broken))
        yield Advice(act=Act.REMOVE, why=f"the signature of {domains} does not survive")
    yield Advice(act=Act.SIGN, why="the list answers for what it sends")
