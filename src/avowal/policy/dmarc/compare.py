"""Where the same message fares differently under RFC 7489 and RFC 9989, and why."""

from __future__ import annotations

from avowal.policy.dmarc.result import DomainEvaluation, Evaluation


def differences(old: Evaluation, new: Evaluation) -> tuple[str, ...]:
    """Say in sentences where an evaluation by RFC 7489 and one by RFC 9989 part."""
    pairs = zip(old.evaluations, new.evaluations, strict=True)
    return tuple(line for a, b in pairs for line in _differences(a, b))


def _differences(old: DomainEvaluation, new: DomainEvaluation) -> list[str]:
    name = old.domain.ascii
    lines = []
    for what, ours, theirs in (
        ("result", old.result.value, new.result.value),
        ("record", old.record_domain, new.record_domain),
        ("policy", old.policy, new.policy),
        ("disposition", old.disposition.value, new.disposition.value),
    ):
        if ours != theirs:
            lines.append(f"{name}: {what} is {ours} by RFC 7489, {theirs} by RFC 9989")
    both = (old.organizational_domain, new.organizational_domain)
    if None not in both and both[0] != both[1]:
        lines.append(f"{name}: the organization is {both[0]} by RFC 7489, {both[1]} by RFC 9989")
    if old.tag != new.tag and None not in (old.tag, new.tag):
        lines.append(f"{name}: {old.tag}= decides by RFC 7489, {new.tag}= by RFC 9989")
    reasons = (*old.reasons, *new.reasons)
    lines += [f"{name}: {reason.comment} weakens the policy ({reason.type})" for reason in reasons]
    aligned = {(a.mechanism, a.domain.ascii): a for a in old.alignments}
    for a in new.alignments:
        before = aligned.get((a.mechanism, a.domain.ascii))
        if before is not None and before.aligned != a.aligned:
            lines.append(f"{name}: {a.mechanism} {a.domain.ascii}: {before.why}; {a.why}")
    return lines
