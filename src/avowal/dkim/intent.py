"""What a signature is meant to say: its names, forms, times, and the fields it covers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from avowal import quoted
from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.algorithms import ALGORITHMS, AlgorithmStatus
from avowal.crypto.signing import AnyKey
from avowal.dkim.layout import AVOWAL, Layout, Said, Tag
from avowal.errors import IntentError, UsageError
from avowal.members import refuse_other, refuse_single
from avowal.message import Header
from avowal.names import DomainName, Identity, NameFault, Selector
from avowal.taglist import TagList, TagListFault

# RFC 6376 §5.4.1, and what §5.4 advises elsewhere (MIME fields, Sender, Message-ID)
RECOMMENDED_NAMES: tuple[bytes, ...] = (
    b"from",
    b"sender",
    b"reply-to",
    b"subject",
    b"date",
    b"message-id",
    b"to",
    b"cc",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"content-disposition",
    b"content-id",
    b"in-reply-to",
    b"references",
    b"resent-date",
    b"resent-from",
    b"resent-sender",
    b"resent-to",
    b"resent-cc",
    b"resent-message-id",
    b"list-id",
    b"list-help",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"list-subscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
    b"autocrypt",
    b"feedback-id",
)
# Fields that make a message look different when somebody adds them (RFC 6376 §8.15):
# listed once more than they occur, so that an added one breaks the signature.
OVERSIGNED_NAMES: frozenset[bytes] = frozenset(
    (
        b"from",
        b"reply-to",
        b"subject",
        b"date",
        b"message-id",
        b"to",
        b"cc",
        b"mime-version",
        b"content-type",
        b"content-transfer-encoding",
    )
)
# RFC 6376 §5.4.1, §4.2: changed, removed or reordered in transit
UNSUITABLE_NAMES = frozenset((b"return-path", b"received", b"bcc", b"dkim-signature"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One signature to be made.

    `domain` (d=) and `selector` (s=) say where the public key stands, `key` signs.
    `names` are the fields to cover where present, `oversigned` those to list once more
    than they occur; lower-cased.  `lifetime` in seconds makes x=.  `body_length` writes
    l= and leaves the end of the body open to anybody, `most_octets` writes it and signs no
    more than the beginning of a longer body: only for those who insist.
    """

    domain: str
    selector: str
    key: AnyKey
    identity: str | None = None
    header_canon: str = "relaxed"
    body_canon: str = "relaxed"
    names: tuple[bytes, ...] = RECOMMENDED_NAMES
    oversigned: frozenset[bytes] = OVERSIGNED_NAMES
    lifetime: int | None = None
    copy_fields: bool = False
    body_length: bool = False
    most_octets: int | None = None
    request_reports: bool = False
    other_tags: tuple[tuple[str, bytes], ...] = ()
    layout: Layout = AVOWAL
    _checked: tuple[frozenset[bytes], CheckedIntent] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def checked(self, *, unsuitable: frozenset[bytes] = UNSUITABLE_NAMES) -> CheckedIntent:
        """Return the intent with its names parsed, none of them unsuitable.

        An intent cannot change: it is looked at once, and only its algorithm, which can be
        unregistered, anew.  Raises IntentError, and UsageError for what is no collection of
        names.
        """
        if self._checked is not None and self._checked[0] is unsuitable:
            self._refuse_algorithm()
            return self._checked[1]
        checked = self._looked_at(unsuitable)
        object.__setattr__(self, "_checked", (unsuitable, checked))
        return checked

    def _looked_at(self, unsuitable: frozenset[bytes]) -> CheckedIntent:
        self._refuse_other_types()
        refuse_single("names", self.names, bytes)
        refuse_single("oversigned", self.oversigned, bytes)
        domain = _name("d=", self.domain)
        if "." not in domain.ascii:
            raise IntentError("d=", f"{domain} is a single label; a domain has two or more")
        identity = None if self.identity is None else _identity(self.identity)
        if identity is not None and not identity.domain.is_within(domain):
            raise IntentError("i=", f"{identity} is not within {domain}")
        self._refuse_algorithm()
        if self.header_canon not in HEADER_FORMS or self.body_canon not in BODY_FORMS:
            raise IntentError("c=", f"{self.header_canon}/{self.body_canon} is not known")
        if b"from" not in self.names:
            raise IntentError("h=", "From must be signed (RFC 6376 §5.4)")
        changing = unsuitable.intersection((*self.names, *self.oversigned))
        if changing:
            raise IntentError("h=", f"{min(changing).decode()} changes in transit (§5.4.1)")
        if self.lifetime is not None and self.lifetime <= 0:
            raise IntentError("x=", "a lifetime is one second or more (RFC 6376 §3.5 x=)")
        for name, value in self.other_tags:
            _refuse_malformed_tag(name, value)
        return CheckedIntent(
            intent=self, domain=domain, selector=_name("s=", self.selector), identity=identity
        )

    def _refuse_algorithm(self) -> None:
        algorithm = ALGORITHMS.get(self.key.algorithm)
        if algorithm is None or algorithm.status is AlgorithmStatus.HISTORIC:
            raise IntentError("a=", f"{self.key.algorithm} must not be used (RFC 8301 §3.1)")

    def leaving_out(self, names: Iterable[str | bytes]) -> Intent:
        """Return the intent without these fields: neither signed nor listed where absent.

        For what is written anew on the way.  Raises IntentError for From.
        """
        left = frozenset(lower_names(names))
        if b"from" in left:
            raise IntentError("h=", "From must be signed (RFC 6376 §5.4): it cannot be left out")
        kept = tuple(name for name in self.names if name not in left)
        return replace(self, names=kept, oversigned=self.oversigned - left)

    def _refuse_other_types(self) -> None:
        for name, kinds in _KINDS.items():
            refuse_other(name, getattr(self, name), *kinds)
        if not hasattr(self.key, "algorithm"):
            raise UsageError(f"key: what signs is needed, not {type(self.key).__name__}")
        if not hasattr(self.layout, "signed_names"):
            raise UsageError(f"layout: a layout is needed, not {type(self.layout).__name__}")
        if not isinstance(self.layout, Hashable):
            raise UsageError("layout: it has to be hashable: what it writes is remembered")
        for tag in self.other_tags:
            if [type(part) for part in tag] != [str, bytes]:
                raise UsageError(f"other_tags: pairs of str and bytes are needed, not {tag!r}")


