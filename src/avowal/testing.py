"""Help for tests of programs that use avowal, and for its own.

``Zone({"s1._domainkey.example.com": "v=DKIM1; p=..."})`` stands in for DNS, synchronous and
asynchronous, without a socket.  The keys are public, so never sign real mail with them.

>>> import avowal
>>> zone = Zone({"s1._domainkey.example.com": record_for(ED25519)})
>>> field = avowal.sign(message(), domain="example.com", selector="s1", key=ED25519)
>>> [verdict.passed for verdict in avowal.verify(field + message(), zone)]
[True]
>>> [str(verdict.reason) for verdict in avowal.verify(tamper(field + message()), zone)]
['body-hash']
"""

from __future__ import annotations

from collections.abc import Iterable

from avowal.crypto.signing import PrivateKey, parse_private_key
from avowal.dns.zone import Zone
from avowal.errors import UsageError
from avowal.keys.records import record_text
from avowal.message import CRLF, Header, split

__all__ = ["ED25519", "RSA_1024", "RSA_2048", "Zone", "message", "record_for", "tamper"]

_FIELDS: dict[str, str] = {
    "From": "Alice <alice@example.com>",
    "To": "Bob <bob@example.net>",
    "Subject": "Lunch",
    "Date": "Tue, 24 Nov 2026 12:00:00 +0000",
    "Message-ID": "<1@example.com>",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
}

record_for = record_text
"""The key record of a key, to be put into a `Zone`."""


def message(
    body: str | bytes = b"Shall we meet at noon?\r\n",
    **fields: str | Iterable[str] | None,
) -> bytes:
    """Make a message in wire form.

    `fields` replace or add header fields (``reply_to="..."`` is Reply-To): None leaves a
    field out, a list gives several of the name.
    """
    header: dict[str, str | Iterable[str] | None] = dict(_FIELDS)
    written = {name.lower(): name for name in _FIELDS}
    for name, value in fields.items():
        hyphenated = name.replace("_", "-")
        header[written.get(hyphenated.lower(), hyphenated.title())] = value
    lines = [
        f"{name}: {value}".encode()
        for name, values in header.items()
        for value in ((values,) if isinstance(values, str) else values or ())
    ]
    octets = body.encode() if isinstance(body, str) else body
    return CRLF.join((*lines, b"", octets))


def tamper(octets: bytes, part: str = "body") -> bytes:
    """Change one octet of the body, or of the last field named `part`, that any form keeps.

    Raises UsageError when there is nothing to change.
    """
    head, body = split(octets)
    if part == "body":
        content, start = bytes(body), len(octets) - len(body)
    else:
        header = Header.parse(head)
        places = header.positions.get(part.lower().encode())
        if not places:
            raise UsageError(f"there is no {part} in the message")
        field = header[places[-1]]
        content = field.value
        above = sum(len(raw) + len(CRLF) for raw in header.raws[: places[-1]])
        start = above + field.colon + 1
    kept = len(content.rstrip(b" \t\r\n")) - 1
    if kept < 0:
        raise UsageError(f"the {part} is empty")
    place = start + kept
    return octets[:place] + (b"#" if octets[place] != ord("#") else b"%") + octets[place + 1 :]


def _public_knowledge(pem: str) -> PrivateKey:
    return parse_private_key(pem.encode(), source="a test key")


