"""The classes: which fields are signed, and signing and verifying one message.

`DomainSigner` holds a message and the choice of fields; `DKIM` signs and verifies it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from avowal.canonical import HEADER_FORMS
from avowal.compat.dkim.faults import (
    KeyFormatError,
    MessageFormatError,
    ParameterError,
    ValidationError,
)
from avowal.compat.dkim.layout import DKIMPY
from avowal.compat.dkim.octets import Headers, Octets, Text, joined, octets, rfc822_parse
from avowal.compat.dkim.questions import Asked, get_txt, get_txt_async
from avowal.compat.dkim.util import LOGGER
from avowal.crypto.algorithms import signing_names
from avowal.crypto.signing import PrivateKey, parse_private_key
from avowal.dkim.intent import Intent
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Rules
from avowal.dkim.signature import FIELD_NAME, Signature, SignatureFault
from avowal.dkim.signer import Signer
from avowal.dkim.verification import Verification
from avowal.dkim.verifier import Verifier
from avowal.errors import IntentError, KeyMaterialError
from avowal.lookup import arun, run
from avowal.message import CRLF, Field, Header
from avowal.taglist import FWS, TagList, TagListFault

CLOCK_SKEW = 36000  # seconds that dkimpy leaves for t= and x=

# What `verify` raises instead of returning False, as dkimpy does.
_RAISED: dict[Reason, type[Exception]] = {
    Reason.DOMAIN_MISMATCH: ValidationError,
    Reason.ALGORITHM: ValidationError,
    Reason.CANONICALIZATION: MessageFormatError,
    Reason.QUERY: ValidationError,
    Reason.EXPIRED: ValidationError,
    Reason.FUTURE: ValidationError,
    Reason.BODY_HASH: ValidationError,
    Reason.BODY_LENGTH: ValidationError,
    Reason.KEY_SERVICE: ValidationError,
    Reason.KEY_TOO_SHORT: KeyFormatError,
}


class DomainSigner:
    """A message, and which of its fields a signature covers.

    `should_sign`, `should_not_sign` and `frozen_sign` hold lower-case names; a frozen field
    is signed once more than it occurs, so that none can be added.
    """

    SHOULD: ClassVar[tuple[bytes, ...]] = (
        b"from", b"sender", b"reply-to", b"subject", b"date", b"message-id", b"to", b"cc",
        b"mime-version", b"content-type", b"content-transfer-encoding", b"content-id",
        b"content-description", b"resent-date", b"resent-from", b"resent-sender", b"resent-to",
        b"resent-cc", b"resent-message-id", b"in-reply-to", b"references", b"list-id",
        b"list-help", b"list-unsubscribe", b"list-subscribe", b"list-post", b"list-owner",
        b"list-archive",
    )  # fmt: skip
    SHOULD_NOT: ClassVar[tuple[bytes, ...]] = (
        b"return-path", b"received", b"comments", b"keywords", b"bcc", b"resent-bcc",
        b"dkim-signature",
    )  # fmt: skip
    FROZEN: ClassVar[tuple[bytes, ...]] = (b"from",)
    RFC5322_SINGLETON: ClassVar[tuple[bytes, ...]] = (
        b"date", b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id",
        b"in-reply-to", b"references",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917 - dkimpy's order
        self,
        message: Octets | None = None,
        logger: logging.Logger | None = None,
        signature_algorithm: Text = b"rsa-sha256",
        minkey: int = 1024,
        linesep: Text = CRLF,
        debug_content: bool = False,  # noqa: FBT001, FBT002 - dkimpy's
        timeout: int = 5,
        tlsrpt: bool | str = False,  # noqa: FBT001, FBT002 - dkimpy's
    ) -> None:
        self.logger = logger or LOGGER
        self.signature_algorithm = octets(signature_algorithm, "signature_algorithm")
        self.minkey = minkey
        self.linesep = octets(linesep, "linesep")
        self.debug_content = debug_content
        self.timeout = timeout
        self.tlsrpt = tlsrpt
        self.should_sign = set(self.SHOULD)
        self.should_not_sign = set(self.SHOULD_NOT)
        self.frozen_sign = set(self.FROZEN)
        self.set_message(message)

    def set_message(self, message: Octets | None) -> None:
        """Take another message.  Raises MessageFormatError."""
        self.headers: Headers = []
        self.body = b""
        if message:
            self.headers, self.body = rfc822_parse(message)
        self.domain: bytes | None = None
        self.selector: bytes | str = "default"
        self.signature_fields: dict[bytes, bytes] = {}
        self.signed_headers: list[tuple[bytes, bytes]] = []
        self.include_headers: tuple[bytes, ...] = ()
        self.keysize = 0

    def add_frozen(self, s: Iterable[bytes]) -> None:
        """Freeze fields, except those that should not be signed."""
        self.frozen_sign.update(n.lower() for n in s if n.lower() not in self.should_not_sign)

    def add_should_not(self, s: Iterable[bytes]) -> None:
        """Never sign these fields, except those that are frozen."""
        self.should_not_sign.update(n.lower() for n in s if n.lower() not in self.frozen_sign)

    def default_sign_headers(self) -> list[bytes]:
        """Return the names to sign: those that should be, the frozen ones once more."""
        wanted = self.should_sign | self.frozen_sign
        present = [name for name, _ in self.headers if name.lower() in wanted]
        return present + [name for name, _ in self.headers if name.lower() in self.frozen_sign]

    def all_sign_headers(self) -> list[bytes]:
        """Return all names that are not among those that should not be signed."""
        return [name for name, _ in self.headers if name.lower() not in self.should_not_sign]

    def _refuse_names(self, names: tuple[bytes, ...]) -> None:
        if b"from" not in names:
            raise ParameterError("The From header field MUST be signed")
        for name in names:
            if name in self.should_not_sign:
                raise ParameterError(f"The {name!r} header field SHOULD NOT be signed")

    def _names(self, given: Iterable[Text] | None) -> tuple[bytes, ...]:
        """Return the lower-cased names to sign.  Raises ParameterError."""
        wanted = self.default_sign_headers() if given is None else given
        names = tuple([octets(name, "a name in include_headers").lower() for name in wanted])
        self._refuse_names(names)
        return names

    def _key(self, privkey: Text) -> PrivateKey:
        try:
            key = parse_private_key(octets(privkey, "privkey"))
        except KeyMaterialError as fault:
            raise KeyFormatError(str(fault)) from None
        wanted = self.signature_algorithm.decode()
        if wanted == key.algorithm:
            return key
        if wanted in signing_names():
            raise KeyFormatError(f"the private key does not make {wanted} signatures")
        raise ParameterError(f"a={wanted} cannot be signed with (RFC 8301 §3.1)")

    def _rules(self) -> Rules:
        """What dkimpy asks of a signature beyond the protocol."""
        return Rules(
            min_rsa_bits=self.minkey,
            accept_unsigned_content=True,
            ignore_body_length=bool(self.tlsrpt),
            service="tlsrpt" if self.tlsrpt else "email",
            require_service=self.tlsrpt == "strict",
            sole_fields=frozenset(),
            once_fields=frozenset(),
            clock_skew=CLOCK_SKEW,
            refuse_future=True,
        )


class DKIM(DomainSigner):
    """Signs a message, or verifies one of its signatures.

    Both fill in `domain`, `selector`, `signature_fields`, `include_headers`, `signed_headers`;
    verifying fills in `keysize` too.
    """

    def sign(  # noqa: PLR0917 - dkimpy's order
        self,
        selector: Text,
        domain: Text,
        privkey: Text,
        signature_algorithm: Text | None = None,
        identity: Text | None = None,
        canonicalize: Sequence[Text] = (b"relaxed", b"simple"),
        include_headers: Iterable[Text] | None = None,
        length: bool = False,  # noqa: FBT001, FBT002 - dkimpy's
    ) -> bytes:
        """Return the DKIM-Signature field with its final line end.  Raises DKIMException."""
        if signature_algorithm is not None:
            self.signature_algorithm = octets(signature_algorithm, "signature_algorithm")
        names = self._names(include_headers)
        key = self._key(privkey)
        sdid, where = octets(domain, "domain"), octets(selector, "selector")
        auid = b"@" + sdid if identity is None else octets(identity, "identity")
        header_canon, body_canon = _forms(canonicalize)
        try:
            intent = Intent(
                domain=sdid.decode(),
                selector=where.decode(),
                key=key,
                identity=auid.decode(),
                header_canon=header_canon,
                body_canon=body_canon,
                names=names,
                oversigned=frozenset(),
                body_length=length and not self.tlsrpt,
                layout=DKIMPY,
            )
            header = Header.parse(joined(self.headers))
            signer = Signer(
                header,
                [intent],
                now=int(time.time()),
                accept_malformed=True,
                unsuitable=frozenset(),  # should_not_sign has been asked
            )
            signer.feed(self.body)
            (field,) = signer.finish()
        except (IntentError, UnicodeDecodeError) as fault:
            raise ParameterError(str(fault)) from None
        self._show(Signature.parse(field), header, place=-1, unfolded=True)
        return field.raw.replace(CRLF, self.linesep) + self.linesep

    def verify(self, idx: int = 0, dnsfunc: Callable[..., Any] = get_txt) -> bool:
        """Whether the signature at place `idx` from the top verifies.

        A negative place counts from the bottom.  Raises DKIMException, IndexError for a place
        above the topmost.
        """
        verifier = self._verifier(idx)
        if verifier is None:
            return False
        keys = run(verifier.keys(), Asked(dnsfunc, self.timeout))
        return self._concluded(verifier.finish(keys)[0])

    async def verify_async(self, idx: int = 0, dnsfunc: Callable[..., Any] = get_txt_async) -> bool:
        """Do the same with a `dnsfunc` that is awaited."""
        verifier = self._verifier(idx)
        if verifier is None:
            return False
        keys = await arun(verifier.keys(), Asked(dnsfunc, self.timeout))
        return self._concluded(verifier.finish(keys)[0])

    def present(self) -> bool:
        """Whether the message carries a signature."""
        return any(name.lower() == FIELD_NAME for name, _ in self.headers)

    def _verifier(self, idx: int) -> Verifier | None:
        """Prepare the verification of one signature; None when there is none at `idx`."""
        header = Header.parse(joined(self.headers))
        places = header.positions.get(FIELD_NAME, [])
        if idx >= len(places):
            return None
        place = places[idx]
        signature = _read(header[place])
        self._show(signature, header, place=place)
        verifier = Verifier(
            header,
            now=int(time.time()),
            rules=self._rules(),
            given=[(place, signature)],
        )
        verifier.feed(self.body)
        return verifier

    def _concluded(self, verdict: Verification) -> bool:
        if verdict.evidence is not None:
            self.keysize = verdict.evidence.key_bits or 0
        if verdict.reason is None:
            return True
        self.logger.debug("%s", verdict.explanation)
        raised = _RAISED.get(verdict.reason)
        if raised is not None:
            raise raised(verdict.explanation)
        return False

    def _show(
        self, signature: Signature, header: Header, *, place: int, unfolded: bool = False
    ) -> None:
        """Fill in what dkimpy shows of a signature."""
        self.domain = signature.domain.text.encode()
        self.selector = signature.selector.text.encode()
        self.include_headers = signature.signed_names
        self.signature_fields = {
            tag.name.encode(): tag.value.replace(CRLF + b" ", _fold_of(tag.name))
            if unfolded
            else tag.value
            for tag in signature.tags
        }
        canonical = HEADER_FORMS.get(signature.header_canon, HEADER_FORMS["simple"])
        places = header.select(signature.signed_names, except_at=place)
        fields = [canonical(*header[at]).partition(b":") for at in places]
        self.signed_headers = [(name, value + CRLF) for name, _, value in fields]


def _forms(canonicalize: Sequence[Text]) -> tuple[str, str]:
    """Return the form of header and body; simple for a body that is not named."""
    forms = [octets(form, "canonicalize").decode() for form in canonicalize]
    if not 1 <= len(forms) <= 2:
        raise ParameterError("canonicalize is a form for the header, and one for the body")
    return forms[0], (forms[1] if len(forms) == 2 else "simple")


def _fold_of(name: str) -> bytes:
    """What a fold stands for: nothing in base64, else the space it was made at."""
    return b"" if name in {"b", "bh"} else b" "


def _read(field: Field) -> Signature:
    try:
        TagList.parse(field.value.strip(FWS))
    except TagListFault as fault:
        raise MessageFormatError(str(fault)) from None
    try:
        return Signature.parse(field)
    except SignatureFault as fault:
        raise ValidationError(str(fault)) from None
