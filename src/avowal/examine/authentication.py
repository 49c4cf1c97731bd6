"""What was found of one message, as a value that can be told to others (RFC 8601)."""

from __future__ import annotations

from dataclasses import dataclass

from avowal import authres
from avowal.arc.verdict import result_of
from avowal.authres import AuthenticationResults, MethodResult
from avowal.dkim.results import results_of
from avowal.examine.findings import Findings
from avowal.message import CRLF, Header
from avowal.policy.authentication_results import authentication_results, spf_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """The findings about one message: typed, per mechanism.

    ``findings.dkim`` has a verdict per signature, ``findings.spf`` and ``findings.arc`` what
    became of SPF and of the ARC chain, ``findings.policies`` the verdict of every policy that
    was asked for.  It says what mechanisms found; whether an application may act on the
    message is `avowal.verdict`'s question.  `client` is the SMTP client, where it was given.
    """

    header: Header
    findings: Findings
    client: str | None = None

    @property
    def results(self) -> tuple[MethodResult, ...]:
        """The results of all methods that have a registered name: dkim, arc, spf, dmarc."""
        found, policies = self.findings, self.findings.policies
        results = [*results_of(found.signatures)]
        if found.arc is not None:
            results.append(result_of(found.arc, self.client))
        if found.envelope is not None and (policies is None or policies.envelope is None):
            results.append(spf_result(found.envelope))
        if policies is not None:
            results += authentication_results(policies)
        return tuple(results)

    def results_field(self, authserv_id: str) -> bytes:
        """Return the Authentication-Results field of this host, with its CRLF.

        Put it on top of the message, after removing every field that claims the same id
        (`avowal.authres.forged`).  Raises UsageError for an id that cannot be written.
        """
        utf8 = not all(map(bytes.isascii, self.header.raws))  # RFC 6532
        results = AuthenticationResults(authserv_id, self.results)
        return authres.write(results, utf8=utf8).raw + CRLF