# Made for tests and published here: whoever signs with them proves nothing.
RSA_2048 = _public_knowledge("""\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCqUs2WVcmi8gY6
tKo+p3dtwlf9TYGvO/cnYQSQgTrxf6lv7/45bUZB0R2rUVhd88JBof+E3062rXMa
q6LYUsQVJe1Km8rM8TqicOb4xohmqtSkG/UIoMRGx4mGHSm+A2VXVbS+HlXMgSMK
tju3enIjOUwSdr6aCeEwcZYrZXlym63mDV6g4S3eKm0Tnn6fPHd+f+t7m3lBwpHd
l2fRhICsUD0VqWW/yXnE/CAJYW8QcMoh26JiXs85xuFaa8Gpkz+fz/lwXFjfr36q
spd8QRrxAgcmUMOI9lnVtMY53T22/PB9lKZr69RgWFXvP8Ji0urtCLHnsH8MfmQg
AoifPNvjAgMBAAECggEAH4XywfO/vXZA2+WrKqxxCLHy+hE5wtZ84F9u6lXYtHC1
yd9ntHY6jhznelk0WzMtzVrvwUZZOasxhgqlOZdb7jQWTnw2FSdCfGUcAogwH5xX
fcYk3ENxAE6W7+j+3EmhnH/i01sm8xIli6p9s/AoJsfIghRTI4xXjtE/A2olB6Zl
8glnwVRqJOTT3wNiIjSNrOoFzk115Un80lBGLFVgX6BKsZdJFXlVKk6o6DvpKGZ0
shgTk5/93dLFjk+UG4ivZjz3osuYvrneFyIO2lFOFXdf7cNgCvi8YMWu+GRnxe2v
mvyGq7r31l65GFEflenr2j1V8fy5Ctux4ZS/EkWzkQKBgQDk+AE25iEiq0Zq/hxw
qF8jhZu3jsu2TBfPE0/wHSRA4+sd1WHAeJU9rkarVmOVJazUvuyUWU6nMYLLJ9Iu
QX7V2fBGHxPtH8Rweqt0omlVLIyWeJ0Qhn1EtKJPaZw6gs2pJ1LaWEMUdMa2eNjo
Xg4uoKm+RRbc1y6NlNk81zfD0wKBgQC+bmTCwWfH4vmapiOdVSOiGF2+wtvPBCXe
CqjhcPQD8s2b5y7ilZeF3u40RtRUDGUQ3WdXqG4IvJQXBN8xukTqSU/DXN1s5KO2
QFF4YkbHg3Gks2pG7mgAMTol5KUB2JZeO5vEU10IMxraH+Ve+6EwKhzS9Pi8FPvS
gbFZkBhNsQKBgCUqlJfitxI3lxCa+ubWjcroTyR2i16l719vlRQ2xsG5vVp0Xo+t
gxwmA9agCT4WhX1rGF/kNz4wbTio2BcmDn6MB9J6DPP6qhpP7zDZhBuNRazPGz+p
dQAICii1zeQ5g0Sn220R0qGpavAHob3mNosfDS6TbGigjS/yL2kOzkB9AoGACEIN
SIzOjVKAdH5j6Py6MNtRpWYZ1h5d7gUUUcJuMoWi+PHLjLPkAEAsoEO6DXMEJvkS
9DAvpV1YJq9lZmineGl5dgVe7Mv1dX/QiKHqY9iFYxkMsMrB49A+r0n9Bdl4m9mF
5bufuy1MKs1bSwUqdkY9PcC10KIwUW6iXDntc+ECgYEAsqqdXOFNpsiuINOzIQR/
Moh8u3KKrIPhA9q5Rv0GQJ4tnone6EgyFwW29xqgWhsLogIaWYMr3UJtj6Es/AXB
UswT8JgNls5geMnPeOrm1wIpkCYqinzMOym5CfWsvSq2OHMVeEGgkW5xZ0oHmf3i
rmpKV7gc9o9GhdlNLepLgqY=
-----END PRIVATE KEY-----
""")
"""An RSA key as it should be."""

RSA_1024 = _public_knowledge("""\
-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAPCSFE7xv9Ld73FK
u7L2k4LsKCq3jOo2hXtLoJnPryAKast8JcBp8wXTMop4ad8yjIUpgGwu/frceOZP
FqXd4YdB5BQihIdubuwLwKbdvzmSdRK+i5bXC9+2xM/iR0TmrNgW333YEdw0RIa4
UaW/XKrTl7t4VdeOw5zYfVpa+7SrAgMBAAECgYEAhBxUlr3fz9cdJSQbS75pZ550
uHCwK/bg+sKfYZhR3dCasUBuIuqMEQjYWn6h9XZ3ALG32rE7vMXShverwk7FCEeO
3tnVRUUuEw13t1PjDPCjvz/5L5HbTYr/tXQN5iX65DjIiqi8jR5drvcuspy3oz6D
MFvdV70E4Yw4CaDK1PECQQD/7AYiS/ZaFP2dpy2Lun0EpQRa+obMX5vMFhknoj1m
a8JccmPHqLPk52Fp0zSxUrmPtZi60rx1RUnAmEyqo7SHAkEA8KTba/u98hXJTZKw
gaxqITSJVWFLXyRIFTW3iqoUAbR8dS6U7S2blAN/REvP56ejzXYqxUR8LSnx8v63
9L1rvQJBAIkiwo6yQco3oUdPhBpxzfglLNZLlNwDB4su9D/Gsjwl1jqPmWQtxGgO
jKaWZI/4kjKtzq+dqRr2C/VGJx7xJhUCQENJhYUjJhCL4PbM3ofTwvU38HKsOtwG
lBVCKOkf92omompNtRzAlPEFLU/WdvLKYDXyJbF1HdevE9UjPiKz2G0CQDeuzFTi
2atW//PfRgxuWm+ro/yENuCuCZgDJX9f0VbKw64zLekB2TfidFw4Sszz8FEO6WjC
91Y+SB+TNv+Fr2I=
-----END PRIVATE KEY-----
""")
"""An RSA key of the smallest size that counts (RFC 8301 §3.2)."""

ED25519 = _public_knowledge("""\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIKugSxxTG+OLkhZd+Mdsj6SWA+JdHxfduE6UTgSNPoxY
-----END PRIVATE KEY-----
""")
"""An Ed25519 key (RFC 8463)."""
