"""The ladder of a signature: each step of its verification with what went in and came out.

Tags, key, signed fields, body hash, digest of the header, verdict (RFC 6376 §6.1).  What is
shown is made by the functions that verify; nothing here judges.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.algorithms import ALGORITHMS, HASHES
from avowal.crypto.publickey import PublicKeyFault
from avowal.diagnose.restored import body_digest
from avowal.dkim.hashing import header_data
from avowal.dkim.reasons import Reason
from avowal.dkim.signature import Signature
from avowal.dkim.verification import Verification
from avowal.lookup import Answer, Outcome, Question
from avowal.message import Message
from avowal.names import key_name
from avowal.taglist import TagList, without_fws
from avowal.text import printable
from avowal.web.hops import moment
from avowal.web.limits import SEEN_LINE, SEEN_OCTETS
from avowal.web.octets import block
from avowal.web.report import Fact, Octets, Rung, State
from avowal.web.usual import USUAL_FIELDS

_SAID = {
    "v": "the version",
    "a": "the algorithm",
    "b": "the signature itself",
    "bh": "the hash of the body",
    "c": "the canonical forms of header and body",
    "d": "the domain that answers for the message",
    "h": "the names of the signed fields",
    "i": "on whose behalf",
    "l": "how much of the body is signed",
    "q": "how to ask for the key",
    "s": "the selector: which key of the domain",
    "t": "when it was made",
    "x": "until when it counts",
    "z": "copies of fields, for diagnosis",
}
_KEY_REASONS = frozenset(
    one for one in Reason if one.name.startswith("KEY_") or one is Reason.NO_KEY
)
_BEGINNING = 4 * SEEN_OCTETS  # octets of a body that are brought into canonical form to be seen


def rungs(
    message: Message, verification: Verification, answers: Mapping[Question, Answer]
) -> tuple[Rung, ...]:
    """Return the steps of one DKIM-Signature, as far as it could be read."""
    signature = verification.signature
    if signature is None:
        return (_unread(verification), _verdict(verification))
    steps = [_tags(signature, verification), _key(verification, signature, answers)]
    if _known(signature):
        steps += _hashed(message, verification, signature)
    return (*steps, _verdict(verification))


def _known(signature: Signature) -> bool:
    forms = signature.header_canon in HEADER_FORMS and signature.body_canon in BODY_FORMS
    return forms and signature.algorithm in ALGORITHMS and signature.body_hash is not None


def _unread(verification: Verification) -> Rung:
    salvage = verification.salvage
    reason = verification.reason or Reason.SYNTAX
    return Rung(
        name="Tags",
        state="bad",
        sentence=reason.sentence,
        detail=printable(verification.detail or ""),
        clause=reason.source,
        facts=() if salvage is None else tuple(_private(salvage)),
        octets=(block("the field", verification.field.raw),),
    )


def _private(tags: TagList) -> Iterator[Fact]:
    for name, tag in tags.by_name.items():
        written = f"{printable(name, most=20)}={printable(tag.value, most=SEEN_LINE)}"
        yield Fact(name="tag", private=written)


def _tags(signature: Signature, verification: Verification) -> Rung:
    facts = []
    for name, tag in signature.tags.by_name.items():
        said = _SAID.get(name, "nobody registered it")
        octets = without_fws(tag.value) if name in {"b", "bh", "h"} else tag.value
        text = printable(octets, most=SEEN_LINE)
        if name in {"t", "x"} and octets.isdigit() and len(octets) < 13:
            text = f"{text}, {moment(int(octets))}"
        if name == "h":
            facts.append(Fact(name="h=", value=_names(signature), private=text, said=said))
        elif _is_shared(name, signature):
            facts.append(Fact(name=f"{name}=", value=text, said=said))
        else:
            shown = f"{name}=" if name in _SAID else "other="
            facts.append(Fact(name=shown, private=text, said=said))
    return Rung(
        name="Tags",
        state="good",
        sentence="the field can be read: who signs, with which key, what, and how",
        clause="RFC 6376 §3.5",
        facts=tuple(facts),
        octets=(block("the field as it came", verification.field.raw),),
    )


def _is_shared(name: str, signature: Signature) -> bool:
    """Whether a tag can hold nothing but a name of the domain, a number, a hash or our words."""
    if name in {"a", "c"}:
        return _known(signature)
    return name in {"v", "b", "bh", "d", "s", "l", "t", "x"}


def _names(signature: Signature) -> str:
    """Return h= as it may leave this machine: unusual names only by their number."""
    usual = [name.decode() for name in signature.signed_names if name in USUAL_FIELDS]
    others = len(signature.signed_names) - len(usual)
    return ":".join(usual) + (f" and {others} others" if others else "")


def _key(
    verification: Verification, signature: Signature, answers: Mapping[Question, Answer]
) -> Rung:
    name = key_name(signature.selector, signature.domain)
    answer = answers.get(Question(name))
    reason = verification.reason if verification.reason in _KEY_REASONS else None
    state: State = "good"
    if reason is Reason.KEY_UNAVAILABLE or (verification.key is None and reason is None):
        state = "open"
    elif reason is not None:
        state = "bad"
    sentence = "the key stands in DNS and serves this signature"
    if reason is not None:
        sentence = reason.sentence
    elif state == "open":
        sentence = "the key was not asked for: something before it decided"
    return Rung(
        name="Key",
        state=state,
        sentence=sentence,
        detail=printable(verification.detail or "") if reason is not None else "",
        clause="RFC 6376 §6.1.2" if reason is None else reason.source,
        facts=tuple(_key_facts(name, answer, verification)),
        octets=() if answer is None else tuple(_records(answer)),
    )


def _key_facts(name: str, answer: Answer | None, verification: Verification) -> Iterator[Fact]:
    yield Fact(name="asked for", value=f"{printable(name)} TXT")
    if answer is None:
        return
    found = answer.outcome.value if answer.failure is None else answer.failure.value
    yield Fact(name="answer", value=found)
    if answer.outcome is Outcome.FOUND:
        yield Fact(name="DNSSEC", value="validated" if answer.secure else "not validated")
        yield Fact(name="kept for", value=f"{answer.ttl} seconds")
    record, evidence = verification.key, verification.evidence
    if record is not None:
        kind = record.key_type if record.key_type in {"rsa", "ed25519"} else "another kind"
        yield Fact(name="k=", value=kind, said="the kind of key")
        if record.testing:
            yield Fact(name="t=y", value="testing", said="treat what it signs as unsigned")
        if record.revoked:
            yield Fact(name="p=", value="empty", said="the key is revoked")
    if evidence is not None and evidence.key_bits is not None:
        yield Fact(name="size", value=f"{evidence.key_bits} bits")


def _records(answer: Answer) -> Iterator[Octets]:
    for record in answer.records[:4]:
        yield block("a record at that name", record)


def _hashed(message: Message, verification: Verification, signature: Signature) -> Iterator[Rung]:
    names, form = signature.signed_names, signature.header_canon
    data = header_data(
        message.header, names, form, signature.unsigned_field, place=verification.place
    )
    covered = len(message.header.select(names, except_at=verification.place))
    yield Rung(
        name="Signed fields",
        state="plain",
        sentence=f"{covered} fields and the signature's own, its b= emptied, in {form} form",
        clause="RFC 6376 §3.7, §5.4.2, " + ("§3.4.2" if form == "relaxed" else "§3.4.1"),
        octets=(block("what is hashed of the header", data),),
    )
    yield _body(message, verification, signature)
    yield _digest(data, verification, signature)


def _body(message: Message, verification: Verification, signature: Signature) -> Rung:
    evidence = verification.evidence
    digest = None if evidence is None else evidence.body_hash
    if digest is None:
        digest = body_digest(message.body, signature)
    same = digest == signature.body_hash
    form = signature.body_canon
    kept: list[bytes] = []
    canonical = BODY_FORMS[form](lambda octets: kept.append(bytes(octets)))
    canonical.feed(message.body[:_BEGINNING])
    whole = len(message.body) <= _BEGINNING
    if whole:
        canonical.finish()
    octets = b"".join(kept)[: signature.body_length]
    total = len(octets) if whole else max(len(octets), len(message.body))
    facts = [
        Fact(name="bh=", value=_base64(signature.body_hash or b""), said="what the signature says"),
        Fact(name="hash", value=_base64(digest), said="of the body that is here"),
    ]
    if signature.body_length is not None:
        said = "octets are signed; whatever follows is anybody's"
        facts.append(Fact(name="l=", value=str(signature.body_length), said=said))
    return Rung(
        name="Body hash",
        state="good" if same else "bad",
        sentence="the body is the one that was signed" if same else Reason.BODY_HASH.sentence,
        clause="RFC 6376 §3.7, " + ("§3.4.4" if form == "relaxed" else "§3.4.3"),
        facts=tuple(facts),
        octets=(block(f"the body in {form} form", octets, total=total),),
    )


def _digest(data: bytes, verification: Verification, signature: Signature) -> Rung:
    algorithm = ALGORITHMS[signature.algorithm]
    here = HASHES[algorithm.hash_name](data).digest()
    facts = [Fact(name="hash", value=_base64(here), said="of the signed fields that are here")]
    signed = _signed_digest(verification, signature)
    intact = None if verification.evidence is None else verification.evidence.header_intact
    if signed is not None:
        facts.append(Fact(name="in b=", value=_base64(signed), said="what the key's owner signed"))
        intact = signed == here
    state: State = "open" if intact is None else "good" if intact else "bad"
    sentences = {
        "open": "without a key that fits, what was signed cannot be seen",
        "good": "the key made this signature over these fields",
        "bad": Reason.SIGNATURE.sentence,
    }
    return Rung(
        name="Header digest",
        state=state,
        sentence=sentences[state],
        clause="RFC 6376 §6.1.3 step 4",
        facts=tuple(facts),
    )


def _signed_digest(verification: Verification, signature: Signature) -> bytes | None:
    algorithm, record = ALGORITHMS[signature.algorithm], verification.key
    if record is None or record.revoked or record.key_type != algorithm.key_type:
        return None
    if algorithm.recover is None:
        return None
    try:
        return algorithm.recover(record.public_key(algorithm), signature.signature)
    except PublicKeyFault:
        return None


def _verdict(verification: Verification) -> Rung:
    reason = verification.reason
    if reason is None:
        return Rung(
            name="Verdict", state="good", sentence="the signature verifies",
            clause="RFC 6376 §6.1.3",
        )  # fmt: skip
    return Rung(
        name="Verdict",
        state=state_of(verification),
        sentence=f"{reason.result.value}: {reason.sentence}",
        detail=printable(verification.detail or ""),
        clause=reason.source,
    )


def state_of(verification: Verification) -> State:
    """Return how a verdict is shown."""
    if verification.passed:
        return "good"
    return "open" if verification.result.value in {"temperror", "neutral", "policy"} else "bad"


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
