"""What the calls answer, as JSON: the objects that the command writes and `avowal serve` sends.

One type per object says its members, their types and what they mean; the schema of the
service is made from it.  Members are added, never renamed (docs/reference/json.md).
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from avowal.dkim.reasons import Caution, Reason, Result
from avowal.dkim.verification import Verification
from avowal.examine.authentication import Authentication
from avowal.examine.judgement import Authenticity, Ground, Hint, Judgement, Voucher
from avowal.mailbox import Problem
from avowal.policy.assessment import GenerationVerdict, PolicyDisposition, PolicyGeneration


class JudgementObject(Struct, frozen=True, kw_only=True):
    """Whether a message is really from whom it says."""

    answer: Authenticity
    ground: Annotated[Ground, Meta(description="why, one word")]
    row: Annotated[int, Meta(description="the row of the table that decided", ge=1, le=10)]
    temporary: Annotated[bool, Meta(description="asking again may help: DNS did not answer")]
    explanation: Annotated[str, Meta(description="one sentence for a person")]
    domain: Annotated[str | None, Meta(description="the author's domain that decided, in A-labels")]
    author: Annotated[
        str | None, Meta(description="the author's address; null unless exactly one is shown")
    ]
    authors: Annotated[tuple[str, ...], Meta(description="all addresses of From")]
    display_name: Annotated[
        str, Meta(description="what mail programs show; whoever wrote the message chose it")
    ]
    by: Annotated[Voucher | None, Meta(description="what vouches; null unless authentic")]
    covered: Annotated[
        tuple[str, ...], Meta(description="the fields that are vouched for, in lower case")
    ]
    age: Annotated[int | None, Meta(description="seconds since the deciding signature was made")]
    reply_to_proven: Annotated[
        bool, Meta(description="whether Reply-To is where the author wants the reply")
    ]
    forwarded_by: Annotated[
        tuple[str, ...], Meta(description="the sealers of an ARC chain that validates")
    ]
    hints: Annotated[tuple[Hint, ...], Meta(description="what may tell of a replay")]
    warnings: Annotated[
        tuple[Caution, ...], Meta(description="what stricter receivers may dislike")
    ]
    problems: Annotated[tuple[Problem, ...], Meta(description="what is unusual about From")]

    @classmethod
    def of(cls, found: Judgement) -> JudgementObject:
        """Return the object of a judgement."""
        return cls(
            answer=found.answer,
            ground=found.ground,
            row=found.row,
            temporary=found.temporary,
            explanation=found.explanation,
            domain=found.domain,
            author=found.author,
            authors=found.authors,
            display_name=found.display_name,
            by=found.by,
            covered=found.covered,
            age=found.age,
            reply_to_proven=found.reply_to_proven,
            forwarded_by=found.forwarded_by,
            hints=found.hints,
            warnings=found.warnings,
            problems=found.problems,
        )


class SignatureObject(Struct, frozen=True, kw_only=True):
    """The verdict on one signature field."""

    protocol: Annotated[str, Meta(description="dkim, or domainkeys (RFC 4870)")]
    result: Result
    reason: Annotated[Reason | None, Meta(description="null exactly for pass")]
    rfc: Annotated[str | None, Meta(description="the section that decides")]
    explanation: Annotated[str, Meta(description="one sentence for a person")]
    domain: Annotated[str | None, Meta(description="d= as written, as far as it could be read")]
    selector: Annotated[str | None, Meta(description="s=")]
    algorithm: Annotated[str | None, Meta(description="a=")]
    identity: Annotated[str | None, Meta(description="i=, or its default @ and d=")]
    warnings: tuple[Caution, ...]
    timestamp: Annotated[int | None, Meta(description="t=, Unix seconds")]
    expiration: Annotated[int | None, Meta(description="x=, Unix seconds")]
    body_length: Annotated[int | None, Meta(description="l=, octets")]
    signed_fields: Annotated[
        tuple[str, ...] | None, Meta(description="h=, in lower case, with repetitions")
    ]
    key_bits: Annotated[int | None, Meta(description="size of the key; null without one")]
    dnssec: Annotated[bool | None, Meta(description="whether DNS authenticated its answer")]
    place: Annotated[
        int, Meta(description="where the field stands in the header, from 0 at the top")
    ]

    @classmethod
    def of(cls, verdict: Verification) -> SignatureObject:
        """Return the object of a verdict."""
        reason, signature, evidence = verdict.reason, verdict.signature, verdict.evidence
        return cls(
            protocol="domainkeys" if verdict.field.name == b"domainkey-signature" else "dkim",
            result=verdict.result,
            reason=reason,
            rfc=None if reason is None else reason.source,
            explanation=verdict.explanation,
            domain=verdict.domain,
            selector=verdict.selector,
            algorithm=verdict.algorithm,
            identity=verdict.identity,
            warnings=tuple(verdict.warnings),
            timestamp=None if signature is None else signature.timestamp,
            expiration=None if signature is None else signature.expiration,
            body_length=None if signature is None else signature.body_length,
            signed_fields=None
            if signature is None
            else tuple(n.decode("ascii", "backslashreplace") for n in signature.signed_names),
            key_bits=None if evidence is None else evidence.key_bits,
            dnssec=None if evidence is None else evidence.secure,
            place=verdict.place,
        )


class MethodObject(Struct, frozen=True, kw_only=True):
    """The result of one method, as Authentication-Results has it (RFC 8601)."""

    method: str
    result: str
    reason: str | None
    properties: Annotated[
        tuple[tuple[str, str], ...], Meta(description="pairs of ptype.property and value")
    ]
    comment: Annotated[str | None, Meta(description="for people")]


class PolicyObject(Struct, frozen=True, kw_only=True):
    """What one generation of policies says."""

    generation: PolicyGeneration
    result: str
    asks: Annotated[PolicyDisposition, Meta(description="what the author's domain asks for")]
    why: Annotated[str, Meta(description="one sentence for a person")]

    @classmethod
    def of(cls, verdict: GenerationVerdict) -> PolicyObject:
        """Return the object of a generation's verdict."""
        return cls(
            generation=verdict.generation,
            result=verdict.word,
            asks=verdict.asks,
            why=verdict.why,
        )


