"""What opendkim.conf says, checked and ready for use: sets opened, the default key loaded.

`compiled` makes it, with OpenDKIM's defaults, and refuses what OpenDKIM refuses.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from avowal.config.opendkim_conf import OpendkimConf
from avowal.crypto.algorithms import ALGORITHMS, of_key_type, signing_names
from avowal.crypto.signing import PrivateKey
from avowal.dkim.intent import UNSUITABLE_NAMES
from avowal.errors import AvowalError, ConfigError, KeyMaterialError
from avowal.keys.files import load_key
from avowal.keys.opendkim import DataSet, KeyTable, SigningTable
from avowal.keys.trust import Account
from avowal.names import DomainName, NameFault
from avowal.opendkim.minimum import Minimum
from avowal.opendkim.replacer import Replacer
from avowal.opendkim.sockets import account_of
from avowal.stores.datasets import MemorySet
from avowal.stores.opening import open_data_set, why_not

# RFC 6376 §5.4.1: signed where present, and what OpenDKIM never signs by default
SIGNED: Final = (
    "From", "Reply-To", "Subject", "Date", "To", "Cc", "Resent-Date", "Resent-From",
    "Resent-Sender", "Resent-To", "Resent-Cc", "In-Reply-To", "References", "List-Id",
    "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive",
)  # fmt: skip
OMITTED: Final = (
    "Return-Path", "Received", "Comments", "Keywords", "Bcc", "Resent-Bcc", "DKIM-Signature",
)  # fmt: skip
ACTIONS: Final = {
    "a": "accept", "d": "discard", "q": "quarantine", "r": "reject", "t": "tempfail",
}  # fmt: skip
_ON: Final = {
    "On-BadSignature": "accept", "On-DNSError": "tempfail", "On-InternalError": "tempfail",
    "On-KeyNotFound": "accept", "On-NoSignature": "accept", "On-Security": "tempfail",
    "On-SignatureError": "reject",
}  # fmt: skip
_OURS: Final = "On-NoPassingSignature"
_INTERNAL_HOSTS = "csl:127.0.0.1,::1"
_MAX_HEADER_OCTETS, _UNLIMITED = 65536, 1 << 30  # the first is OpenDKIM's default


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultKey:
    """The one key of Domain, Selector and KeyFile."""

    selector: str
    key: PrivateKey
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that decides about a message.  Names are those of opendkim.conf, in our spelling."""

    conf: OpendkimConf
    signs: bool
    verifies: bool
    hostname: str
    account: Account  # whom keys have to be safe for
    # whose mail
    internal_hosts: DataSet
    external_ignore: DataSet | None
    peers: DataSet | None
    exempt_domains: DataSet | None
    mta_names: DataSet | None
    macros: tuple[tuple[str, frozenset[str]], ...]
    unsigned_recipients: DataSet | None
    sender_fields: tuple[bytes, ...]
    # keys
    domains: DataSet | None
    default_key: DefaultKey | None
    key_table: KeyTable | None
    signing_table: SigningTable | None
    # form
    header_canon: str
    body_canon: str
    algorithm: str | None
    signed_names: tuple[bytes, ...]
    oversigned: tuple[bytes, ...]
    lifetime: int | None
    length_recipients: DataSet | None
    most_octets: int | None
    replacer: Replacer | None
    atps_domains: DataSet | None
    atps_hash: str
    # verifying
    header_octets: int
    minimum: Minimum
    required_fields: frozenset[bytes]
    trusted_signers: DataSet | None
    remove_results_from: DataSet | None
    actions: dict[str, str]
    unprotected_key: str

    def on(self, name: str) -> bool:
        """Whether a boolean option is switched on."""
        return self.conf.boolean(name)

    def text(self, name: str) -> str | None:
        """The value of a text option."""
        return self.conf.text(name)


