"""How mail is verified and what follows: `verifying`, `results`, `actions`, `reports`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from avowal.config.options import (
    Address,
    FieldName,
    HostPort,
    Natural,
    Percent,
    Positive,
    Table,
    option,
)

Action: TypeAlias = Literal["accept", "tag", "quarantine", "reject", "tempfail", "discard"]


class Verifying(Table, frozen=True, kw_only=True):
    """Which signatures count.  An unset option is what the profile says."""

    profile: Annotated[
        Literal["default", "strict", "archive"],
        option("The rules to start from (reference/rules)."),
    ] = "default"
    signed_too: Annotated[bool, option("Whether to verify also what is being signed.")] = False
    min_key_bits: Annotated[
        Annotated[int, Meta(ge=1024)] | None, option("The smallest RSA key accepted.", unit="bits")
    ] = None
    max_key_bits: Annotated[
        Annotated[int, Meta(ge=4096)] | None, option("The largest RSA key accepted.", unit="bits")
    ] = None
    clock_skew: Annotated[Natural | None, option("Tolerance for t= and x=.", unit="seconds")] = None
    max_age: Annotated[
        Positive | None, option("How old a signature may be, by t=.", unit="seconds")
    ] = None
    max_signatures: Annotated[
        int,
        option("How many signatures of a message are checked.", unit="signatures", ge=1, le=1000),
    ] = 50
    required_fields: Annotated[
        tuple[str, ...] | None,
        option("Fields that must be signed where present.", entries="field names"),
    ] = None
    accept_unsigned_content: Annotated[
        bool | None, option("Whether text behind the l= part of a body is accepted.")
    ] = None
    min_signed_octets: Annotated[
        Natural | None, option("How much of a body must be signed with l=.", unit="octets")
    ] = None
    min_signed_percent: Annotated[
        Percent | None, option("Which part of a body must be signed with l=.", unit="%")
    ] = None
    max_unsigned_octets: Annotated[
        Natural | None, option("How much may stand behind the l= part.", unit="octets")
    ] = None
    accept_historic: Annotated[
        bool | None, option("Whether rsa-sha1 may pass; RFC 8301 forbids it.")
    ] = None
    accept_drafts: Annotated[
        bool | None,
        option(
            "Whether signatures of the drafts before RFC 4871, and DomainKeys, are verified and "
            "may pass (DomainKeys with `accept_historic`, for it has SHA-1 only): for archives."
        ),
    ] = None
    honor_granularity: Annotated[
        bool | None,
        option("Whether g= of a key limits whose mail it signs, as RFC 4871 §3.6.1 had it."),
    ] = None
    accept_testing: Annotated[
        bool | None, option("Whether signatures by keys in test mode (t=y) may pass.")
    ] = None
    unprotected_key: Annotated[
        Literal["accept", "neutral", "fail"],
        option("How a signature counts whose key came without DNSSEC."),
    ] = "accept"
    unacceptable_domains: Annotated[
        tuple[str, ...], option("Signing domains that are not accepted.", entries="domains")
    ] = ()
    trusted_signers: Annotated[
        tuple[str, ...],
        option(
            "Signing domains whose signatures count for other authors' mail.  Empty: everybody's.",
            entries="addresses",
        ),
    ] = ()
    must_be_signed: Annotated[
        tuple[str, ...],
        option(
            "Author domains whose mail must carry a passing signature of theirs.",
            entries="addresses",
        ),
    ] = ()
    remove_signatures: Annotated[
        bool,
        option(
            "Whether to take the signatures out of mail that was verified and is accepted, once "
            "one of them passes; not of mail that is sealed or signed again."
        ),
    ] = False


class Results(Table, frozen=True, kw_only=True):
    """The Authentication-Results field (RFC 8601)."""

    authserv_id: Annotated[
        str | None,
        option("The name we report under, one for the whole site; unset: the MTA's host name."),
    ] = None
    own_ids: Annotated[
        tuple[str, ...],
        option(
            "Further names of ours: fields that claim them are removed as forged.", entries="texts"
        ),
    ] = ()
    trusted_hosts: Annotated[
        tuple[str, ...],
        option("Hosts of ours whose Authentication-Results fields stay.", entries="hosts"),
    ] = ()
    write: Annotated[
        Literal["always", "signed", "never"],
        option("When to write the field: always, only on messages that carry signatures, never."),
    ] = "always"
    remove: Annotated[
        Literal["forged", "all", "none"],
        option("Which fields to remove: those in our name, all, or none."),
    ] = "forged"
    remove_ids: Annotated[
        tuple[str, ...],
        option("Foreign names, and `.domains`, whose fields are removed too.", entries="texts"),
    ] = ()
    queue_id: Annotated[
        bool, option("Whether to write the queue id behind the name: `mx.example.com/4XYZ`.")
    ] = False
    signature_prefix: Annotated[
        bool, option("Whether to tell signatures apart by header.b (RFC 6008).")
    ] = True
    syntax_result: Annotated[
        Literal["neutral", "permerror"],
        option(
            "The word for a signature that cannot be read or processed: RFC 8601 §2.7.1 has "
            "`neutral`, some receivers write `permerror`."
        ),
    ] = "neutral"
    mark: Annotated[
        FieldName | None,
        option(
            "The field put on incoming mail whose author's domain vouches for all that a reader "
            "sees, for mail programs; those that come in are removed.  Unset: none."
        ),
    ] = None
    warnings: Annotated[
        bool, option("Whether to write what stricter receivers would dislike, as comment.")
    ] = False


class OnResult(Table, frozen=True, kw_only=True):
    """What to do with a message, by what verifying it said; only where no signature passes.

    RFC 6376 §6.3 advises against refusing mail for a missing or broken signature alone.
    A key in test mode (t=y) never causes anything but `accept`.
    """

    no_signature: Annotated[Action, option("There is no signature.")] = "accept"
    bad_signature: Annotated[
        Action,
        option("The message is not as it was signed; `tempfail` is ruled out (RFC 6376 §6.3)."),
    ] = "accept"
    policy: Annotated[Action, option("The signature verifies, but the rules refuse it.")] = "accept"
    key_not_found: Annotated[
        Action, option("There is no usable key: none, revoked, malformed or unsuitable.")
    ] = "accept"
    dns_error: Annotated[
        Action, option("DNS gave no answer; whether the signature is good is unknown.")
    ] = "accept"
    syntax: Annotated[Action, option("The signature cannot be read.")] = "accept"
    security: Annotated[
        Action,
        option(
            "The message is beyond a limit that protects us; `reject` says 552 5.3.4.  Of a header "
            "beyond a limit nothing is verified: if another class could do more, that is done.  "
            "`tempfail` is ruled out: it never shrinks."
        ),
    ] = "quarantine"
    unsigned_author: Annotated[
        Action,
        option("The author's domain is in `verifying.must_be_signed` and did not sign."),
    ] = "accept"
    disposition_quarantine: Annotated[
        Action, option("The policy of the author's domain asks to quarantine the message.")
    ] = "accept"
    disposition_reject: Annotated[
        Action,
        option(
            "The policy of the author's domain asks to reject the message.  RFC 9989 §7.4: not on "
            "p=reject alone; `quarantine` is what it advises."
        ),
    ] = "accept"
    disposition_discard: Annotated[
        Action, option("The policy of the author's domain asks to discard the message (ADSP).")
    ] = "accept"
    disposition_unknown: Annotated[
        Action, option("DNS gave no answer about the policy of the author's domain.")
    ] = "accept"
    unauthenticated_post: Annotated[
        Action,
        option(
            "A message for `signing.resign` that its author's domain has not signed, has "
            "authorized nobody to sign (ATPS), and whose DMARC does not pass (RFC 6377 §5.6).  "
            "While DNS gives no answer, `reject` and `discard` wait."
        ),
    ] = "accept"
    strict_author: Annotated[
        Action,
        option(
            "A message for `signing.resign` whose author's domain asks, by any generation of "
            "policy, for what the list's own signature does not give (p=reject, p=quarantine, "
            "ADSP `all` and `discardable`, SSP `strict`, `o=!`, `o=.`): for lists that break "
            "signatures (RFC 6377 §5.2)."
        ),
    ] = "accept"
    disreputable: Annotated[Action, option("An opinion is beyond `reputation.limits`.")] = "accept"
    malformed: Annotated[
        Action, option("The header breaks RFC 5322: no From, or two of what may stand once.")
    ] = "accept"
    internal_error: Annotated[
        Action, option("We failed: a key did not sign, or there is a bug.")
    ] = "accept"
    tag_field: Annotated[
        str,
        option(
            "The field that `tag` adds; those in incoming mail are removed.",
            pattern="^[!-9;-~]+$",
        ),
    ] = "X-DKIM-Verdict"
    redirect_failures_to: Annotated[
        str | None, option("The address that messages which fail are sent to instead.")
    ] = None


class Reports(Table, frozen=True, kw_only=True):
    """Failure reports to signers who ask for them by r=y (RFC 6651), and notes for ourselves."""

    send: Annotated[bool, option("Whether to send reports.")] = False
    sender: Annotated[
        str | None,
        option("The address in From; unset: postmaster at the name we report results under."),
    ] = None
    copy_to: Annotated[Address | None, option("An address that gets a copy of each report.")] = None
    command: Annotated[
        str | None,
        option(
            "The command that sends a message from standard input, run with `-t -i -f <>`; unset, "
            "and no `relay`: `/usr/sbin/sendmail`."
        ),
    ] = None
    relay: Annotated[
        HostPort | None,
        option("The SMTP server to hand them to instead: `HOST`, `HOST:PORT`, `[ADDRESS]:PORT`."),
    ] = None
    most_per_hour: Annotated[
        Positive,
        option("How many leave in an hour, of all workers; more are not sent.", unit="reports"),
    ] = 100
    diagnostic_directory: Annotated[
        str | None,
        option(
            "Where to write how failed messages differ from their z= copies, a file for each; at "
            "most 1000 files."
        ),
    ] = None
