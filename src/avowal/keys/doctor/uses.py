"""Rules about what signs: private keys at hand, what own mail shows, one key at two names."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.keys.check import OTHER_KEY
from avowal.keys.differences import publishes
from avowal.keys.doctor.names import is_current
from avowal.keys.doctor.reading import reading_of
from avowal.keys.doctor.rule import DoctorRule, Surveys, Symptom, of_domains, of_keys
from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.policy.lint.finding import LintLevel

ERROR, WARNING, ADVICE = LintLevel.ERROR, LintLevel.WARNING, LintLevel.ADVICE


def _other_key(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    live = [reading for reading in map(reading_of, key.records) if reading.is_live]
    types = {reading.key.key_type for reading in live if reading.key is not None}
    for held, check in key.checks:
        if check.problem == OTHER_KEY or (types and held.key.key_type not in types):
            yield f"the published key is not that of {held.source}"


def _revoked(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    readings = [reading_of(one) for one in key.records]
    if not readings or not all(one.record and one.record.revoked for one in readings):
        return
    use = survey.use_of(key.selector)
    if key.checks:
        yield f"p= is empty, and {key.checks[0][0].source} still signs with it"
    elif use is not None and is_current(key, survey):
        yield f"p= is empty, and mail is still signed with it ({use.messages} in {use.learned})"


def _unused(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    live = any(reading_of(one).is_live for one in key.records)
    if survey.uses and live and not key.checks and not survey.managed_at(key.selector):
        use = survey.use_of(key.selector)
        if use is None:
            yield "no mail that was looked at is signed with it"
        elif not is_current(key, survey):
            yield "no mail of the last two weeks is signed with it"


def _managed(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    """Compare what is published with what the key store says (RFC 4686 §4.1.11)."""
    managed = survey.managed_at(key.selector)
    if managed is None or not key.records:
        return
    shown = [one.decode("utf-8", "surrogateescape") for one in key.records]
    if managed.state.is_published:
        if not any(publishes(one, managed.record) for one in shown):
            yield f"the store has another record for this key, which is {managed.state}"
    elif any(reading_of(one).is_live for one in key.records):
        yield f"there is a key, and the store says: {managed.state}"


def _failing(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    use = survey.use_of(key.selector)
    if use is not None and use.failed >= _FEWEST and 2 * use.failed > use.messages:
        yield f"{use.failed} of {use.messages} signatures fail, say {use.learned}"


_FEWEST = 20  # failures that are told: a few are forwards and lists


def _subdomains(key: SurveyedKey, survey: KeySurvey) -> Iterator[str]:
    use = survey.use_of(key.selector)
    if use is None or not any(
        reading.record and reading.record.forbids_subdomains
        for reading in map(reading_of, key.records)
    ):
        return
    below = [one for one in use.identity_domains if one != survey.domain.ascii]
    if below:
        yield f"t=s stands in the record, and mail is signed with i= in {', '.join(below)}"


def _shared(surveys: Surveys) -> Iterator[Symptom]:
    places: dict[bytes, list[str]] = {}
    for survey in surveys:
        for key in survey.keys:
            if key.alias is not None:
                continue  # two CNAMEs to one name are how one host rotates for many
            for record in key.records:
                reading = reading_of(record)
                if reading.record is not None and reading.is_live:
                    names = places.setdefault(reading.record.key_text, [])
                    names += [key.name] if key.name not in names else []
    for first, *others in places.values():
        for other in others:
            yield Symptom(other, f"the key of {first} stands here too")


def _ed25519_alone(survey: KeySurvey) -> Iterator[str]:
    types = {
        reading.record.key_type
        for key in survey.keys
        for reading in map(reading_of, key.records)
        if reading.record is not None and reading.is_live
    }
    whole = all(key.answer is not None and key.answer.failure is None for key in survey.keys)
    if types == {"ed25519"} and whole:
        yield "all keys that were looked at are of type Ed25519"


RULES: tuple[DoctorRule, ...] = (
    DoctorRule(
        code="other-key",
        level=ERROR,
        says="The key that signs is not the key that is published.",
        why="Every signature fails at whoever looks, and nothing shows it here.",
        remedy="publish the record of the key that signs, or sign with the one that is published",
        source="RFC 5863 §3.5.1",
        look=of_keys(_other_key),
    ),
    DoctorRule(
        code="store-differs",
        level=ERROR,
        says="DNS shows something else than the key store says.",
        why="Somebody published by hand, a change of the zone was lost, or it was not yours.",
        remedy="find out who changed the zone; `avowal keys export-public` has what belongs there",
        source="RFC 4686 §4.1.11",
        look=of_keys(_managed),
    ),
    DoctorRule(
        code="revoked-in-use",
        level=ERROR,
        says="A revoked key still signs.",
        why="An empty p= says that the key is withdrawn: every signature fails.",
        remedy="sign with another selector; a revoked one is never used again",
        source="RFC 6376 §3.6.1 p=, RFC 5863 §3.5.2",
        look=of_keys(_revoked),
    ),
    DoctorRule(
        code="unused-selector",
        level=WARNING,
        says="A key is published that signs nothing.",
        why="It is one more key that can be stolen or lent, and nobody would notice.",
        remedy="find out whose it is; revoke it with an empty p= if nobody uses it",
        source="RFC 5863 §3.5.2",
        look=of_keys(_unused),
    ),
    DoctorRule(
        code="failing",
        level=WARNING,
        says="Receivers report that most signatures of the key fail.",
        why="Something changes mail after it is signed, or another key signs than is published.",
        remedy="take one message at a receiver and ask `avowal explain` what changed",
        source="RFC 9990",
        look=of_keys(_failing),
    ),
    DoctorRule(
        code="subdomain-identity",
        level=ERROR,
        says="t=s forbids what the mail does: i= in a subdomain.",
        why="With t=s the domain of i= has to be that of d=; such signatures fail.",
        remedy="take t=s out, or sign with d= of the subdomain",
        source="RFC 6376 §3.6.1 t=",
        look=of_keys(_subdomains),
    ),
    DoctorRule(
        code="shared-key",
        level=WARNING,
        says="One key is published at several names.",
        why="Whoever takes it has them all, and to change one you have to change all.",
        remedy="make a key for each selector and each domain",
        source="RFC 5863 §3.1",
        look=_shared,
    ),
    DoctorRule(
        code="ed25519-alone",
        level=WARNING,
        says="The domain signs with Ed25519 alone.",
        why="Not every receiver verifies it yet: to the others the mail is unsigned.",
        remedy="sign with an RSA key as well, under a selector of its own",
        source="RFC 8463 §3, §6",
        look=of_domains(_ed25519_alone),
    ),
)
