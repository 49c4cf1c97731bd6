"""The policy scripts of a chatmail relay: OpenDKIM runs them, avowal-opendkim has options for them.

The same configuration, scripts and mail for both; what becomes of each message is the same.
"""

from __future__ import annotations

import pytest
from tests.beside import FILES, KEYS, play
from tests.integration.test_opendkim_side_by_side import signed, transaction
from tests.milters import AVOWAL, OPENDKIM, STRANGER
from tests.mta.session import Transaction
from tests.unit.opendkim.test_policy_scripts import (
    _INTERNAL,
    _SERVICE,
    AT_ONCE,
    IN_THE_END,
    REMOVING,
    SCREEN,
)

from avowal.testing import message

pytestmark = pytest.mark.needs("opendkim")

OTHER = signed(d="other.example", s="o")
OURS = signed(s="s1")
CHANGED = OURS.replace(b"Subject: ", b"Subject: x")
MAIL = {
    "signed by the author": OURS,
    "signed by another": OTHER,
    "signed by both": signed(s="s1", octets=OTHER),
    "signed by both, the other last": signed(d="other.example", s="o", octets=OURS),
    "unsigned": message(),
    "changed": CHANGED,
    "changed, signed by another": signed(d="other.example", s="o", octets=CHANGED),
    "without a key": signed(s="gone"),
}
RECORDS = f"{FILES['keys']}o._domainkey.other.example {KEYS['s1']}\n"
SCREENED = "ScreenPolicyScript @DIR@/screen.lua\n"


def _mail() -> dict[str, Transaction]:
    mail = {name: transaction(octets, client=STRANGER) for name, octets in MAIL.items()}
    mail["of a service of ours"] = transaction(message(), client=STRANGER, daemon_name=b"OUT")
    return mail


@pytest.mark.parametrize(
    ("conf", "final"),
    [
        pytest.param(SCREENED, f"{_INTERNAL}{AT_ONCE}", id="by the author"),
        pytest.param("", f"{_INTERNAL}{AT_ONCE}", id="by anybody"),
        pytest.param(f"{SCREENED}MTA OUT\nInternalHosts -\n", f"{_SERVICE}{IN_THE_END}{REMOVING}",
                     id="by the author, and signatures go"),
        pytest.param(f"{SCREENED}On-Default reject\n", f"{_INTERNAL}{AT_ONCE}",
                     id="and whatever else is wrong is refused"),
    ],
)  # fmt: skip
def test_mail_is_let_through_and_refused_as_the_scripts_have_it(conf: str, final: str) -> None:
    text = f"Mode sv\nTestPublicKeys @DIR@/keys\nFinalPolicyScript @DIR@/final.lua\n{conf}"
    files = {"keys": RECORDS, "screen.lua": SCREEN, "final.lua": final}
    theirs, ours = (
        play(program, text, files, _mail(), logged=False)[0] for program in (OPENDKIM, AVOWAL)
    )
    refused = {name: "ReplyCode" in said[0] for name, said in ours.items()}
    assert refused == {name: "ReplyCode" in said[0] for name, said in theirs.items()}
    assert {True, False} == set(refused.values())
    gone = {name: sum("DKIM-Signature" in line for line in said) for name, said in ours.items()}
    assert gone == {n: sum("DKIM-Signature" in line for line in s) for n, s in theirs.items()}


def test_mail_that_names_no_author_is_refused_too() -> None:
    """OpenDKIM runs no script for it and lets it through."""
    text = "Mode v\nTestPublicKeys @DIR@/keys\nOn-NoPassingSignature reject\n"
    octets = message().replace(b"From:", b"Other:", 1)
    said, _ = play(AVOWAL, text, {}, {"one": transaction(octets, client=STRANGER)}, logged=False)
    assert "554 5.7.1" in said["one"][0]
