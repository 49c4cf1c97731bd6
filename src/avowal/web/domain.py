"""What a domain publishes, for a page: its policies in words, what is wrong, its keys.

What receivers ask for, and what is wrong with records and keys, say the modules that judge
them; here they are put side by side.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from avowal.crypto.publickey import PublicKey
from avowal.errors import UsageError
from avowal.keys.doctor import examine
from avowal.keys.doctor.reading import reading_of
from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.keys.doctor.survey import survey as survey_keys
from avowal.lookup import Outcome, Resolver, run
from avowal.names import DomainName, NameFault, Selector
from avowal.policy.explanation import Statement, described
from avowal.policy.lint import LintFinding, LintLevel, lint
from avowal.policy.survey import survey
from avowal.requirements import Answered, chosen, judge, rule_file
from avowal.requirements.facts import of_domain
from avowal.text import printable
from avowal.web.received import ReportView
from avowal.web.report import State
from avowal.web.stored import StoredDomain

MOST_SELECTORS = 10
"""Selectors that are asked for at once."""
_RECORD = 1200  # octets of a record that are shown
_MET: dict[bool | None, State] = {True: "good", False: "bad", None: "open"}


class KeyView(NamedTuple):
    """One selector: what stands there, in words, and how it stands."""

    selector: str
    name: str
    state: State
    sentence: str
    record: str = ""


class Asked(NamedTuple):
    """What one receiver asks of senders, each rule with what was seen."""

    title: str
    threshold: str
    seen: str
    source: str
    rules: tuple[tuple[State, str, str, str], ...]  # state, how much it weighs, rule, what was seen


class DomainView(NamedTuple):
    """Everything about a domain that a page shows."""

    domain: str
    exists: bool
    organizational: str
    statements: tuple[Statement, ...]
    findings: tuple[LintFinding, ...]
    keys: tuple[KeyView, ...]
    asked: tuple[Asked, ...]
    rules_of: str
    silent: tuple[str, ...]
    stored: StoredDomain | None
    reports: ReportView | None = None


def domain_of(written: str) -> DomainName:
    """Read the name of a domain.  Raises UsageError."""
    try:
        return DomainName.parse(written.strip().removesuffix(".").encode("utf-8", "replace"))
    except NameFault as fault:
        raise UsageError(f"{printable(written, most=80)} is no domain name: {fault.why}") from None


def looked_at(
    domain: DomainName,
    selectors: Sequence[str],
    resolver: Resolver,
    stored: StoredDomain | None = None,
    reports: ReportView | None = None,
) -> DomainView:
    """Ask for everything a domain publishes; keys at these selectors, and at those of the store."""
    wanted, wrong = _selectors(selectors, () if stored is None else stored.selectors)
    published = run(survey(domain), resolver)
    surveyed = None
    if wanted:
        stranger = domain_of(f"none-{secrets.token_hex(8)}")
        surveyed = run(survey_keys(domain, wanted, stranger), resolver)
    organization = None if published.walk is None else published.walk.organizational_domain
    found = (*run(lint(published), resolver), *(examine((surveyed,)) if surveyed else ()))
    live = [] if surveyed is None else list(_live(surveyed))
    facts = of_domain(
        published,
        rsa_bits=tuple(key.bits for key in live if key.exponent is not None),
        keys=None if surveyed is None else len(live),
    )
    return DomainView(
        domain=domain.ascii,
        exists=published.exists,
        organizational=str(organization or ""),
        statements=described(published),
        findings=tuple(sorted(found, key=lambda one: tuple(LintLevel).index(one.level))),
        keys=(*wrong, *(map(_key, surveyed.keys) if surveyed else ())),
        asked=tuple(_asked(tuple(judge(facts, chosen(None))))),
        rules_of=rule_file().date,
        silent=tuple(failure.name for failure in published.failures),
        stored=stored,
        reports=reports,
    )


def _selectors(
    written: Sequence[str], stored: Sequence[Selector]
) -> tuple[list[Selector], list[KeyView]]:
    """Return the selectors to ask for, and what is said of those that are not."""
    wanted: dict[str, Selector] = {one.ascii: one for one in stored}
    wrong = []
    for text in written:
        try:
            selector = DomainName.parse(text.encode("utf-8", "replace"))
        except NameFault as fault:
            shown = printable(text, most=80)
            wrong.append(KeyView(shown, "", "bad", f"this is no selector: {fault.why}"))
        else:
            wanted.setdefault(selector.ascii, selector)
    left = len(wanted) - MOST_SELECTORS
    if left > 0:
        said = f"not asked for: {MOST_SELECTORS} selectors at once are the most"
        wrong.append(KeyView(f"{left} more", "", "open", said))
    return list(wanted.values())[:MOST_SELECTORS], wrong


def _live(surveyed: KeySurvey) -> Iterator[PublicKey]:
    for one in surveyed.keys:
        for reading in map(reading_of, one.records):
            if reading.is_live and reading.key is not None:
                yield reading.key


def _key(one: SurveyedKey) -> KeyView:
    selector, answer = one.selector.text, one.answer
    if answer is None or answer.outcome is Outcome.FAILED:
        why = "no answer" if answer is None or answer.failure is None else answer.failure.value
        return KeyView(selector, one.name, "open", f"DNS does not tell for now: {why}")
    if not answer.records:
        said = f"no key stands there: {answer.outcome.value}"
        return KeyView(selector, one.name, "bad", said)
    reading = reading_of(answer.records[0])
    shown = printable(answer.records[0], most=_RECORD)
    if reading.trouble is not None:
        return KeyView(selector, one.name, "bad", reading.trouble.what, shown)
    if reading.key is None or reading.algorithm is None:
        return KeyView(selector, one.name, "bad", "the key is revoked: p= is empty", shown)
    said = f"a key for {reading.algorithm.name}, {reading.key.bits} bits"
    if one.alias is not None:
        said += f", behind the alias {printable(one.alias)}"
    return KeyView(selector, one.name, "good", said, shown)


def _asked(answered: Sequence[Answered]) -> Iterator[Asked]:
    for _, group in groupby(answered, key=lambda one: one.receiver):
        rows = list(group)
        rules = rows[0].rules
        yield Asked(
            title=rules.title,
            threshold=rules.threshold,
            seen=rules.seen,
            source=rules.source,
            rules=tuple(
                (
                    _MET[row.found.met],
                    f"{row.rule.level.value}, {row.rule.applies.value}",
                    row.rule.says,
                    row.found.what,
                )
                for row in rows
            ),
        )
