"""Verify without a network: keys from a zone file, and answers kept from an earlier run."""

from pathlib import Path
from tempfile import TemporaryDirectory

import avowal
from avowal.testing import ED25519, message, record_for

octets = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519) + message()

with TemporaryDirectory() as folder:
    zone_file = Path(folder, "example.com.zone")
    zone_file.write_text(f's1._domainkey.example.com. 3600 IN TXT "{record_for(ED25519)}"\n')
    zone = avowal.Zone.from_file(str(zone_file))
    assert all(verdict.passed for verdict in avowal.verify(octets, zone))

    # Once with DNS, which `zone` stands for here; then for ever from the recording.
    recording = Path(folder, "keys.json")
    recorder = avowal.Recorder(zone)
    avowal.verify(octets, recorder)
    recorder.save(recording)

    later = avowal.verify(octets, avowal.Replayer.load(recording))
    print([str(verdict.result) for verdict in later])
    assert all(verdict.passed for verdict in later)
