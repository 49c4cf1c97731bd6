"""Whatever name servers say, the doctor ends, raises nothing and prints no control characters."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from avowal.cli.doctor_report import report
from avowal.keys.doctor import examine
from avowal.keys.doctor.survey import HeldKey, KeyUse, survey
from avowal.keys.lifecycle import Sight
from avowal.keys.observation import Observation
from avowal.lookup import NO_DATA, NO_NAME, Answer, Failure, Question, run
from avowal.names import DomainName
from avowal.testing import RSA_2048

PIECES = st.sampled_from(
    [b"v=DKIM1", b"k=rsa", b"k=ed25519", b"p=", b"t=y:s", b"h=sha1", b";", b'"', b"\\;", b"\r\n",
     b"\x1b[2J", b"\x00", b"\xff", b"-----BEGIN", b"PRIVATE KEY", b"AAAA", b"MII", b"g=", b"s=x"]
)  # fmt: skip
RECORDS = st.one_of(
    st.binary(max_size=80), st.lists(PIECES, max_size=12).map(b"".join), st.just(b"A" * 9000)
)
ANSWERS = st.one_of(
    st.sampled_from([NO_NAME, NO_DATA, *map(Answer.failed, Failure)]),
    st.builds(
        lambda records, ttl, secure: Answer.found(*records, ttl=ttl, secure=secure),
        st.lists(RECORDS, min_size=1, max_size=3),
        st.integers(min_value=0, max_value=2**31),
        st.booleans(),
    ),
)
SIGHTS = st.builds(
    Sight,
    server=st.text(max_size=10),
    at=st.just(1),
    authoritative=st.booleans(),
    record=st.none() | RECORDS.map(lambda octets: octets.decode("utf-8", "surrogateescape")),
    ttl=st.integers(min_value=0, max_value=2**31),
    problem=st.none() | st.text(max_size=10),
)
NAMES = tuple(map(DomainName.parse, (b"s1", b"s2")))
DOMAIN = DomainName.parse(b"example.com")


class Whatever:
    """Answers each question with the next of some answers, over and over."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers = answers
        self._asked = 0

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        self._asked += len(questions)
        return tuple(self._answers[(self._asked + at) % len(self._answers)]
                     for at in range(len(questions)))  # fmt: skip


@settings(max_examples=50)
@given(
    answers=st.lists(ANSWERS, min_size=1, max_size=8),
    sights=st.lists(SIGHTS, max_size=3),
    words=st.lists(st.text(max_size=10), max_size=2),
)
def test_no_answer_makes_the_doctor_raise_or_print_controls(
    answers: list[Answer], sights: list[Sight], words: list[str]
) -> None:
    held = (HeldKey(selector=NAMES[0], key=RSA_2048, source="s1.pem"),)
    uses = (KeyUse(selector=NAMES[1], messages=2, newest=5),)
    flow = survey(DOMAIN, NAMES, DomainName.parse(b"none"), held=held, uses=uses)
    one = run(flow, Whatever(answers))
    seen = Observation(name="n", at=1, sights=tuple(sights), problems=tuple(words), remarks=())
    keys = tuple(replace(key, seen=seen, unchecked=answers[0]) for key in one.keys)
    surveys = (replace(one, keys=keys),)
    findings = examine(surveys)
    assert findings
    assert all(line.isprintable() for line in report(surveys, findings))
