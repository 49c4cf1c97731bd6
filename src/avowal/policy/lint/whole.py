"""Checks of everything a domain publishes, whatever the mechanism."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.policy.explanation import TITLES
from avowal.policy.lint.finding import LintFinding, LintLevel
from avowal.policy.survey import Survey


def unanswered(survey: Survey) -> Iterator[LintFinding]:
    """Find questions without an answer."""
    for failure in survey.failures:
        yield LintFinding(
            level=LintLevel.ERROR,
            code="no-answer",
            place=failure.name,
            what=f"DNS gives no answer ({failure.why})",
            hint="mend the name servers: receivers answer temperror while it lasts",
        )


def several(survey: Survey) -> Iterator[LintFinding]:
    """Find several records of one mechanism at one name."""
    for place in survey.places:
        if len(place.records) > 1:
            yield LintFinding(
                level=LintLevel.ERROR,
                code="several-records",
                place=place.name,
                what=f"{len(place.records)} {place.mechanism} records stand at one name",
                hint="keep one: receivers use none of several",
            )


def missing(survey: Survey) -> Iterator[LintFinding]:
    """Find what should be there."""
    silent = {f.name for f in survey.failures}
    if not survey.at("dmarc").records and survey.walk is not None and not survey.walk.records:
        yield LintFinding(
            level=LintLevel.WARNING,
            code="no-dmarc",
            place=survey.at("dmarc").name,
            what="no DMARC record here or above",
            hint="begin with v=DMARC1; p=none; rua=mailto:... and read the reports",
        )
    spf = survey.at("spf")
    if not spf.records and spf.name not in silent:
        yield LintFinding(
            level=LintLevel.ADVICE,
            code="no-spf",
            place=spf.name,
            what="no SPF record",
            hint="publish the senders, or v=spf1 -all when the name sends no mail",
        )


def leftovers(survey: Survey) -> Iterator[LintFinding]:
    """Find records of mechanisms that are dead."""
    for mechanism in ("adsp", "ssp2007", "ssp", "domainkeys"):
        place = survey.at(mechanism)
        if place.records:
            yield LintFinding(
                level=LintLevel.ADVICE,
                code="leftover",
                place=place.name,
                what=f"{TITLES[mechanism]}: nobody evaluates it any more",
                hint="take it out; DMARC says what it said",
            )
