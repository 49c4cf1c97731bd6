"""Each row of "Where it differs" in docs/howto/from-opendkim.md, shown with both programs.

A row stands here with the configuration and the mail that show it, and a word that one program
says and the other does not; or it is shown by the test that is named.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.beside import FILES, play
from tests.crafting import craft
from tests.integration.test_opendkim_side_by_side import (
    _FIELDS,
    _SIGNING,
    _VERIFYING,
    LOCAL,
    signed,
    transaction,
)
from tests.milters import AVOWAL, OPENDKIM, STRANGER
from tests.mta.session import Transaction

from avowal.names import DomainName
from avowal.policy.atps import query_name
from avowal.testing import RSA_1024, message

pytestmark = pytest.mark.needs("opendkim")
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/howto/from-opendkim.md"
FORGED = b"Authentication-Results: mx.receiver.example; dkim=pass\r\n"
CHANGED = signed().replace(b"\r\n\r\n", b"\r\n\r\nX")
AUTHORS = "x@exempt.example, alice@example.com"
THIRD = craft(
    message(**{"from": "alice@author.example"}),
    RSA_1024,
    tags={"h": _FIELDS.decode(), "atps": "author.example", "atpsh": "sha1"},
)
ATPS = query_name(DomainName.parse(b"example.com"), DomainName.parse(b"author.example"), "sha1")


class Row(NamedTuple):
    """What shows a row: the word (a pattern) that only one of them says, and which one."""

    conf: str
    mail: Transaction
    word: str
    ours: bool
    logged: bool = False


def local(octets: bytes, **macros: bytes) -> Transaction:
    return transaction(octets, client=LOCAL, **macros)


def stranger(octets: bytes, **macros: bytes) -> Transaction:
    return transaction(octets, client=STRANGER, **macros)


ROWS: dict[str, Row] = {
    "`OmitHeaders` with From": Row(
        f"{_SIGNING}OmitHeaders From\n", local(message()), "h=From|h=from", ours=True
    ),
    "`SignHeaders` with trace fields, `OmitHeaders` without them": Row(
        f"{_SIGNING}SignHeaders From,Received\nOmitHeaders Subject\n",
        local(b"Received: from a by b\r\n" + message()), "h=[^;]*[Rr]eceived", ours=False,
    ),
    "`MaximumSignedBytes 0`": Row(
        f"{_SIGNING}MaximumSignedBytes 0\n", local(message()), "l=0", ours=False
    ),
    "`On-… quarantine`": Row(
        f"{_VERIFYING}On-BadSignature quarantine\n", stranger(CHANGED), "Quarantine", ours=True
    ),
    "`Minimum`": Row(
        f"{_VERIFYING}Minimum 100%\n", stranger(signed(l="3")), "dkim=pass", ours=False
    ),
    "`MaximumHeaders`": Row(
        f"{_VERIFYING}MaximumHeaders 1024\n",
        stranger(b"X-Long: " + b"x" * 900 + b"\r\nX-More: " + b"x" * 900 + b"\r\n" + message()),
        "to N", ours=True,
    ),
    "a signature that is no tag list, or no author": Row(
        f"{_VERIFYING}On-BadSignature accept\n", stranger(FORGED + signed(foo="1; bar; x=1")),
        "name=b'Authentication-Results', value=b''", ours=True,
    ),
    "`RemoveOldSignatures`": Row(
        f"{_SIGNING}RemoveOldSignatures yes\n", local(signed(octets=signed())), "index=2", ours=True
    ),
    "`RedirectFailuresTo`": Row(
        f"{_VERIFYING}RedirectFailuresTo postmaster@receiver.example\n", stranger(CHANGED),
        "DeleteRecipient[^)]*<bob@receiver.example>", ours=True,
    ),
    "`ExemptDomains`": Row(
        f"{_VERIFYING}ExemptDomains exempt.example\nAlwaysAddARHeader yes\n",
        stranger(message(**{"from": AUTHORS})), "InsertHeader", ours=True,
    ),
    "a forged Authentication-Results that cannot be read": Row(
        _VERIFYING,
        stranger(b"Authentication-Results: mx.receiver.example; =x\r\n" + signed()),
        "name=b'Authentication-Results', value=b''", ours=True,
    ),
    "`a=RSA-SHA256` in capitals": Row(
        _VERIFYING,
        stranger(craft(message(), RSA_1024, tags={"h": _FIELDS.decode(), "a": "RSA-SHA256"})),
        "dkim=permerror", ours=True,
    ),
    "`WeakSyntaxChecks`, no author, no signature": Row(
        f"{_VERIFYING}WeakSyntaxChecks yes\nAlwaysAddARHeader yes\n",
        stranger(message(**{"from": "nobody"})), "; ; dkim-atps", ours=False,
    ),
    "an `AuthservID` of several words": Row(
        f"{_VERIFYING}AuthservID foo bar\n", stranger(signed()), '"foo bar"', ours=True
    ),
    "a key that `TestDNSData` does not hold": Row(
        "Mode v\nTestDNSData file:@DIR@/keys\n", stranger(signed(s="absent")),
        "dkim=fail", ours=True,
    ),
    "an author whose domain ends in a dot, or with white space at the `@`": Row(
        _SIGNING, local(message(**{"from": "alice @ example.com"})), "DKIM-Signature", ours=True
    ),
    "`a@b@example.com`": Row(
        _SIGNING, local(message(**{"from": "a@b@example.com"})), "DKIM-Signature", ours=False
    ),
    "`DKIM-Filter` (`SoftwareHeader`)": Row(
        f"{_SIGNING}SoftwareHeader yes\n", local(message()), "avowal v", ours=True
    ),
    "an ATPS record with `d=`": Row(
        "Mode v\nTestDNSData file:@DIR@/zone\n", stranger(THIRD), "dkim-atps=pass", ours=True
    ),
    "a body line of over 998 octets, which MTAs break": Row(
        _SIGNING, local(message() + b"x" * 999 + b"\r\n"), "998 octets", ours=True, logged=True
    ),
    "`MacroList` with braces around a name": Row(
        f"{_SIGNING}InternalHosts 192.0.2.200\nMacroList {{role}}=out\n",
        stranger(message(), role=b"out"), "DKIM-Signature", ours=True,
    ),
}  # fmt: skip
ELSEWHERE = {
    "`MaximumHeaders 0`":
        "tests/threats/test_header_limits.py"
        "::test_without_a_maximum_more_fields_than_are_read_are_policy_and_held",
    "`RequireSafeKeys`: a key that the service's group may read":
        "tests/unit/opendkim/test_keys_as_the_user.py"
        "::test_a_key_for_the_group_of_the_user_is_good",
    "a tag that stands twice in a signature":
        "tests/integration/test_opendkim_side_by_side.py::test_differs_from_opendkim_on_purpose",
    "policy scripts":
        "tests/integration/test_opendkim_policy_scripts.py"
        "::test_mail_that_names_no_author_is_refused_too",
    "`-f` without `Syslog`":
        "tests/integration/test_opendkim_process.py"
        "::test_in_the_foreground_without_syslog_it_logs_to_the_terminal",
    "a row of KeyTable or SigningTable without a key, with an unknown name or a key file that is "
    "missing or broken":
        "tests/unit/opendkim/test_faulty_tables.py"
        "::test_a_start_names_a_faulty_row_and_serves_by_the_others",
}  # fmt: skip
UNSHOWN = frozenset(
    (
        "a relaxed body without CRLF at its end",
        "fields that stand several times, in `z=`",
        "failure reports",
        "`RequireSafeKeys`: a key somewhere below `/tmp`",
        "a pid file that is a link",
    )
)
"""Rows without a test of their own yet; none may be added."""


def said(program: tuple[str, ...], row: Row) -> str:
    zone = FILES["keys"] + f"{ATPS} v=ATPS1; d=example.com\n"
    answers, log = play(program, row.conf, {"zone": zone}, {"one": row.mail}, logged=row.logged)
    return "\n".join((*answers["one"], *(log if row.logged else ())))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_row_says_what_both_do(row: Row) -> None:
    with ThreadPoolExecutor(2) as both:
        theirs, ours = both.map(lambda program: said(program, row), (OPENDKIM, AVOWAL))
    found = re.search(row.word, theirs) is not None, re.search(row.word, ours) is not None
    assert found == (not row.ours, row.ours), (theirs, ours)


def test_every_row_of_the_page_is_shown() -> None:
    part = PAGE.read_text(encoding="utf-8").partition("## Where it differs")[2]
    rows = [line.split(" | ")[0][2:] for line in part.split("\n") if line.startswith("| ")]
    assert sorted(rows[1:]) == sorted((*ROWS, *ELSEWHERE, *UNSHOWN))


@pytest.mark.parametrize("name", ELSEWHERE.values())
def test_what_shows_a_row_elsewhere_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")
