"""Signatures without bh=, as the drafts of 2005 have them: for archives, never by default."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from hypothesis import given
from hypothesis import strategies as st
from tests.crafting import KEY_NAME, craft

from avowal import Reason, Verification, Verifier, verify
from avowal.diagnose.explain import explain
from avowal.dkim.reasons import Caution
from avowal.dkim.rules import ARCHIVE, DEFAULT, PROFILES, Rules
from avowal.lookup import run
from avowal.message import Header, Message, split
from avowal.testing import RSA_1024, Zone, message, record_for

KEY = "jun2005.eng._domainkey.example.com"
ZONE = {KEY: record_for(RSA_1024), "MDaemon._domainkey.example.com": record_for(RSA_1024)}
HEAD = (
    b"From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: Draft  of\r\n  2005\r\n"
    b"Date: Tue, 31 May 2005 21:28:58 +0000\r\nMessage-ID: <1@example.com>\r\n"
)
BODY = b"Hi  Bob,\t \r\n\r\n .dot and   space\r\n\r\n\r\n"
POST = HEAD + b"\r\n" + BODY
# The tags of the slides of 2005, in their order; c= is added by each test.
SLIDES = (
    "a=rsa-sha1; q=dns; d=example.com; i=user@eng.example.com; s=jun2005.eng; "
    "c={form}; t=1117574938; x=1118006938; h=from:to:subject:date"
)


def canonical(head: bytes, body: bytes, form: str) -> tuple[dict[bytes, bytes], bytes]:
    """A slow second opinion: the fields by name and the body, in the words of the drafts."""
    header, _, of_body = form.partition("/")
    fields: dict[bytes, bytes] = {}
    for raw in re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]+\r\n)*", head):
        name, value = raw[:-2].split(b":", 1)
        if header == "simple":
            text = raw
        elif header == "relaxed":
            text = name.lower() + b":" + re.sub(rb"[ \t\r\n]+", b" ", value).strip() + b"\r\n"
        else:
            text = name.lower() + b":" + re.sub(rb"\s+", b"", value) + b"\r\n"
        fields[name.lower()] = text
    if header == "nowsp":
        return fields, re.sub(rb"[ \t\r\n]", b"", body)
    if of_body == "relaxed":
        body = re.sub(rb"[ \t]+(?=\r\n)", b"", body)
        body = re.sub(rb"[ \t]+", b" ", body)
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    return fields, b"" if body == b"\r\n" else body


def signed(
    form: str, *, body: bytes = BODY, tags: str = SLIDES, length: int | None = None
) -> bytes:
    """Sign as draft-allman-dkim-base-01 §3.8 says, step by step."""
    written = tags.format(form=form) + ("" if length is None else f"; l={length}")
    fields, rest = canonical(HEAD, body, form)
    own, _ = canonical(f"DKIM-Signature: {written}; b=\r\n".encode(), b"", form)
    names = re.search(r"h=([a-z:-]+)", written)
    assert names is not None
    data = b"".join(fields.get(name, b"") for name in names[1].encode().split(b":"))
    data += b"\r\n" + rest[:length] + b"\r\n" + own[b"dkim-signature"].removesuffix(b"\r\n")
    handle = RSA_1024._handle
    assert isinstance(handle, RSAPrivateKey)
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    value = base64.b64encode(handle.sign(digest, PKCS1v15(), Prehashed(hashes.SHA1())))
    return f"DKIM-Signature: {written}; b=".encode() + value + b"\r\n" + HEAD + b"\r\n" + body


def one(octets: bytes, rules: Rules = ARCHIVE) -> Verification:
    (verdict,) = verify(octets, ZONE, now=1_117_574_938, rules=rules)
    return verdict


FORMS = ("relaxed/simple", "simple/simple", "relaxed/relaxed", "simple", "relaxed", "nowsp")
BODIES = {
    "usual": BODY, "nothing": b"", "an-empty-line": b"\r\n", "no-line-end-needed": b"x\r\n",
    "white-space-alone": b" \t\r\n \r\n",
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("form", FORMS)
def test_an_archive_verifies_the_header_of_the_slides(form: str, body: bytes) -> None:
    verdict = one(signed(form, body=body))
    assert (verdict.passed, verdict.explanation) == (True, "the signature verifies")
    assert Caution.DRAFT in verdict.warnings
    assert (Caution.NOWSP in verdict.warnings) is (form == "nowsp")


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "archive"])
def test_no_other_profile_passes_it(name: str) -> None:
    verdict = one(signed("relaxed/simple"), PROFILES[name])
    assert (verdict.result, verdict.reason) == ("neutral", Reason.MISSING_TAG)


@pytest.mark.parametrize("form", FORMS)
def test_no_altered_octet_passes(form: str) -> None:
    """Every octet that is no white space, of the body, the signed fields and the tags."""
    octets = signed(form)
    value = octets.index(b"; b=") + 4
    end = octets.index(b"\r\n")
    unsigned = octets.index(b"Message-ID:"), octets.index(b"\r\n\r\n")
    for place, octet in enumerate(octets):
        if value <= place < end or unsigned[0] <= place < unsigned[1] or octet in b" \t\r\n:":
            continue
        changed = octets[:place] + bytes([octet ^ 1]) + octets[place + 1 :]
        verdicts = verify(changed, ZONE, now=0, rules=ARCHIVE)
        assert not any(verdict.passed for verdict in verdicts), octets[place - 9 : place + 9]


@given(st.binary(min_size=1, max_size=40))
def test_nothing_can_be_added_to_a_body(tail: bytes) -> None:
    for form in ("simple/simple", "nowsp"):
        _, before = canonical(HEAD, BODY, form)
        _, after = canonical(HEAD, BODY + tail, form)
        grown = signed(form) + tail
        if not tail.endswith(b"\n"):
            grown += b"\r\n"
            _, after = canonical(HEAD, BODY + tail + b"\r\n", form)
        assert one(grown).passed is (before == after)


@pytest.mark.parametrize(
    ("form", "passes"),
    [
        pytest.param("nowsp", True, id="nowsp-takes-no-note-of-it"),
        pytest.param("relaxed/relaxed", False, id="relaxed-does"),
    ],
)
def test_white_space_within_words(form: str, passes: bool) -> None:
    respaced = signed(form).replace(b"Hi  Bob,", b"H i\r\nBob,").replace(b" Alice", b" Al ice")
    assert one(respaced).passed is passes


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        pytest.param(
            signed("relaxed/nowsp"), Reason.CANONICALIZATION, id="nowsp-of-the-body-alone"
        ),
        pytest.param(signed("nowsp/nowsp"), Reason.CANONICALIZATION, id="nowsp-twice"),
        pytest.param(signed("nofws"), Reason.CANONICALIZATION, id="a-form-of-domainkeys"),
        pytest.param(
            signed("simple", tags="v=1; " + SLIDES), Reason.MISSING_TAG, id="v=1-without-bh"
        ),
        pytest.param(
            signed("simple", tags="v=0.2; " + SLIDES), Reason.MISSING_TAG, id="v=0.2-without-bh"
        ),
        pytest.param(
            signed("simple", tags=SLIDES.replace("from:", "")), Reason.FROM_NOT_SIGNED, id="no-from"
        ),
    ],
)
def test_what_no_draft_has_does_not_pass(octets: bytes, reason: Reason) -> None:
    assert one(octets).reason is reason


@pytest.mark.parametrize("method", ["q=dns/", "q=dns/txt"])
def test_the_query_method_may_be_written_in_three_ways(method: str) -> None:
    assert one(signed("simple", tags=SLIDES.replace("q=dns", method))).passed


def test_octets_behind_l_are_for_the_rules_to_judge() -> None:
    octets = signed("simple", length=4)
    assert one(octets).reason is Reason.UNSIGNED_CONTENT
    assert one(octets, ARCHIVE.but(accept_unsigned_content=True)).passed
    assert one(octets.replace(b"Bob", b"Rob"), ARCHIVE.but(accept_unsigned_content=True)).passed
    changed = octets.replace(b"Hi ", b"Ho ")
    assert one(changed, ARCHIVE.but(accept_unsigned_content=True)).reason is Reason.SIGNATURE
    assert one(signed("simple", length=400)).reason is Reason.BODY_LENGTH


def test_a_body_in_pieces_is_the_same_body() -> None:
    for form in FORMS:
        head, body = split(signed(form))
        verifier = Verifier(Header.parse(head), now=0, rules=ARCHIVE)
        for octet in bytes(body):
            verifier.feed(bytes([octet]))
        (verdict,) = verifier.finish(run(verifier.keys(), Zone(ZONE)))
        assert verdict.passed, form


def test_it_stands_beside_signatures_of_today_over_the_same_body() -> None:
    import avowal

    octets = signed("relaxed/relaxed")
    both = avowal.sign(octets, domain="example.com", selector="MDaemon", key=RSA_1024) + octets
    assert [v.passed for v in verify(both, ZONE, rules=ARCHIVE)] == [True, True]


def test_a_key_may_be_for_one_user_where_that_is_asked_for() -> None:
    zone = {KEY: record_for(RSA_1024) + "; g=other"}
    octets = signed("relaxed/simple")
    for rules, passes in ((ARCHIVE, True), (ARCHIVE.but(honor_granularity=True), False)):
        (verdict,) = verify(octets, zone, now=0, rules=rules)
        assert verdict.passed is passes
    zone = {KEY: record_for(RSA_1024) + "; g=us*"}
    (verdict,) = verify(octets, zone, now=0, rules=ARCHIVE.but(honor_granularity=True))
    assert verdict.passed


def test_a_hash_of_the_header_alone_speaks_for_no_body() -> None:
    """Mail::DKIM passes such a signature whatever the body is."""
    octets = craft(message(), RSA_1024, tags={"v": None, "bh": None, "a": "rsa-sha1"})
    (verdict,) = verify(octets, {KEY_NAME: record_for(RSA_1024)}, rules=ARCHIVE)
    assert verdict.reason is Reason.SIGNATURE


# What an implementation of the time makes of POST (Alt-N's libdkim 1.0.21, in the way of
# draft-allman-dkim-base-01), signed by our key.
LIBDKIM = {
    "relaxed/relaxed": """\
