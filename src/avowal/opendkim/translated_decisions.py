"""Options of opendkim.conf that decide about a message: fields, actions, what is left alone.

They are translated from the settings as the filter has them, not from the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from avowal.config.opendkim_conf import Setting
from avowal.dkim.intent import UNSUITABLE_NAMES
from avowal.opendkim.settings import Settings, names_of
from avowal.opendkim.translated import Translation
from avowal.opendkim.translated_sets import DATABASE, address_pattern, listed, rows_in
from avowal.stores.datasets import PatternSet

_ADDRESS_FIELDS: Final = frozenset(  # RFC 5322 §3.6.2, §3.6.6
    (b"from", b"sender", b"reply-to", b"to", b"cc", b"resent-from", b"resent-sender")
)
FIELD_NAME: Final = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8


def decided_words(made: Translation, setting: Setting) -> str | None:
    """Translate an option by what was made of it; None for an option that is not one of these."""
    settings, translated = made.settings, _DECIDED.get(setting.key)
    if settings is None or translated is None:
        return None
    return translated(made, settings, setting)


def _names(made: Translation, path: str, names: Iterable[bytes]) -> str:
    """Set a list of field names, without what is no name and what must not be signed."""
    texts = [name.decode() for name in names]
    good = [
        name
        for name in dict.fromkeys(text.title() for text in texts)
        if FIELD_NAME.fullmatch(name) and name.lower().encode() not in UNSUITABLE_NAMES
    ]
    made.put(path, good)
    lost = [text for text in texts if text.title() not in good]
    return f"{path}, but NOTHING for {', '.join(lost)}, which cannot be signed" if lost else path


def _oversigned(made: Translation, settings: Settings, _: Setting) -> str:
    words = _names(made, "signing.oversigned_names", settings.oversigned)
    once = [n.decode() for n in settings.oversigned if n.lower() not in settings.signed_names]
    if not once:
        return words
    return (
        f"{words}; NOTHING for listing {', '.join(once)} once only: here once more than it occurs"
    )


def _authors(made: Translation, settings: Settings, _: Setting) -> str:
    words = _names(made, "signing.author_fields", (*settings.sender_fields, b"from"))
    others = [n.decode() for n in settings.sender_fields if n not in _ADDRESS_FIELDS]
    if not others:
        return words
    return f"{words}; NOTHING for mail with {' or '.join(others)} without an address: verified here"


def _signed(made: Translation, settings: Settings, _: Setting) -> str:
    lost = [n.decode() for n in settings.signed_names if not FIELD_NAME.fullmatch(n.decode())]
    path = "signing.signed_names"
    return f"{path}, without {', '.join(lost)}, which OpenDKIM never matched" if lost else path


def _required(made: Translation, settings: Settings, _: Setting) -> str:
    made.put("verifying.required_fields", sorted(n.decode() for n in settings.required_fields))
    return "verifying.required_fields"


def _unsigned_recipients(made: Translation, settings: Settings, _: Setting) -> str:
    path, data = "signing.unsigned_recipients", settings.unsigned_recipients
    rows = rows_in(data)
    if rows is None:
        return DATABASE
    patterned = isinstance(data, PatternSet)
    members = listed((row.key, address_pattern(row.key, patterned=patterned)) for row in rows)
    made.put(path, members.entries)
    if settings.verifies and members.entries:
        members.lost.append("verifying: such mail is verified here")
    return members.words(path)


def _mode(made: Translation, settings: Settings, _: Setting) -> str:
    leaves = settings.domains is not None or settings.signing_table is not None
    if not settings.signs and leaves:
        return "mode, but NOTHING for mail of ours by those authors: it is verified here"
    return "mode"


def _macro(made: Translation, settings: Settings, setting: Setting) -> str:
    made.put("signing.author_macro", setting.text)
    return "signing.author_macro, but NOTHING for mail without the macro: it has no author here"


def _required_headers(made: Translation, settings: Settings, _: Setting) -> str:
    if not settings.on("RequiredHeaders"):
        return "actions.malformed"
    made.put("actions.malformed", "reject")
    made.put("signing.accept_malformed", False)
    return "actions.malformed, but NOTHING for mail without Date: it is taken here"


def _strict(made: Translation, settings: Settings, _: Setting) -> str:
    if not settings.on("StrictHeaders"):
        return "signing.accept_malformed"
    made.put("signing.accept_malformed", False)
    return "signing.accept_malformed, but NOTHING for verifying: malformed mail is verified here"


def _replaced(made: Translation, settings: Settings, _: Setting) -> str:
    replacer = settings.replacer
    if replacer is None:
        return "nothing: there are no ReplaceRules"
    rewrites = [
        {"pattern": pattern.pattern.decode("latin-1"), "replacement": text.decode("latin-1")}
        for pattern, text in replacer.rules
    ]
    made.put("signing.rewrites", rewrites)
    made.put("signing.rewritten_names", list(names_of(made.conf, "ReplaceHeaders", ())))
    return "signing.rewrites, but NOTHING for the author: it is who stands there before"


def _action(*names: str) -> Callable[[Translation, Settings, Setting], str]:
    """Make the translation of an On- option; what never mends is not put off by ours."""

    def translated(made: Translation, settings: Settings, setting: Setting) -> str:
        lost = []
        for option, classes in _CLASSES.items():
            if setting.key not in (option, "On-Default"):
                continue
            action = settings.actions[option]
            if action == "accept" and option in _WITHOUT_PASS:
                action = _general(settings)
            for name in classes:
                if action == "tempfail" and name == "bad_signature":
                    lost.append(f"tempfail for actions.{name}: it never mends (RFC 6376 §6.3)")
                    continue
                beyond = name == "security" and action == "tempfail"
                made.put(f"actions.{name}", "quarantine" if beyond else action)
        words = ", ".join(f"actions.{name}" for name in names)
        return f"{words}, but NOTHING for {'; '.join(lost)}" if lost else words

    return translated


def _no_passing(made: Translation, settings: Settings, _: Setting) -> str:
    """Mail without a passing signature: of the author's domain, or of anybody's."""
    action = settings.actions["On-NoPassingSignature"]
    if action == "accept":
        return "actions.unsigned_author"
    lost = "; NOTHING for mail of ours by authors we do not sign for: it needs a signature here"
    lost = lost if settings.text("SignatureExemptMTA") != "-" else ""
    if settings.on("IgnoreOtherSigners"):
        made.put("verifying.must_be_signed", ["*"])
        made.put("actions.unsigned_author", action)
        made.put("actions.malformed", action)
        return f"verifying.must_be_signed and actions.unsigned_author{lost}"
    made.put("actions.policy", action)
    made.put("actions.malformed", action)
    for option in _WITHOUT_PASS:
        for name in _CLASSES[option] if settings.actions[option] == "accept" else ():
            if action != "tempfail" or name != "bad_signature":  # it never mends
                made.put(f"actions.{name}", action)
    return f"actions{lost}"


def _general(settings: Settings) -> str:
    """What becomes of mail without any passing signature, where anybody's would do."""
    others_do = not settings.on("IgnoreOtherSigners")
    return settings.actions["On-NoPassingSignature"] if others_do else "accept"


