"""Check SPF for a connection: alone, or as a part of everything else."""

import avowal
from avowal.testing import Zone, message

zone = Zone(
    {
        "example.com": "v=spf1 ip4:192.0.2.0/24 -all",
        "_dmarc.example.com": "v=DMARC1; p=reject",
    }
)

for client in ("192.0.2.1", "198.51.100.7"):
    found = avowal.authenticate(
        message(), zone, client=client, mail_from="alice@example.com", helo="mail.example.com"
    )
    results = {result.method: str(result.result) for result in found.results}
    print(client, results["spf"])
    assert results["spf"] == ("pass" if client == "192.0.2.1" else "fail")
