"""Every option of opendkim.conf, and what becomes of it here.

The names are those of OpenDKIM 2.11 with all its build-time features, and of its man page;
a few are ours alone, in the place of policy scripts or for what OpenDKIM does not have.
An option that would change what happens to a message is either obeyed or refused: none is
passed over in silence.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import NamedTuple


class OptionKind(Enum):
    """How a value is written."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    STRING = "string"
    SET = "data set"


class OptionSupport(StrEnum):
    """What avowal does about an option."""

    SUPPORTED = "supported"
    IGNORED = "ignored harmlessly"
    REFUSED = "refused: it changes a decision"
    REMOVED = "removed in OpenDKIM 2.10"


class Option(NamedTuple):
    """One option: its name as the manual spells it, its kind, our verdict, and a note.

    The note says what an ignored option was for, or what to do instead of a refused one.
    """

    name: str
    kind: OptionKind
    verdict: OptionSupport
    note: str = ""


_B, _I, _S, _D = OptionKind.BOOLEAN, OptionKind.INTEGER, OptionKind.STRING, OptionKind.SET
_OK, _NO, _OFF, _OLD = (
    OptionSupport.SUPPORTED,
    OptionSupport.IGNORED,
    OptionSupport.REFUSED,
    OptionSupport.REMOVED,
)

_SUPPORTED = (
    # the process
    ("Background", _B), ("BaseDirectory", _S), ("ChangeRootDirectory", _S), ("Include", _S),
    ("PidFile", _S), ("Socket", _S), ("UMask", _I), ("UserID", _S),
    # whose mail it is
    ("Mode", _S), ("InternalHosts", _D), ("ExternalIgnoreList", _D), ("PeerList", _D),
    ("ExemptDomains", _D), ("MTA", _D), ("MacroList", _D), ("DontSignMailTo", _D),
    ("SenderHeaders", _D), ("SenderMacro", _S),
    # keys
    ("Domain", _D), ("KeyFile", _S), ("Selector", _S), ("SubDomains", _B), ("KeyTable", _D),
    ("SigningTable", _D), ("MultipleSignatures", _B), ("RequireSafeKeys", _B),
    # the form of signatures
    ("Canonicalization", _S), ("SelectCanonicalizationHeader", _S), ("SignatureAlgorithm", _S),
    ("SignHeaders", _D), ("OmitHeaders", _D), ("OversignHeaders", _D), ("SignatureTTL", _I),
    ("BodyLengthDB", _D), ("MaximumSignedBytes", _I), ("Diagnostics", _B),
    ("RemoveOldSignatures", _B), ("ReplaceRules", _S), ("ReplaceHeaders", _D),
    ("SoftwareHeader", _B), ("RequestReports", _B), ("ATPSDomains", _D),
    ("ATPSHashAlgorithm", _S), ("FixCRLF", _B),
    # what a message must be like
    ("StrictHeaders", _B), ("RequiredHeaders", _B), ("IgnoreMalformedMail", _B),
    ("MaximumHeaders", _I), ("WeakSyntaxChecks", _B),
    # verifying
    ("AlwaysAddARHeader", _B), ("AuthservID", _S), ("AuthservIDWithJobID", _B),
    ("NoHeaderB", _B), ("ClockDrift", _I), ("Minimum", _S), ("MinimumKeyBits", _I),
    ("MaximumSignaturesToVerify", _I), ("MustBeSigned", _D), ("TrustSignaturesFrom", _D),
    ("KeepAuthResults", _B), ("RemoveARAll", _B), ("RemoveARFrom", _D), ("BogusKey", _S),
    ("UnprotectedKey", _S), ("DomainKeysCompat", _B),
    # what follows
    ("On-Default", _S), ("On-BadSignature", _S), ("On-DNSError", _S), ("On-InternalError", _S),
    ("On-KeyNotFound", _S), ("On-NoSignature", _S), ("On-Security", _S),
    ("On-SignatureError", _S), ("Quarantine", _B), ("CaptureUnknownErrors", _B),
    ("RedirectFailuresTo", _S), ("SendReports", _B), ("ReportAddress", _S),
    ("ReportBccAddress", _S), ("MTACommand", _S),
    # DNS
    ("DNSTimeout", _I), ("Nameservers", _S), ("TestDNSData", _D), ("TestPublicKeys", _S),
    # the log
    ("Syslog", _B), ("SyslogFacility", _S), ("SyslogName", _S), ("SyslogSuccess", _B),
    ("LogResults", _B), ("LogWhy", _B),
    ("StrictTestMode", _B), ("X-Header", _B),
    # ours alone: what policy scripts are written for, what is kept of verdicts, explanations
    ("IgnoreOtherSigners", _B), ("On-NoPassingSignature", _S), ("SignatureExemptMTA", _S),
    ("RemoveVerifiedSignatures", _B), ("EventStore", _S), ("ExplainFailures", _B),
    ("ExplainSeconds", _I), ("ExplainField", _S), ("ExplainWait", _I), ("CaptureDirectory", _S),
    ("CaptureRecipients", _S), ("CaptureKeep", _S), ("CaptureMostFiles", _I),
    ("CaptureMostOctets", _I), ("CaptureDays", _I),
)  # fmt: skip