def _other_signers(made: Translation, settings: Settings, _: Setting) -> str:
    if not settings.on("IgnoreOtherSigners"):
        return "verifying.must_be_signed"
    if settings.actions["On-NoPassingSignature"] == "accept":
        return "NOTHING: signatures of others are reported; actions see them"
    return "verifying.must_be_signed"


_WITHOUT_PASS: Final = ("On-NoSignature", "On-BadSignature", "On-KeyNotFound")
_CLASSES: Final = {
    "On-BadSignature": ("bad_signature", "syntax"),
    "On-DNSError": ("dns_error",),
    "On-SignatureError": (),
    "On-InternalError": ("internal_error",),
    "On-KeyNotFound": ("key_not_found",),
    "On-NoSignature": ("no_signature",),
    "On-Security": ("security",),
}


def _signature_error(made: Translation, settings: Settings, _: Setting) -> str:
    if settings.actions["On-SignatureError"] == settings.actions["On-InternalError"]:
        return "actions.internal_error"
    return "NOTHING: a message that cannot be signed gets actions.internal_error"


_DECIDED: Final[dict[str, Callable[[Translation, Settings, Setting], str]]] = {
    "Mode": _mode, "SenderHeaders": _authors, "SenderMacro": _macro,
    "SignHeaders": _signed, "OmitHeaders": _signed, "OversignHeaders": _oversigned,
    "DontSignMailTo": _unsigned_recipients, "MustBeSigned": _required,
    "RequiredHeaders": _required_headers, "StrictHeaders": _strict,
    "ReplaceRules": _replaced, "ReplaceHeaders": _replaced,
    "SubDomains": lambda _m, _s, _o: "signing.rules",
    "IgnoreOtherSigners": _other_signers, "On-NoPassingSignature": _no_passing,
    "SignatureExemptMTA": lambda _m, _s, _o: "origin.daemon_names",
    "On-Default": _action("*"), "On-SignatureError": _signature_error,
    **{option: _action(*classes) for option, classes in _CLASSES.items() if classes},
}  # fmt: skip
