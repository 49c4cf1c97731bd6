"""Whether a message is signed, verified, both or left alone, and why.

The order of the questions: is the client, or every author, exempt?  Is the message ours, by
what the MTA says about where it came from?  Is there a rule for its author?  Ours with a
rule is signed; whatever is not signed is verified, where the listener may.

    ours    rule    sign    verify (listener's role permitting)
    yes     yes     yes     with `verifying.signed_too`
    yes     no      no      yes
    no      yes     no      yes; an impostor, unless in `external_ignore`
    no      no      no      yes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from avowal.config.addresses import AddressTable
from avowal.config.places import Path
from avowal.flow.origin import Author, Authorship, authorship, listed, whether_ours
from avowal.flow.plan import KeyUse, Plan, SigningRule
from avowal.flow.trace import Step, Topic
from avowal.flow.transaction import Transaction
from avowal.keys.watch import is_unknown, is_withheld
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.overflow import Beyond


class Match(NamedTuple):
    """A rule that applies, the author it applies to, and the keys that may sign."""

    rule: SigningRule
    author: Author
    keys: tuple[KeyUse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What is done with a message, and the steps that led there.

    `matches` are the rules to sign by, empty unless `sign`.  `ignored` says that the client is
    one whose mail stays as it comes, `post` that it comes in for a recipient that a rule of
    `signing.resign` is for, or may come in for one.  `resign` says that a stranger's message is
    signed for its recipients and, unless configured otherwise, only if it verifies; or, with
    `outgoing`, that list software of ours sends it.  `impostor` marks a stranger's message in
    the name of a domain we sign for.  `deferred` says why a message of ours cannot be signed
    yet, and has to come again.
    """

    sign: bool = False
    verify: bool = False
    matches: tuple[Match, ...] = ()
    authorship: Authorship
    ours: bool = False
    ignored: bool = False
    post: bool = False
    resign: bool = False
    outgoing: bool = False
    impostor: bool = False
    deferred: str | None = None
    steps: tuple[Step, ...] = ()

    @property
    def word(self) -> str:
        """`sign`, `verify`, `both` or `none`."""
        if self.sign:
            return "both" if self.verify else "sign"
        return "verify" if self.verify else "none"

    @property
    def why(self) -> str:
        """The sentence about signing: ``not signed: 192.0.2.1 is not in internal_hosts, …``."""
        decided = {step.topic: step for step in self.steps if step.decided}
        sign = decided.get(Topic.SIGN)
        if sign is None:
            return "not signed"
        if not self.sign:
            return f"not signed: {sign}"
        ours = decided.get(Topic.OURS)
        return f"signed: {ours}; {sign}" if ours is not None and self.ours else f"signed: {sign}"


def treat(plan: Plan, transaction: Transaction, header: Header) -> Treatment:
    """Decide what to do with a message, before its body is seen.  Raises nothing."""
    signing = plan.configuration.signing
    authors = authorship(signing, transaction, header, limits=plan.receiver.limits)
    excess = header.excess(plan.receiver.limits)
    return _Decision(plan, transaction, header, authors, excess).made()


