"""The checks that rules name: each looks at what is known, and says met, not met or not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from avowal.requirements.model import MailFacts, Requirement, SenderFacts
from avowal.text import counted


class Checked(NamedTuple):
    """`met` is None where that is not known; `what` says what was seen, or why not."""

    met: bool | None
    what: str


Check: TypeAlias = Callable[[SenderFacts, Requirement], Checked]
_NO_MAIL = Checked(None, "give a message to see")
_NO_CLIENT = "who sent the message is not known: give --client and --mail-from"


def _spf_and_dkim(facts: SenderFacts, _: Requirement) -> Checked:
    return _joined(_spf(facts), _dkim(facts), both=True)


def _spf_or_dkim(facts: SenderFacts, _: Requirement) -> Checked:
    return _joined(_spf(facts), _dkim(facts), both=False)


def _joined(one: Checked, other: Checked, *, both: bool) -> Checked:
    """Join two answers; one that decides alone does."""
    for found in (one, other):
        if found.met is (not both):
            return found
    unknown = next((found for found in (one, other) if found.met is None), None)
    return unknown or Checked(both, f"{one.what}; {other.what}")


def _spf(facts: SenderFacts) -> Checked:
    mail = facts.mail
    if mail is not None and mail.spf is not None:
        return Checked(_word(mail.spf), f"SPF: {mail.spf}")
    if facts.spf_record is None:
        return Checked(None, _NO_CLIENT)
    if not facts.spf_record:
        return Checked(False, "no usable SPF record")
    if mail is not None:
        return Checked(None, f"an SPF record is published; {_NO_CLIENT}")
    return Checked(True, "an SPF record is published")


def _word(word: str) -> bool | None:
    return None if word == "temperror" else word == "pass"


def _dkim(facts: SenderFacts) -> Checked:
    mail = facts.mail
    if mail is not None:
        if mail.signatures:
            return Checked(True, f"DKIM: pass ({mail.signatures[0].domain})")
        return Checked(None if mail.temporary else False, "no DKIM signature passes")
    if facts.keys is None:
        return Checked(None, "no selector is known: give --selector or a message")
    return Checked(facts.keys > 0, f"{counted(facts.keys, 'usable DKIM key')} published")


def _spf_pass(facts: SenderFacts, _: Requirement) -> Checked:
    return _spf(facts)


def _dkim_pass(facts: SenderFacts, _: Requirement) -> Checked:
    return _dkim(facts)


def _dmarc_record(facts: SenderFacts, _: Requirement) -> Checked:
    if facts.dmarc_policy is None:
        return Checked(None, "DNS gives no answer")
    if not facts.dmarc_policy:
        return Checked(False, "no DMARC record with a policy applies")
    return Checked(True, f"p={facts.dmarc_policy}")


def _dmarc_reports(facts: SenderFacts, _: Requirement) -> Checked:
    if facts.dmarc_reports is None:
        return Checked(None, "DNS gives no answer")
    return Checked(facts.dmarc_reports, "rua= is there" if facts.dmarc_reports else "no rua=")


def _dmarc_pass(facts: SenderFacts, _: Requirement) -> Checked:
    if facts.mail is None:
        return _NO_MAIL
    if facts.mail.dmarc != "pass" and facts.mail.spf is None:
        return Checked(None, f"DKIM alone does not make it pass; {_NO_CLIENT}")
    return Checked(_word(facts.mail.dmarc), f"DMARC: {facts.mail.dmarc}")


def _alignment(facts: SenderFacts, _: Requirement) -> Checked:
    mail = facts.mail
    if mail is None:
        return _NO_MAIL
    aligned = [one.domain for one in mail.signatures if one.aligned]
    if aligned:
        return Checked(True, f"DKIM is aligned ({aligned[0]})")
    if mail.spf is None:
        return Checked(None, f"DKIM is not aligned; {_NO_CLIENT}")
    return Checked(mail.spf_aligned, "SPF is aligned" if mail.spf_aligned else "neither is aligned")


def _both_aligned(facts: SenderFacts, _: Requirement) -> Checked:
    mail = facts.mail
    if mail is None:
        return _NO_MAIL
    if not any(one.aligned for one in mail.signatures):
        return Checked(None if mail.temporary else False, "DKIM is not aligned")
    if mail.spf is None:
        return Checked(None, _NO_CLIENT)
    return Checked(mail.spf_aligned, "both" if mail.spf_aligned else "SPF is not aligned")


def _key_bits(facts: SenderFacts, rule: Requirement) -> Checked:
    wanted = rule.value if isinstance(rule.value, int) else 0
    bits = facts.rsa_bits
    if facts.mail is not None:
        bits = tuple(
            one.bits for one in facts.mail.signatures if one.key_type == "rsa" and one.bits
        )
    if not bits:
        return Checked(None, "no RSA key was looked at")
    return Checked(min(bits) >= wanted, f"{min(bits)} bits")


# -- unsubscribing -----------------------------------------------------------------------------


def _unsubscribing(facts: SenderFacts, look: Callable[[MailFacts], Checked]) -> Checked:
    """Look at a message that may be unsubscribed from; who says it is marketing has to mean it."""
    mail = facts.mail
    if mail is None:
        return _NO_MAIL
    if not mail.unsubscribe and not mail.one_click:
        what = "there is no List-Unsubscribe"
        return Checked(False if facts.marketing else None, f"{what}: marketing mail needs it")
    return look(mail)


def _has_scheme(mail: MailFacts, *schemes: str) -> bool:
    return any(uri.lower().startswith(schemes) for uri in mail.unsubscribe)


def _unsubscribe(facts: SenderFacts, _: Requirement) -> Checked:
    def look(mail: MailFacts) -> Checked:
        if _has_scheme(mail, "mailto:"):
            return Checked(True, "by mailto:")
        return _post(mail)

    return _unsubscribing(facts, look)


def _one_click(facts: SenderFacts, _: Requirement) -> Checked:
    return _unsubscribing(facts, _post)


def _post(mail: MailFacts) -> Checked:
    if not _has_scheme(mail, "https:"):
        return Checked(False, "List-Unsubscribe has no https: address")
    if not mail.one_click:
        return Checked(False, "there is no List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return Checked(True, "List-Unsubscribe and List-Unsubscribe-Post are there")


def _one_click_signed(facts: SenderFacts, _: Requirement) -> Checked:
    def look(mail: MailFacts) -> Checked:
        if not mail.one_click:
            return Checked(None, "there is no List-Unsubscribe-Post to be signed")
        if any(one.covers_unsubscribe for one in mail.signatures):
            return Checked(True, "a signature covers both")
        known = None if mail.temporary else False
        return Checked(known, "no passing signature has both names in h=")

    return _unsubscribing(facts, look)


# -- the form of the message -------------------------------------------------------------------


def _one_author(facts: SenderFacts, _: Requirement) -> Checked:
    if facts.mail is None:
        return _NO_MAIL
    return Checked(facts.mail.authors == 1, f"{facts.mail.authors} addresses in From")


def _single_fields(facts: SenderFacts, _: Requirement) -> Checked:
    if facts.mail is None:
        return _NO_MAIL
    repeated = ", ".join(facts.mail.repeated)
    return Checked(not repeated, f"more than once: {repeated}" if repeated else "each once")


def _message_id(facts: SenderFacts, _: Requirement) -> Checked:
    if facts.mail is None:
        return _NO_MAIL
    found = facts.mail.message_id
    return Checked(found, "it has one" if found else "there is none, or it is no <left@right>")


def _not_impersonated(facts: SenderFacts, rule: Requirement) -> Checked:
    if facts.mail is None:
        return _NO_MAIL
    theirs = rule.value if isinstance(rule.value, tuple) else ()
    named = [one for one in facts.mail.author_domains if one in theirs]
    if not named:
        return Checked(True, "From names other domains")
    signed = any(one.aligned for one in facts.mail.signatures)
    return Checked(signed, f"From names {named[0]}{'' if signed else ', which did not sign'}")


def _look(_: SenderFacts, __: Requirement) -> Checked:
    return Checked(None, "not looked at here")


CHECKS: Mapping[str, Check] = {
    "spf-or-dkim": _spf_or_dkim,
    "spf-and-dkim": _spf_and_dkim,
    "spf-pass": _spf_pass,
    "dkim-pass": _dkim_pass,
    "dmarc-record": _dmarc_record,
    "dmarc-reports": _dmarc_reports,
    "dmarc-pass": _dmarc_pass,
    "alignment": _alignment,
    "both-aligned": _both_aligned,
    "key-bits": _key_bits,
    "unsubscribe": _unsubscribe,
    "one-click-post": _one_click,
    "one-click-signed": _one_click_signed,
    "one-author": _one_author,
    "single-fields": _single_fields,
    "message-id": _message_id,
    "not-impersonated": _not_impersonated,
    "look": _look,
}
