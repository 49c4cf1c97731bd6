"""What stands in DNS around a key that is not the one that signed: aliases and wildcards.

A name beside the key's, that nobody publishes anything at, shows a wildcard (RFC 4592); the
alias at the key's own name shows where it was delegated to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from avowal.diagnose.explanation import Explanation, KeyState
from avowal.diagnose.observed import Observation
from avowal.dkim.reasons import Reason
from avowal.lookup import Answer, Outcome, Question, Steps
from avowal.names import key_name
from avowal.text import printable

_MOST_ASKED = 3  # signatures of one message whose names are looked at
_LONGEST_RECORD = 120  # characters of a record that are shown
_NO_KEY_FITS = frozenset((KeyState.OTHER, KeyState.LENGTH, KeyState.MISSING, KeyState.UNKNOWN))
_OF_KEYS = frozenset((
    Reason.NO_KEY, Reason.KEY_SYNTAX, Reason.KEY_REVOKED, Reason.KEY_ALGORITHM,
))  # fmt: skip


def key_observations(explanations: Sequence[Explanation]) -> Steps[tuple[Observation, ...]]:
    """Look at the names of keys that fail their signatures; asks three questions for each."""
    found: list[Observation] = []
    doubtful = [one for one in explanations if _is_doubtful(one)]
    for one in doubtful[:_MOST_ASKED]:
        found += yield from _of(one)
    return tuple(found)


def _is_doubtful(one: Explanation) -> bool:
    verdict = one.verification
    if verdict.passed or verdict.signature is None or one.key is KeyState.PROVEN:
        return False
    return verdict.reason in _OF_KEYS or (verdict.key is not None and one.key in _NO_KEY_FITS)


def _of(one: Explanation) -> Steps[Iterator[Observation]]:
    signature = one.verification.signature
    if signature is None:
        return iter(())
    domain, selector = signature.domain, signature.selector
    name = key_name(selector, domain)
    label = "avowal-" + hashlib.sha256(name.encode()).hexdigest()[:16]
    beside = f"{label}._domainkey.{domain.ascii}"
    alias, key, other = yield (Question(name, "CNAME"), Question(name), Question(beside))
    return _conclusions(one, name, alias, key, other)


def _conclusions(
    one: Explanation, name: str, alias: Answer, key: Answer, other: Answer
) -> Iterator[Observation]:
    signature = one.verification.signature
    if signature is None:
        return
    who = {"domain": signature.domain.ascii, "selector": signature.selector.ascii}
    if other.records and other.records == key.records:
        record = printable(key.records[0], most=_LONGEST_RECORD)
        evidence = f"{name} and a name that nobody made answer alike: {record}"
        yield Observation(name="key-wildcard", evidence=evidence, **who)
    if not alias.records:
        return
    target = printable(alias.records[0], most=_LONGEST_RECORD)
    evidence = f"{name} is a CNAME of {target}"
    if key.outcome in {Outcome.NO_NAME, Outcome.NO_DATA}:
        evidence = f"{evidence}, where there is no record"
        yield Observation(name="key-alias-dangling", evidence=evidence, **who)
    elif one.key in {KeyState.OTHER, KeyState.LENGTH}:
        yield Observation(name="key-alias-other", evidence=evidence, **who)
