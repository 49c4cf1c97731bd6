"""What a list's software does to messages, and what that does to their signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.lists.findings import ListFindingKind


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


def expected(arrived: Sequence[Verification], habits: Habits) -> dict[int, str | None]:
    """Say of each signature that passed, by its place, why it will not after the list; else None.

    A footer behind l= breaks nothing by the letter; that receivers refuse it, as our own rules
    do, counts all the same (RFC 6376 §8.2).
    """
    return {
        one.place: breaks(habits, one.signature) or _exposed(habits, one.signature)
        for one in arrived
        if one.passed and one.signature is not None
    }


def _exposed(habits: Habits, signature: Signature) -> str | None:
    if habits.footer and signature.body_length is not None:
        return "text behind l= is unsigned, and refused by many"
    return None


def fates(
    arrived: Sequence[Verification], left: Sequence[Verification], habits: Habits
) -> dict[int, str | None]:
    """Say of each signature that passed on arrival why it does not as the message leaves.

    `left` are the verdicts on the message as it leaves, or on a copy the list sent: what was
    seen counts, `habits` only name the cause.  None stands for a signature that survives.
    """
    survivors = {_mark(one): one for one in left if one.signature is not None}
    told: dict[int, str | None] = {}
    for one in arrived:
        if not one.passed or one.signature is None:
            continue
        seen = survivors.get(_mark(one))
        if seen is None:
            told[one.place] = "the list takes it out, or changes it"
        elif seen.passed:
            told[one.place] = None
        else:
            told[one.place] = breaks(habits, one.signature) or seen.explanation
    return told


def _mark(verification: Verification) -> tuple[str | None, str | None, bytes]:
    """What tells a signature wherever it stands, folded anew or not."""
    signature = verification.signature
    octets = b"" if signature is None else signature.signature
    return verification.domain, verification.selector, octets
