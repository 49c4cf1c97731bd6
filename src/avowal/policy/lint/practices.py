"""Checks of the policies before DMARC: what their receivers could not read, or read otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.policy import adsp, domainkeys, ssp, ssp2007
from avowal.policy.lint.finding import LintFinding, LintLevel
from avowal.policy.practice_record import WordRecord
from avowal.policy.survey import Survey
from avowal.policy.symbols import SymbolRecord

_SYMBOLS = {"ssp": ssp.SYMBOLS, "domainkeys": domainkeys.SYMBOLS}
_WORDS = {"ssp2007": ssp2007.WORDS, "adsp": adsp.WORDS}


def symbols(survey: Survey) -> Iterator[LintFinding]:
    """Find symbols that nobody knows, and spellings that only some would read as meant."""
    for mechanism, known in _SYMBOLS.items():
        place = survey.at(mechanism)
        for octets in place.records:
            record = SymbolRecord.parse(octets, known)
            if record is not None and record.problem is not None:
                yield LintFinding(
                    level=LintLevel.WARNING,
                    code="unknown-symbol",
                    place=place.name,
                    what=f"{record.problem}, so that it means o=~: nothing is asked",
                    hint=f"write o= and one of {' '.join(known)}",
                )
            if record is not None and record.spelling is not None:
                yield LintFinding(
                    level=LintLevel.WARNING,
                    code="spelled-otherwise",
                    place=place.name,
                    what=f"{record.spelling} is read as o={record.symbol}; others read o=~",
                    hint=f"write o={record.symbol}, in ASCII, the first tag and without v=",
                )


def words(survey: Survey) -> Iterator[LintFinding]:
    """Find words that nobody knows, and records that are as absent (RFC 5617 §4.1, §4.2.1)."""
    for mechanism, known in _WORDS.items():
        place = survey.at(mechanism)
        for octets in place.records:
            record = WordRecord.parse(octets, known)
            choice = ", ".join(sorted(known))
            if record is None:
                yield LintFinding(
                    level=LintLevel.WARNING,
                    code="unreadable-practices",
                    place=place.name,
                    what="the record cannot be read: it is as if absent",
                    hint=f"begin with dkim=, in lower case, and one of {choice}",
                )
            elif record.problem is not None:
                yield LintFinding(
                    level=LintLevel.WARNING,
                    code="unknown-word",
                    place=place.name,
                    what=record.problem,
                    hint=f"write dkim= and one of {choice}",
                )
