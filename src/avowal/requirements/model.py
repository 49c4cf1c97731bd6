"""What receivers ask for, read from the dated file, and what is known of a sender."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from avowal.enums import Word
from avowal.valueclass import value


class Applies(Word):
    """To whom a rule applies."""

    ALL = "all", "every sender"
    BULK = "bulk", "senders beyond the receiver's threshold"


class Weight(Word):
    """How much a rule weighs."""

    REQUIRED = "required", "mail that does not keep to it may be refused"
    RECOMMENDED = "recommended", "mail that keeps to it fares better"


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of a receiver; `source` and the days are empty where they are the receiver's.

    `check` names what is looked at, `value` what it is compared with.
    """

    check: str
    applies: Applies
    level: Weight
    says: str
    value: int | tuple[str, ...] | None = None
    source: str = ""
    since: str = ""


class ReceiverRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one receiver asks for: its page, and the day on which the page said so."""

    title: str
    scope: str
    threshold: str
    enforcement: str
    source: str
    seen: str
    since: str
    rules: tuple[Requirement, ...]


class RuleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All receivers by name; `date` is the newest day on which a page was read."""

    date: str
    receivers: Mapping[str, ReceiverRules]


@cache
def rule_file() -> RuleFile:
    """Return the file that comes with the package."""
    text = files(__package__).joinpath("receivers.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), RuleFile, dec_hook=_word)


def _word(kind: type, written: object) -> object:
    return kind(written)


@value
class PassingSignature:
    """A DKIM signature that verifies: its domain, its key's bits, whether it is aligned."""

    domain: str
    bits: int | None
    key_type: str
    aligned: bool
    covers_unsubscribe: bool


@value
class MailFacts:
    """What one message shows.

    `spf` is the word of SPF, None where nobody said which client sent it, and `spf_aligned`
    whether its domain is aligned.  `dmarc` is the word of DMARC.  `unsubscribe` are the URIs
    of List-Unsubscribe, `one_click` whether List-Unsubscribe-Post asks for RFC 8058.
    `repeated` are fields that stand more than once and may stand once (RFC 5322 §3.6).
    """

    author_domains: tuple[str, ...] = ()
    authors: int = 1
    signatures: tuple[PassingSignature, ...] = ()
    temporary: bool = False
    spf: str | None = None
    spf_aligned: bool = False
    dmarc: str = "none"
    unsubscribe: tuple[str, ...] = ()
    one_click: bool = False
    repeated: tuple[str, ...] = ()
    message_id: bool = True


@value
class SenderFacts:
    """What is known of a sender; None is not known.

    `spf_record` says whether SPF is published in a usable form, `dmarc_policy` is the p= that
    applies, empty where there is none, `dmarc_reports` whether it has a rua=.  `rsa_bits` are
    the sizes of the RSA keys that were looked at, `keys` how many live keys of any type.
    `marketing` says that the mail is such as people subscribe to.
    """

    spf_record: bool | None = None
    dmarc_policy: str | None = None
    dmarc_reports: bool | None = None
    rsa_bits: tuple[int, ...] = ()
    keys: int | None = None
    mail: MailFacts | None = None
    marketing: bool = False