DKIM-Signature: a=rsa-sha1; c=relaxed/relaxed; d=example.com;
\ts=MDaemon; x=1796592693; i=user@eng.example.com; h=From:To:
\tSubject:Date:Message-ID; b=CKyD5wPIWqHXJPay/74YHl9Y/MRvxW3lbGudn
\tGZPLFuknLbCI8UV3d/0k+4ixSLRCx2oN/DWa9wC0tDmOqJ2jdtqnZ91t8T1STzir
\tUvSJ9PNu78K5JMjkSEangxHgKtI3mzmucqUZXX65U1WCL57+JSNvPqbm6UxnMBaM
\t6cPqIs=
""",
    "simple": """\
DKIM-Signature: a=rsa-sha1; c=simple; d=example.com; s=MDaemon;
\tx=1796592693; i=user@eng.example.com; h=From:To:Subject:Date:
\tMessage-ID; b=lkDhgdEbsPysoBg6HTQ6wDzVEp3xuZcZcqZCPwZJNbC/DAzXQz
\teIqapOJAfLeRTfEwNjsir9Yhw95A6gSuulD78lnaySdZfJ6I4g+3MMztvM7Q5Jjy
\tAtXR3iRE/Z7a7LvtqF75ZytaPHFyNPiV7R5llntdp2GYH932MCIHNMLVU=
""",
    "relaxed": """\