_IGNORED = (
    ("AllowSHA1Only", _B, "SHA-256 is always there"),
    ("AutoRestart", _B, "restarting is the service manager's work: Restart=on-failure"),
    ("AutoRestartCount", _I, "restarting is the service manager's work: StartLimitBurst="),
    ("AutoRestartRate", _S, "restarting is the service manager's work: StartLimitIntervalSec="),
    ("DisableCryptoInit", _B, "there is no such step"),
    ("DNSConnect", _B, "TCP is used as soon as an answer is truncated"),
    ("EnableCoredumps", _B, "LimitCORE= of the service manager does it"),
    ("KeepTemporaryFiles", _B, "bodies are never written to files; see `avowal canon`"),
    ("MilterDebug", _I, "there is no libmilter"),
    ("QueryCache", _B, "answers are always kept as long as their TTL allows"),
    ("ResolverConfiguration", _S, "there is no libunbound; set Nameservers"),
    ("ResolverTracing", _B, "there is no libunbound"),
    ("SoftStart", _B, "a database that is down at the start stops it"),
    ("TemporaryDirectory", _S, "bodies are never written to files"),
    ("DiagnosticDirectory", _S, "avowal.toml has `reports.diagnostic_directory` for it"),
    ("TrustAnchorFile", _S, "DNSSEC is the resolver's work; its word shows as `unprotected`"),
    ("Statistics", _S, "counters are served at /metrics"),
    ("StatisticsName", _S, "counters are served at /metrics"),
    ("StatisticsPrefix", _S, "counters are served at /metrics"),
    ("SingleAuthResult", _B, "of builds before 2.4; one field reports all signatures"),
    ("AnonymousStatistics", _B, "counters name no senders"),
    ("LDAPAuthMechanism", _S, "of use with ldap: data sets only"),
    ("LDAPAuthName", _S, "of use with ldap: data sets only"),
    ("LDAPAuthRealm", _S, "of use with ldap: data sets only"),
    ("LDAPAuthUser", _S, "of use with ldap: data sets only"),
    ("LDAPBindPassword", _S, "of use with ldap: data sets only"),
    ("LDAPBindUser", _S, "of use with ldap: data sets only"),
    ("LDAPDisableCache", _B, "of use with ldap: data sets only"),
    ("LDAPKeepaliveIdle", _I, "of use with ldap: data sets only"),
    ("LDAPKeepaliveInterval", _I, "of use with ldap: data sets only"),
    ("LDAPKeepaliveProbes", _I, "of use with ldap: data sets only"),
    ("LDAPTimeout", _I, "of use with ldap: data sets only"),
    ("LDAPUseTLS", _B, "of use with ldap: data sets only"),
    ("VBR-PurgeFields", _B, "VBR fields are neither read nor written"),
    ("VBR-TrustedCertifiersOnly", _B, "VBR fields are neither read nor written"),
    ("FlowDataFactor", _S, "of use with FlowData only"),
    ("FlowDataTTL", _I, "of use with FlowData only"),
    ("RateLimitTTL", _I, "of use with RateLimits only"),
    ("RateLimitFactor", _S, "of use with RateLimits only"),
    ("ReputationCache", _S, "of use with reputation checks only"),
    ("ReputationCacheTTL", _I, "of use with reputation checks only"),
    ("ReputationDuplicates", _S, "of use with reputation checks only"),
    ("ReputationDuplicatesTTL", _I, "of use with reputation checks only"),
    ("ReputationLowTime", _S, "of use with reputation checks only"),
    ("ReputationMinimum", _I, "of use with reputation checks only"),
    ("ReputationRatios", _S, "of use with reputation checks only"),
    ("ReputationRatiosTTL", _I, "of use with reputation checks only"),
    ("ReputationTest", _B, "of use with reputation checks only"),
    ("ReputationTimeFactor", _S, "of use with reputation checks only"),
    ("ReputationTimeout", _I, "of use with reputation checks only"),
    ("ReputationVerbose", _B, "of use with reputation checks only"),
    ("ReputationLimitModifiers", _S, "of use with reputation checks only"),
    ("ReputationLimits", _S, "of use with reputation checks only"),
)  # fmt: skip

