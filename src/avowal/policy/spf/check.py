"""check_host() (RFC 7208 §4) as a flow: one record after the other, no I/O, no exception.

Rules this file keeps:

- A whole record is read before any of its terms is used (§4.6).
- What ends the check early, permerror or temperror, ends it from any depth (§5.2, §6.1).
- Questions that do not depend on each other travel in one round; `lookups` asks and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_network

from avowal.lookup import Answer, Outcome, Question, Steps, ask
from avowal.names import DomainName, NameFault, is_below
from avowal.policy.spf.lookups import Lookups, Settled, addresses, can_exist, preference
from avowal.policy.spf.macros import MacroString, SpfSyntaxFault, macro_string
from avowal.policy.spf.record import ASKING, Directive, SpfRecord, is_record, read_record
from avowal.policy.spf.values import (
    DEFAULT,
    Scope,
    SpfLimits,
    SpfRequest,
    SpfResult,
    SpfWord,
)
from avowal.policy.trace import excerpt

_POSTMASTER = "postmaster"  # RFC 7208 §4.3: stands in for a missing local part


class _NeverMatches(Exception):
    """A term with %{s} or %{l} and a local part that is not ASCII (RFC 8616 §4)."""


def check_identity(
    request: SpfRequest, *, limits: SpfLimits = DEFAULT, explain: bool = False
) -> Steps[SpfResult]:
    """Check MAIL FROM, or HELO where the reverse-path is null (RFC 7208 §2.4)."""
    if request.mail_from:
        return (yield from check_host(request, "mfrom", limits=limits, explain=explain))
    return (yield from check_host(request, "helo", limits=limits, explain=explain))


def checked_domain(request: SpfRequest) -> DomainName | None:
    """Return the domain that `check_identity` is about; None for what is no name."""
    return _checked_name(_sender(request, "mfrom" if request.mail_from else "helo")[1])


def check_host(
    request: SpfRequest, scope: Scope, *, limits: SpfLimits = DEFAULT, explain: bool = False
) -> Steps[SpfResult]:
    """Evaluate the record of one identity; never raises.

    `explain` asks for the explanation of a fail, one more round.
    """
    local_part, written = _sender(request, scope)
    domain = _checked_name(written)
    if domain is None:
        why = f"{excerpt(written)!r} is no fully qualified name"  # RFC 7208 §4.3
        return SpfResult(word=SpfWord.NONE, scope=scope, domain=None, problem=why)
    check = _Check(request, local_part, domain, limits)
    record: SpfRecord | None = None
    directive: Directive | None = None
    problem = explanation = None
    by_macros = False
    try:
        word, record, directive, where = yield from check.host(domain.ascii)
        if word is SpfWord.NONE:
            problem = "no SPF record"
        elif word is SpfWord.FAIL and explain and record is not None:
            explanation = yield from check.explanation(record, where)
    except Settled as settled:
        word, problem, by_macros = settled.word, settled.problem, settled.by_macros
        check.lookups.note("concluded", domain.ascii, problem)
    return SpfResult(
        word=word,
        scope=scope,
        domain=domain,
        term=directive.text if directive is not None else None,
        record=record.text if record is not None else None,
        problem=problem,
        by_macros=by_macros,
        explanation=explanation,
        terms=check.lookups.terms,
        void_lookups=check.lookups.voids,
        trace=tuple(check.lookups.trace),
    )


class _Check:
    """The mechanisms and macros of one check."""

    def __init__(
        self, request: SpfRequest, local_part: str, domain: DomainName, limits: SpfLimits
    ) -> None:
        self.request = request
        self.local_part = local_part
        self.domain = domain
        self.lookups = Lookups(request.client, limits)

    # -- records -----------------------------------------------------------------------

    def host(self, name: str) -> Steps[tuple[SpfWord, SpfRecord | None, Directive | None, str]]:
        """Evaluate the record at a name: the result, what decided it, and at which name."""
        record = yield from self._record(name)
        if record is None:
            return SpfWord.NONE, None, None, name
        for directive in record.directives:
            if (yield from self._matches(directive, name)):
                self.lookups.note("chose", directive.text, f"at {name}: {directive.word}")
                return directive.word, record, directive, name
        if record.redirect is None:
            return SpfWord.NEUTRAL, record, None, name  # RFC 7208 §4.7
        self.lookups.count_term("redirect")
        try:
            target = yield from self._target(record.redirect, name)
        except _NeverMatches:
            return SpfWord.NEUTRAL, record, None, name
        self.lookups.note("chose", f"redirect={target}", f"at {name}")
        result = yield from self.host(target)
        if result[0] is SpfWord.NONE:  # RFC 7208 §6.1
            why = f"redirect={target}: no SPF record"
            raise Settled(SpfWord.PERMERROR, why, by_macros=bool(record.redirect.letters))
        return result

    def _record(self, name: str) -> Steps[SpfRecord | None]:
        """Look up, select and read the record of a name (RFC 7208 §4.4, §4.5)."""
        (answer,) = yield from self.lookups.ask(Question(name))
        records = [octets for octets in answer.records if is_record(octets)]
        if not records:
            self.lookups.note("absent", name, answer.outcome.value)
            return None
        if len(records) > 1:
            raise Settled(SpfWord.PERMERROR, f"{name}: {len(records)} SPF records")
        if len(records[0]) > self.lookups.limits.record_octets:
            raise Settled(SpfWord.PERMERROR, f"{name}: a record of {len(records[0])} octets")
        self.lookups.note("found", name, excerpt(records[0]))
        try:
            return read_record(records[0])
        except SpfSyntaxFault as fault:
            raise Settled(SpfWord.PERMERROR, f"{name}: {fault}") from None

    # -- mechanisms --------------------------------------------------------------------

    def _matches(self, directive: Directive, name: str) -> Steps[bool]:
        if directive.network is not None:
            return self.lookups.client in directive.network
        if directive.mechanism in ASKING:
            self.lookups.count_term(directive.text)
        try:
            return (yield from _MECHANISMS[directive.mechanism](self, directive, name))
        except _NeverMatches:
            return False

    def _all(self, _directive: Directive, _name: str) -> Steps[bool]:
        yield from ()
        return True

    def _include(self, directive: Directive, name: str) -> Steps[bool]:
        """RFC 7208 §5.2: the table of results."""
        target = yield from self._target(directive.target, name)
        word, *_ = yield from self.host(target)
        if word is SpfWord.NONE:
            why = f"{directive.text}: no SPF record at {target}"
            made = directive.target is not None and bool(directive.target.letters)
            raise Settled(SpfWord.PERMERROR, why, by_macros=made)
        return word is SpfWord.PASS

    def _a(self, directive: Directive, name: str) -> Steps[bool]:
        target = yield from self._target(directive.target, name)
        (answer,) = yield from self.lookups.for_term(self.lookups.address(target))
        return self._holds((answer,), directive)

    def _mx(self, directive: Directive, name: str) -> Steps[bool]:
        target = yield from self._target(directive.target, name)
        (answer,) = yield from self.lookups.for_term(Question(target, "MX"))
        if len(answer.records) > self.lookups.limits.mx_names:
            raise Settled(SpfWord.PERMERROR, f"{directive.text}: {len(answer.records)} exchanges")
        exchanges = sorted(map(preference, answer.records))
        hosts = dict.fromkeys(host for _, host in exchanges if host)  # RFC 7505: "." is nobody
        answers = yield from self.lookups.for_term(*map(self.lookups.address, hosts))
        return self._holds(answers, directive)

    def _ptr(self, directive: Directive, name: str) -> Steps[bool]:
        """RFC 7208 §5.5: a validated name of the client that is the target or below it."""
        target = (yield from self._target(directive.target, name)).lower()
        validated = yield from self.lookups.validated_names()
        return any(is_below(validated_name, target) for validated_name in validated)

    def _exists(self, directive: Directive, name: str) -> Steps[bool]:
        target = yield from self._target(directive.target, name)
        (answer,) = yield from self.lookups.for_term(Question(target, "A"))  # A even for IPv6, §5.7
        return answer.outcome is Outcome.FOUND

    def _holds(self, answers: Sequence[Answer], directive: Directive) -> bool:
        length = directive.prefix4 if self.lookups.client.version == 4 else directive.prefix6
        network = ip_network((self.lookups.client, length), strict=False)
        return any(
            address in network for answer in answers for address in addresses(answer.records)
        )

    # -- macros ------------------------------------------------------------------------

    def _target(self, spec: MacroString | None, name: str) -> Steps[str]:
        """Return the target name of a term (RFC 7208 §4.8)."""
        if spec is None:
            return name
        letters = yield from self._letters(spec, name)
        return spec.expand_name(letters)

    def _letters(self, text: MacroString, name: str) -> Steps[Callable[[str], str]]:
        """Return the values of macro letters; only %{p} has to ask DNS (RFC 7208 §7.2)."""
        used = text.letters
        if not self.local_part.isascii() and used & {"s", "l"}:
            raise _NeverMatches
        known = self._known_letters(name)
        if "p" in used:
            validated = yield from self.lookups.validated_names()
            known["p"] = _best(validated, name.lower())
        for letter in used:
            if len(known[letter]) > self.lookups.limits.macro_octets:
                why = f"%{{{letter}}} stands for {len(known[letter])} octets"
                raise Settled(SpfWord.PERMERROR, f"{text.text[:80]}: {why}")
        return known.__getitem__

    def _known_letters(self, name: str) -> dict[str, str]:
        client, request = self.lookups.client, self.request
        nibbles = client.exploded.replace(":", "").upper()
        return {
            "s": f"{self.local_part}@{self.domain.ascii}",
            "l": self.local_part,
            "o": self.domain.ascii,
            "d": name,
            "i": str(client) if client.version == 4 else ".".join(nibbles),
            "h": request.helo.decode("ascii", "replace").replace("�", "?"),
            "v": "in-addr" if client.version == 4 else "ip6",
            "c": str(client),
            "r": request.receiver,
            "t": str(request.now),
        }

    def explanation(self, record: SpfRecord, name: str) -> Steps[str | None]:
        """The text of exp=, None where it cannot be had (RFC 7208 §6.2)."""
        if record.explanation is None:
            return None
        try:
            target = yield from self._target(record.explanation, name)
            if not can_exist(target):
                return None
            (answer,) = yield from ask(Question(target))
            if len(answer.records) != 1:
                return None
            octets = answer.records[0]
            if len(octets) > self.lookups.limits.record_octets:
                return None
            text = macro_string(octets.decode("ascii"), explanation=True)
            letters = yield from self._letters(text, name)
        except (_NeverMatches, Settled, SpfSyntaxFault, UnicodeDecodeError):
            return None
        expanded = text.expand(letters, self.lookups.limits.explanation_octets)
        fits = expanded is not None and expanded.isascii() and expanded.isprintable()
        return expanded if fits else None


_MECHANISMS: dict[str, Callable[[_Check, Directive, str], Steps[bool]]] = {
    "all": _Check._all,
    "include": _Check._include,
    "a": _Check._a,
    "mx": _Check._mx,
    "ptr": _Check._ptr,
    "exists": _Check._exists,
}


def _sender(request: SpfRequest, scope: Scope) -> tuple[str, bytes]:
    """Return the local part and the domain under check (RFC 7208 §4.1, §4.3)."""
    if scope == "helo":
        return _POSTMASTER, request.helo
    local_part, at, domain = request.mail_from.rpartition(b"@")
    return (local_part if at else b"").decode("utf-8", "replace") or _POSTMASTER, domain


def _checked_name(written: bytes) -> DomainName | None:
    try:
        domain = DomainName.parse(written.removesuffix(b"."))
    except NameFault:
        return None
    return domain if "." in domain.ascii else None


def _best(validated: Sequence[str], name: str) -> str:
    """The p macro: the checked name itself, else one below it, else any (RFC 7208 §7.3)."""
    for choice in validated:
        if choice == name:
            return choice
    for choice in validated:
        if is_below(choice, name):
            return choice
    return validated[0] if validated else "unknown"
