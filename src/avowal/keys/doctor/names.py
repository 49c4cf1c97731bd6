"""Rules about the names that keys are published at: what is there, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.keys.doctor.reading import reading_of
from avowal.keys.doctor.rule import DoctorRule, of_domains, of_keys
from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.keys.lifecycle import KeyState
from avowal.lookup import Outcome
from avowal.names import is_below
from avowal.policy.lint.finding import LintLevel
from avowal.taglist import FWS

_UDP = 512  # octets of an answer without EDNS, RFC 1035 §4.2.1
_UDP_EDNS = 1232  # octets that travel unfragmented everywhere, as resolvers ask for
_STRING = 255
_FIXED = 12 + 2 + 4  # header, and what the question has besides its name
_RECORD = 12  # before the data of a record: a pointer to its name, type, class, TTL, length
_OPT = 11
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
ERROR, WARNING, ADVICE = LintLevel.ERROR, LintLevel.WARNING, LintLevel.ADVICE


def is_current(key: SurveyedKey, survey: KeySurvey) -> bool:
    """Whether somebody counts on the selector: named, held, or seen in mail of late."""
    use = survey.use_of(key.selector)
    if key.checks or use is None or use.newest is None:
        return True
    newest = max(one.newest for one in survey.uses if one.newest is not None)
    return use.newest >= newest - _OF_LATE


_NOTHING_THERE = frozenset((KeyState.PREPARED, KeyState.GONE))
_OF_LATE = 14 * 86400  # seconds before the newest mail; older selectors were retired


def _no_answer(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    answer = key.answer
    there = key.unchecked is not None and key.unchecked.failure is None
    if answer is not None and answer.failure is not None and not there:
        yield f"DNS gives no answer: {answer.failure.value}"


def _missing(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    answer = key.answer
    if answer is None or answer.outcome is Outcome.FAILED or answer.records or key.alias:
        return
    managed = survey.managed_at(key.selector)
    if managed is not None and managed.state in _NOTHING_THERE:
        return
    if is_current(key, survey):
        use = survey.use_of(key.selector)
        used = f"; it signs mail ({use.messages} in {use.learned})" if use else ""
        yield f"no record: {answer.outcome.value}{used}"


def _dangling(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    answer = key.answer
    if key.alias and answer is not None and answer.outcome in {Outcome.NO_NAME, Outcome.NO_DATA}:
        yield f"a CNAME to {key.alias}, where there is no record ({answer.outcome.value})"


def _foreign(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    domain, zone = survey.domain.ascii, survey.zone
    own = zone if zone and is_below(domain, zone) else domain
    if key.alias and not is_below(key.alias, own):
        yield f"a CNAME to {key.alias}, outside of {own}"


def _beside(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if key.beside_alias:
        yield f"{len(key.beside_alias)} TXT beside a CNAME to {key.alias}"


def _several(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if len(key.records) > 1 and not _is_split(key):
        yield f"{len(key.records)} TXT records at one name"


def _split(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if _is_split(key):
        yield f"{len(key.records)} TXT records, each with a piece of one key"


def _is_split(key: SurveyedKey) -> bool:
    """Whether a record that is cut has its rest beside it."""
    begun = [one for one in key.records if b"p=" in one and not reading_of(one).is_live]
    rest = [one for one in key.records if b"p=" not in one and one]
    return bool(begun and rest) and all(_BASE64.issuperset(o.translate(None, FWS)) for o in rest)


def _wildcard(survey: KeySurvey) -> Iterator[str]:
    stranger = survey.stranger
    if stranger is None or stranger.outcome is not Outcome.FOUND:
        return
    if any(reading_of(one).is_live for one in stranger.records):
        yield "a selector that nobody made has a key: a wildcard publishes it"
    else:
        yield "a selector that nobody made has a TXT record: a wildcard answers"


def _long_ttl(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    if key.records and key.longest_ttl > survey.longest_ttl:
        yield f"its TTL is {key.longest_ttl} seconds, more than {survey.longest_ttl}"


def octets_of(key: SurveyedKey) -> int:
    """Return how large the answer is that verifiers get, without EDNS and DNSSEC."""
    size = _FIXED + len(key.name)
    if key.alias is not None:
        size += _RECORD + len(key.alias) + 2
    for record in key.records:
        size += _RECORD + len(record) + max(1, -(-len(record) // _STRING))
    return size


def _large(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if octets_of(key) + _OPT > _UDP_EDNS:
        yield f"the answer has about {octets_of(key)} octets"


def _not_small(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if _UDP < octets_of(key) <= _UDP_EDNS - _OPT:
        yield f"the answer has about {octets_of(key)} octets"


RULES: tuple[DoctorRule, ...] = (
    DoctorRule(
        code="no-answer",
        level=ERROR,
        says="DNS gives no answer for a key.",
        why="While it lasts, verifiers answer temperror and mail is put off.",
        remedy="mend the name servers, then look again",
        source="RFC 6376 §6.1.2",
        look=of_keys(_no_answer),
    ),
    DoctorRule(
        code="no-record",
        level=ERROR,
        says="No record stands where a key has to be.",
        why="Every signature of this selector fails.",
        remedy="publish the record, or stop signing with the selector",
        source="RFC 6376 §6.1.2",
        look=of_keys(_missing),
    ),
    DoctorRule(
        code="dangling-cname",
        level=ERROR,
        says="A CNAME leads to a name without a record.",
        why="Every signature fails; and whoever can have that name publishes keys for the domain.",
        remedy="have the record published there, or take the CNAME away",
        source="RFC 1034 §3.6.2",
        look=of_keys(_dangling),
    ),
    DoctorRule(
        code="foreign-cname",
        level=ADVICE,
        says="A CNAME leaves it to another domain which key is published.",
        why="Whoever has that domain signs as yours; that is right for a delegate you have now.",
        remedy="if the delegate does not send for you any more, take the CNAME away",
        source="RFC 5863 §3.4",
        look=of_keys(_foreign),
    ),
    DoctorRule(
        code="cname-and-txt",
        level=ERROR,
        says="A CNAME and a TXT record stand at one name.",
        why="Servers refuse such a zone, or answer now one, now the other.",
        remedy="keep one of them",
        source="RFC 1034 §3.6.2, RFC 2181 §10.1",
        look=of_keys(_beside),
    ),
    DoctorRule(
        code="several-records",
        level=ERROR,
        says="Several TXT records stand at one name.",
        why="Verifiers may take any of them, and some take none.",
        remedy="keep one record at each selector",
        source="RFC 6376 §3.6.2.2",
        look=of_keys(_several),
    ),
    DoctorRule(
        code="split-record",
        level=ERROR,
        says="One key is spread over several TXT records.",
        why="Strings of one record are joined, records are not: verifiers get no key.",
        remedy="enter it as one record of several strings of at most 255 octets",
        source="RFC 6376 §3.6.2.2",
        look=of_keys(_split),
    ),
    DoctorRule(
        code="wildcard",
        level=WARNING,
        says="A wildcard answers for every selector.",
        why="A key that was taken away seems to be there still, or its absence a broken record.",
        remedy="narrow the wildcard: it is not to cover names below _domainkey",
        source="RFC 6376 §6.1.2",
        look=of_domains(_wildcard),
    ),
    DoctorRule(
        code="long-ttl",
        level=WARNING,
        says="Caches may keep the key for longer than the schedule has time.",
        why="A key that was stolen goes on passing for so long after it was revoked.",
        remedy="publish the record with a TTL of an hour",
        source="RFC 4686 §4.1.10",
        look=of_keys(_long_ttl),
    ),
    DoctorRule(
        code="large-answer",
        level=WARNING,
        says="The answer does not fit into a datagram.",
        why="Verifiers behind a firewall that stops DNS over TCP get no key.",
        remedy="use RSA with 2048 bits, and keep other records away from the name",
        source="RFC 6376 §3.3.3, RFC 9715",
        look=of_keys(_large),
    ),
    DoctorRule(
        code="over-512",
        level=ADVICE,
        says="The answer is larger than 512 octets.",
        why="Only resolvers without EDNS, which are rare, have to ask again over TCP.",
        remedy="nothing, if it is meant; RSA with 2048 bits stays below",
        source="RFC 6376 §3.3.3",
        look=of_keys(_not_small),
    ),
)
