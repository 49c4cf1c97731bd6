"""check_host() over openspf's suites for RFC 7208 and RFC 4408.

Where the two suites differ, RFC 7208 decides; where a suite allows several results, the
comment at SUPERSEDED or the first of them holds.
"""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from tests.conformance import cases

from avowal.lookup import run
from avowal.policy.spf import SpfRequest, check_identity

NO_EXPLANATION = "DEFAULT"  # what the source's harness shows where a record gives none

# RFC 7208 §3.1 took the SPF record type away: only TXT records are asked for, so what RFC 4408
# let either type decide is decided by TXT.  The malformed names of §4.3 and §4.8 do not exist.
SUPERSEDED = {
    "spf-rfc4408/multitxt1": "permerror",  # RFC 7208 §4.5: two TXT records
    "spf-rfc4408/multispf2": "pass",  # §3.1: the SPF type is not asked for
    "spf-rfc4408/spfonly": "none",  # §3.1
    "spf-rfc4408/txtonly": "fail",  # §3.1
    "spf-rfc4408/spfoverride": "fail",  # §3.1
    "spf-rfc4408/spftimeout": "fail",  # §3.1
    "spf-rfc4408/txttimeout": "temperror",  # §4.4
    "spf-rfc4408/nospftxttimeout": "temperror",  # §4.4
    "spf-rfc4408/exists-dnserr": "temperror",  # §5
    "spf-rfc4408/invalid-domain-empty-label": "fail",  # §4.8: no such name, so -all decides
    "spf-rfc4408/invalid-domain-long": "fail",  # §4.8
    "spf-rfc4408/invalid-domain-long-via-macro": "fail",  # §4.8
    "spf-rfc4408/mx-limit": "permerror",  # §4.6.4
}


@pytest.mark.parametrize("case", cases.params("spf"))
def test_check_host_gives_the_result_of_the_suite(case: cases.Case) -> None:
    options, expect = case.options, case.expect
    request = SpfRequest(
        client=ip_address(options["ip"]),
        mail_from=(options["mail_from"] or "").encode(),
        helo=(options["helo"] or "").encode(),
        receiver=options["receiver"] or "unknown",
    )
    result = run(check_identity(request, explain=True), cases.zone_of(case))
    assert result.word == SUPERSEDED.get(case.id, expect["spf"])
    if expect["explanation"] is not None and result.word == "fail":
        assert (result.explanation or NO_EXPLANATION) == expect["explanation"]
