"""What is counted of mail whose keys may be gone, and that nothing is judged a second way."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

import avowal
from avowal.authres.reader import read
from avowal.calls.arguments import read_header
from avowal.calls.examine import examine, examining
from avowal.dns.drivers import complete
from avowal.errors import UsageError
from avowal.examine.findings import Receiver, Want
from avowal.lookup import Resolver
from avowal.mailbox import Authors
from avowal.policy.assessment import Choice, Handling, PolicyGeneration
from avowal.simulation import tally as tally_module
from avowal.simulation.candidates import STANDARD, Case, candidates
from avowal.simulation.causes import Cause, cause_of, is_organization, organization
from avowal.simulation.evidence import BodyWitness, Bounds, Fate, fates
from avowal.simulation.plot import svg
from avowal.simulation.result import EFFECTS, simulation
from avowal.simulation.silence import Silence
from avowal.simulation.tally import Tally
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for, tamper

NOW = 1_795_500_000
KEYS = {
    "s1._domainkey.example.com": record_for(ED25519),
    "s2._domainkey.other.example": record_for(RSA_2048),
}


def signed(by: str = "example.com", octets: bytes | None = None) -> bytes:
    octets = message() if octets is None else octets
    key, selector = (ED25519, "s1") if by == "example.com" else (RSA_2048, "s2")
    return avowal.sign(octets, domain=by, selector=selector, key=key, now=NOW) + octets


def listed(octets: bytes) -> bytes:
    return b"List-Id: <l.other.example>\r\n" + octets


def told(
    octets: bytes, resolver: Resolver, trusted: tuple[str, ...] = ()
) -> tuple[Case, tuple[Fate, ...], Cause]:
    header, body = read_header(octets)
    witness = BodyWitness(header)
    call = examining(header, body, Receiver(), Want.DKIM, now=NOW, hasher=witness.hasher)
    found = complete(call, resolver)
    known = fates(found.dkim, witness, read(header, trusted=trusted).named("dkim"))
    authors = Authors.of(header)
    case = Case(header=header, authors=authors, bounds=Bounds.of(known))
    return case, tuple(one.fate for one in known), cause_of(header, authors, known)


RESULTS = b"Authentication-Results: mx.example.net; dkim=%s header.d=example.com\r\n"
OTHERS = b"Authentication-Results: mx.other.example; dkim=pass header.d=example.com\r\n"


@pytest.mark.parametrize(
    ("octets", "fate"),
    [
        pytest.param(signed(), Fate.OPEN, id="as-it-was-signed"),
        pytest.param(tamper(signed()), Fate.BROKEN, id="another-body"),
        pytest.param(RESULTS % b"pass" + signed(), Fate.RECORDED, id="a-trusted-host-saw-it-pass"),
        pytest.param(RESULTS % b"fail" + signed(), Fate.BROKEN, id="a-trusted-host-saw-it-fail"),
        pytest.param(RESULTS % b"temperror" + signed(), Fate.OPEN, id="it-could-not-tell-either"),
        pytest.param(OTHERS + signed(), Fate.OPEN, id="somebody-else-says-so"),
        pytest.param(
            RESULTS % b"pass" + tamper(signed()), Fate.BROKEN, id="the-body-changed-since"
        ),
    ],
)
def test_without_a_key_a_signature_is(octets: bytes, fate: Fate) -> None:
    assert told(octets, Silence(), ("mx.example.net",))[1] == (fate,)


@pytest.mark.parametrize("resolver", [Silence(), Zone({})], ids=["no-answer", "no-such-key"])
def test_a_key_that_is_gone_and_one_that_is_not_told_count_the_same(resolver: Resolver) -> None:
    assert told(signed(), resolver)[1] == (Fate.OPEN,)


def test_with_its_key_a_signature_is_what_it_is() -> None:
    assert told(signed(), Zone(KEYS))[1] == (Fate.PASSES,)
    assert told(tamper(signed(), "subject"), Zone(KEYS))[1] == (Fate.BROKEN,)


@pytest.mark.parametrize(
    ("octets", "cause"),
    [
        pytest.param(signed(), Cause.AUTHOR, id="whole"),
        pytest.param(listed(signed()), Cause.AUTHOR, id="a-list-that-changes-nothing"),
        pytest.param(listed(tamper(signed())), Cause.LIST, id="a-list-with-a-footer"),
        pytest.param(
            b"Resent-From: b@example.net\r\n" + tamper(signed()), Cause.FORWARD, id="resent"
        ),
        pytest.param(tamper(signed()), Cause.ALTERED, id="changed-on-the-way"),
        pytest.param(listed(message()), Cause.LIST_UNSIGNED, id="a-list-without-a-signature"),
        pytest.param(
            listed(signed("other.example")), Cause.LIST_UNSIGNED, id="the-list-alone-signed"
        ),
        pytest.param(signed("other.example"), Cause.THIRD_PARTY, id="others-signed"),
        pytest.param(message(), Cause.UNSIGNED, id="nobody-signed"),
        pytest.param(b"Subject: x\r\n\r\nx\r\n", Cause.NO_AUTHOR, id="no-author"),
    ],
)
def test_the_cause_is(octets: bytes, cause: Cause) -> None:
    assert told(octets, Silence())[2] is cause


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        pytest.param("mail.example.com", "example.com", id="below"),
        pytest.param("example.com", "example.com", id="itself"),
        pytest.param("a.b.example.co.uk", "example.co.uk", id="a-suffix-of-two-labels"),
        pytest.param("com", "com", id="a-suffix-belongs-to-nobody"),
    ],
)
def test_the_organization_of(name: str, owner: str) -> None:
    assert organization(name) == owner
    assert is_organization(name) is (name == owner and "." in name)


# -- nothing is judged a second way ------------------------------------------------------------

PUBLISHED: Mapping[str, tuple[PolicyGeneration, str, str]] = {
    "dmarc:reject": (PolicyGeneration.DMARC_2026, "_dmarc", "v=DMARC1; p=reject"),
    "dmarc:p=quarantine; adkim=s": (
        PolicyGeneration.DMARC_2026, "_dmarc", "v=DMARC1; p=quarantine; adkim=s",
    ),
    "2015:reject": (PolicyGeneration.DMARC_2015, "_dmarc", "v=DMARC1; p=reject"),
    "adsp:discardable": (PolicyGeneration.ADSP, "_adsp._domainkey", "dkim=discardable"),
    "adsp:all": (PolicyGeneration.ADSP, "_adsp._domainkey", "dkim=all"),
    "2007:strict": (PolicyGeneration.SSP_2007, "_ssp._domainkey", "dkim=strict"),
    "2005:!": (PolicyGeneration.SSP_2005, "_policy._domainkey", "o=!"),
    "2005:-": (PolicyGeneration.SSP_2005, "_policy._domainkey", "o=-"),
    "2005:.": (PolicyGeneration.SSP_2005, "_policy._domainkey", "o=."),
}  # fmt: skip
MESSAGES = {
    "author": signed(),
    "author-and-list": signed("other.example", listed(signed())),
    "list-alone": signed("other.example", listed(message())),
    "broken": tamper(signed()),
    "broken-and-list": signed("other.example", tamper(signed())),
    "nobody": message(),
}


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("written", PUBLISHED)
def test_a_candidate_asks_for_what_its_evaluation_asks_where_it_is_published(
    written: str, kind: str
) -> None:
    generation, place, record = PUBLISHED[written]
    zone = Zone({
        **KEYS, f"{place}.example.com": record, "example.com": {"MX": ["10 mx.example.com"]},
    })  # fmt: skip
    choice = Choice(generations=(generation,), handling=Handling.FULL)
    header, body = read_header(MESSAGES[kind])
    want = Want.DKIM | Want.POLICIES
    found = examine(header, body, Receiver(choice=choice), want, zone, now=NOW)
    assert found.policies is not None
    case, _, _ = told(MESSAGES[kind], Zone(KEYS))
    assert candidates([written])[0].effect(case).word == found.policies.disposition.value


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.parametrize("written", STANDARD)
def test_the_truth_lies_between_the_bounds(written: str, kind: str) -> None:
    """Whatever the keys say, the effect is one of the two that are counted without them."""
    (candidate,) = candidates([written])
    without = candidate.effect(told(MESSAGES[kind], Silence())[0])
    known = candidate.effect(told(MESSAGES[kind], Zone(KEYS))[0])
    assert known.least is known.most
    assert known.most in {without.least, without.most}
    assert without.least.severity <= without.most.severity


@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param("dmarc:refuse", "p=", id="no-policy-of-dmarc"),
        pytest.param("dmarc:", "p=", id="nothing-behind-the-colon"),
        pytest.param("2005:x", "none of", id="no-symbol"),
        pytest.param("2005:^", "none of", id="the-user's-own-needs-dns"),
        pytest.param("adsp:strict", "none of", id="a-word-of-another-year"),
        pytest.param("unsigned:accept", "an action is one of", id="no-action"),
        pytest.param("published", "give --zone", id="published-without-dns"),
        pytest.param("sometimes", "no policy to try", id="no-kind"),
        pytest.param("domainkeys:-", "no policy to try", id="not-offered"),
    ],
)
def test_what_is_no_policy_is_refused_with_what_to_write(written: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        candidates([written])


# -- counting ----------------------------------------------------------------------------------


def test_unsigned_mail_of_a_domain_that_signs_the_rest_looks_forged() -> None:
    tally = Tally()
    for _ in range(40):
        tally.add(["signs.example"], Cause.AUTHOR, [Fate.OPEN], ("open",))
    tally.add(["signs.example"], Cause.UNSIGNED, [], ("reject",))
    tally.add(["rare.example"], Cause.UNSIGNED, [], ("reject",))
    assert tally.counts() == {
        (Cause.AUTHOR, ("open",)): 40,
        (Cause.FORGERY_LIKE, ("reject",)): 1,
        (Cause.UNSIGNED, ("reject",)): 1,
    }
    assert tally.signing == 1


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["a.example", "b.example"]), max_size=2, unique=True),
            st.sampled_from(list(Cause)),
            st.sampled_from(EFFECTS),
        )
    )
)
def test_every_message_is_counted_once(
    messages: list[tuple[list[str], Cause, str]],
) -> None:
    tally = Tally()
    for owners, cause, effect in messages:
        tally.add(owners, cause, [], (effect,))
    assert sum(tally.counts().values()) == tally.messages == len(messages)
    found = simulation(tally, [("dmarc:reject", None)])
    assert sum(row.messages for row in found.outcomes[0].rows) == len(messages)
    assert all(sum(r.effects.values()) == r.messages for r in found.outcomes[0].rows)


def test_organizations_beyond_the_limit_are_counted_and_never_called_forged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tally_module, "MOST_DOMAINS", 1)
    tally = Tally()
    for _ in range(40):
        tally.add(["a.example"], Cause.AUTHOR, [], ("accept",))
        tally.add(["b.example"], Cause.AUTHOR, [], ("accept",))
    tally.add(["b.example"], Cause.UNSIGNED, [], ("reject",))
    assert tally.counts()[Cause.UNSIGNED, ("reject",)] == 1
    assert (tally.organizations, tally.beyond, tally.messages) == (1, 41, 81)


def test_a_plot_is_one_drawing_without_script_and_says_its_numbers() -> None:
    tally = Tally()
    for effect in EFFECTS:
        tally.add(["a.example"], Cause.LIST, [], (effect,))
    found = simulation(tally, [("dmarc:p=reject; x=<&>", "v=DMARC1; p=reject")])
    drawing = svg(found.outcomes[0])
    root = ET.fromstring(drawing)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names <= {
        "svg", "title", "desc", "style", "defs", "pattern", "rect", "line", "text",
    }  # fmt: skip
    assert "prefers-color-scheme:dark" in drawing
    assert "list: accept 1, open 1" in drawing
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")