_LUA = "Lua scripts are not run: say the same with tables, or hook the library in Python"
_REFUSED = (
    ("SetupPolicyScript", _S, _LUA),
    ("ScreenPolicyScript", _S, _LUA),
    ("FinalPolicyScript", _S, _LUA),
    ("StatisticsPolicyScript", _S, _LUA),
    ("LuaOnlySigning", _B, _LUA),
    ("POPDBFile", _D, "POP-before-SMTP is gone: let clients authenticate, or list InternalHosts"),
    ("DefaultSender", _S, "use `signing.default_author` of avowal.toml"),
    ("IdentityHeader", _S, "use `signing.identity_field` of avowal.toml"),
    ("IdentityHeaderRemove", _B, "use `signing.remove_identity_field` of avowal.toml"),
    ("ResignMailTo", _D, "use `signing.resign_recipients` of avowal.toml"),
    ("ResignAll", _B, "use `signing.resign_unverified` of avowal.toml"),
    ("SMTPURI", _S, "reports leave through MTACommand"),
    ("VBR-Certifiers", _S, "VBR-Info is not added to what is signed"),
    ("VBR-TrustedCertifiers", _S, "vouching is not checked here: `avowal.policy.vbr` does it"),
    ("VBR-Type", _S, "VBR-Info is not added to what is signed"),
    ("Reputation", _B, "the reputation service of OpenDKIM no longer exists"),
    ("ReputationServer", _S, "the reputation service of OpenDKIM no longer exists"),
    ("ReputationRBL", _S, "the reputation service of OpenDKIM no longer exists"),
    ("ReputationRoot", _S, "the reputation service of OpenDKIM no longer exists"),
    ("On-ReputationError", _S, "the reputation service of OpenDKIM no longer exists"),
    ("RateLimits", _D, "rates are limited in the MTA"),
    ("FlowData", _D, "rates are limited in the MTA"),
    ("ConditionalSignatures", _B, "conditional signatures never left the experiment"),
    ("SocketDB", _S, "use a file: or dsn: data set"),
)  # fmt: skip

_GONE = "the practice records (ADSP) it was for are historic; delete the line"
_REMOVED = (
    ("AddAllSignatureResults", _B, "all results are always added; delete the line"),
    ("ADSPAction", _S, _GONE), ("ADSPNoSuchDomain", _B, _GONE), ("BogusPolicy", _S, _GONE),
    ("DisableADSP", _B, _GONE), ("LocalADSP", _D, _GONE), ("NoDiscardableMailTo", _D, _GONE),
    ("On-PolicyError", _S, _GONE), ("SendADSPReports", _B, _GONE),
    ("UnprotectedPolicy", _S, _GONE), ("LDAPSoftStart", _B, "delete the line"),
)  # fmt: skip

OPTIONS: tuple[Option, ...] = (
    *(Option(name, kind, _OK) for name, kind in _SUPPORTED),
    *(Option(name, kind, _NO, note) for name, kind, note in _IGNORED),
    *(Option(name, kind, _OFF, note) for name, kind, note in _REFUSED),
    *(Option(name, kind, _OLD, note) for name, kind, note in _REMOVED),
)
"""All options, supported ones first."""

BY_NAME = {option.name.lower(): option for option in OPTIONS}
"""The options by lower-cased name: case means nothing in opendkim.conf."""
