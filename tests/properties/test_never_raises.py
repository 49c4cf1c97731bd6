from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.strategies import (
    BODIES,
    NOW,
    RECORDS,
    intents,
    messages,
    tag_lists,
)

import avowal
from avowal.dkim.rules import PROFILES, Rules
from avowal.errors import UsageError
from avowal.line_ends import LineEnds
from avowal.lookup import NO_DATA, NO_NAME, Answer, Failure, Question

ANSWERS = st.one_of(
    st.lists(RECORDS, max_size=3).map(lambda records: Answer.found(*records)),
    st.sampled_from([NO_NAME, NO_DATA, *map(Answer.failed, Failure)]),
)
_TAGS = {
    b"v": [b"1", b"0.5", b""], b"a": [b"rsa-sha256", b"ed25519-sha256", b"rsa-sha1", b"x"],
    b"c": [b"simple", b"relaxed/relaxed", b"nofws"], b"d": [b"example.com", b"com", b"\xc3\xbc.x"],
    b"s": [b"e", b"-"], b"h": [b"from", b"to:from:from", b":"], b"bh": [b"AAAA", b"*"],
    b"b": [b"AAAA", b""], b"i": [b"@example.com", b"=4"], b"l": [b"0", b"9" * 76, b"-1"],
    b"t": [b"1", b"x"], b"x": [b"0", b"9" * 60], b"q": [b"dns/txt", b"dns", b":"], b"z": [b"a:b|"],
}  # fmt: skip


@st.composite
def signatures(draw: st.DrawFn) -> bytes:
    """A field that is almost a signature, or any tag list."""
    if draw(st.booleans()):
        return b"DKIM-Signature: " + draw(tag_lists())[0] + b"\r\n"
    tags = {name: draw(st.sampled_from(values)) for name, values in _TAGS.items()}
    names = draw(st.lists(st.sampled_from(sorted(tags)), max_size=14, unique=True))
    kept = {**{n: _TAGS[n][0] for n in _TAGS if n not in b"iltxqz"}, **{n: tags[n] for n in names}}
    return b"DKIM-Signature:" + b"; ".join(b"%s=%s" % pair for pair in kept.items()) + b"\r\n"


OCTETS = st.one_of(
    BODIES,
    st.tuples(st.lists(signatures(), max_size=3).map(b"".join), messages()).map(b"".join),
    st.tuples(signatures(), BODIES).map(b"".join),
)
LINE_ENDS: tuple[LineEnds, ...] = ("auto", "wire", "stored")


class Says:
    """Answers everything alike, for both kinds of caller."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return (self.answer,) * len(questions)

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        return self.resolve(questions)


@settings(max_examples=250)
@given(
    octets=OCTETS,
    answer=ANSWERS,
    now=st.sampled_from([0, NOW, 1 << 62]),
    rules=st.sampled_from(list(PROFILES.values())),
    line_ends=st.sampled_from(LINE_ENDS),
)
def test_verifying_raises_nothing_for_any_octets_and_answers(
    octets: bytes, answer: Answer, now: int, rules: Rules, line_ends: LineEnds
) -> None:
    options = {"now": now, "rules": rules, "line_ends": line_ends}
    verdicts = avowal.verify(octets, Says(answer), **options)  # type: ignore[arg-type]
    for verdict in verdicts:
        assert verdict.passed == (verdict.reason is None)
        assert str(verdict.result)
        assert verdict.explanation
        assert (verdict.signature is None) or (verdict.salvage is None)


@settings(max_examples=50)
@given(octets=OCTETS, answer=ANSWERS)
def test_asking_without_blocking_says_the_same(octets: bytes, answer: Answer) -> None:
    resolver = Says(answer)
    verdicts = asyncio.run(avowal.averify(octets, resolver, now=NOW))
    assert verdicts == avowal.verify(octets, resolver, now=NOW)


@settings(max_examples=150)
@given(octets=OCTETS, intent=intents(), malformed=st.booleans())
def test_signing_raises_only_usage_errors(
    octets: bytes, intent: avowal.Intent, *, malformed: bool
) -> None:
    with suppress(UsageError):
        field = avowal.sign(octets, intent, now=NOW, accept_malformed=malformed)
        assert field.startswith(b"DKIM-Signature: v=1;")


@settings(max_examples=150)
@given(
    octets=OCTETS,
    shown=st.one_of(BODIES, st.sampled_from([b"a@example.com", b"=?utf-7?q?+2AA-?= <a@b.c>"])),
    answer=ANSWERS,
    now=st.sampled_from([0, NOW, 1 << 62]),
    rules=st.sampled_from(list(PROFILES.values())),
)
def test_a_verdict_raises_nothing_for_any_octets_and_answers(
    octets: bytes, shown: bytes, answer: Answer, now: int, rules: Rules
) -> None:
    field = b"From: " + shown.replace(b"\r\n\r\n", b"") + b"\r\n"
    found = avowal.verdict(
        field + octets, Says(answer), now=now, rules=rules, client="192.0.2.1",
        mail_from="a@example.com", accept_spf=True, accept_trusted_arc=("example.com",),
        max_age=60, recipients=("b@example.net",),
    )  # fmt: skip
    assert found.display_name.isprintable()
    assert found.explanation.isprintable()
