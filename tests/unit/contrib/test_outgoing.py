"""Mail that cannot be signed as it stands is refused in a sentence, whatever it is."""

from __future__ import annotations

import pytest

from avowal import Intent, UsageError
from avowal.contrib.outgoing import OutgoingSigner
from avowal.testing import RSA_1024, message


def test_parts_nested_too_deep_are_a_usage_error() -> None:
    signer = OutgoingSigner([Intent(domain="example.com", selector="s1", key=RSA_1024)])
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 3000 + b"\xff"
    octets = message().partition(b"\r\n\r\n")[0]
    octets = octets.replace(b"text/plain; charset=utf-8", b"message/rfc822")
    with pytest.raises(UsageError):
        signer.signed(octets + b"\r\n\r\n" + nested)
