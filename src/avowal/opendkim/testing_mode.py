"""Test mode (-t): messages in files go through the filter, and what it would do is printed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from avowal.agenda import Rank
from avowal.config.opendkim_conf import OpendkimConf
from avowal.dkim.verification import Verification
from avowal.dns.drivers import drive
from avowal.limits import DEFAULT
from avowal.line_ends import looks_stored
from avowal.message import Message
from avowal.milter.packets import InsertHeader, ReplyCode
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.settings import compiled
from avowal.opendkim.sigerrors import error_of
from avowal.opendkim.sources import resolver_of
from avowal.opendkim.verdict import OpendkimVerdict

_NAME = "avowal-opendkim"
_OK, _DATA, _UNAVAILABLE = 0, 65, 69
_MACROS = {"i": b"DEBUG-i", "j": b"DEBUG-j"}


def test_messages(
    conf: OpendkimConf, files: Sequence[str], *, verbosity: int, fixed_time: int | None
) -> int:
    """Put each file through the filter; return the exit status.

    Without a Mode, messages are verified.  ``-`` is the standard input.  Raises ConfigError.
    """
    if conf.setting("Mode") is None:
        conf = conf.with_overrides(iter((("Mode", "v"),)))
    generation = OpendkimGeneration.of(compiled(conf))
    resolver = resolver_of(conf)
    status = _OK
    for name in files:
        shown = "(stdin)" if name == "-" else name
        try:
            octets = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            sys.stderr.write(f"{_NAME}: {name}: fopen(): {error.strerror}\n")
            return _UNAVAILABLE
        if looks_stored(octets) and conf.boolean("StrictTestMode"):
            sys.stderr.write(f"{_NAME}: {shown}: line 1: not CRLF-terminated\n")
            status = _DATA
            continue
        message = Message.from_stored(octets)
        envelope = Envelope(client_name="localhost", client="127.0.0.1", macros=_MACROS)
        now = int(time.time()) if fixed_time is None else fixed_time
        filtering = Filtering(generation, envelope, message.header, now=now, draw=99)
        drive(filtering.agenda, resolver, seconds=DEFAULT.dns_seconds)
        filtering.feed(message.body)
        slot = filtering.agenda.add(filtering.finish(), Rank.POLICY)
        drive(filtering.agenda, resolver, seconds=DEFAULT.dns_seconds)
        verdict = slot.value
        sys.stdout.write(_report(shown, filtering, verdict, verbosity))
    return status


def _report(name: str, filtering: Filtering, verdict: OpendkimVerdict, verbosity: int) -> str:
    lines = [f"{_NAME}: {name}: {_sentence(v)}" for v in filtering.verifications]
    inserted = [m for m in verdict.modifications if isinstance(m, InsertHeader)]
    signatures = [m for m in inserted if m.name == b"DKIM-Signature"]
    lines += [f"{_NAME}: {name}:\nDKIM-Signature:{_text(m.value)}" for m in signatures]
    if not filtering.verifications and not signatures:
        lines.append(f"{_NAME}: {name}: message not signed")
    if verbosity > 1:
        lines += [f"### INSHEADER: {_text(m.name)}:{_text(m.value)}" for m in inserted]
    if verbosity:
        answer = verdict.answer
        shown = _text(answer.text) if isinstance(answer, ReplyCode) else f"SMFIS_{answer.name}"
        lines.append(f"{_NAME}: {name}: answer {shown}")
    return "".join(f"{line}\n" for line in lines)


def _sentence(verification: Verification) -> str:
    evidence = verification.evidence
    bits = evidence.key_bits if evidence is not None else None
    size = "" if bits is None else f", {bits}-bit key"
    names = f"(s={verification.selector}, d={verification.domain}{size})"
    if verification.passed:
        return f"verification {names} succeeded"
    return f"verification {names} failed: {error_of(verification).sentence}"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