_NONE = type(None)
_KINDS: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "domain": (str,),
        "selector": (str,),
        "identity": (str, _NONE),
        "header_canon": (str,),
        "body_canon": (str,),
        "lifetime": (int, _NONE),
        "most_octets": (int, _NONE),
        "other_tags": (tuple, list),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIntent:
    """An intent that can be carried out."""

    intent: Intent
    domain: DomainName
    selector: Selector
    identity: Identity | None
    _said: Said | None = field(default=None, init=False, repr=False, compare=False)

    def for_message(self, header: Header) -> CheckedIntent:
        """Return the intent with its names as this message may hold them.

        U-labels stand in internationalized messages only (RFC 8616 §5), those with a header
        beyond ASCII (RFC 6532 §3); in every other one d= is a name of A-labels (RFC 6376 §3.5).
        """
        identity = self.identity
        named = identity.domain.text if identity is not None else ""
        if f"{self.domain.text}{self.selector.text}{named}".isascii():
            return self
        if not all(raw.isascii() for raw in header.raws):
            return self
        return replace(
            self,
            domain=_in_ascii(self.domain),
            selector=_in_ascii(self.selector),
            identity=None
            if identity is None
            else Identity(identity.local_part, _in_ascii(identity.domain)),
        )

    @property
    def said(self) -> Said:
        """The tags that say the same in every message (RFC 6376 §3.5)."""
        if self._said is not None:
            return self._said
        said = Said(self.intent.layout, tuple(self._before()), tuple(self._behind()))
        object.__setattr__(self, "_said", said)
        return said

    def _before(self) -> Iterator[Tag]:
        intent = self.intent
        yield "v", (b"1",)
        yield "a", (intent.key.algorithm.encode(),)
        yield "c", (f"{intent.header_canon}/{intent.body_canon}".encode(),)
        yield "d", (self.domain.text.encode(),)
        yield "s", (self.selector.text.encode(),)
        if self.written_identity is not None:
            yield "i", (self.written_identity,)

    def _behind(self) -> Iterator[Tag]:
        if self.intent.request_reports:
            yield "r", (b"y",)
        for name, value in self.intent.other_tags:
            yield name, (value,)

    @property
    def written_identity(self) -> bytes | None:
        """i= in dkim-quoted-printable."""
        identity = self.identity
        if identity is None:
            return None
        return quoted.encode(identity.local_part) + b"@" + identity.domain.text.encode()

    def signed_names(self, header: Header) -> tuple[bytes, ...]:
        """Return h=: every instance of the wanted names, and one more of the oversigned.

        The intent's layout chooses their order and letter case.
        """
        intent = self.intent
        return intent.layout.signed_names(header, intent.names, intent.oversigned)


def _in_ascii(name: DomainName) -> DomainName:
    return name if name.text.isascii() else DomainName(name.ascii, name.ascii)


def lower_names(names: Iterable[str | bytes]) -> tuple[bytes, ...]:
    """Return field names lower-cased as octets, as `Intent` wants them.  Raises UsageError."""
    if isinstance(names, str | bytes) or not isinstance(names, Iterable):
        refuse_single("names", names)
    lowered = []
    for name in names:
        refuse_other("names", name, str, bytes)
        octets = name.encode("utf-8", "surrogatepass") if isinstance(name, str) else name
        lowered.append(octets.strip().lower())
    return tuple(lowered)


def _name(tag: str, text: str) -> DomainName:
    try:
        return DomainName.parse(text.encode("utf-8", "surrogatepass"))
    except NameFault as fault:
        raise IntentError(tag, f"{text!r}: {fault.why}") from None


def _refuse_malformed_tag(name: str, value: bytes) -> None:
    spec = name.encode("utf-8", "surrogatepass") + b"=" + value
    try:
        well_formed = TagList.parse(spec).get(name) == value
    except TagListFault:
        well_formed = False
    if not well_formed:
        raise IntentError(f"{name}=", f"{value!r} is no tag of that name (RFC 6376 §3.2)")


def _identity(text: str) -> Identity:
    try:
        return Identity.parse(text.encode("utf-8", "surrogatepass"))
    except NameFault as fault:
        raise IntentError("i=", f"{text!r}: {fault.why}") from None
