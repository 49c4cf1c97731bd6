"""avowal-opendkim --shadow behind a real OpenDKIM: nothing is changed, differences are told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.crafting import craft
from tests.mailloop import until
from tests.milters import AVOWAL, OPENDKIM, STRANGER, Milter, own_dev_possible
from tests.mta.session import HeaderField, Outcome, Transaction

from avowal.milter.packets import Connect, InsertHeader, Mail, Recipient
from avowal.testing import RSA_1024, RSA_2048, message, record_for

pytestmark = pytest.mark.needs("opendkim")

_CONF = (
    "Background no\nRequireSafeKeys no\nMode sv\nCanonicalization relaxed/simple\n"
    "Domain example.com\nSelector s1\nKeyFile @DIR@/rsa.pem\nTestPublicKeys @DIR@/keys\n"
)
_FILES = {
    "rsa.pem": RSA_2048.pem().decode(),
    "keys": f"s1._domainkey.example.com {record_for(RSA_1024)}\n",
}
_LOCAL = Connect(b"localhost", b"4", 25, b"127.0.0.1")


def _transaction(octets: bytes, client: Connect) -> Transaction:
    return Transaction.of(
        octets,
        connection=client,
        sender=Mail(b"<alice@example.com>"),
        recipients=(Recipient(b"<bob@receiver.example>"),),
        macros={"i": b"QID", "j": b"mx.receiver.example"},
    )


def _behind(transaction: Transaction, outcome: Outcome) -> Transaction:
    """Return what the next milter sees: the fields of the first one on top."""
    added = [
        HeaderField(one.name, one.value)
        for one in outcome.modifications
        if isinstance(one, InsertHeader)
    ]
    return replace(transaction, fields=(*reversed(added), *transaction.fields))


_OUTGOING = _transaction(message(), _LOCAL)
_SIGNED = craft(message(), RSA_1024, tags={"h": "from:to:subject:date"})
_INCOMING = _transaction(_SIGNED, STRANGER)
_CHANGED = _transaction(_SIGNED.replace(b"noon", b"nine"), STRANGER)


def test_a_shadow_changes_nothing_and_agrees_with_opendkim() -> None:
    mail = [_OUTGOING, _INCOMING, _CHANGED]
    with Milter(OPENDKIM, _CONF, _FILES) as first:
        passed_on = [_behind(one, first.play(one)[0]) for one in mail]
    shadow = Milter(AVOWAL, _CONF, _FILES, arguments=["--shadow"])
    try:
        shadow.wait()
        outcomes = shadow.play(*passed_on)
    finally:
        output = shadow.stop()
    assert [outcome.modifications for outcome in outcomes] == [(), (), ()]
    assert output.count("QID: shadow: same") == 3
    assert "shadow: 3 of 3 the same" in output.splitlines()


def test_a_shadow_tells_each_difference_and_sums_up_at_the_end() -> None:
    with Milter(OPENDKIM, _CONF, _FILES) as first:
        passed_on = _behind(_OUTGOING, first.play(_OUTGOING)[0])
    other = _CONF.replace("relaxed/simple", "relaxed/relaxed")
    shadow = Milter(AVOWAL, other, _FILES, arguments=["--shadow"])
    try:
        shadow.wait()
        outcomes = shadow.play(passed_on, _INCOMING)
    finally:
        output = shadow.stop()
    assert [outcome.modifications for outcome in outcomes] == [(), ()]
    assert "QID: shadow: signature d=example.com s=s1: c= differs" in output
    assert "QID: shadow: no Authentication-Results" in output
    assert "shadow: 0 of 2 the same" in output
    assert "shadow: 1 times: a signature differs in c=" in output


@pytest.mark.skipif(not own_dev_possible(), reason="needs root and unshare, for a /dev/log")
def test_a_shadow_claims_no_deed_in_the_log() -> None:
    """What it did not do, others count by the lines of the log."""
    conf = _CONF + "Syslog yes\nSyslogSuccess yes\nLogWhy yes\n"
    with Milter(OPENDKIM, conf, _FILES) as first:
        passed_on = _behind(_OUTGOING, first.play(_OUTGOING)[0])
    with Milter(AVOWAL, conf, _FILES, arguments=["--shadow"], logged=True) as shadow:
        shadow.play(passed_on)
        until(lambda: any("shadow: same" in line for line in shadow.lines))
    assert not [line for line in shadow.lines if "field added" in line]