DKIM-Signature: a=rsa-sha1; c=relaxed; d=example.com; s=MDaemon;
\tx=1796592693; i=user@eng.example.com; h=From:To:Subject:Date:
\tMessage-ID; b=N1DDcEU8eEp0uF06JN4AI0CjLnNr+LocM4xsKGmXYviN1bAmGB
\tAO2oh/i7FQm8lxknyYyMxuTT0aSRIWxve7PNdAVPXRBxnYZW/NLS2r7Eq9i1tnQC
\t/FTvlKAkqyQ/oELWXy8CPcJAyHeOHrvnbCgxumPuenbeYlIVxKBd/UOSM=
""",
    "simple/relaxed": """\
DKIM-Signature: a=rsa-sha1; c=simple/relaxed; d=example.com;
\ts=MDaemon; x=1796592693; i=user@eng.example.com; h=From:To:
\tSubject:Date:Message-ID; b=DXKq60lGEunROH8e1CqxeTxdZbCAgpyTx8JSB
\tMBFgbzUdJ9EPwQ7mt8dmyu0Yx9WXG/aSzalWi0csnWkAhqj/nxl8I8AFs6Vpu6Hu
\t1AcVnpqWoYPDF0wIZ2pWl01SsAlbUwxk0eXZSI2XaLej5ITD2NxXrUMuK3p+zwf3
\tGUnnKY=
""",
}


@pytest.mark.parametrize("form", LIBDKIM)
def test_a_signature_of_libdkim_verifies(form: str) -> None:
    field = LIBDKIM[form].replace("\n", "\r\n").encode()
    assert one(field + POST).passed
    assert one(field + POST.replace(b"Bob", b"Rob")).reason is Reason.SIGNATURE
    assert not one(field + POST, DEFAULT).passed


def test_why_one_failed_is_not_searched_for() -> None:
    """There is no hash of the body alone that a proof could be compared with."""
    octets = signed("nowsp").replace(b"Bob", b"Rob")
    (found,) = explain(Message.parse(octets), [one(octets)])
    assert found.body_steps == ()
