"""Explaining the signatures of one message that failed: the split, the search, the check.

::

    explain(message, findings.dkim)      # one Explanation per signature, in header order

Nothing here raises for any message.  Whatever the search finds is put together and hashed by
the verifier's own code before it is called proven.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from avowal.crypto.algorithms import ALGORITHMS
from avowal.diagnose.body_matcher import BodyMatcher
from avowal.diagnose.body_proof import BodyProof
from avowal.diagnose.body_search import signed_body
from avowal.diagnose.budget import USUAL, Budget, Effort
from avowal.diagnose.damaged_signature import Again, read_again
from avowal.diagnose.explanation import Explanation, KeyState, PartState, unsearched
from avowal.diagnose.header_case import HeaderCase
from avowal.diagnose.header_slots import own_forms, unfolded
from avowal.diagnose.keys_at_hand import RetiredKeys, no_retired_keys
from avowal.diagnose.mime_lines import Entity, read_text
from avowal.diagnose.profiles import Profile, Profiles, SignerProfile
from avowal.diagnose.restored import (
    body_digest,
    body_of,
    covered,
    header_digest,
    restored_header,
)
from avowal.diagnose.signature_repair import STEP
from avowal.diagnose.signed_header import HeaderProof, signed_header
from avowal.diagnose.split import Split, split_of
from avowal.diagnose.surroundings import Surroundings
from avowal.dkim.reasons import Reason
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.lists.changes import changes
from avowal.message import CRLF, Message

MOST_EXPLAINED = 10  # signatures of one message that are searched for
_MANY_RECIPIENTS = 8  # addresses in Cc whose order cannot be found again
_ROUNDS_WITHOUT_DIGEST = 1  # Ed25519: a candidate costs a verification, not a hash


@dataclass(slots=True)
class Explainer:
    """Explains messages, one after the other; what is proven of a list helps with the next.

    `source` is where the keys of verdicts are from; `retired` gives others; `around` are other
    messages of the list or the mailbox; `deadline` makes, for each message, a function that
    tells whether time is up; `again` verifies a message whose b= was put right.
    """

    effort: Effort = USUAL
    retired: RetiredKeys = no_retired_keys
    around: Surroundings = field(default_factory=Surroundings)
    profiles: Profiles = field(default_factory=Profiles)
    deadline: Callable[[], Callable[[], bool]] | None = None
    source: str = "DNS"
    again: Again | None = None

    def explain(
        self, message: Message, verifications: Sequence[Verification]
    ) -> tuple[Explanation, ...]:
        """Return an explanation for each verification, in their order."""
        work = _Work(self, message)
        explained: dict[int, Explanation] = {}
        order = sorted(range(len(verifications)), key=lambda at: _late(verifications[at]))
        for number, at in enumerate(order):
            explained[at] = work.of(verifications[at], search=number < MOST_EXPLAINED)
        return tuple(explained[at] for at in range(len(verifications)))


def explain(
    message: Message,
    verifications: Sequence[Verification],
    *,
    effort: Effort = USUAL,
    retired: RetiredKeys = no_retired_keys,
) -> tuple[Explanation, ...]:
    """Explain the signatures of one message by itself; what `Explainer` does for many."""
    return Explainer(effort=effort, retired=retired).explain(message, verifications)


def _late(verification: Verification) -> bool:
    """Whether a signature comes after those that hold their digest: it may be their twin."""
    signature = verification.signature
    algorithm = None if signature is None else ALGORITHMS.get(signature.algorithm)
    return algorithm is None or algorithm.recover is None


class _Searched(NamedTuple):
    """One signature on the way to its explanation; without `search` nothing is tried."""

    verification: Verification
    signature: Signature
    split: Split
    budget: Budget
    search: bool


class _Work:
    """The explanations of one message; bodies and headers that are proven serve the others."""

    def __init__(self, explainer: Explainer, message: Message) -> None:
        self._explainer = explainer
        self._message = message
        self._profile: Profile = explainer.profiles.of(_list_id(message))
        self._bodies: list[BodyProof] = []
        self._headers: dict[tuple[bytes, ...], HeaderProof] = {}
        self._expired = explainer.deadline() if explainer.deadline is not None else None

    def of(self, verification: Verification, *, search: bool) -> Explanation:
        """Explain one signature."""
        signature = verification.signature
        if verification.passed or signature is None or not _is_known(signature):
            if verification.passed and signature is not None:
                self._learn_signer(signature)
            return (search and self._read_again(verification)) or unsearched(verification)
        budget = Budget(self._explainer.effort)
        if self._expired is not None:
            budget.expired = self._expired
        explainer = self._explainer
        split = split_of(verification, signature, explainer.retired, explainer.source, budget)
        one = _Searched(verification, signature, split, budget, search)
        proof, body = self._body(one)
        budget.open_body(is_open=body is PartState.CHANGED)
        found, header = self._header(one, proof)
        made = Explanation(
            verification=verification,
            key=KeyState.PROVEN if header in _KNOWN else split.key,
            key_source=split.source or None,
            header=header,
            body=body,
            header_steps=() if found is None else found.steps,
            body_steps=() if proof is None else proof.steps,
            signed_body=None if proof is None else body_of(proof.lines),
            limits=budget.met,
            candidates=budget.candidates,
            cc_order_lost=header is PartState.CHANGED and self._cc_is_lost(signature),
            signed_nothing=BodyMatcher(signature, budget).signs_nothing,
        )
        return self._with_original(one, made, found, proof)

    def _read_again(self, verification: Verification) -> Explanation | None:
        again = self._explainer.again
        if again is None or verification.reason is not Reason.SYNTAX:
            return None
        return read_again(self._message, verification, again, self._explainer.explain)

    def _body(self, one: _Searched) -> tuple[BodyProof | None, PartState]:
        body, signature = self._message.body, one.signature
        if body_digest(body, signature) == signature.body_hash:
            return None, PartState.INTACT
        for known in self._bodies:
            if body_digest(body_of(known.lines), signature) == signature.body_hash:
                return known, PartState.RESTORED
        if one.search:
            matcher = BodyMatcher(signature, one.budget)
            entity = Entity.of(self._message.header, body.split(CRLF))
            hot = (*self._signer(signature).writers, *self._profile.writers)
            proof = signed_body(matcher, entity, tuple(dict.fromkeys(hot)))
            if proof is not None and _checks(proof, signature):
                self._bodies.append(proof)
                return proof, PartState.RESTORED
        return None, PartState.CHANGED

    def _header(
        self, one: _Searched, proof: BodyProof | None
    ) -> tuple[HeaderProof | None, PartState]:
        accepts, signature = one.split.accepts, one.signature
        if accepts is None:
            return None, PartState.UNKNOWN
        header, place = self._message.header, one.verification.place
        own = own_forms(signature.unsigned_field, relaxed=signature.header_canon == "relaxed")
        if accepts(header_digest(header, place, signature, own)):
            self._learn_signer(signature, None, proof)
            if one.split.raw is not None:
                return HeaderProof({}, (STEP,), own, one.split.raw), PartState.RESTORED
            return None, PartState.INTACT
        twin = self._headers.get(signature.signed_names)
        if twin is not None:
            twin = twin._replace(own=own, raw=None)
            again, at = restored_header(header, place, twin)
            if accepts(header_digest(again, at, signature, own)):
                return twin, PartState.RESTORED
        if one.search:
            found = self._searched(one, accepts, proof)
            if found is not None:
                return found, PartState.RESTORED
        return None, PartState.CHANGED

    def _searched(
        self, one: _Searched, accepts: Callable[[bytes], bool], proof: BodyProof | None
    ) -> HeaderProof | None:
        signature, header = one.signature, self._message.header
        text = read_text(self._message)
        case = HeaderCase(
            header, signature, text, proof, self._explainer.around, self._profile,
            self._signer(signature),
        )  # fmt: skip
        place = one.verification.place
        rounds = 3 if one.split.key is KeyState.PROVEN else _ROUNDS_WITHOUT_DIGEST
        found = signed_header(case, place, accepts, one.budget, rounds=rounds)
        if found is None:
            return None
        if one.split.raw is not None:
            found = found._replace(steps=(*found.steps, STEP), raw=one.split.raw)
        again, at = restored_header(header, place, found)
        if not accepts(header_digest(again, at, signature, found.own)):
            return None
        self._headers[signature.signed_names] = found
        self._learn(found, proof)
        self._learn_signer(signature, found, proof)
        return found

    def _signer(self, signature: Signature) -> SignerProfile:
        profiles = self._explainer.profiles
        return profiles.of_signer(signature.domain.ascii, signature.selector.ascii)

    def _learn_signer(
        self,
        signature: Signature,
        found: HeaderProof | None = None,
        proof: BodyProof | None = None,
    ) -> None:
        """Keep what a header that is proven tells of the signer: the one that came, or `found`."""
        positions = self._message.header.positions
        names = {
            name: found.fields[name][0] is not None if found is not None else name in positions
            for name in signature.signed_names
        }
        self._signer(signature).learn(names, None if proof is None else proof.writer)

    def _learn(self, found: HeaderProof, proof: BodyProof | None) -> None:
        """Keep what is proven for the next message of the list."""
        steps = found.steps if proof is None else (*found.steps, *proof.steps)
        self._profile.learn_steps(steps, None if proof is None else proof.writer)
        signed = next((raw for raw in found.fields.get(b"cc", ())[:1] if raw is not None), None)
        came = self._message.header.named(b"cc")
        self._profile.learn_recipients(
            None if signed is None else unfolded(signed),
            unfolded(came[-1].raw) if came else None,
        )

    def _cc_is_lost(self, signature: Signature) -> bool:
        header = self._message.header
        if b"cc" not in signature.signed_names:
            return False
        versions = header.named(b"x-mailman-version")
        many = any(one.value.count(b"@") >= _MANY_RECIPIENTS for one in header.named(b"cc"))
        return many and any(one.value.strip(b" \t").startswith(b"2") for one in versions)

    def _with_original(
        self,
        one: _Searched,
        made: Explanation,
        found: HeaderProof | None,
        proof: BodyProof | None,
    ) -> Explanation:
        """Add what was signed, and nothing else, where all of it is proven and none is free."""
        if made.header not in _KNOWN or made.body not in _KNOWN or made.signed_nothing:
            return made
        if made.header is made.body is PartState.INTACT:
            return made
        header, place = self._message.header, made.verification.place
        if found is not None:
            header, place = restored_header(header, place, found)
        body = self._message.body if proof is None else body_of(proof.lines)
        signature = one.signature
        undone = Message(covered(header, place, signature, others=True), body)
        original = Message(covered(header, place, signature), body)
        return replace(made, original=original, changes=changes(undone, self._message))


_KNOWN = (PartState.INTACT, PartState.RESTORED)


def _is_known(signature: Signature) -> bool:
    forms = ("simple", "relaxed")
    if signature.header_canon not in forms or signature.body_canon not in forms:
        return False
    return signature.body_hash is not None and signature.algorithm in ALGORITHMS


def _checks(proof: BodyProof, signature: Signature) -> bool:
    """Whether the verifier's own code finds bh= too."""
    return body_digest(body_of(proof.lines), signature) == signature.body_hash


def _list_id(message: Message) -> str:
    for one in message.header.named(b"list-id")[:1]:
        return one.value.decode("utf-8", "replace").rpartition("<")[2].strip("<> \t\r\n").lower()
    return ""
