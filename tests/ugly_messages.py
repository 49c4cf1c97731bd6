"""Mail that makes pages ugly: too long, too much, in both directions, and against the reader.

Each is a message that somebody could send, with DNS records for the signatures among them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

import avowal
from avowal.testing import ED25519, message, record_for

_HEBREW: Final = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"
_ARABIC: Final = "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645"
_SIGNERS: Final = tuple(f"signer-{number}.example" for number in range(14))
_LONG: Final = "a-label-of-some-length." * 9 + "example"
RECORDS: Final[Mapping[str, Any]] = {
    **{f"s1._domainkey.{domain}": record_for(ED25519) for domain in (*_SIGNERS, _LONG)},
    "_dmarc.signer-0.example": "v=DMARC1; p=reject; " + "; ".join(f"x{n}=y" for n in range(30)),
}


def _signed(octets: bytes, domain: str = _SIGNERS[0]) -> bytes:
    field = avowal.sign(octets, domain=domain, selector="s1", key=ED25519, accept_malformed=True)
    return field + octets


def _encoded(text: str) -> str:
    """A field's value in encoded words of at most 75 characters."""
    parts = [text[at : at + 12] for at in range(0, len(text), 12)]
    words = (f"=?utf-8?b?{base64.b64encode(part.encode()).decode()}?=" for part in parts)
    return "\r\n ".join(words)


def _right_to_left() -> bytes:
    subject = _encoded(f"{_HEBREW} (urgent) {_ARABIC} 12:30 " * 6)
    author = f"{_encoded(_ARABIC + ' ' + _HEBREW)} <reply@signer-0.example>"
    body = f"{_HEBREW} <b>{_ARABIC}</b>\r\n" * 20
    good = _signed(message(body, subject=subject, **{"from": author}))
    return good.replace(b"Subject: ", b"Subject: [\xd7\x90] ", 1) + _HEBREW.encode() + b"\r\n"


def _long_lines() -> bytes:
    subject = "Fwd: " + "w" * 700 + " " + "\u4f60\u597d" * 150
    body = "x" * 990 + "\r\n" + ("lorem ipsum " * 80 + "\r\n") * 30
    good = _signed(message(body, subject=_encoded(subject), message_id=f"<{'m' * 800}@example>"))
    return good.replace(b"lorem ipsum lorem", b"lorem  ipsum\tlorem", 1) + b"y" * 990 + b"\r\n"


def _hops() -> bytes:
    """Thirty hosts, some with names as long as DNS allows, signed on the way, out of order."""
    octets = _signed(message())
    for number in range(30):
        name = _LONG if number % 10 == 3 else f"mx{number}.relay.example"
        date = f"Tue, 24 Nov 2026 16:{(number * 7) % 60:02}:00 +0{number % 10}00"
        trace = f"Received: from {name} by {name} with ESMTPS id {number};\r\n\t{date}\r\n"
        more = b"".join(b"X-Scanner-%d: " % n + b"clean\r\n" for n in range(number % 12))
        octets = trace.encode() + more + octets
        if number % 9 == 5:
            octets = _signed(octets, _LONG if number % 2 else _SIGNERS[number % 14])
    return octets


def _signatures() -> bytes:
    """Fourteen signatures: of the same key, broken, without a key, with long and odd tags."""
    octets = message("Hello\r\n", **{"from": "a@signer-0.example"})
    for number, domain in enumerate(_SIGNERS):
        octets = _signed(octets, domain if number % 5 else _LONG)
        if number == 6:
            octets = octets.replace(b"Subject: ", b"Subject: [a list of the seventh host] ", 1)
    odd = (
        "v=1; a=rsa-sha256; d=nowhere.example; s=none; h=" + ":".join(["from"] * 60) + ";"
        " bh=" + "A" * 43 + "=; b=" + "B" * 344 + "; i=" + "u" * 200 + "@nowhere.example; q=dns/txt"
    )
    return f"DKIM-Signature: {odd}\r\n".encode() + octets


def _html_bomb() -> bytes:
    """Markup nested deep, attributes without end, entities, a part in each charset."""
    body = "<div style='position:fixed;inset:0;z-index:9'>" * 3000 + "&" * 5000
    body += "<a href='" + "j" * 20_000 + "'>" + "</textarea><plaintext><!--" * 300
    lines = "\r\n".join(body[at : at + 900] for at in range(0, len(body), 900)) + "\r\n"
    fields = {
        "subject": "<h1>" * 40 + "&amp;" * 40 + "<plaintext><!--",
        "content_type": 'text/html; charset="<svg onload=x>"',
        "from": '"</bdi></title><style>*{display:none}</style>" <a@signer-0.example>',
    }
    good = _signed(message(lines, **fields))
    return good.replace(b"Subject: ", b"Subject: <plaintext> ", 1)


def _recipients() -> bytes:
    """Three hundred recipients with names, in both directions."""
    people = (
        f'"{_HEBREW if number % 3 else "Person"} {number}" <person.{number}@a{number}.example>'
        for number in range(300)
    )
    to = ",\r\n ".join(people)
    return _signed(message("Hello all\r\n", to=to, cc=to)).replace(b"person.299", b"person.998")


def _authors() -> bytes:
    """Many authors in one From, a second From, names that are addresses."""
    many = ", ".join(f'"ceo@bank{number}.example" <x@a{number}.example>' for number in range(40))
    return _signed(message("Pay now\r\n", **{"from": [many, "b@signer-0.example"]}))


UGLY: Final = {
    "right-to-left": _right_to_left,
    "long-lines": _long_lines,
    "hops": _hops,
    "signatures": _signatures,
    "html-bomb": _html_bomb,
    "recipients": _recipients,
    "authors": _authors,
    "nothing": lambda: b"X: y\r\n\r\n",
    "octets": lambda: b"From: \xff\xfe\x80@\xc3(\r\nSubject: \x00\x01\x7f\xe2\x80\xae\r\n\r\n" * 3,
}
"""Each message by its name."""
