"""Read mboxes, Maildirs, folders, .emlx and compressed files, and judge each message."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import avowal
from avowal.testing import ED25519, message, record_for

zone = {"s1._domainkey.example.com": record_for(ED25519)}
octets = message(b"From here on.\r\n")
signed = avowal.sign(octets, domain="example.com", selector="s1", key=ED25519) + octets
stored = signed.replace(b"\r\n", b"\n")
quoted = stored.replace(b"\nFrom ", b"\n>From ")  # as an mbox has it

with TemporaryDirectory() as folder:
    Path(folder, "1.eml").write_bytes(stored)
    Path(folder, "2.mbox.gz").write_bytes(
        gzip.compress(2 * (b"From a@example.com\n" + quoted + b"\n"))
    )
    Path(folder, "3.pst").write_bytes(b"\xd0\xcf\x11\xe0 no message of ours")

    skipped: list[Exception] = []
    passed = 0
    for found in avowal.messages(folder, skipped=skipped.append):
        verdicts = avowal.verify(found, zone)  # a message is a file, and is read once
        passed += any(verdict.passed for verdict in verdicts)
    print(passed, "passed,", len(skipped), "skipped:", skipped[0])
    assert (passed, len(skipped)) == (3, 1)
