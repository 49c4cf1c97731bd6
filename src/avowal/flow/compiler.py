"""From a configuration as written to a plan to work by; every mistake found on the way is told.

Keys come from a loader that is handed in, because nothing here opens files.
"""

from __future__ import annotations

import re

from avowal.config.model import Configuration
from avowal.config.places import NOWHERE, Places
from avowal.dkim.intent import OVERSIGNED_NAMES, UNSUITABLE_NAMES, lower_names
from avowal.examine.findings import Receiver
from avowal.flow import failure_drafts, failures, feedback
from avowal.flow.classes import ResultClass
from avowal.flow.plan import (
    AddressSets,
    KeyLoader,
    Plan,
    Rewriting,
)
from avowal.flow.policies import choice_of
from avowal.flow.signing_tables import SigningTables
from avowal.policy.assessment import Choice
from avowal.policy.dmarc.evaluate import DmarcRules
from avowal.policy.existence import Existence
from avowal.reputation.opinions import Assessor

_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8


def compile_plan(
    configuration: Configuration,
    places: Places = NOWHERE,
    *,
    load: KeyLoader,
    generation: int = 0,
    assessor: Assessor | None = None,
    software: str = "avowal",
) -> Plan:
    """Compile a configuration.

    Raises `config.mistakes.Mistakes`, a ConfigError that holds every mistake.
    """
    compiler = _Compiler(configuration, places, load)
    plan = compiler.plan(generation, assessor, software)
    compiler.mistakes.raise_any()
    return plan


class _Compiler(SigningTables):
    """Compiles everything else; what has a mistake is left out."""

    def plan(self, generation: int, assessor: Assessor | None, software: str) -> Plan:
        signing, actions = self.configuration.signing, self.configuration.actions
        arc = self.configuration.arc
        if actions.bad_signature == "tempfail":
            self.mistakes.add(
                ("actions", "bad_signature"),
                "a broken signature must not be answered with a temporary refusal: it never mends"
                " (RFC 6376 §6.3)",
                "use accept, tag, quarantine, reject or discard",
            )
        if actions.security == "tempfail":
            self.mistakes.add(
                ("actions", "security"),
                "a message beyond a limit must not be answered with a temporary refusal: it never"
                " shrinks (RFC 3463 §3.4, 5.3.4)",
                "use accept, tag, quarantine, reject or discard",
            )
        for mistakes in (feedback.mistakes_in, failures.mistakes_in, failure_drafts.mistakes_in):
            for path, why, hint in mistakes(self.configuration):
                self.mistakes.add(path, why, hint)
        signed, oversigned = self.names()
        keys = self.keys(signed, oversigned)
        addresses = self.address_sets()
        self.domain_trees("aggregate", "excluded")  # read when reports are made
        return Plan(
            configuration=self.configuration,
            places=self.places,
            generation=generation,
            load=self.load,
            keys=keys,
            rules=self.rules(keys),
            resign_rules=self.resign_rules("to", keys),
            list_rules=self.resign_rules("sender", keys),
            sealing=self.sealing(keys),
            verifies_arc=bool(arc.verify or arc.seal or arc.trusted_sealers),
            addresses=addresses,
            hosts=self.host_sets(),
            receiver=self.receiver(addresses),
            assessor=assessor,
            signed_names=signed,
            oversigned_names=oversigned,
            signed_set=oversigned.union(signed),
            rewriting=self.rewriting(),
            rewritten_names=frozenset(lower_names(signing.rewritten_names)) or frozenset(signed),
            actions={class_: getattr(actions, str(class_)) for class_ in ResultClass},
            failure_domains=self.domain_trees("failure_reports", "domains"),
            software=software,
        )

    def receiver(self, addresses: AddressSets) -> Receiver:
        trusted = addresses.trusted_sealers
        return Receiver(
            rules=self.verification_rules(),
            limits=self.limits(),
            choice=self.policy_choice(),
            trusts_sealer=(lambda domain: bool(trusted.find(b"", domain)))
            if len(trusted)
            else None,
        )

    def policy_choice(self) -> Choice:
        wanted = self.configuration.policies
        return choice_of(
            wanted.generations,
            wanted.deciding,
            dmarc=DmarcRules(existence=Existence(wanted.nonexistent)),
            atps=wanted.atps,
            certifiers=self.domains("policies", "certifiers"),
        )

    # -- signatures --------------------------------------------------------------------

    def names(self) -> tuple[tuple[bytes, ...], frozenset[bytes]]:
        """Return the names to sign and to oversign, without the omitted ones."""
        signing = self.configuration.signing
        for option in ("signed_names", "oversigned_names", "omitted_names"):
            names: tuple[str, ...] = getattr(signing, option) or ()
            for number, name in enumerate(names):
                path = ("signing", option, number)
                if _FIELD_NAME.fullmatch(name) is None:
                    self.mistakes.add(path, f"{name!r} is no name of a header field")
                elif name.lower().encode() in UNSUITABLE_NAMES and option != "omitted_names":
                    why = f"{name} changes in transit and cannot be signed (RFC 6376 §5.4.1)"
                    self.mistakes.add(path, why)
        signed, omitted = lower_names(signing.signed_names), lower_names(signing.omitted_names)
        if b"from" in omitted or b"from" not in signed:
            option = "omitted_names" if b"from" in omitted else "signed_names"
            self.mistakes.add(("signing", option), "From must be signed (RFC 6376 §5.4)")
        oversigned = OVERSIGNED_NAMES.intersection(signed)
        if signing.oversigned_names is not None:
            oversigned = frozenset(lower_names(signing.oversigned_names))
        unwanted = UNSUITABLE_NAMES.union(omitted)
        return tuple(name for name in signed if name not in unwanted), oversigned - unwanted

    def rewriting(self) -> Rewriting | None:
        changes: list[tuple[re.Pattern[bytes], bytes]] = []
        for number, rewrite in enumerate(self.configuration.signing.rewrites):
            try:
                pattern = re.compile(rewrite.pattern.encode())
            except re.error as error:
                path = ("signing", "rewrites", number, "pattern")
                self.mistakes.add(path, f"no regular expression: {error}")
            else:
                changes.append((pattern, _literal(rewrite.replacement)))
        if not changes:
            return None

        def rewritten(value: bytes) -> bytes:
            for pattern, replacement in changes:
                value = pattern.sub(replacement, value)
            return value

        return rewritten


def _literal(text: str) -> bytes:
    """Return a replacement that stands as written: no references to groups."""
    return text.encode().replace(b"\\", b"\\\\")
