"""What all requests of a service share: its resolver, its limits, who may ask, what is counted."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from avowal.errors import ConfigError
from avowal.examine.findings import Findings
from avowal.limits import DEFAULT, Limits
from avowal.lookup import AsyncResolver
from avowal.report.recorder import Recorder
from avowal.report.verdict_event import event_of
from avowal.serve.limits import ServeLimits
from avowal.serve.meters import Meters
from avowal.serve.refusals import Refusal, Refused
from avowal.serve.report_upload import ReportUploads

LOGGER: Final = logging.getLogger("avowal.serve")
# RFC 6750 §2.1: what a Bearer token is made of; shorter ones can be guessed.
_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]{20,500}=*")
_LAST_SECONDS: Final = 3.0  # for the events that wait at the end
_TOKENS_HINT: Final = "one token a line, of 20 letters and digits or more: openssl rand -hex 32"


@dataclass(slots=True, kw_only=True)
class Service:
    """The shared half of all requests.

    `version` is avowal's.  `tokens` are those that clients may show; without any, `private`
    says that only those whom the operator lets in can connect: by the mode of a unix socket.
    `awake` are the seconds in which connections were looked after: by it they are timed, so
    that no client is blamed for a machine that is too busy to hear it.  `recorder` takes an event
    per message, under the name `host`: what became of the message is not known.  `uploads` takes
    report files, where they are kept.
    """

    resolver: AsyncResolver
    version: str = ""
    tokens: tuple[bytes, ...] = ()
    private: bool = False
    limits: ServeLimits = field(default_factory=ServeLimits)
    message_limits: Limits = DEFAULT
    clock: Callable[[], float] = time.time
    meters: Meters = field(default_factory=Meters)
    recorder: Recorder | None = None
    host: str = ""
    uploads: ReportUploads | None = None
    under_way: int = 0
    draining: bool = False
    awake: float = 0.0

    @property
    def authenticates(self) -> bool:
        """Whether whoever gets an answer is known to be let in by the operator."""
        return self.private or bool(self.tokens)

    def admit(self, authorization: str | None, host: str | None) -> None:
        """Let a client in, or raise Refused."""
        if self.tokens:
            scheme, _, token = (authorization or "").partition(" ")
            shown = token.strip().encode("utf-8", "surrogateescape")
            right = [hmac.compare_digest(shown, known) for known in self.tokens]
            if scheme.lower() != "bearer" or not any(right):
                raise Refused(Refusal.NO_TOKEN, "the service wants a token, and this is none of it")
        elif not self.private and not _is_here(host or ""):
            # A page in a browser on this machine may send requests, by names of its own choice.
            raise Refused(Refusal.MISDIRECTED, "Host is no name of the loopback interface")

    def keep(self, findings: Findings, client: str | None) -> None:
        """Keep an event of a message, where events are kept."""
        if self.recorder is not None:
            now = int(self.clock())
            self.recorder.take(event_of(findings, time=now, host=self.host, client=client))

    def end(self) -> None:
        """Write the events that wait."""
        if self.recorder is not None:
            self.recorder.settle(_LAST_SECONDS)

    def admit_claims(self, claims: tuple[str, ...]) -> None:
        """Let claims about the connection count, or raise Refused."""
        if claims and not self.authenticates:
            raise Refused(
                Refusal.CLAIMS, f"{claims[0]}: anybody on this machine could claim anything"
            )


def _is_here(host: str) -> bool:
    """Whether the field Host names the loopback interface."""
    name, colon, port = host.rpartition(":")
    if not (colon and port.isdigit()):
        name = host
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def tokens_in(octets: bytes, file: str) -> tuple[bytes, ...]:
    """Read a file of tokens: one a line, # begins a comment.  Raises ConfigError."""
    tokens = []
    for number, line in enumerate(octets.split(b"\n"), 1):
        word = line.strip(b" \t\r")
        if not word or word.startswith(b"#"):
            continue
        if _TOKEN.fullmatch(word) is None:
            raise ConfigError("this is no token", file=file, line=number, hint=_TOKENS_HINT)
        tokens.append(word)
    if not tokens:
        raise ConfigError("there is no token in it", file=file, hint=_TOKENS_HINT)
    return tuple(tokens)
