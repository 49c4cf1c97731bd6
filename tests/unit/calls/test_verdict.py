"""Is it really from whom it says?  The table row by row, and what stands below it."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import pytest
from tests.crafting import SIGNED_AT, craft

import avowal
from avowal import (
    Authenticity,
    Caution,
    Ground,
    Hint,
    Judgement,
    Rules,
    TrustedHost,
    UsageError,
    averdict,
    verdict,
)
from avowal.authres import AuthenticationResults, MethodResult
from avowal.errors import TruthError
from avowal.examine.judgement_rows import ROWS
from avowal.limits import Limits
from avowal.testing import ED25519, RSA_1024, Zone, message, record_for, tamper

NOT, OPEN, YES = Authenticity
REJECT, QUARANTINE, NONE = (f"v=DMARC1; p={word}" for word in ("reject", "quarantine", "none"))
FULL: Final = {"h": "from:to:cc:subject:date:reply-to:mime-version:content-type:message-id"}
KEY: Final = record_for(ED25519)
CLIENT: Final[dict[str, Any]] = {"client": "192.0.2.1", "helo": "mx.example.com"}
HERE: Final = {**CLIENT, "mail_from": "bounce@example.com"}
KEYS: Final[dict[str, Any]] = {
    **{
        f"s1._domainkey.{domain}": KEY
        for domain in ("example.com", "mail.example.com", "other.example", "co.uk", "localhost")
    },
    "s1._domainkey.sealer.example": record_for(RSA_1024),
    "t._domainkey.example.com": KEY + "; t=y",
    "late._domainkey.example.com": "SERVFAIL",
    "late._domainkey.other.example": "SERVFAIL",
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"], "A": ["192.0.2.1"]},
    "slow.example": {"TXT": "SERVFAIL", "A": ["192.0.2.2"]},
}


def zone(policy: str | None = None, **more: Any) -> dict[str, Any]:
    published = {} if policy is None else {"_dmarc.example.com": policy}
    return {**KEYS, **published, **more}


def judged(octets: bytes, policy: str | None = None, /, **options: Any) -> Judgement:
    options.setdefault("now", SIGNED_AT + 60)
    return verdict(octets, zone(policy, **options.pop("dns", {})), **options)


def signed(octets: bytes | None = None, /, **tags: str | None) -> bytes:
    return craft(message() if octets is None else octets, tags={**FULL, **tags})


def sealed(octets: bytes, said: str = "example.com", domain: str = "sealer.example") -> bytes:
    """A message with an ARC set whose results say that an author passed DMARC."""
    passed = MethodResult("dmarc", "pass", properties=(("header.from", said),))
    fields = avowal.seal(
        octets, zone(), authserv_id=domain, domain=domain, selector="s1", key=RSA_1024,
        results=AuthenticationResults(domain, (passed,)), now=SIGNED_AT,
    )  # fmt: skip
    return fields + octets


FORGED: Final = message()
CHANGED: Final = tamper(signed())
FLOOD: Final = b"".join(b"X-%d: y\r\n" % n for n in range(60))
TIGHT: Final = {"limits": Limits(header_fields=50)}
ARC: Final = {"accept_trusted_arc": ("sealer.example",)}
SUSPECT: Final = '"ceo@bank.example" <alice@example.com>'
BOTH: Final = "alice@example.com, bob@other.example"


def from_(value: str) -> bytes:
    return message(**{"from": value})


ROWS_BY_EXAMPLE: list[Any] = [
    # 1: who is shown cannot be told
    ("1-too-large", FLOOD + signed(), NONE, TIGHT, OPEN, Ground.TOO_LARGE),
    ("1-too-large-of-a-strict-domain", FLOOD + signed(), REJECT, TIGHT, NOT, None),
    ("1-several-from", b"From: eve@other.example\r\n" + FORGED, NONE, {}, OPEN, Ground.AMBIGUOUS),
    ("1-several-from-strict", b"From: eve@other.example\r\n" + FORGED, REJECT, {}, NOT, None),
    ("1-several-from-all-signed",
     craft(b"From: b@example.com\r\n" + message(), tags={"h": "from:from:from:subject:date:to:"
           "mime-version:content-type"}), REJECT, {}, OPEN, Ground.AMBIGUOUS),
    ("1-readers-disagree", signed(from_("<a@other.example..example.com>")), None, {}, OPEN,
     Ground.AMBIGUOUS),
    ("1-an-author-without-a-domain", signed(from_("a@[192.0.2.1], b@example.com")), None, {},
     OPEN, Ground.AMBIGUOUS),
    ("1-no-from", message(**{"from": None}), None, {}, OPEN, Ground.NO_AUTHOR),
    ("1-two-addresses-in-a-broken-field", signed(from_("ceo@example.com <a@example.com>")), None,
     {}, OPEN, Ground.AMBIGUOUS),
    ("1-more-authors-than-are-asked",
     signed(from_(", ".join(f"a@n{n}.example" for n in range(20)) + ", a@example.com")), None, {},
     NOT, Ground.TOO_MANY_AUTHORS),
    # 2: another address in the name
    ("2-quoted", signed(from_(SUSPECT)), None, {}, OPEN, Ground.IMPERSONATES),
    ("2-encoded", signed(from_("=?utf-8?q?ceo=40bank.example?= <alice@example.com>")), None, {},
     OPEN, Ground.IMPERSONATES),
    ("2-encoded-in-another-charset",
     signed(from_("=?iso-2022-jp?b?Y2VvGyRCIXcbKEJiYW5rLmV4YW1wbGU=?= <alice@example.com>")), None,
     {}, OPEN, Ground.IMPERSONATES),
    ("2-in-a-comment", signed(from_("alice@example.com (ceo@bank.example)")), None, {}, OPEN,
     Ground.IMPERSONATES),
    ("2-wide-letters", signed(from_("ceo\uff20bank.example <alice@example.com>")), None, {}, OPEN,
     Ground.IMPERSONATES),
    ("2-behind-too-much-to-look-at",
     signed(from_('"' + "@" * 1001 + ' ceo@bank.example" <alice@example.com>')), None, {}, OPEN,
     Ground.IMPERSONATES),
    ("2-unsigned-of-a-strict-domain", from_(SUSPECT), REJECT, {}, NOT, Ground.UNSIGNED),
    ("2-not-its-own-address", signed(from_('"alice@example.com" <alice@example.com>')), None, {},
     YES, Ground.SIGNED),
    ("2-not-another-address-of-the-organization",
     signed(from_('"list@lists.example.com" <alice@mail.example.com>'), d="mail.example.com"),
     NONE, {}, YES, Ground.SIGNED),
    ("2-not-a-word-behind-an-at", signed(from_('"Alice @ work" <alice@example.com>')), None, {},
     YES, Ground.SIGNED),
    # 3: an aligned signature over all that is shown
    ("3-equal-name", signed(), None, {}, YES, Ground.SIGNED),
    ("3-equal-name-strict-policy", signed(), REJECT, {}, YES, Ground.SIGNED),
    ("3-by-the-organization", signed(from_("a@mail.example.com"), d="example.com"), REJECT, {},
     YES, Ground.SIGNED),
    ("3-not-by-the-parent-without-a-policy",
     signed(from_("a@mail.example.com"), d="example.com"), None, {}, OPEN, Ground.UNSIGNED),
    ("3-not-where-alignment-is-strict", signed(from_("a@mail.example.com"), d="example.com"),
     REJECT + "; adkim=s", {}, NOT, Ground.UNALIGNED),
    ("3-policy-does-not-answer", signed(), "SERVFAIL", {}, YES, Ground.SIGNED),
    ("3-both-authors", signed(signed(from_(BOTH), d="other.example")), None, {}, YES,
     Ground.SIGNED),
    ("3-not-one-author-alone", signed(from_(BOTH)), None, {}, OPEN, Ground.UNSIGNED),
    ("3-a-length-that-covers-all", signed(l="24"), None, {}, YES, Ground.SIGNED),
    # 4: it covers less
    ("4-no-subject", signed(h="from:to:date:mime-version:content-type"), None, {}, OPEN,
     Ground.WEAKLY_COVERED),
    ("4-no-date", signed(h="from:to:subject:mime-version:content-type"), None, {}, OPEN,
     Ground.WEAKLY_COVERED),
    ("4-no-content-type", signed(h="from:to:subject:date:mime-version"), REJECT, {}, OPEN,
     Ground.WEAKLY_COVERED),
    ("4-not-where-accepted", signed(h="from:to:subject:date:mime-version"), REJECT,
     {"accept_unsigned": ("Content-Type",)}, YES, Ground.SIGNED),
    ("4-part-of-the-body", signed(l="10"), None,
     {"rules": Rules(accept_unsigned_content=True)}, OPEN, Ground.WEAKLY_COVERED),
    ("4-added-under-loose-rules", b"Subject: free\r\n" + signed(), None,
     {"rules": Rules(sole_fields=frozenset(), once_fields=frozenset())}, OPEN,
     Ground.WEAKLY_COVERED),
    ("4-testing", signed(s="t"), None, {}, OPEN, Ground.WEAKLY_COVERED),
    ("4-lines-that-are-no-fields", b"what is this\r\n" + signed(), None, {}, OPEN,
     Ground.WEAKLY_COVERED),
    ("4-bare-line-breaks", b"X-A: b\rSubject: free\r\n" + signed(), None, {"line_ends": "wire"},
     OPEN, Ground.WEAKLY_COVERED),
    # 5: a chain of trusted sealers
    ("5-trusted", sealed(FORGED), REJECT, ARC, YES, Ground.ARC),
    ("5-not-unless-asked-for", sealed(FORGED), REJECT, {}, NOT, Ground.UNSIGNED),
    ("5-not-another-sealer", sealed(FORGED), REJECT, {"accept_trusted_arc": ("x.example",)}, NOT,
     Ground.UNSIGNED),
    ("5-not-for-another-author", sealed(FORGED, "other.example"), REJECT, ARC, NOT,
     Ground.UNSIGNED),
    ("5-not-when-changed-since", tamper(sealed(FORGED)), REJECT, ARC, NOT, Ground.UNSIGNED),
    # 6: the connection alone
    ("6-spf-only", FORGED, REJECT, HERE, OPEN, Ground.SPF_ONLY),
    ("6-spf-only-without-a-policy", FORGED, None, HERE, OPEN, Ground.SPF_ONLY),
    ("6-accepted", FORGED, REJECT, {**HERE, "accept_spf": True}, YES, Ground.SPF),
    ("6-not-of-another-domain", FORGED, REJECT,
     {**CLIENT, "mail_from": "x@other.example", "accept_spf": True}, NOT, Ground.UNSIGNED),
    # 7: DNS
    ("7-key", signed(s="late"), REJECT, {}, OPEN, Ground.DNS),
    ("7-key-without-a-policy", signed(s="late"), None, {}, OPEN, Ground.DNS),
    ("7-policy", FORGED, "SERVFAIL", {}, OPEN, Ground.DNS),
    ("7-spf", from_("a@slow.example"), None, {**CLIENT, "mail_from": "a@slow.example"}, OPEN,
     Ground.DNS),
    ("7-not-an-unaligned-key", signed(s="late", d="other.example"), REJECT, {}, NOT,
     Ground.UNSIGNED),
    # 8: the policy in force
    ("8-unsigned", FORGED, REJECT, {}, NOT, Ground.UNSIGNED),
    ("8-quarantine", FORGED, QUARANTINE, {}, NOT, Ground.UNSIGNED),
    ("8-broken", CHANGED, REJECT, {}, NOT, Ground.BROKEN),
    ("8-unaligned", signed(d="other.example"), REJECT, {}, NOT, Ground.UNALIGNED),
    ("8-sp", from_("a@mail.example.com"), NONE + "; sp=reject", {}, NOT, Ground.UNSIGNED),
    ("8-np", from_("a@gone.example.com"), NONE + "; np=reject", {}, NOT, Ground.UNSIGNED),
    ("8-t=y-makes-reject-quarantine", FORGED, REJECT + "; t=y", {}, NOT, Ground.UNSIGNED),
    ("8-not-quarantine-with-t=y", FORGED, QUARANTINE + "; t=y", {}, OPEN, Ground.UNSIGNED),
    ("8-a-list-softens-nothing", b"List-Id: <l.lists.example>\r\n" + CHANGED, REJECT, {}, NOT,
     Ground.BROKEN),
    ("8-of-one-author", signed(from_(BOTH), d="other.example"), REJECT, {}, NOT,
     Ground.UNALIGNED),
    # 9 and 10: nobody asks for anything
    ("9-broken", CHANGED, NONE, {}, OPEN, Ground.BROKEN),
    ("9-broken-without-a-policy", CHANGED, None, {}, OPEN, Ground.BROKEN),
    ("10-unsigned", FORGED, NONE, {}, OPEN, Ground.UNSIGNED),
    ("10-signed-by-others", signed(d="other.example"), None, {}, OPEN, Ground.UNSIGNED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "octets", "policy", "options", "answer", "ground"),
    [
        pytest.param(None if "-not-" in name else int(name.partition("-")[0]), *rest, id=name)
        for name, *rest in ROWS_BY_EXAMPLE
    ],
)
def test_the_first_row_that_applies_gives_the_answer(  # noqa: PLR0917 - a table's columns
    row: int | None,  # None where the example shows that it does not apply
    octets: bytes,
    policy: str | None,
    options: dict[str, Any],
    answer: Authenticity,
    ground: Ground | None,
) -> None:
    found = judged(octets, policy, **options)
    assert found.answer is answer, found
    assert ground is None or found.ground is ground
    assert row is None or found.row == row


def test_every_row_of_the_table_has_an_example() -> None:
    named = {int(name.partition("-")[0]) for name, *_ in ROWS_BY_EXAMPLE}
    assert named == {row.number for row in ROWS} == set(range(1, 11))


def test_the_rows_stand_in_the_order_of_the_table() -> None:
    numbers = [row.number for row in ROWS]
    assert numbers == sorted(numbers)


WEAK: Final = {"h": "from:to:date:mime-version:content-type"}


@pytest.mark.parametrize(
    ("octets", "options", "by"),
    [
        pytest.param(signed(**WEAK), {**HERE, "accept_spf": True}, "spf", id="weak-spf"),
        pytest.param(sealed(signed(**WEAK)), ARC, "arc", id="weak-arc"),
        pytest.param(
            signed(t=str(SIGNED_AT - 99)), {**HERE, "accept_spf": True, "max_age": 60}, "spf",
            id="old-spf",
        ),
        pytest.param(sealed(signed(t=str(SIGNED_AT - 99))), {**ARC, "max_age": 60}, "arc",
                     id="old-arc"),
    ],
)  # fmt: skip
def test_what_is_accepted_counts_beside_a_weak_or_old_signature(
    octets: bytes, options: dict[str, Any], by: str
) -> None:
    """Else breaking that signature would raise the answer (law L2)."""
    assert judged(octets, REJECT, **options).by == by


# -- below the table ----------------------------------------------------------------------


def test_a_whole_answer_names_who_vouches_and_what_is_covered() -> None:
    found = judged(signed(message(reply_to="alice@example.com")), REJECT)
    assert found.authentic
    assert (found.author, found.domain, found.display_name) == (
        "alice@example.com", "example.com", "Alice",
    )  # fmt: skip
    assert (found.by, found.age, found.row) == ("dkim", 60, 3)
    assert set(found.covered) == {
        "from", "to", "subject", "date", "reply-to", "mime-version", "content-type", "message-id",
    }  # fmt: skip
    assert found.reply_to_proven
    assert found.hints == ()


def test_spf_covers_nothing() -> None:
    found = judged(message(reply_to="eve@evil.example"), REJECT, **HERE, accept_spf=True)
    assert (found.by, found.covered, found.reply_to_proven) == ("spf", (), False)


def test_an_unsigned_reply_to_is_not_proven() -> None:
    octets = b"Reply-To: eve@evil.example\r\n" + signed(
        h="from:to:subject:date:mime-version:content-type"
    )
    found = judged(octets)
    assert found.authentic
    assert not found.reply_to_proven


@pytest.mark.parametrize(
    ("octets", "options", "hints"),
    [
        pytest.param(signed(), {}, (), id="none"),
        pytest.param(
            signed(h="from:subject:date:mime-version:content-type"), {}, (Hint.TO_UNSIGNED,),
            id="to-unsigned",
        ),
        pytest.param(
            b"Cc: all@example.net\r\n"
            + signed(h="from:to:subject:date:mime-version:content-type"),
            {}, (Hint.CC_UNSIGNED,), id="cc-unsigned",
        ),
        pytest.param(
            signed(), {"recipients": ("eve@example.net",)}, (Hint.NOT_NAMED,), id="not-named"
        ),
        pytest.param(signed(), {"recipients": ("BOB@example.net",)}, (), id="named"),
        pytest.param(
            signed(message(date=None), t=None), {}, (Hint.NO_AGE,), id="no-age"
        ),
    ],
)  # fmt: skip
def test_replays_are_named_by_hints(
    octets: bytes, options: dict[str, Any], hints: tuple[Hint, ...]
) -> None:
    found = judged(octets, **options)
    assert found.authentic
    assert found.hints == hints


@pytest.mark.parametrize(
    ("octets", "seconds", "ground"),
    [
        pytest.param(signed(), 60, Ground.SIGNED, id="young"),
        pytest.param(signed(), 59, Ground.OLD, id="old"),
        pytest.param(
            signed(message(date="Tue, 14 Nov 2023 22:13:20 +0000"), t=None), 60, Ground.SIGNED,
            id="by-its-signed-date",
        ),
        pytest.param(signed(message(date=None), t=None), 60, Ground.OLD, id="of-unknown-age"),
        pytest.param(signed(t=str(SIGNED_AT + 9999)), 60, Ground.OLD, id="of-the-future"),
    ],
)  # fmt: skip
def test_what_is_older_than_the_program_accepts_is_open(
    octets: bytes, seconds: int, ground: Ground
) -> None:
    assert judged(octets, max_age=seconds).ground is ground


@pytest.mark.parametrize(
    ("domain", "dns"),
    [
        pytest.param("localhost", {}, id="single-label"),
        pytest.param("co.uk", {}, id="of-the-list"),
        pytest.param(
            "psd.example", {"_dmarc.psd.example": "v=DMARC1; p=reject; psd=y",
                            "s1._domainkey.psd.example": KEY}, id="by-its-own-word",
        ),
    ],
)  # fmt: skip
def test_a_public_suffix_is_never_authentic(domain: str, dns: dict[str, Any]) -> None:
    octets = signed(from_(f"a@{domain}"), d=domain)
    found = judged(octets, dns=dns, rules=Rules(accept_single_label=True))
    assert (found.answer, found.ground) == (OPEN, Ground.PUBLIC_SUFFIX)


@pytest.mark.parametrize("practices", ["dkim=discardable", "dkim=all"])
def test_older_practices_never_count(practices: str) -> None:
    dns = {"_adsp._domainkey.example.com": practices, "_policy._domainkey.example.com": "o=!"}
    assert judged(FORGED, dns=dns) == judged(FORGED)


def test_of_equal_answers_the_one_that_time_does_not_mend_is_told() -> None:
    octets = craft(from_(BOTH), tags={**FULL, "s": "late"})
    assert judged(octets).ground is Ground.UNSIGNED
    assert not judged(octets).temporary


def test_of_several_passing_signatures_the_one_that_covers_all_counts() -> None:
    weak = signed(signed(), h="from")
    strong = signed(signed(h="from"))
    for octets in (weak, strong):
        assert judged(octets).ground is Ground.SIGNED


def test_a_testing_key_is_a_warning() -> None:
    assert Caution.TESTING in judged(signed(s="t")).warnings


def test_a_chain_names_its_sealers_whoever_vouches() -> None:
    assert judged(sealed(signed())).forwarded_by == ("sealer.example",)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("=?utf-8?q?J=C3=BCrgen?= <a@example.com>", "Jürgen"),
        ('"Doe, \\"J\\"" <a@example.com>', 'Doe, "J"'),
        ("=?no-such?q?x=FF?= <a@example.com>", "=?no-such?q?x=FF?="),
        ("=?utf-8?b?Q?= <a@example.com>", "=?utf-8?b?Q?="),
        ("=?utf-8?q?a=1B[31m?= <a@example.com>", "a\\x1b[31m"),
        ("a@example.com", ""),
        ('"' + "x" * 300 + '" <a@example.com>', "x" * 200 + "…"),
    ],
)
def test_the_display_name_is_text_for_people(written: str, shown: str) -> None:
    assert judged(from_(written)).display_name == shown


@pytest.mark.parametrize("value", [signed(), CHANGED])
def test_neither_the_judgement_nor_its_answer_has_a_truth(value: bytes) -> None:
    found = judged(value)
    for one in (found, found.answer):
        with pytest.raises(TruthError):
            bool(one)


def test_the_answers_are_ordered() -> None:
    assert [answer.rank for answer in (NOT, OPEN, YES)] == [0, 1, 2]


def test_every_explanation_is_a_sentence_that_names_the_domain() -> None:
    assert judged(FORGED, REJECT).explanation.startswith("example.com: ")
    assert judged(b"X: y\r\n\r\n").explanation == Ground.NO_AUTHOR.sentence


async def test_the_asynchronous_twin_agrees() -> None:
    for octets in (signed(), CHANGED, FORGED):
        given = {"now": SIGNED_AT + 60, **HERE}
        found = await averdict(octets, Zone(zone(REJECT)), **given)
        assert found == verdict(octets, zone(REJECT), **given)


@pytest.mark.parametrize("octets", [b"", b"\r\n", b"\x00\xff", b"From\r\n", b"From: @\r\n\r\n"])
def test_no_octets_make_it_raise(octets: bytes) -> None:
    assert judged(octets, **HERE).answer is OPEN


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"client": "192.0.2.1"}, "mail_from"),
        ({"mail_from": "a@b.example"}, "client"),
        ({"client": "mx.example.com", "mail_from": ""}, "no IP address"),
        ({"accept_trusted_arc": "sealer.example"}, "collection"),
        ({"accept_trusted_arc": ["-"]}, "no domain"),
        ({"accept_unsigned": ["From"]}, "none of"),
        ({"accept_spf": 1}, "accept_spf"),
        ({"max_age": "1d"}, "max_age"),
        ({"recipients": "bob@example.net"}, "collection"),
        ({"trusted": "mx.example.org"}, "TrustedHost"),
    ],
)
def test_wrong_arguments_get_a_sentence(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        verdict(FORGED, {}, **options)


# -- a host of one's own ------------------------------------------------------------------

BORDER: Final = TrustedHost(authserv_id="mx.example.org", own_hops=0, removes_forgeries=True)
SAID: Final = b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=example.com\r\n"


@pytest.mark.parametrize(
    ("octets", "trusted", "ground"),
    [
        pytest.param(SAID + FORGED, BORDER, Ground.SPF, id="believed"),
        pytest.param(SAID + FORGED, None, Ground.UNSIGNED, id="not-without-the-promise"),
        pytest.param(b"Received: x\r\n" + SAID + FORGED, BORDER, Ground.UNSIGNED, id="below-a-hop"),
        pytest.param(
            b"Received: x\r\n" + SAID + FORGED, dataclasses.replace(BORDER, own_hops=1),
            Ground.SPF, id="below-a-hop-of-ours",
        ),
        pytest.param(
            SAID.replace(b"mx.", b"my.") + FORGED, BORDER, Ground.UNSIGNED, id="of-another-id"
        ),
    ],
)  # fmt: skip
def test_what_the_border_found_of_spf_counts_where_it_promises(
    octets: bytes, trusted: TrustedHost | None, ground: Ground
) -> None:
    assert judged(octets, REJECT, trusted=trusted, accept_spf=True).ground is ground


@pytest.mark.parametrize(
    "given",
    [
        {"authserv_id": "mx.example.org", "own_hops": 0, "removes_forgeries": False},
        {"authserv_id": "", "own_hops": 0, "removes_forgeries": True},
        {"authserv_id": "mx.example.org", "own_hops": -1, "removes_forgeries": True},
    ],
)
def test_without_the_promise_nobody_is_trusted(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="removes_forgeries=True"):
        TrustedHost(**given)
