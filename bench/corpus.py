"""The messages that are measured, always the same: wire form, 30 header fields of real mail.

Sizes are those of the bodies.  `t2k` is plain text, `h20k` HTML beside its text, `a…` a short
text with one base64 attachment, `h2m` HTML as a machine indents it, every line with runs.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

_WORDS = """\
the of and to in that is for it as with was on be by this are from at or you have an but not
they which one we all will can more there when who what so up out if about time some into
year message signature domain server quarterly invoice meeting attached regards delivery
""".split()  # noqa: SIM905 - sixty words read better as words
_BOUNDARY = b"=_0f3a9c1e7b"
_HOPS = 6


def _received(hop: int) -> bytes:
    return (
        b"Received: from mx%d.relay.example.net (mx%d.relay.example.net [192.0.2.%d])\r\n"
        b"\tby in%d.mail.example.org (Postfix) with ESMTPS id 4F2D%04X9kz3\r\n"
        b"\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
        b"\tfor <bob@example.org>; Tue, 24 Nov 2026 12:00:%02d +0000 (UTC)\r\n"
    ) % (hop, hop, hop + 10, hop, hop * 919, hop + 7)


_FIELDS = (
    b"Return-Path: <alice@example.com>\r\n"
    b"Delivered-To: bob@example.org\r\n"
    + b"".join(_received(hop) for hop in range(_HOPS))
    + b"X-Spam-Status: No, score=-2.1 required=5.0 tests=BAYES_00,HTML_MESSAGE,\r\n"
    b"\tRCVD_IN_DNSWL_NONE,SPF_PASS,T_SCC_BODY_TEXT_LINE autolearn=ham version=4.0.1\r\n"
    b"X-Virus-Scanned: clean at in1.mail.example.org\r\n"
    b"Authentication-Results: in1.mail.example.org; spf=pass smtp.mailfrom=example.com\r\n"
    b"From: Alice Example <alice@example.com>\r\n"
    b"To: Bob Example <bob@example.org>, Carol Example <carol@example.org>\r\n"
    b"Cc: =?utf-8?q?D=C3=B6rte?= <doerte@example.org>\r\n"
    b"Subject: Re: [project] The quarterly figures, and what they mean for the plan of\r\n"
    b" next year\r\n"
    b"Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Message-ID: <20261124120000.4F2D9kz3@mail.example.com>\r\n"
    b"In-Reply-To: <20261123090000.7A1Bq2@mail.example.org>\r\n"
    b"References: <20261122080000.1Zx8@mail.example.org>\r\n"
    b"\t<20261123090000.7A1Bq2@mail.example.org>\r\n"
    b"Reply-To: project@lists.example.com\r\n"
    b"Sender: project-bounces@lists.example.com\r\n"
    b"MIME-Version: 1.0\r\n"
    b"User-Agent: Mozilla Thunderbird\r\n"
    b"Content-Language: en-US\r\n"
    b"List-Id: <project.lists.example.com>\r\n"
    b"List-Unsubscribe: <https://lists.example.com/u/5f2c9e0b7d6a41f3>,\r\n"
    b"\t<mailto:project-leave@lists.example.com>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"Precedence: list\r\n"
    b"X-Mailman-Version: 3.3.9\r\n"
)


def _text(rng: random.Random, octets: int) -> bytes:
    lines = []
    size = 0
    while size < octets:
        line = " ".join(rng.choices(_WORDS, k=11)).encode()[:76] + b"\r\n"
        lines.append(line)
        size += len(line)
    return b"".join(lines)


def _html(rng: random.Random, octets: int, *, dense: bool) -> bytes:
    lines = []
    size = 0
    while size < octets:
        depth = rng.randrange(2, 12)
        indent = b"  " * depth if dense else b"  " * (depth % 3)
        gap = b"   " if dense else b" "
        words = gap.join(word.encode() for word in rng.choices(_WORDS, k=6))
        end = b" \r\n" if dense and rng.random() < 0.3 else b"\r\n"
        line = b'%s<td class="c%d">%s</td>%s' % (indent, depth, words, end)
        lines.append(line)
        size += len(line)
    return b"".join(lines)


def _part(kind: bytes, content: bytes) -> bytes:
    return b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n" % (_BOUNDARY, kind, content)


def _plain(rng: random.Random, octets: int) -> tuple[bytes, bytes]:
    return b"text/plain; charset=utf-8", _text(rng, octets)


def _alternative(rng: random.Random, octets: int) -> tuple[bytes, bytes]:
    text = _part(b"text/plain; charset=utf-8", _text(rng, octets // 3))
    html = _part(b"text/html; charset=utf-8", _html(rng, octets - octets // 3, dense=False))
    end = b"--%s--\r\n" % _BOUNDARY
    return b'multipart/alternative; boundary="%s"' % _BOUNDARY, text + html + end


def _attachment(rng: random.Random, octets: int) -> tuple[bytes, bytes]:
    text = _part(b"text/plain; charset=utf-8", _text(rng, 2000))
    encoded = base64.encodebytes(rng.randbytes(octets * 3 // 4)).replace(b"\n", b"\r\n")
    file = _part(
        b"application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="figures.pdf"',
        encoded,
    )
    end = b"--%s--\r\n" % _BOUNDARY
    return b'multipart/mixed; boundary="%s"' % _BOUNDARY, text + file + end


def _page(rng: random.Random, octets: int) -> tuple[bytes, bytes]:
    return b"text/html; charset=utf-8", _html(rng, octets, dense=True)


_KINDS: dict[str, tuple[Callable[[random.Random, int], tuple[bytes, bytes]], int]] = {
    "t2k": (_plain, 2_000),
    "h20k": (_alternative, 20_000),
    "a200k": (_attachment, 200_000),
    "a2m": (_attachment, 2_000_000),
    "h2m": (_page, 2_000_000),
    "a25m": (_attachment, 25_000_000),
}
NAMES = tuple(_KINDS)


def message(name: str) -> bytes:
    """One of the messages, by its name."""
    make, octets = _KINDS[name]
    kind, body = make(random.Random(name), octets)
    return _FIELDS + b"Content-Type: " + kind + b"\r\n\r\n" + body
