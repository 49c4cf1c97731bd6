"""The functions: sign and verify in one call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from avowal.compat.dkim.domainsigner import DKIM
from avowal.compat.dkim.faults import DKIMException
from avowal.compat.dkim.octets import Octets, Text
from avowal.compat.dkim.questions import get_txt, get_txt_async
from avowal.compat.dkim.util import note

TlsRpt = bool | str
"""False; True for a report of RFC 8460; "strict" when the key must be for such reports."""


def sign(  # noqa: PLR0917 - dkimpy's order
    message: Octets,
    selector: Text,
    domain: Text,
    privkey: Text,
    identity: Text | None = None,
    canonicalize: Sequence[Text] = (b"relaxed", b"simple"),
    signature_algorithm: Text = b"rsa-sha256",
    include_headers: Iterable[Text] | None = None,
    length: bool = False,  # noqa: FBT001, FBT002 - dkimpy's
    logger: logging.Logger | None = None,
    linesep: Text = b"\r\n",
    tlsrpt: TlsRpt = False,  # noqa: FBT002 - dkimpy's
) -> bytes:
    """Return the DKIM-Signature field of a message, with its final line end.

    `message` has LF or CRLF line ends; `privkey` is PEM, DER, or the base64 of an Ed25519
    seed; `canonicalize` is for header and body; `include_headers` names the fields to sign,
    by default those of `DKIM.SHOULD` that are there.  Raises DKIMException.
    """
    signer = DKIM(
        message, logger=logger, signature_algorithm=signature_algorithm, linesep=linesep,
        tlsrpt=tlsrpt,
    )  # fmt: skip
    return signer.sign(
        selector, domain, privkey, identity=identity, canonicalize=canonicalize,
        include_headers=include_headers, length=length,
    )  # fmt: skip


def verify(  # noqa: PLR0917 - dkimpy's order
    message: Octets,
    logger: logging.Logger | None = None,
    dnsfunc: Callable[..., Any] = get_txt,
    minkey: int = 1024,
    timeout: int = 5,
    tlsrpt: TlsRpt = False,  # noqa: FBT002 - dkimpy's
) -> bool:
    """Whether the topmost signature of a message verifies; a DKIMException is False, and logged."""
    try:
        signed = DKIM(message, logger=logger, minkey=minkey, timeout=timeout, tlsrpt=tlsrpt)
        return signed.verify(dnsfunc=dnsfunc)
    except DKIMException as fault:
        note(logger, fault)
        return False


async def verify_async(  # noqa: PLR0917 - dkimpy's order
    message: Octets,
    logger: logging.Logger | None = None,
    dnsfunc: Callable[..., Any] | None = None,
    minkey: int = 1024,
    timeout: int = 5,  # noqa: ASYNC109 - dkimpy's
    tlsrpt: TlsRpt = False,  # noqa: FBT002 - dkimpy's
) -> bool:
    """Do the same with a `dnsfunc` that is awaited."""
    try:
        signed = DKIM(message, logger=logger, minkey=minkey, timeout=timeout, tlsrpt=tlsrpt)
        return await signed.verify_async(dnsfunc=dnsfunc or get_txt_async)
    except DKIMException as fault:
        note(logger, fault)
        return False
