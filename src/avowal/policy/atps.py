"""Authorized third-party signatures (RFC 6541): may this signer sign for the author?

A verifier asks only for signatures that passed, and only where atps= names an author domain
(§4.3).  `query_name` and `record` are the publisher's side: what to put into one's zone.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from avowal.errors import UsageError
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Outcome, Steps
from avowal.mailbox import Authors
from avowal.names import DomainName, NameFault
from avowal.policy.evidence import SignatureResult
from avowal.policy.memory import Memory, failure_text
from avowal.policy.result import PolicyResult
from avowal.policy.trace import Notes, Trace, excerpt
from avowal.taglist import TagList, TagListFault

VERSION = b"ATPS1"


def _sha1(octets: bytes) -> bytes:
    return hashlib.sha1(octets, usedforsecurity=False).digest()  # read only, RFC 8301 §5


def _sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


# The hashes of DKIM (RFC 6376 §7.7), by their names in atpsh=.
HASHES: dict[str, Callable[[bytes], bytes]] = {"sha1": _sha1, "sha256": _sha256}
PUBLISHED = ("none", "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """One passing signature that claims an author domain, and whether that is true.

    `name` is where the author domain would say so, None when no question was possible;
    `published` tells whether anything stands there.
    """

    signer: DomainName
    author: DomainName
    result: PolicyResult
    name: str | None = None
    why: str = ""
    published: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Atps:
    """The result for a message, and each claim."""

    result: PolicyResult
    claims: tuple[Authorization, ...] = ()
    trace: Trace = ()

    @property
    def authorized(self) -> tuple[DomainName, ...]:
        """The author domains that count as having signed (§5)."""
        return tuple(claim.author for claim in self.claims if claim.result is PolicyResult.PASS)


def query_name(signer: DomainName, author: DomainName, digest: str = "sha256") -> str:
    """Return where `author` authorizes `signer` (§4.3); `digest` is a hash name or none.

    Deliberate: the padding of base32 is left out, because §4.3's grammar has no "=".
    Raises UsageError for an unknown hash.
    """
    if digest == "none":
        return f"{signer.ascii}._atps.{author.ascii}"
    if digest not in HASHES:
        raise UsageError(f"atpsh={digest}: no hash of DKIM (RFC 6541 §4.3)")
    hashed = b32encode(HASHES[digest](signer.ascii.encode())).decode().rstrip("=")
    return f"{hashed}._atps.{author.ascii}"


def padded(name: str) -> str:
    """Return a hashed name with the padding of base32 (RFC 4648 §6), as OpenDKIM publishes it."""
    label, dot, rest = name.partition(".")
    return label + "=" * (-len(label) % 8) + dot + rest


def record(signer: DomainName) -> bytes:
    """Return the record that authorizes a signer (§4.4)."""
    return b"v=%s; d=%s" % (VERSION, signer.ascii.encode())


def evaluate(
    authors: Authors,
    signatures: Iterable[SignatureResult] = (),
    *,
    limits: Limits = DEFAULT,
    memory: Memory | None = None,
) -> Steps[Atps]:
    """Evaluate a message, in one round of questions, or two (`padded`).  Raises nothing."""
    notes = Notes("atps")
    bearing = [(s, s.atps) for s in signatures if s.passed and s.atps is not None]
    if not bearing:
        notes.add("concluded", "none", "no valid signature has atps=")
        return Atps(result=PolicyResult.NONE, trace=notes.steps)
    known = {domain.ascii for domain in authors.domains}
    claims = [(s, author) for s, author in bearing if author.ascii in known]
    for signature, author in bearing:
        if author.ascii not in known:
            why = "no author domain"
            notes.add("discarded", f"atps={author.ascii} of {signature.domain.ascii}", why)
    capped = claims[: limits.atps_signatures]
    if len(capped) < len(claims):
        notes.add("skipped", f"{len(claims) - len(capped)} signatures", "over the limit")
    names = [_name(signature, author) for signature, author in capped]
    asked = [name for name in names if name is not None]
    shared = Memory() if memory is None else memory
    answers = dict(zip(asked, (yield from shared.txt(*asked)), strict=True))
    yield from _ask_padded(capped, answers, shared, notes)
    found = tuple(
        _judged(signature, author, name, answers, notes)
        for (signature, author), name in zip(capped, names, strict=True)
    )
    result = _combined(found)
    notes.add("concluded", result.value)
    return Atps(result=result, claims=found, trace=notes.steps)


def _name(signature: SignatureResult, author: DomainName) -> str | None:
    try:
        return query_name(signature.domain, author, signature.atpsh or "")
    except UsageError:  # §4.3 step 1: abort the query
        return None


def _ask_padded(
    claims: Iterable[tuple[SignatureResult, DomainName]],
    answers: dict[str, Answer],
    memory: Memory,
    notes: Notes,
) -> Steps[None]:
    """Ask once more, with padding, where nothing stands at the name of §4.3.

    Deliberate: §4.3's grammar has no "=", but `opendkim-atpszone` writes it for SHA-256, and a
    domain that published so authorizes its signers no less.
    """
    hashed = [_name(one, author) for one, author in claims if one.atpsh in HASHES]
    names = [name for name in hashed if name is not None and _is_absent(answers[name])]
    again = {name: padded(name) for name in names if padded(name) != name}
    found = yield from memory.txt(*again.values())
    for (name, other), answer in zip(again.items(), found, strict=True):
        if not _is_absent(answer):
            notes.add("chose", other, "the name with padding")
            answers[name] = answer


def _is_absent(answer: Answer) -> bool:
    return answer.outcome is not Outcome.FAILED and not answer.records


def _judged(
    signature: SignatureResult,
    author: DomainName,
    name: str | None,
    answers: dict[str, Answer],
    notes: Notes,
) -> Authorization:
    signer = signature.domain
    if name is None:
        result, why = PolicyResult.PERMERROR, f"atpsh={signature.atpsh or ''} is no hash of DKIM"
    elif (answer := answers[name]).outcome is Outcome.FAILED:
        result, why = PolicyResult.TEMPERROR, failure_text(answer)
        notes.add("failed", name, why)
    elif any(_authorizes(octets, signer) for octets in answer.records):
        result, why = PolicyResult.PASS, f"{author.ascii} authorizes {signer.ascii}"
        notes.add("found", name, excerpt(answer.records[0]))
        notes.add("aligned", f"d={signer.ascii}", why)
    else:
        result, why = PolicyResult.FAIL, "no record authorizes the signer"
        notes.add("absent", name)
    published = name is not None and bool(answers[name].records)
    return Authorization(
        signer=signer, author=author, result=result, name=name, why=why, published=published
    )


def _authorizes(octets: bytes, signer: DomainName) -> bool:
    """Whether a reply is valid and no collision of hashes (§4.4)."""
    try:
        tags = TagList.parse(octets)
        if tags.get("v") != VERSION:
            return False
        named = tags.get("d")
        return named is None or DomainName.parse(named).same_as(signer)
    except (TagListFault, NameFault):
        return False


def _combined(claims: tuple[Authorization, ...]) -> PolicyResult:
    """One pass suffices; without, an error leaves it open whether there would be one (§4.4)."""
    results = {claim.result for claim in claims}
    for result in (PolicyResult.PASS, PolicyResult.TEMPERROR, PolicyResult.PERMERROR):
        if result in results:
            return result
    return PolicyResult.FAIL
