"""Rules about one key record: how it is written, and the key in it."""

from __future__ import annotations

from collections.abc import Iterator

from avowal.keys.doctor.reading import Reading, reading_of
from avowal.keys.doctor.rule import DoctorRule, Look, of_keys
from avowal.keys.doctor.survey import KeySurvey, SurveyedKey
from avowal.policy.lint.finding import LintLevel

_SHORTEST = 1024  # bits, RFC 8301 §3.2: verifiers MUST NOT take less
_RECOMMENDED = 2048  # bits, RFC 8301 §3.2: signers SHOULD use as many
_READ_BY_ALL = 4096  # bits, RFC 8301 §3.2: verifiers MUST be able to read so many
_EXPONENT = 65537  # RFC 6376 §3.3.2
ERROR, WARNING, ADVICE = LintLevel.ERROR, LintLevel.WARNING, LintLevel.ADVICE


def readings(key: SurveyedKey) -> Iterator[Reading]:
    """Yield the records of a name as they are read."""
    return map(reading_of, key.records)


def _troubled(code: str) -> Look:
    """Look for the records that cannot be used for this one reason."""

    def look(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
        for reading in readings(key):
            if reading.trouble is not None and reading.trouble.code == code:
                yield reading.trouble.what

    return of_keys(look)


def _short(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if _is_rsa(reading) and reading.key and reading.key.bits < _SHORTEST:
            yield f"an RSA key of {reading.key.bits} bits"


def _weak(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if _is_rsa(reading) and reading.key and _SHORTEST <= reading.key.bits < _RECOMMENDED:
            yield f"an RSA key of {reading.key.bits} bits"


def _long(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if _is_rsa(reading) and reading.key and reading.key.bits > _READ_BY_ALL:
            yield f"an RSA key of {reading.key.bits} bits"


def _exponent(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if reading.key and reading.key.exponent not in {None, _EXPONENT}:
            yield f"its exponent is {reading.key.exponent}"


def _is_rsa(reading: Reading) -> bool:
    return reading.key is not None and reading.key.exponent is not None


def _testing(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if any(reading.record and reading.record.testing for reading in readings(key)):
        yield "t=y stands in the record"


def _hashes(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        hashes = None if reading.record is None else reading.record.hashes
        if hashes is not None and "sha256" not in hashes:
            yield f"h={':'.join(hashes)} leaves out sha256"


def _service(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if reading.record is not None and not reading.record.serves("email"):
            yield f"s={':'.join(reading.record.services)} does not name email"


def _granularity(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if reading.record is not None and reading.record.granularity is not None:
            yield "g= stands in the record"


def _line_breaks(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    if any(reading.record and reading.record.line_breaks for reading in readings(key)):
        yield "line breaks stand in the record"


def _version(key: SurveyedKey, _: KeySurvey) -> Iterator[str]:
    for reading in readings(key):
        if reading.record is not None and reading.record.version is None:
            yield "the record has no v="


_NOTHING = "verifiers get no key: every signature of this selector fails"
RULES: tuple[DoctorRule, ...] = (
    DoctorRule(
        code="private-key",
        level=ERROR,
        says="A private key stands in DNS.",
        why="Whoever has read it signs as the domain, and everybody can read it.",
        remedy="treat the key as stolen: make a new one, and revoke this one at once",
        source="RFC 5863 §3.1",
        look=_troubled("private-key"),
    ),
    DoctorRule(
        code="stray-quotes",
        level=ERROR,
        says="Quotes of a zone file stand inside of the record.",
        why=f"The panel quoted the text once more; {_NOTHING}.",
        remedy="enter the text without quotes; the panel, or the server, adds them",
        source="RFC 1035 §5.1",
        look=_troubled("stray-quotes"),
    ),
    DoctorRule(
        code="zone-escapes",
        level=ERROR,
        says="Backslashes of a zone file stand inside of the record.",
        why=f"`\\;` is how some zone files write `;`; {_NOTHING}.",
        remedy="enter the text without backslashes",
        source="RFC 1035 §5.1",
        look=_troubled("zone-escapes"),
    ),
    DoctorRule(
        code="pem-lines",
        level=ERROR,
        says="The BEGIN and END lines of a PEM file stand inside of p=.",
        why=f"They are no base64; {_NOTHING}.",
        remedy="keep what is between the lines; `avowal key show FILE` prints the record",
        source="RFC 6376 §3.6.1",
        look=_troubled("pem-lines"),
    ),
    DoctorRule(
        code="letter-case",
        level=ERROR,
        says="A tag or its value is written in the wrong letter case.",
        why=f"Tags are compared as octets; {_NOTHING}.",
        remedy="write v=DKIM1, k=rsa or k=ed25519, p= as they stand here",
        source="RFC 6376 §3.2",
        look=_troubled("letter-case"),
    ),
    DoctorRule(
        code="cut",
        level=ERROR,
        says="The record ends before its key does.",
        why=f"A panel kept the first 255 octets, or a line was lost; {_NOTHING}.",
        remedy="publish all of it, as strings of at most 255 octets in one record",
        source="RFC 6376 §3.6.2.2",
        look=_troubled("cut"),
    ),
    DoctorRule(
        code="no-key-record",
        level=ERROR,
        says="What stands at the name is no key record.",
        why=f"It is of another form, or of another use; {_NOTHING}.",
        remedy="publish the record that `avowal key show FILE` prints, and nothing besides",
        source="RFC 6376 §3.6.1",
        look=_troubled("no-key-record"),
    ),
    DoctorRule(
        code="unknown-type",
        level=ERROR,
        says="k= names a type of key that does not exist.",
        why=f"Verifiers pass over such records; {_NOTHING}.",
        remedy="write k=rsa or k=ed25519, whichever the key is",
        source="RFC 6376 §3.6.1 k=",
        look=_troubled("unknown-type"),
    ),
    DoctorRule(
        code="wrong-type",
        level=ERROR,
        says="k= names another type of key than p= holds.",
        why=f"Without k= the type is rsa; {_NOTHING}.",
        remedy="write the k= that belongs to the key",
        source="RFC 6376 §3.6.1 k=, RFC 8463 §4",
        look=_troubled("wrong-type"),
    ),
    DoctorRule(
        code="unreadable-key",
        level=ERROR,
        says="p= holds no key: damaged base64, other octets, an even exponent.",
        why=f"It is no base64, no key, or one with impossible numbers; {_NOTHING}.",
        remedy="publish the record that `avowal key show FILE` prints",
        source="RFC 6376 §3.6.1 p=",
        look=_troubled("unreadable-key"),
    ),
    DoctorRule(
        code="wrapped-key",
        level=ERROR,
        says="An Ed25519 key is published in the form of a PEM file.",
        why="p= is the 32 octets alone; most verifiers refuse anything else.",
        remedy="publish the record that `avowal key show FILE` prints",
        source="RFC 8463 §4.2",
        look=_troubled("wrapped-key"),
    ),
    DoctorRule(
        code="short-key",
        level=ERROR,
        says="An RSA key has less than 1024 bits.",
        why="Verifiers must not take it; 512 bits are factored in hours.",
        remedy="make a key of 2048 bits under a new selector",
        source="RFC 8301 §3.2",
        look=of_keys(_short),
    ),
    DoctorRule(
        code="weak-key",
        level=WARNING,
        says="An RSA key has less than 2048 bits.",
        why="Some receivers trust it less; it will be factored within its archive's life.",
        remedy="make a key of 2048 bits under a new selector, and change over to it",
        source="RFC 8301 §3.2",
        look=of_keys(_weak),
    ),
    DoctorRule(
        code="long-key",
        level=WARNING,
        says="An RSA key has more than 4096 bits.",
        why="Verifiers need not read it, and some do not.",
        remedy="make a key of 2048 bits under a new selector, and change over to it",
        source="RFC 8301 §3.2",
        look=of_keys(_long),
    ),
    DoctorRule(
        code="exponent",
        level=WARNING,
        says="An RSA key has another exponent than 65537.",
        why="A small one makes bad padding forgeable, a large one is refused by some verifiers.",
        remedy="make a new key with the usual exponent",
        source="RFC 6376 §3.3.2, §8.13",
        look=of_keys(_exponent),
    ),
    DoctorRule(
        code="testing",
        level=WARNING,
        says="The key is marked as being tested.",
        why="Verifiers treat what it signs as unsigned; it is often forgotten.",
        remedy="take t=y out when the tests are over",
        source="RFC 6376 §3.6.1 t=",
        look=of_keys(_testing),
    ),
    DoctorRule(
        code="hashes",
        level=ERROR,
        says="h= does not allow sha256.",
        why="sha1 is dead, and every signature in use today is made with sha256: all fail.",
        remedy="take h= out, or write h=sha256",
        source="RFC 8301 §3.1, RFC 6376 §3.6.1 h=",
        look=of_keys(_hashes),
    ),
    DoctorRule(
        code="service",
        level=ERROR,
        says="The key is not for mail.",
        why="Verifiers of mail pass over a record whose s= names other services only.",
        remedy="take s= out, or add email to it",
        source="RFC 6376 §3.6.1 s=",
        look=of_keys(_service),
    ),
    DoctorRule(
        code="granularity",
        level=ADVICE,
        says="The record has a g=.",
        why="Verifiers of today ignore it, and old ones read an empty one as: for no address.",
        remedy="take g= out",
        source="RFC 6376 appendix C.2",
        look=of_keys(_granularity),
    ),
    DoctorRule(
        code="line-breaks",
        level=WARNING,
        says="Line breaks stand in the record.",
        why="They are no white space there; strict verifiers refuse the record.",
        remedy="enter the record in one line",
        source="RFC 6376 §2.8",
        look=of_keys(_line_breaks),
    ),
    DoctorRule(
        code="no-version",
        level=ADVICE,
        says="The record does not begin with v=DKIM1.",
        why="It may be left out, but some checks do not see a key record without it.",
        remedy="begin the record with v=DKIM1;",
        source="RFC 6376 §3.6.1 v=",
        look=of_keys(_version),
    ),
)
