"""The dkim-sign cases: what the source signed, we sign, octet for octet.

How we write a field ourselves is the business of tests/unit/dkim; given the field of the source
with an empty b=, every signer has to come to the same bh= and b=.
"""

from __future__ import annotations

import base64
import hashlib

import pytest
from tests.conformance.cases import Case, decisions, params, undecided

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.signing import PrivateKey, parse_private_key
from avowal.dkim.hashing import BodyHasher, header_data
from avowal.dkim.intent import Intent
from avowal.dkim.signature import Signature
from avowal.errors import IntentError
from avowal.message import Field, Header, Message

KIND = "dkim-sign"


def key_of(case: Case) -> PrivateKey:
    text = case.options.get("private_key_pem") or case.options["private_key_seed_b64"]
    return parse_private_key(text.encode())


def signed(case: Case) -> Signature:
    """The field of the source, read back; one source shows its relaxed form only."""
    written = case.expect.get("header") or case.expect["canonical_header"]
    return Signature.parse(Field.of(written.encode()))


class Historic:
    """A key that would sign with rsa-sha1."""

    algorithm = "rsa-sha1"

    def sign(self, digest: bytes, /) -> bytes:
        raise AssertionError("asked to sign")


def refused(signature: Signature) -> bool:
    """Whether a signer refuses to make such a signature."""
    if signature.algorithm != Historic.algorithm:
        return False
    with pytest.raises(IntentError, match="RFC 8301"):
        Intent(domain="example.com", selector="s", key=Historic()).checked()
    return True


def our_body_hash(case: Case, signature: Signature) -> bytes:
    hasher = BodyHasher()
    body_hash = hasher.register(
        signature.body_canon, ALGORITHMS[signature.algorithm].hash_name, signature.body_length
    )
    hasher.feed(Message.parse(case.octets).body)
    hasher.finish()
    return body_hash.digest


def our_signature(case: Case, signature: Signature) -> bytes:
    header: Header = Message.parse(case.octets).header
    data = header_data(
        header, signature.signed_names, signature.header_canon, signature.unsigned_field
    )
    algorithm = ALGORITHMS[signature.algorithm]
    digest = hashlib.new(algorithm.hash_name, data, usedforsecurity=False).digest()
    return key_of(case).sign(digest)


@pytest.mark.parametrize("case", params(KIND))
def test_the_same_octets_are_signed_as_by_the_source(case: Case) -> None:
    signature = signed(case)
    if refused(signature):
        assert decisions(KIND)[case.id] == "refused"
        return
    agree = {
        "bh": our_body_hash(case, signature) == signature.body_hash,
        "b": our_signature(case, signature) == signature.signature,
    }
    other = [f"other {name}=" for name, same in agree.items() if not same]
    said = ", ".join(other) or "ok"
    assert said == decisions(KIND).get(case.id, "ok"), base64.b64encode(signature.signature)


def test_the_list_of_judgements_is_complete_and_names_real_cases() -> None:
    assert undecided(KIND) == []
