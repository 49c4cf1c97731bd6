"""What a receiver wants to know about messages, and what was found of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto

from avowal.arc.verdict import ChainVerification
from avowal.dkim import rules as rules_module
from avowal.dkim.rules import Rules
from avowal.dkim.verification import Verification
from avowal.limits import DEFAULT, Limits
from avowal.lookup import Answer, Question
from avowal.mailbox import Authors
from avowal.names import DomainName
from avowal.policy.assessment import Assessment, Choice
from avowal.policy.evidence import EnvelopeResult
from avowal.policy.spf import SpfResult

_STANDARD = Choice()


class Want(Flag):
    """The mechanisms of an examination; SPF is checked where a client is given."""

    DKIM = auto()
    DOMAINKEYS = auto()  # RFC 4870, Historic
    ARC = auto()
    POLICIES = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """How one receiver examines messages: made once, by its configuration.

    `rules` judge signatures, `historic` those of DomainKeys where they are judged by others
    (None: by the same).  `choice` says which policies are asked for.  `trusts_sealer` tells
    whose ARC sets may stand in for a policy that fails (RFC 8617 §7.2.1), None: nobody's.
    """

    rules: Rules = rules_module.DEFAULT
    historic: Rules | None = None
    limits: Limits = DEFAULT
    choice: Choice = _STANDARD
    trusts_sealer: Callable[[DomainName], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found of one message.

    `authors` is None where no policies were asked for.  `dkim` and `domainkeys` have a
    verdict per signature field, in header order; `arc`, `spf` and `policies` are None where
    they were not asked for.  `envelope` is what SPF said, here or on a host that is trusted.
    `untrusted_sealer` is the first sealer of a valid chain that the receiver does not trust.
    `answers` holds what DNS said.
    """

    authors: Authors | None = None
    dkim: tuple[Verification, ...] = ()
    domainkeys: tuple[Verification, ...] = ()
    arc: ChainVerification | None = None
    spf: SpfResult | None = None
    envelope: EnvelopeResult | None = None
    policies: Assessment | None = None
    untrusted_sealer: DomainName | None = None
    answers: Mapping[Question, Answer] = field(default_factory=dict)

    @property
    def signatures(self) -> tuple[Verification, ...]:
        """The verdicts on all signature fields, in header order."""
        if not self.domainkeys:
            return self.dkim
        return tuple(sorted((*self.dkim, *self.domainkeys), key=lambda one: one.place))
