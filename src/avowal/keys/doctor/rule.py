"""A rule of the doctor: what it finds, how much that matters, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.policy.lint.finding import LintFinding, LintLevel
from avowal.valueclass import value

PAGE = "docs/reference/doctor.md"


class Symptom(NamedTuple):
    """One thing that a rule found: where, and what in words."""

    place: str
    what: str


Surveys: TypeAlias = Sequence[KeySurvey]
Look: TypeAlias = Callable[[Surveys], Iterator[Symptom]]


@value
class DoctorRule:
    """One rule.

    `code` never changes and is its anchor in the page; `says` is its sentence, `why` what it
    does to mail, `remedy` what to do, `source` who asks for it.
    """

    code: str
    level: LintLevel
    says: str
    why: str
    remedy: str
    source: str
    look: Look

    def findings(self, surveys: Surveys) -> Iterator[LintFinding]:
        """Yield what it finds."""
        for place, what in self.look(surveys):
            yield LintFinding(
                level=self.level, code=self.code, place=place, what=what, hint=self.remedy
            )


def of_keys(look: Callable[[SurveyedKey, KeySurvey], Iterator[str]]) -> Look:
    """Make a look at one key a look at all; what it yields is said of the key's name."""

    def at_all(surveys: Surveys) -> Iterator[Symptom]:
        for survey in surveys:
            for key in survey.keys:
                for what in look(key, survey):
                    yield Symptom(key.name, what)

    return at_all


def of_domains(look: Callable[[KeySurvey], Iterator[str]]) -> Look:
    """Make a look at one domain a look at all."""

    def at_all(surveys: Surveys) -> Iterator[Symptom]:
        for survey in surveys:
            for what in look(survey):
                yield Symptom(survey.domain.ascii, what)

    return at_all
