"""Authenticate what came in: one call, the field to write, and whether to act on it."""

import avowal
from avowal.testing import ED25519, Zone, message, record_for, tamper

zone = Zone(
    {
        "s1._domainkey.example.com": record_for(ED25519),
        "example.com": "v=spf1 ip4:192.0.2.1 -all",
        "_dmarc.example.com": "v=DMARC1; p=reject",
    }
)
good = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519) + message()

found = avowal.authenticate(
    good, zone, client="192.0.2.1", mail_from="alice@example.com", helo="mail.example.com"
)
field = found.results_field("mx.example.net")  # b"mx.example.net; dkim=pass ...; dmarc=pass ..."
print(field.decode())
assert b"dmarc=pass" in field

for octets, answer in ((good, "authentic"), (tamper(good), "not-authentic")):
    judgement = avowal.verdict(octets, zone)
    print(judgement.answer, judgement.explanation)
    assert str(judgement.answer) == answer
    if judgement.answer is avowal.Authenticity.AUTHENTIC:
        print("act for", judgement.author)