class AuthenticationObject(Struct, frozen=True, kw_only=True):
    """What DKIM, ARC, SPF and the author's policies say about a message."""

    authors: Annotated[tuple[str, ...], Meta(description="all addresses of From")]
    author_domains: Annotated[
        tuple[str, ...], Meta(description="their domains in A-labels, each once")
    ]
    problems: Annotated[tuple[Problem, ...], Meta(description="what is unusual about From")]
    results: Annotated[
        tuple[MethodObject, ...], Meta(description="dkim, arc, spf and dmarc, in this order")
    ]
    results_field: Annotated[
        str | None, Meta(description="the Authentication-Results field for authserv_id")
    ]
    signatures: tuple[SignatureObject, ...]
    policies: tuple[PolicyObject, ...]
    disposition: Annotated[
        PolicyDisposition | None, Meta(description="what the policies together ask for")
    ]

    @classmethod
    def of(cls, found: Authentication, authserv_id: str | None = None) -> AuthenticationObject:
        """Return the object of findings.  Raises UsageError for an id that cannot be written."""
        field = None if authserv_id is None else found.results_field(authserv_id)
        authors, policies = found.findings.authors, found.findings.policies
        return cls(
            authors=() if authors is None else tuple(map(str, authors.mailboxes)),
            author_domains=() if authors is None else tuple(one.ascii for one in authors.domains),
            problems=() if authors is None else tuple(authors.problems),
            results=tuple(
                MethodObject(
                    method=one.method,
                    result=one.result,
                    reason=one.reason,
                    properties=one.properties,
                    comment=one.comment,
                )
                for one in found.results
            ),
            results_field=None if field is None else field.decode("utf-8", "backslashreplace"),
            signatures=tuple(map(SignatureObject.of, found.findings.signatures)),
            policies=() if policies is None else tuple(map(PolicyObject.of, policies.verdicts)),
            disposition=None if policies is None else policies.disposition,
        )


class HealthObject(Struct, frozen=True, kw_only=True):
    """Whether the service takes messages."""

    status: Literal["ready", "stopping"]
    version: str


def members(made: Struct) -> dict[str, object]:
    """Return what `json.dumps` writes of an object."""
    found: dict[str, object] = to_builtins(made)
    return found


def written(made: Struct) -> bytes:
    """Return an object as JSON, in ASCII: what strangers wrote is escaped."""
    return json.dumps(members(made)).encode()
