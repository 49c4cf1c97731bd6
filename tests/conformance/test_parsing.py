"""The cases of single parsers and forms: canon, tag lists, signature fields, key records,
dkim-quoted-printable, and the emptying of b=.

Hard cases must hold; docs/conformance-judgements.md holds our answer to the others, which is
`error`, `ok`, or the octets in base64.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.cases import Case, decisions, params, undecided

from avowal import quoted
from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.algorithms import ALGORITHMS, of_key_type
from avowal.dkim import acceptance
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.key import KeyRecord
from avowal.dkim.rules import DEFAULT
from avowal.dkim.signature import Signature
from avowal.errors import SyntaxFault
from avowal.message import Field, Header, Message
from avowal.taglist import TagList, TagListFault, colon_list

KINDS = (
    "canon",
    "dkim-qp-decode",
    "key-applies",
    "keyrecord-parse",
    "sigheader-parse",
    "sigheader-strip-b",
    "taglist-equal",
    "taglist-parse",
)
NAME = b"DKIM-Signature:"


def decided(case: Case) -> str | None:
    """Our listed answer to a case; None for a hard one."""
    answer = decisions(case.kind).get(case.id)
    assert answer is not None or case.judgement is None, "a judgement without a decision"
    return answer


def answer_of(call: Callable[[], Any]) -> str:
    """`error` when the parser refuses, the octets in base64 when there are some, else `ok`."""
    try:
        value = call()
    except SyntaxFault:
        return "error"
    return base64.b64encode(value).decode() if isinstance(value, bytes) else "ok"


def expected(case: Case) -> str:
    """The answer a case asks for, or ours where we decided otherwise."""
    answer = decided(case)
    if answer is not None:
        return answer
    if case.expect.get("error"):
        return "error"
    output = case.expect.get("output_b64")
    return "ok" if output is None else str(output)


# --- canonical forms ------------------------------------------------------------------------------


def canonical_body(octets: bytes, form: str, chunks: list[int] | None) -> bytes:
    made: list[bytes] = []
    canonicalizer = BODY_FORMS[form](lambda piece: made.append(bytes(piece)))
    for size in chunks or [len(octets)]:
        canonicalizer.feed(octets[:size])
        octets = octets[size:]
    canonicalizer.finish()
    return b"".join(made)


def canonical_header(octets: bytes, form: str) -> bytes:
    fields = Header.parse(octets)
    return b"".join(HEADER_FORMS[form](*f) + b"\r\n" for f in fields if f.colon >= 0)


def canonical(case: Case) -> bytes:
    what, form = case.options["what"], case.options.get("algorithm", "simple")
    octets = case.octets
    if what == "truncate":
        return octets[: case.options["l"]]
    if what.startswith("message"):
        message = Message.parse(octets)
        octets = message.body if what == "message-body" else message.header.octets
    if what.endswith("body"):
        return canonical_body(octets, form, case.options.get("chunks"))
    return canonical_header(octets, form)


@pytest.mark.parametrize("case", params("canon"))
def test_the_canonical_octets_and_their_digests_are_the_expected_ones(case: Case) -> None:
    made = canonical(case)
    for name in ("sha1", "sha256"):
        if f"{name}_b64" in case.expect:
            digest = hashlib.new(name, made, usedforsecurity=False).digest()
            assert base64.b64encode(digest).decode() == case.expect[f"{name}_b64"]
    if decided(case) is not None or "output_b64" in case.expect:
        assert base64.b64encode(made).decode() == expected(case)


@pytest.mark.parametrize("case", [p for p in params("canon") if "/l-tag" in p.id])
def test_a_length_cuts_what_is_hashed(case: Case) -> None:
    hasher = BodyHasher()
    hashed = hasher.register("simple", "sha256", case.options["l"])
    hasher.feed(case.octets)
    hasher.finish()
    assert hashed.digest == hashlib.sha256(base64.b64decode(case.expect["output_b64"])).digest()


# --- tag lists ------------------------------------------------------------------------------------


def values(tags: TagList) -> dict[str, str]:
    return {tag.name: tag.value.decode() for tag in tags}


@pytest.mark.parametrize("case", params("taglist-parse"))
def test_a_tag_list_reads_as_the_case_says(case: Case) -> None:
    assert answer_of(lambda: TagList.parse(case.octets)) == expected(case)
    if case.expect["tags"] is not None:
        tags = values(TagList.parse(case.octets))
        wanted = case.expect["tags"]
        read = {name: tags[name] for name in wanted} if case.expect.get("partial") else tags
        assert read == wanted


@pytest.mark.parametrize("case", params("taglist-equal"))
def test_two_spellings_of_a_tag_list_say_the_same_or_not(case: Case) -> None:
    if decided(case) is not None:
        assert answer_of(lambda: TagList.parse(case.octets)) == decided(case)
        return
    one, other = (values(TagList.parse(o)) for o in (case.octets, case.options["other"].encode()))
    assert (one == other) == case.expect["equal"]


@pytest.mark.parametrize("case", params("sigheader-strip-b"))
def test_emptying_b_leaves_every_other_octet_in_place(case: Case) -> None:
    field = Field.of(NAME + case.octets)
    try:
        tags = TagList.parse(field.value)
    except TagListFault:  # what is malformed is emptied as far as it can be read
        tags = TagList.salvage(field.value)
    stripped = tags.without_value("b") if "b" in tags else field.value
    assert base64.b64encode(stripped).decode() == expected(case)


@pytest.mark.parametrize("case", params("dkim-qp-decode"))
def test_dkim_quoted_printable_decodes_as_the_case_says(case: Case) -> None:
    said = answer_of(lambda: quoted.decode(case.octets))
    assert said == expected(case)


# --- signature fields -----------------------------------------------------------------------------


def acceptable(signature: Signature) -> Signature:
    """What needs no key and no clock: RFC 6376 §6.1.1."""
    header = Header.parse(b"From: a@example.com\r\n")
    circumstances = acceptance.Circumstances(header, DEFAULT, None)
    problem = acceptance.first_problem(acceptance.BEFORE_KEY, signature, circumstances)
    if problem is not None:
        raise SyntaxFault(0, str(problem[0]))
    return signature


def signature_field(case: Case) -> Field:
    """The field of a case; LF line ends are those of a stored message."""
    octets = case.octets
    if b"\r\n" not in octets:
        octets = octets.replace(b"\n", b"\r\n")
    return Field.of(NAME + octets)


def with_canonicalization(value: str | None) -> bytes:
    tags = "v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=aGFzaA==; b=c2ln"
    return NAME + tags.encode() + (b"" if value is None else b"; c=" + value.encode())


@pytest.mark.parametrize("case", params("sigheader-parse"))
def test_a_signature_field_reads_as_the_case_says(case: Case) -> None:
    if "tag" in case.options:
        field = Field.of(with_canonicalization(case.options["value"]))
    else:
        field = signature_field(case)
    said = answer_of(lambda: acceptable(Signature.parse(field)))
    assert said == expected(case)
    if case.expect.get("header") is not None:
        read = Signature.parse(field)
        assert (read.header_canon, read.body_canon) == (case.expect["header"], case.expect["body"])


def as_mapping(signature: Signature) -> dict[str, Any]:
    """A signature in the words of the `tags` of a case."""
    b64 = lambda octets: base64.b64encode(octets).decode()  # noqa: E731 - used twice below
    return {
        "v": 1,
        "a": signature.algorithm,
        "b": b64(signature.signature),
        "bh": b64(signature.body_hash),
        "c": f"{signature.header_canon}/{signature.body_canon}",
        "d": str(signature.domain),
        "h": [name.decode() for name in signature.signed_names],
        "i": "" if signature.identity is None else str(signature.identity),
        "l": signature.body_length or 0,
        "s": str(signature.selector),
        "t": signature.timestamp or 0,
        "x": signature.expiration or 0,
        "z": [(name + b":" + value).decode() for name, value in signature.copied_fields],
    }


@pytest.mark.parametrize(
    "case",
    [
        p
        for p in params("sigheader-parse")
        if p.values[0] is None or (p.values[0].expect.get("tags") and not p.values[0].judgement)
    ],
)
def test_every_tag_of_a_signature_field_has_the_value_the_case_says(case: Case) -> None:
    read = as_mapping(Signature.parse(signature_field(case)))
    wanted = dict(case.expect["tags"])
    wanted["h"] = [name.lower() for name in wanted["h"]]
    assert {name: read[name] for name in wanted} == wanted


# --- key records ----------------------------------------------------------------------------------


def usable(case: Case) -> KeyRecord:
    """Read a record as far as the test of its source did."""
    record = KeyRecord.parse(case.octets)
    if record.revoked:
        raise SyntaxFault(0, "revoked")
    if "validate() ok" in case.expect["original"] or "getAcc" in case.expect["original"]:
        return record  # jDKIM's validate() looks at the tags and leaves p= alone
    algorithm = of_key_type(record.key_type)
    if algorithm is None:
        raise SyntaxFault(0, "unknown k=")
    record.public_key(algorithm)
    return record


@pytest.mark.parametrize("case", params("keyrecord-parse"))
def test_a_key_record_reads_as_the_case_says(case: Case) -> None:
    assert answer_of(lambda: usable(case)) == expected(case)
    if expected(case) == "error":
        return
    record = KeyRecord.parse(case.octets)
    if "testing" in case.expect:
        assert record.testing == case.expect["testing"]
        assert record.forbids_subdomains == case.expect["strict_domain"]
    if "modulus" in case.expect:
        key = record.public_key(ALGORITHMS["rsa-sha256"])
        assert str(key.handle.public_numbers().n) == case.expect["modulus"]
    known = case.expect.get("known", {})
    tags = TagList.parse(case.octets)
    for name, wanted in known.items():
        value = tags.get(name)
        listed = None if value is None else [v.decode() for v in colon_list(value) if v]
        assert listed == wanted


@pytest.mark.parametrize("case", params("key-applies"))
def test_a_key_serves_a_signature_or_not(case: Case) -> None:
    record = KeyRecord.parse(case.octets)
    signature = Signature.parse(Field.of(NAME + case.options["signature"].encode()))
    algorithm = ALGORITHMS.get(signature.algorithm)
    serves = algorithm is not None and record.problem_for(algorithm, "email") is None
    if record.forbids_subdomains:
        serves = serves and signature.auid.domain.same_as(signature.domain)
    if (answer := decided(case)) is not None:
        assert ("ok" if serves else "error") == answer
    else:
        assert serves == case.expect["ok"]


# --- the list -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_list_of_judgements_is_complete_and_names_real_cases(kind: str) -> None:
    assert undecided(kind) == []
