"""Rules about who answers: every name server the same, and what DNSSEC says of the answer."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.keys.differences import differences
from avowal.keys.doctor.rule import DoctorRule, of_domains, of_keys
from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.lookup import Outcome
from avowal.policy.lint.finding import LintLevel

ERROR, WARNING, ADVICE = LintLevel.ERROR, LintLevel.WARNING, LintLevel.ADVICE


def _wanted(key: SurveyedKey) -> str | None:
    """Return the record that most of the name's servers show."""
    shown = [s.record for s in key.seen.sights if s.record is not None] if key.seen else []
    return max(sorted(set(shown)), key=shown.count, default=None)


def _lacking(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if key.seen is None or _wanted(key) is None:
        return
    for sight in key.seen.sights:
        if sight.record is None and sight.problem is None:
            yield f"{sight.server} has no record"


def _differing(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    wanted = _wanted(key)
    if key.seen is None or wanted is None:
        return
    shown = {sight.server for sight in key.seen.sights if sight.record not in {None, wanted}}
    for sentence in differences(key.seen, wanted):
        if any(sentence.startswith(f"{server}: ") for server in shown):
            yield sentence


def _silent(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if key.seen is None or len(key.records) > 1:
        return
    yield from key.seen.problems
    for sight in key.seen.sights:
        if sight.authoritative and sight.problem is not None:
            yield f"{sight.server}: {sight.problem}"


def _older(survey: KeySurvey) -> Iterator[str]:
    """All keys of a domain have the same servers: what is said of them is said once."""
    seen = [key.seen for key in survey.keys if key.seen is not None]
    yield from dict.fromkeys(remark for one in seen for remark in one.remarks)


def _bogus(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if key.unchecked is not None and key.unchecked.outcome is not Outcome.FAILED:
        yield "resolvers that validate refuse the answer; without validation there is one"


def _half_signed(survey: KeySurvey) -> Iterator[str]:
    above = survey.delegation
    if above is None or above.records or above.outcome is Outcome.FAILED:
        return
    if _there(survey, signed=True):
        yield f"the zone {survey.zone} is signed, but the zone above does not say so (no DS)"


def _unsigned(survey: KeySurvey) -> Iterator[str]:
    if _there(survey, signed=False):
        yield f"the zone {survey.zone} is not signed"


def _there(survey: KeySurvey, *, signed: bool) -> bool:
    answer = survey.zone_keys
    if answer is None or answer.outcome is Outcome.FAILED or answer.secure:
        return False
    return bool(answer.records) is signed


RULES: tuple[DoctorRule, ...] = (
    DoctorRule(
        code="server-lacks",
        level=ERROR,
        says="One of the name servers does not have the record.",
        why="Verifiers that ask it get no key: a part of the mail fails, now here, now there.",
        remedy="have the zone transferred to that server, or take it out of the NS records",
        source="RFC 1034 §4.3.5",
        look=of_keys(_lacking),
    ),
    DoctorRule(
        code="servers-differ",
        level=ERROR,
        says="Name servers show different keys.",
        why="A part of the mail fails, now here, now there.",
        remedy="have the zone transferred to all of its servers, then look again",
        source="RFC 1034 §4.3.5",
        look=of_keys(_differing),
    ),
    DoctorRule(
        code="server-silent",
        level=WARNING,
        says="One of the name servers gives no answer to judge by.",
        why="Verifiers wait for it and ask another; while it is down one failure is enough.",
        remedy="mend the server, or take it out of the NS records",
        source="RFC 2182 §3",
        look=of_keys(_silent),
    ),
    DoctorRule(
        code="older-zone",
        level=ADVICE,
        says="Something about the name servers is worth knowing.",
        why="A server with an older serial has not got the last change of the zone yet.",
        remedy="wait for the transfer of the zone, and look again before changing keys",
        source="RFC 1034 §4.3.5",
        look=of_domains(_older),
    ),
    DoctorRule(
        code="bogus",
        level=ERROR,
        says="DNSSEC is broken: the signatures over the answer do not verify.",
        why="Receivers whose resolvers validate, the large ones among them, get no key.",
        remedy="mend the signatures of the zone, or take the DS record away until they are",
        source="RFC 4035 §5.5",
        look=of_keys(_bogus),
    ),
    DoctorRule(
        code="half-signed",
        level=WARNING,
        says="The zone is signed, and the zone above does not tell.",
        why="Without a DS record nobody verifies the signatures.",
        remedy="give the DS record to the registrar",
        source="RFC 4035 §2.4",
        look=of_domains(_half_signed),
    ),
    DoctorRule(
        code="unsigned-zone",
        level=ADVICE,
        says="The zone of the keys is not signed.",
        why="Whoever can forge answers of DNS can forge keys, and so signatures.",
        remedy="sign the zone (DNSSEC)",
        source="RFC 4686 §4.1.12, RFC 5863 §3.2",
        look=of_domains(_unsigned),
    ),
)