def compiled(conf: OpendkimConf) -> Settings:
    """Check a configuration and open what it names.  Raises ConfigError."""
    mode = _mode(conf)
    _word(conf, "BogusKey", ("fail", "neutral", "none"), "key action")  # no more than checked
    header_canon, body_canon = _canonicalization(conf)
    domains = _set(conf, "Domain")
    key_table, signing_table = _tables(conf)
    account = account_of(conf)
    default_key = _default_key(conf, account)
    if domains is not None and key_table is None and default_key is None:
        raise _fault(conf, "Domain", "Domain requires KeyFile and Selector")
    return Settings(
        conf=conf,
        signs="s" in mode,
        verifies="v" in mode,
        hostname=socket.gethostname(),
        account=account,
        internal_hosts=_set(conf, "InternalHosts") or open_data_set(_INTERNAL_HOSTS),
        external_ignore=_set(conf, "ExternalIgnoreList"),
        peers=_set(conf, "PeerList"),
        exempt_domains=_set(conf, "ExemptDomains"),
        mta_names=_set(conf, "MTA"),
        macros=_macros(conf),
        unsigned_recipients=_set(conf, "DontSignMailTo"),
        sender_fields=_lowered(names_of(conf, "SenderHeaders", ("From",))),
        domains=domains,
        default_key=default_key,
        key_table=key_table,
        signing_table=signing_table,
        header_canon=header_canon,
        body_canon=body_canon,
        algorithm=_algorithm(conf),
        signed_names=_signed_names(conf),
        oversigned=tuple(n.encode() for n in names_of(conf, "OversignHeaders", ())),
        lifetime=conf.integer("SignatureTTL") or None,
        length_recipients=_set(conf, "BodyLengthDB"),
        most_octets=conf.integer("MaximumSignedBytes") or None,
        replacer=_replacer(conf),
        atps_domains=_set(conf, "ATPSDomains"),
        atps_hash=_word(conf, "ATPSHashAlgorithm", ("sha256", "sha1", "none"), "ATPS hash"),
        header_octets=conf.integer("MaximumHeaders", _MAX_HEADER_OCTETS) or _UNLIMITED,
        minimum=_minimum(conf),
        required_fields=frozenset(_lowered(names_of(conf, "MustBeSigned", ()))),
        trusted_signers=_set(conf, "TrustSignaturesFrom"),
        remove_results_from=_set(conf, "RemoveARFrom"),
        actions=_actions(conf),
        unprotected_key=_word(conf, "UnprotectedKey", ("none", "neutral", "fail"), "key action"),
    )


def _mode(conf: OpendkimConf) -> str:
    mode = conf.text("Mode", "sv") or ""
    for letter in mode:
        if letter not in "sv":
            raise _fault(conf, "Mode", f'unknown mode "{letter}"', "write s, v or sv")
    return mode


def _fault(conf: OpendkimConf, name: str, why: str, hint: str | None = None) -> ConfigError:
    setting = conf.setting(name)
    if setting is None:
        return ConfigError(why, file=conf.file, hint=hint)
    return setting.fault(why, hint)


def _set(conf: OpendkimConf, name: str) -> DataSet | None:
    return _opened(conf, name, open_data_set)


def _opened(conf: OpendkimConf, name: str, opener: Callable[[str], DataSet]) -> DataSet | None:
    spec = conf.text(name)
    if spec is None:
        return None
    try:
        return opener(spec)
    except AvowalError as fault:
        raise _fault(conf, name, why_not(fault)) from None


def _listed(conf: OpendkimConf, name: str) -> list[str] | None:
    """Return the keys of a set that is used as a list."""
    data = _set(conf, name)
    if data is None:
        return None
    if not isinstance(data, MemorySet):
        raise _fault(conf, name, "must be a list or a file", "write csl: or file:")
    return [row.key for row in data]


def names_of(conf: OpendkimConf, name: str, default: Iterable[str]) -> tuple[str, ...]:
    """Read a list of field names; with ``*`` in it, what it adds to and takes from the default."""
    listed = _listed(conf, name)
    if listed is None:
        return tuple(default)
    if "*" not in listed:
        return tuple(item.lstrip("+") for item in listed if item not in (".", "-"))
    kept = [*default, *(item[1:] for item in listed if item.startswith("+"))]
    gone = {item[1:].lower() for item in listed if item.startswith("-")}
    return tuple(item for item in kept if item.lower() not in gone)


