"""How mail is signed: the table `signing`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from avowal.config.options import Natural, Positive, Table, option
from avowal.dkim.intent import OVERSIGNED_NAMES, RECOMMENDED_NAMES

_OVERSIGNED = ", ".join(sorted(name.decode().title() for name in OVERSIGNED_NAMES))


class Rule(Table, frozen=True, kw_only=True):
    """One row of the signing table: whose mail is signed with which keys."""

    author: Annotated[
        str,
        option(
            "Whose mail: `user@example.com`, `example.com` (everybody there), `.example.com` "
            "(everybody in its subdomains), `user@.example.com`, `*`, or a pattern in which "
            "`*` stands for anything, such as `*@*.example.com`.",
            example="example.com",
            min_length=1,
        ),
    ] = field(name="from")
    keys: Annotated[
        tuple[str, ...],
        option(
            "Names of the keys that sign, one signature each; `store:example.com` stands for the "
            "keys of that domain in the key store that sign now.",
            example=["main"],
            min_length=1,
            entries="key names",
        ),
    ]
    identity: Annotated[
        str | None,
        option(
            "The identity i=; `%` stands for the author's domain, `%u` for the local part, "
            "`%a` for the whole address.  One that is made for the author is left out where it "
            "is not within d=."
        ),
    ] = None


class ResignRule(Table, frozen=True, kw_only=True):
    """Mail of others that is signed on its way: that of lists and forwarders (RFC 6377).

    Exactly one of `to` and `sender` says which.
    """

    to: Annotated[
        str | None,
        option(
            "The recipient, a pattern as in `rules`: incoming mail that is verified, recorded and "
            "signed again as it passes.",
            example="list@example.com",
        ),
    ] = None
    sender: Annotated[
        str | None,
        option(
            "The envelope sender, a pattern as in `rules`: what list software on a host of ours "
            "sends, after its changes.  It was verified when it came in.",
        ),
    ] = None
    keys: Annotated[
        tuple[str, ...],
        option(
            "Names of the keys that sign, one signature each.",
            example=["main"],
            min_length=1,
            entries="key names",
        ),
    ]
    remove: Annotated[
        Literal["none", "broken", "all"],
        option(
            "Which signatures of others are taken out (RFC 6377 §5.7); an earlier one by the same "
            "key always is.  `broken` is for `to`."
        ),
    ] = "none"


class Rewrite(Table, frozen=True, kw_only=True):
    """One change the MTA will make to fields after signing, made beforehand for the hash."""

    pattern: Annotated[
        str,
        option("A regular expression, searched in the field's value.", example="@inner[.]example"),
    ]
    replacement: Annotated[str, option("What stands there afterwards.", example="@example")]


class Signing(Table, frozen=True, kw_only=True):
    """How mail is signed.

    Without `rules`, each key signs for its own domain, and all keys of the domain sign.
    """

    rules: Annotated[tuple[Rule, ...], option("The signing table, in order.")] = ()
    rules_table: Annotated[
        str | None,
        option(
            "A table with more rules, behind these: `file:PATH` with a line `PATTERN KEY,KEY` or "
            "`PATTERN KEY:IDENTITY` each, or `dsn:URL` with the same in a database.  It is read "
            "at the start and at each reload.",
            example="file:/etc/avowal/rules",
        ),
    ] = None
    order: Annotated[
        Literal["table", "specific"],
        option(
            "Which matching rule comes first: the one higher in the table, or the most specific, "
            "level by level: user@host, host, user@.parent, .parent, and so on, user@*, *."
        ),
    ] = "table"
    every_match: Annotated[bool, option("Whether all matching rules sign, not only the first.")] = (
        False
    )
    subdomains: Annotated[
        bool,
        option("Whether a rule for `example.com` also covers its subdomains."),
    ] = False
    require_author_domain: Annotated[
        bool,
        option("Whether a key may only sign for authors in its own domain or below it."),
    ] = False
    author_fields: Annotated[
        tuple[str, ...],
        option(
            "The fields in which the author is looked for, the first present one counts.",
            entries="field names",
        ),
    ] = ("From",)
    author_macro: Annotated[
        str | None, option("A milter macro that names the author instead of any field.")
    ] = None
    default_author: Annotated[
        str | None, option("The address to take for the author where none is found.")
    ] = None
    unsigned_recipients: Annotated[
        tuple[str, ...],
        option(
            "Recipients, as in `rules`, whose mail is not signed, if one of them is among all.",
            entries="addresses",
        ),
    ] = ()
    resign: Annotated[
        tuple[ResignRule, ...],
        option("Which mail of others, such as a list's, is signed on its way."),
    ] = ()
    resign_unverified: Annotated[
        bool, option("Whether such mail is signed too when it does not verify.")
    ] = False
    canonicalization: Annotated[
        str,
        option(
            "The forms c= of header and body: `relaxed` or `simple` each.",
            pattern="^(relaxed|simple)(/(relaxed|simple))?$",
        ),
    ] = "relaxed/relaxed"
    canonicalization_field: Annotated[
        str | None,
        option("A field of the message that, where present, holds the forms to use."),
    ] = None
    signed_names: Annotated[
        tuple[str, ...], option("The fields to sign where present.", entries="field names")
    ] = tuple(name.decode().title() for name in RECOMMENDED_NAMES)
    oversigned_names: Annotated[
        tuple[str, ...] | None,
        option(
            "The fields to list once more than they occur, so that none can be added.  Unset: "
            f"those of {_OVERSIGNED} that `signed_names` holds.",
            entries="field names",
        ),
    ] = None
    omitted_names: Annotated[
        tuple[str, ...],
        option("Fields never to sign, whatever the other options say.", entries="field names"),
    ] = ()
    lifetime: Annotated[
        Positive | None,
        option("How long a signature is valid (x=); unset: for ever.", unit="seconds"),
    ] = None
    copy_fields: Annotated[
        bool, option("Whether to copy the signed fields into z=, for diagnosis.")
    ] = False
    request_reports: Annotated[
        bool, option("Whether to ask for failure reports (r=y, RFC 6651).")
    ] = False
    body_length_recipients: Annotated[
        tuple[str, ...],
        option(
            "Recipients, as in `rules`, whose mail is signed with l=: whoever passes it on can "
            "append to it (RFC 6376 §8.2).",
            entries="addresses",
        ),
    ] = ()
    body_length_limit: Annotated[
        Natural | None,
        option("The most octets of a body that are signed, by l=; unset: all.", unit="octets"),
    ] = None
    atps_domains: Annotated[
        tuple[str, ...],
        option(
            "Author domains that authorize ours by ATPS (RFC 6541): signed with atps=.",
            entries="addresses",
        ),
    ] = ()
    atps_hash: Annotated[
        Literal["sha256", "sha1", "none"], option("The atpsh= of such signatures.")
    ] = "sha256"
    identity_field: Annotated[
        str | None, option("A field of the message that holds the identity i=.")
    ] = None
    remove_identity_field: Annotated[bool, option("Whether to remove that field.")] = False
    remove_old_signatures: Annotated[
        bool, option("Whether to remove signatures a message of ours carries already.")
    ] = False
    accept_malformed: Annotated[
        bool,
        option("Whether to sign messages that break RFC 5322, such as with two Subject fields."),
    ] = False
    long_lines: Annotated[
        Literal["refold", "log", "ignore"],
        option(
            "What to do with header lines of over 998 octets, which an MTA will break behind "
            "our back: fold them before signing, log them, or nothing."
        ),
    ] = "refold"
    long_body_lines: Annotated[
        Literal["sign", "leave"],
        option("What to do with a body with such a line: `sign` or `leave` it; it is logged."),
    ] = "sign"
    rewrites: Annotated[
        tuple[Rewrite, ...],
        option("What the MTA will change after signing (masquerading): signed as changed."),
    ] = ()
    rewritten_names: Annotated[
        tuple[str, ...],
        option(
            "The fields that `rewrites` are for; empty: all signed ones.", entries="field names"
        ),
    ] = ()
    software_field: Annotated[
        bool, option("Whether to add a DKIM-Filter field that names this software.")
    ] = False
    require_safe_keys: Annotated[
        bool, option("Whether to refuse keys that others may read, change or bring.")
    ] = True
    key_store: Annotated[
        str,
        option(
            "The key store that `store:DOMAIN` among the keys of a rule takes keys from: a file, "
            "`directory:PATH` or `postgresql://USER@HOST/NAME`.  A change is brought in by itself."
        ),
    ] = "/var/lib/avowal/keys.db"
    require_published: Annotated[
        bool,
        option("Whether to sign with a key only while DNS shows its record."),
    ] = False
    publication_unknown: Annotated[
        Literal["sign", "defer"],
        option(
            "With `require_published`, what is done while DNS has not said whether it shows the "
            "record: sign all the same, or have the client come again (451)."
        ),
    ] = "sign"
    publication_file: Annotated[
        str | None,
        option(
            "The file that keeps when DNS was seen to show each key, for the next start; unset: "
            "known to all workers until the daemon stops."
        ),
    ] = None
