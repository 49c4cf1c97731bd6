"""dkimpy's public names over avowal: ``from avowal.compat import dkim``.

The calls, their arguments and defaults, the exceptions and the octets of signatures are those
of dkimpy 1.1; verdicts are avowal's where a MUST of the RFCs decides otherwise.
docs/howto/from-dkimpy.md lists what differs.
"""

from __future__ import annotations

from avowal.compat.dkim import crypto, dnsplug, util
from avowal.compat.dkim.calls import sign, verify, verify_async
from avowal.compat.dkim.chains import ARC, arc_sign, arc_verify
from avowal.compat.dkim.domainsigner import DKIM, DomainSigner
from avowal.compat.dkim.faults import (
    AuthresNotFoundError,
    DKIMException,
    DnsTimeoutError,
    InternalError,
    KeyFormatError,
    MessageFormatError,
    NaClNotFoundError,
    ParameterError,
    UnknownKeyTypeError,
    UnparsableKeyError,
    ValidationError,
)
from avowal.compat.dkim.layout import fold
from avowal.compat.dkim.octets import rfc822_parse
from avowal.compat.dkim.questions import get_txt, get_txt_async

dkim_sign = sign
dkim_verify = verify
dkim_verify_async = verify_async

Relaxed = b"relaxed"
Simple = b"simple"
CV_Pass = b"pass"
CV_Fail = b"fail"
CV_None = b"none"
USE_ASYNC = True

__all__ = [
    "ARC",
    "DKIM",
    "USE_ASYNC",
    "AuthresNotFoundError",
    "CV_Fail",
    "CV_None",
    "CV_Pass",
    "DKIMException",
    "DnsTimeoutError",
    "DomainSigner",
    "InternalError",
    "KeyFormatError",
    "MessageFormatError",
    "NaClNotFoundError",
    "ParameterError",
    "Relaxed",
    "Simple",
    "UnknownKeyTypeError",
    "UnparsableKeyError",
    "ValidationError",
    "arc_sign",
    "arc_verify",
    "crypto",
    "dkim_sign",
    "dkim_verify",
    "dkim_verify_async",
    "dnsplug",
    "fold",
    "get_txt",
    "get_txt_async",
    "rfc822_parse",
    "sign",
    "util",
    "verify",
    "verify_async",
]