def _lowered(names: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(name.lower().encode() for name in names)


def _signed_names(conf: OpendkimConf) -> tuple[bytes, ...]:
    """The names to sign: SignHeaders without OmitHeaders, From always.

    Deliberate: trace fields are left out although SignHeaders lists them; every MTA behind
    us breaks such a signature (RFC 6376 §5.4.1).
    """
    omitted = {*_lowered(names_of(conf, "OmitHeaders", OMITTED)), *UNSUITABLE_NAMES} - {b"from"}
    signed = _lowered(names_of(conf, "SignHeaders", SIGNED))
    return tuple(dict.fromkeys((b"from", *(name for name in signed if name not in omitted))))


def _canonicalization(conf: OpendkimConf) -> tuple[str, str]:
    text = conf.text("Canonicalization", "simple/simple") or ""
    header, slash, body = text.partition("/")
    for form in (header, body) if slash else (header,):
        if form not in ("relaxed", "simple"):
            why = f'unknown canonicalization algorithm "{form}"'
            raise _fault(conf, "Canonicalization", why, "write relaxed, simple or relaxed/simple")
    return header, body if slash else "simple"


def _algorithm(conf: OpendkimConf) -> str | None:
    name = conf.text("SignatureAlgorithm")
    if name is None or name in signing_names():
        return name
    known = ALGORITHMS.get(name)
    if known is not None:
        current = of_key_type(known.key_type)
        hint = None if current is None else f"write {current.name}; the key stays the same"
        raise _fault(conf, "SignatureAlgorithm", f"{name} must not be used ({known.source})", hint)
    return _word(conf, "SignatureAlgorithm", tuple(signing_names()), "signing algorithm")


def _tables(conf: OpendkimConf) -> tuple[KeyTable | None, SigningTable | None]:
    keys, signing = _set(conf, "KeyTable"), _set(conf, "SigningTable")
    if signing is not None and keys is None:
        raise _fault(conf, "SigningTable", "use of SigningTable requires KeyTable")
    if keys is not None and signing is None:
        raise _fault(conf, "KeyTable", "KeyTable requires SigningTable")
    table = None if keys is None else KeyTable(keys)
    return table, None if signing is None else SigningTable(signing)


def _default_key(conf: OpendkimConf, account: Account) -> DefaultKey | None:
    if conf.setting("KeyTable") is not None:
        return None  # opendkim.conf(5): KeyFile and Selector are ignored then
    path, selector = conf.text("KeyFile"), conf.text("Selector")
    if (path is None) != (selector is None):
        name = "KeyFile" if selector is None else "Selector"
        raise _fault(conf, name, "KeyFile and Selector must both be defined or both be undefined")
    if path is None or selector is None:
        return None
    try:
        DomainName.parse(selector.encode("utf-8", "surrogateescape"))
    except NameFault as fault:
        raise _fault(conf, "Selector", f"{selector!r} is no selector: {fault.why}") from None
    safe = conf.boolean("RequireSafeKeys", default=True)
    try:
        key = load_key(path, require_safe=safe, account=account)
        return DefaultKey(selector=selector, path=path, key=key)
    except KeyMaterialError as fault:
        raise _fault(conf, "KeyFile", str(fault)) from None


def _macros(conf: OpendkimConf) -> tuple[tuple[str, frozenset[str]], ...]:
    data = _set(conf, "MacroList")
    if data is None:
        return ()
    if not isinstance(data, MemorySet):
        why = "invalid data set type for MacroList"
        raise _fault(conf, "MacroList", why, "write file: or csl:")
    return tuple((row.key, frozenset(filter(None, row.value.split("|")))) for row in data)


def _replacer(conf: OpendkimConf) -> Replacer | None:
    path = conf.text("ReplaceRules")
    if path is None:
        return None
    try:
        return Replacer.load(path, _lowered(names_of(conf, "ReplaceHeaders", ())))
    except AvowalError as fault:
        raise _fault(conf, "ReplaceRules", why_not(fault)) from None


def _minimum(conf: OpendkimConf) -> Minimum:
    found = Minimum.parse(conf.text("Minimum"))
    if found is None:
        raise _fault(conf, "Minimum", 'illegal value for "Minimum"', "write N, N% or N+")
    return found


def _actions(conf: OpendkimConf) -> dict[str, str]:
    """The action of each On- option; On-Default is set before all others but ours."""
    default = _action(conf, "On-Default", None)
    theirs = {name: _action(conf, name, default or usual) or usual for name, usual in _ON.items()}
    if conf.boolean("AlwaysAddARHeader"):
        # OpenDKIM 2.11 says dkim=none and takes unsigned mail then, whatever On-NoSignature says.
        theirs["On-NoSignature"] = "accept"
    return theirs | {_OURS: _action(conf, _OURS, None) or "accept"}


def _action(conf: OpendkimConf, name: str, default: str | None) -> str | None:
    text = conf.text(name)
    if text is None:
        return default
    action = ACTIONS.get(text.lower(), text.lower())
    if action not in ACTIONS.values():
        raise _fault(conf, name, f'invalid handling value "{text}"', ", ".join(ACTIONS.values()))
    return action


def _word(conf: OpendkimConf, name: str, words: tuple[str, ...], what: str) -> str:
    text = conf.text(name)
    if text is None:
        return words[0]
    if text.lower() not in words:
        raise _fault(conf, name, f"unknown {what} '{text}'", f"write {', '.join(words)}")
    return text.lower()
