"""Opinions of one's own, from a text file.

One line each: who, what is asserted, the rating, and if wanted the confidence and a time
(Unix seconds) after which the line does not count.  ``.example.com`` is every subdomain::

    # subject            assertion   rating  confidence  expires
    news.example.com     spam        0.9
    .bank.example        trusted     1.0     1.0
    alice@example.com    abusive     0.2     0.5         1800000000
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from avowal.errors import ConfigError
from avowal.reputation.opinions import Assessment, Opinion, Subject

_COLUMNS = "subject assertion rating [confidence [expires]]"


class OpinionTable:
    """An assessor over such lines."""

    def __init__(self, opinions: Sequence[Opinion]) -> None:
        self._by_name: dict[str, list[Opinion]] = {}
        for opinion in opinions:
            self._by_name.setdefault(opinion.subject.folded, []).append(opinion)

    @classmethod
    def parse(cls, text: str, *, file: str = "opinions") -> OpinionTable:
        """Read the text of a file.  Raises ConfigError with the line."""
        opinions = []
        for number, line in enumerate(text.splitlines(), 1):
            words = line.partition("#")[0].split()
            if words:
                opinions.append(_opinion(words, file, number))
        return cls(opinions)

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Look up each subject, and the domains above it."""
        return Assessment(opinions=tuple(self._found(subjects, now)))

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Do the same; it never waits."""
        return self.assess(subjects, now=now)

    def _found(self, subjects: Sequence[Subject], now: int) -> Iterator[Opinion]:
        for subject in subjects:
            for name in lookup_names(subject.folded):
                for opinion in self._by_name.get(name, ()):
                    if opinion.expires is None or opinion.expires > now:
                        yield replace(opinion, subject=subject)


def lookup_names(name: str) -> Iterator[str]:
    """Yield the name, its domain, and each domain above with a leading dot."""
    yield name
    domain = name.rpartition("@")[2]
    if domain != name:
        yield domain
    while "." in domain:
        domain = domain.partition(".")[2]
        yield "." + domain


def _opinion(words: list[str], file: str, line: int) -> Opinion:
    def refused(why: str) -> ConfigError:
        return ConfigError(why, file=file, line=line, hint=f"a line reads: {_COLUMNS}")

    if not 3 <= len(words) <= 5:
        raise refused(f"{len(words)} words")
    try:
        shares = [float(word) for word in words[2:4]]
        expires = int(words[4]) if len(words) == 5 else None
    except ValueError as error:
        raise refused(str(error)) from None
    if not all(0.0 <= share <= 1.0 for share in shares):
        raise refused("a rating and a confidence lie between 0.0 and 1.0")
    return Opinion(
        rater=file,
        subject=Subject(words[0]),
        assertion=words[1].lower(),
        rating=shares[0],
        confidence=shares[1] if len(shares) == 2 else None,
        expires=expires,
    )
