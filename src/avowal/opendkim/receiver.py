"""What OpenDKIM accepts of signatures and reads of messages: its rules and limits.

RFC 8301 forbids some of it; who moves over gets the verdicts he had.
"""

from __future__ import annotations

from dataclasses import replace

from avowal.dkim.rules import Rules
from avowal.examine.findings import Receiver
from avowal.limits import DEFAULT, Limits
from avowal.opendkim.settings import Settings

_MIN_RSA_BITS, _MAX_RSA_BITS = 384, 16384
_ROOM = 1 << 16  # octets of a header beyond MaximumHeaders that are still read
_LEAST_FIELD = 4  # octets: a name, a colon, CRLF
_SIGNATURES = 3  # OpenDKIM's default of MaximumSignaturesToVerify


def rules_of(settings: Settings) -> Rules:
    """Return OpenDKIM's idea of an acceptable signature."""
    return Rules(
        min_rsa_bits=_MIN_RSA_BITS,  # MinimumKeyBits is asked for last, as in OpenDKIM
        max_rsa_bits=_MAX_RSA_BITS,
        accept_historic=True,
        accept_unsigned_content=True,
        clock_skew=settings.conf.integer("ClockDrift", 300),
        refuse_future=True,
        sole_fields=frozenset(),
        once_fields=frozenset(),
        accept_single_label=True,
    )


def limits_of(settings: Settings) -> Limits:
    """Return the limits: how many signatures are checked is OpenDKIM's choice.

    OpenDKIM counts the octets of a header (MaximumHeaders) and not its fields: as many are
    read as fit into the octets, up to our own limit for them.
    """
    most = settings.conf.integer("MaximumSignaturesToVerify", _SIGNATURES) or _SIGNATURES
    octets = settings.header_octets + _ROOM
    return replace(
        DEFAULT,
        header_octets=octets,
        header_fields=min(octets, DEFAULT.header_octets) // _LEAST_FIELD,
        signatures_checked=most,
        key_names=max(most, DEFAULT.key_names),
    )


def receiver_of(settings: Settings) -> Receiver:
    """Return what signatures are judged by, made once for all messages of a configuration."""
    return Receiver(rules=rules_of(settings), limits=limits_of(settings))