@dataclass(slots=True)
class _Decision:
    """One decision under way; every method leaves its steps behind."""

    plan: Plan
    transaction: Transaction
    header: Header
    found: Authorship
    excess: Beyond | None
    steps: list[Step] = field(default_factory=list)
    unknown: str | None = None

    def made(self) -> Treatment:
        ignored = self._ignored()
        if ignored or self._exempt():
            return Treatment(authorship=self.found, ignored=ignored, steps=tuple(self.steps))
        ours = self._asked_whether_ours()
        outgoing = self._sent_by_list() if ours else ()
        matches = outgoing or self._signing(ours=ours)
        post = not matches and self._is_post()
        resign = self._resigning() if post else ()
        verify = self._verifying(signed=bool(matches), resigned=bool(resign))
        return Treatment(
            sign=bool(matches or resign),
            verify=verify,
            matches=matches or resign,
            authorship=self.found,
            ours=ours,
            post=post,
            resign=bool(outgoing or resign),
            outgoing=bool(outgoing),
            impostor=not ours and self._impostor(),
            deferred=None if matches else self.unknown,
            steps=tuple(self.steps),
        )

    # -- left alone --------------------------------------------------------------------

    def _ignored(self) -> bool:
        hit = self.plan.hosts.ignored_hosts.find(*self.transaction.host)
        if hit is None or not hit.included:
            return False
        why = f"{self.transaction.client_text} is in ignored_hosts"
        return self._leave_alone(why, ("origin", "ignored_hosts", hit.entry))

    def _exempt(self) -> bool:
        """Whether every author that From may show is exempt: one beside another lifts nothing."""
        if not self.plan.configuration.origin.exempt_domains:
            return False
        authors = Authors.of(self.header, limits=self.plan.receiver.limits)
        if not authors.complete:
            return False
        entries = [
            self.plan.addresses.exempt_domains.find(b"", domain)[:1] for domain in authors.domains
        ]
        if not all(entries):
            return False
        domains = ", ".join(domain.text for domain in authors.domains)
        why = f"{domains} is in exempt_domains"
        return self._leave_alone(why, ("origin", "exempt_domains", *entries[0]))

    def _leave_alone(self, why: str, path: Path) -> bool:
        for topic in (Topic.SIGN, Topic.VERIFY):
            self.steps.append(self.plan.step(topic, path, why, matched=True, decided=True))
        return True

    def _asked_whether_ours(self) -> bool:
        asked = whether_ours(self.plan, self.transaction)
        self.steps += asked
        return asked[-1].matched

    # -- sign? -------------------------------------------------------------------------

    def _signing(self, *, ours: bool) -> tuple[Match, ...]:
        refusal = self._refusal(ours=ours)
        if refusal is not None:
            self.steps.append(refusal._replace(decided=True))
            return ()
        matches = tuple(self._matches())
        if not matches:
            refused = self.steps[-1].topic is Topic.SIGN
            step = self.steps.pop() if refused else self._no_rule()
            self.steps.append(step._replace(decided=True))
        return matches

    def _refusal(self, *, ours: bool) -> Step | None:
        """What forbids to sign whatever the rules say."""
        if self.transaction.role == "verify":
            return self.plan.step(Topic.SIGN, ("mode",), "this listener only verifies")
        if not ours:
            asked = next(s for s in self.steps if s.topic is Topic.OURS and s.decided)
            return asked._replace(topic=Topic.SIGN)
        if self.excess is not None:
            return self.plan.step(Topic.SIGN, ("limits", self.excess.limit), str(self.excess))
        unsigned = self._unsigned_recipient()
        if unsigned is None and not self.found.authors:
            return self.plan.step(Topic.SIGN, ("signing", "author_fields"), self.found.problem)
        return unsigned

    def _unsigned_recipient(self) -> Step | None:
        """Say which recipient gets no signatures, or that one of those not kept may be it."""
        table, path = self.plan.addresses.unsigned_recipients, ("signing", "unsigned_recipients")
        for written, _, entry in listed(table, self.transaction.recipients):
            why = f"{_shown(written)} is in unsigned_recipients"
            return self.plan.step(Topic.SIGN, (*path, entry), why)
        if self.transaction.more_recipients and not table.empty:
            why = "there are more recipients than are looked at"
            return self.plan.step(Topic.SIGN, path, why)
        return None

    def _matches(self) -> Iterator[Match]:
        """Yield the rules that apply, one unless `every_match`."""
        signing = self.plan.configuration.signing
        for author in self.found.authors:
            for rule in self.plan.rules.find(*author, signing.order):
                keys = tuple(key for key in rule.keys if self._may(key, author, rule))
                if not keys:
                    continue
                names = ", ".join(key.name for key in keys)
                why = f"{rule.option} ({rule.pattern}) signs for {author} with {names}"
                self.steps.append(Step(Topic.SIGN, rule.option, True, why, rule.place, True))
                yield Match(rule, author, keys)
                if not signing.every_match:
                    return

    def _may(self, key: KeyUse, author: Author, rule: SigningRule) -> bool:
        """Whether a key may sign for an author now; what forbids it becomes a step."""
        signing = self.plan.configuration.signing
        if key.loaded is not None and is_withheld(key.loaded):
            option, why = "require_published", f"DNS does not show key {key.name} yet"
        elif (
            signing.require_author_domain
            and key.domain is not None
            and not author.domain.is_within(key.domain)
        ):
            option = "require_author_domain"
            why = f"key {key.name} of {key.domain} may not sign for {author}"
        elif (
            signing.publication_unknown == "defer"
            and key.loaded is not None
            and is_unknown(key.loaded)
        ):
            option = "publication_unknown"
            why = self.unknown = f"DNS has not said yet whether it shows key {key.name}"
        else:
            return True
        self.steps.append(Step(Topic.SIGN, f"signing.{option}", False, why, rule.place))
        return False

    def _no_rule(self) -> Step:
        if not self.plan.keys:
            return self.plan.step(Topic.SIGN, ("keys",), "no keys are configured")
        authors = ", ".join(str(author) for author in self.found.authors[:3])
        return self.plan.step(Topic.SIGN, ("signing", "rules"), f"no rule is for {authors}")

    def _is_post(self) -> bool:
        """Whether it comes in for a list of ours; one of those not kept may be its address."""
        table = self.plan.resign_rules
        if self.transaction.role != "both" or table.empty:
            return False
        return self.transaction.more_recipients or any(listed(table, self.transaction.recipients))

    def _resigning(self) -> tuple[Match, ...]:
        table, recipients = self.plan.resign_rules, self.transaction.recipients
        return self._by_envelope(table, recipients, "signs mail to {} again")

    def _sent_by_list(self) -> tuple[Match, ...]:
        senders = () if self.transaction.role == "verify" else (self.transaction.sender or b"",)
        return self._by_envelope(self.plan.list_rules, senders, "signs what {} sends")

    def _by_envelope(
        self, table: AddressTable[SigningRule], addresses: Iterable[bytes], does: str
    ) -> tuple[Match, ...]:
        for written, address, rule in listed(table, addresses if self.excess is None else ()):
            why = f"{rule.option} ({rule.pattern}) {does.format(_shown(written))}"
            self.steps.append(Step(Topic.SIGN, rule.option, True, why, rule.place, True))
            return (Match(rule, address, rule.keys),)
        return ()

    def _impostor(self) -> bool:
        """Whether a stranger writes as somebody we sign for, and this is not expected."""
        if not any(self.plan.rules.find(*author) for author in self.found.authors):
            return False
        return not self.plan.hosts.external_ignore.holds(*self.transaction.host)

    # -- verify? -----------------------------------------------------------------------

    def _verifying(self, *, signed: bool, resigned: bool) -> bool:
        verify, option = True, "mode"
        if self.transaction.role == "sign":
            verify, why = False, "this listener only signs"
        elif resigned:
            option, why = "signing.resign", "it is verified before it is signed again"
        elif not signed:
            why = "it is not signed"
        else:
            option = "verifying.signed_too"
            verify = self.plan.configuration.verifying.signed_too
            why = f"what is signed is {'verified too' if verify else 'not verified'}"
        path = tuple(option.split("."))
        self.steps.append(self.plan.step(Topic.VERIFY, path, why, matched=verify, decided=True))
        return verify


def _shown(address: bytes) -> str:
    return address.decode("utf-8", "backslashreplace")
