"""Which option of ours each plain option of opendkim.conf becomes: the table of `translation`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from avowal.config.opendkim_conf import OpendkimConf, Setting
from avowal.opendkim.confinement import confined

Values: TypeAlias = Iterator[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Simple:
    """One option: our dotted name, and how the value is made."""

    path: str
    make: Callable[[OpendkimConf, Setting], Values]

    def values(self, conf: OpendkimConf, setting: Setting) -> Values:
        """Yield dotted names and values."""
        yield from self.make(conf, setting)


# What OpenDKIM does where a configuration says nothing, and ours would do otherwise.
DEFAULTS: tuple[tuple[str, object], ...] = (
    ("origin.internal_hosts", ["127.0.0.1", "::1"]),
    ("signing.canonicalization", "simple/simple"),
    ("signing.oversigned_names", []),
    ("signing.order", "specific"),
    ("signing.accept_malformed", True),
    ("signing.long_lines", "ignore"),
    ("results.write", "signed"),
    ("actions.dns_error", "tempfail"),
    ("actions.internal_error", "tempfail"),
    ("log.success", False),
    ("log.results", False),
)


def _flag(path: str, *, on: object = True, off: object = False) -> Simple:
    def make(conf: OpendkimConf, setting: Setting) -> Values:
        yield path, on if conf.boolean(setting.key) else off

    return Simple(path, make)


def _text(path: str) -> Simple:
    def make(conf: OpendkimConf, setting: Setting) -> Values:
        yield path, setting.text

    return Simple(path, make)


def _pid_file(conf: OpendkimConf, setting: Setting) -> Values:
    yield "server.pid_file", confined(conf, setting.text)


def _number(path: str, *, least: int | None = None) -> Simple:
    """A number; 0 stands for no limit or the default, which is said by leaving it out."""

    def make(conf: OpendkimConf, setting: Setting) -> Values:
        number = conf.integer(setting.key)
        if number:
            yield path, number if least is None else max(number, least)

    return Simple(path, make)


def _split(path: str) -> Simple:
    def make(conf: OpendkimConf, setting: Setting) -> Values:
        yield path, [item.strip() for item in setting.text.split(",") if item.strip()]

    return Simple(path, make)


def _mode(conf: OpendkimConf, setting: Setting) -> Values:
    words = {"s": "sign", "v": "verify"}
    yield "mode", words.get(setting.text, "both")


def _clock_drift(conf: OpendkimConf, setting: Setting) -> Values:
    yield "verifying.clock_skew", conf.integer("ClockDrift")


def _minimum(conf: OpendkimConf, setting: Setting) -> Values:
    text = setting.text
    name = {"%": "min_signed_percent", "+": "max_unsigned_octets"}.get(
        text[-1], "min_signed_octets"
    )
    if text.rstrip("%+").isdigit():
        yield f"verifying.{name}", int(text.rstrip("%+"))


def _unprotected(conf: OpendkimConf, setting: Setting) -> Values:
    yield "verifying.unprotected_key", setting.text.replace("none", "accept")


def _authserv_id(conf: OpendkimConf, setting: Setting) -> Values:
    if setting.text != "HOSTNAME":
        yield "results.authserv_id", setting.text


def _remove(conf: OpendkimConf, setting: Setting) -> Values:
    if conf.boolean("KeepAuthResults"):
        yield "results.remove", "none"


SIMPLE: dict[str, Simple] = {
    "BaseDirectory": _text("server.directory"), "ChangeRootDirectory": _text("server.root"),
    "PidFile": Simple("server.pid_file", _pid_file), "Mode": Simple("mode", _mode),
    "SubDomains": _flag("signing.subdomains"),
    "MultipleSignatures": _flag("signing.every_match"),
    "RequireSafeKeys": _flag("signing.require_safe_keys"),
    "Canonicalization": _text("signing.canonicalization"),
    "SelectCanonicalizationHeader": _text("signing.canonicalization_field"),
    "SignatureTTL": _number("signing.lifetime"),
    "MaximumSignedBytes": _number("signing.body_length_limit"),
    "Diagnostics": _flag("signing.copy_fields"),
    "RemoveOldSignatures": _flag("signing.remove_old_signatures"),
    "SoftwareHeader": _flag("signing.software_field"),
    "X-Header": _flag("signing.software_field"),
    "RequestReports": _flag("signing.request_reports"),
    "ATPSHashAlgorithm": _text("signing.atps_hash"),
    "MaximumHeaders": _number("limits.header_octets", least=1024),
    "AlwaysAddARHeader": _flag("results.write", on="always", off="signed"),
    "AuthservID": Simple("results.authserv_id", _authserv_id),
    "AuthservIDWithJobID": _flag("results.queue_id"),
    "NoHeaderB": _flag("results.signature_prefix", on=False, off=True),
    "KeepAuthResults": Simple("results.remove", _remove),
    "ClockDrift": Simple("verifying.clock_skew", _clock_drift),
    "Minimum": Simple("verifying.min_signed_octets, …_percent or max_unsigned_octets", _minimum),
    "MinimumKeyBits": _number("verifying.min_key_bits", least=1024),
    "MaximumSignaturesToVerify": _number("verifying.max_signatures"),
    "UnprotectedKey": Simple("verifying.unprotected_key", _unprotected),
    "RemoveVerifiedSignatures": _flag("verifying.remove_signatures"),
    "RedirectFailuresTo": _text("actions.redirect_failures_to"),
    "SendReports": _flag("reports.send"), "ReportAddress": _text("reports.sender"),
    "ReportBccAddress": _text("reports.copy_to"), "MTACommand": _text("reports.command"),
    "EventStore": _text("events.store"), "ExplainFailures": _flag("explanations.make"),
    "ExplainSeconds": _number("explanations.seconds"),
    "ExplainField": _text("explanations.field"), "ExplainWait": _number("explanations.wait"),
    "CaptureDirectory": _text("capture.directory"), "CaptureKeep": _text("capture.keep"),
    "CaptureRecipients": _split("capture.recipients"),
    "CaptureMostFiles": _number("capture.most_files"),
    "CaptureMostOctets": _number("capture.most_octets"), "CaptureDays": _number("capture.days"),
    "DNSTimeout": _number("dns.timeout"), "Nameservers": _split("dns.servers"),
    "Syslog": _flag("log.target", on="syslog", off="stderr"),
    "SyslogFacility": _text("log.facility"), "SyslogName": _text("log.name"),
    "SyslogSuccess": _flag("log.success"), "LogResults": _flag("log.results"),
    "LogWhy": _flag("log.why"),
}  # fmt: skip

# Supported by avowal-opendkim, but without a counterpart: why none is needed.
NOTED: dict[str, str] = {
    "CaptureUnknownErrors": "it has no effect in OpenDKIM either; On-InternalError has",
    "DomainKeysCompat": "key records are read by the rules of RFC 6376",
    "Quarantine": "it has no effect in OpenDKIM either; On-BadSignature quarantine has",
    "TrustSignaturesFrom": "it has no effect in OpenDKIM either; verifying.trusted_signers has",
    "Background": "the service manager keeps the daemon; it never forks",
    "Include": "its lines are listed by themselves",
    "FixCRLF": "line ends are always those that will be sent",
    "IgnoreMalformedMail": "malformed mail is accepted unless actions.malformed says otherwise",
    "WeakSyntaxChecks": "every signature is judged by itself, whatever the header is like",
    "RemoveARAll": "all fields in our name are removed anyway",
    "BogusKey": "an answer that fails DNSSEC comes as a failure: actions.dns_error",
    "TestDNSData": "of use in tests: dns.zone_file takes a zone file",
    "TestPublicKeys": "of use in tests: dns.zone_file takes a zone file",
    "StrictTestMode": "of use with -t only",
}
