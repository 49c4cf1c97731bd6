"""Asking a reputation service over HTTP (RFC 7072): template, query, reputons.

The service's template is kept as long as it may be (its Expires, else a day), opinions
until they expire.  One service, chosen by the operator; whatever it answers is bounded.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import quote, urlsplit

from avowal.reputation.http_client import HttpReply, fetch
from avowal.reputation.opinions import Assessment, Subject, combined
from avowal.reputation.reputon import (
    APPLICATION,
    MOST_OCTETS,
    ReputonFault,
    read_reputons,
)

TEMPLATE_PATH = "/.well-known/repute-template"
_DAY = 86_400  # seconds a template is kept that names no end (RFC 7072 §3.2)
_MOST_CACHED = 10_000  # subjects
_MOST_TEMPLATES = 10
_SCHEMES = ("http", "https")
# RFC 6570: simple expansion, and the form query that RFC 7072 §3.3 recommends
_EXPRESSION = re.compile(r"\{([?&]?)([A-Za-z0-9_.,%-]*)\}")


Fetch = Callable[[str, float], HttpReply]


class Repute:
    """A client of one service; `service` is its host name (and port).

    `timeout` is how many seconds all that is asked about one subject may take.
    """

    def __init__(
        self,
        service: str,
        *,
        assertion: str = "",
        secure: bool = True,
        timeout: float = 2.0,
        fetch: Fetch = fetch,
    ) -> None:
        self._service = service
        self._assertion = assertion
        self._scheme = "https" if secure else "http"
        self._timeout = timeout
        self._fetch = fetch
        self._templates: tuple[str, ...] = ()
        self._templates_until = 0
        self._known: OrderedDict[Subject, tuple[int, Assessment]] = OrderedDict()

    def assess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Ask for each subject; what fails is a problem, never an exception."""
        return combined([self._one(subject, now) for subject in subjects])

    async def aassess(self, subjects: Sequence[Subject], *, now: int) -> Assessment:
        """Do the same in a thread."""
        return await asyncio.to_thread(self.assess, subjects, now=now)

    def _one(self, subject: Subject, now: int) -> Assessment:
        known = self._known.get(subject)
        if known is not None and known[0] > now:
            return known[1]
        try:
            assessment = self._asked(subject, now, time.monotonic() + self._timeout)
        except (OSError, HTTPException, ValueError) as error:
            return Assessment(problems=(f"{self._service}: {str(error) or type(error).__name__}",))
        self._remember(subject, assessment)
        return assessment

    def _asked(self, subject: Subject, now: int, until: float) -> Assessment:
        problems = []
        for template in self._template(now, until):
            url = expand(template, self._values(subject))
            if urlsplit(url).scheme not in _SCHEMES:
                continue  # RFC 7072 §3.2: those the client cannot query are passed over
            reply = self._fetch(url, _left(until))
            if reply.status == 200:
                try:
                    opinions = read_reputons(reply.body, now=now)
                except ReputonFault as fault:
                    return Assessment(problems=(f"{self._service}: {fault}",))
                # RFC 7071 §6.1: an irrelevant reputon is ignored
                return Assessment(
                    opinions=tuple(o for o in opinions if o.subject.folded == subject.folded)
                )
            problems.append(f"{self._service}: HTTP {reply.status}")
        return Assessment(problems=tuple(problems))

    def _template(self, now: int, until: float) -> tuple[str, ...]:
        if now >= self._templates_until:
            url = f"{self._scheme}://{self._service}{TEMPLATE_PATH}"
            reply = self._fetch(url, _left(until))
            if reply.status != 200:
                raise ValueError(f"no template: HTTP {reply.status}")
            if len(reply.body) > MOST_OCTETS:
                raise ValueError(f"a template of more than {MOST_OCTETS} octets")
            lines = reply.body.decode("ascii", "replace").split("\n")
            templates = [line.strip() for line in lines if line.strip()]
            if len(templates) > _MOST_TEMPLATES:
                raise ValueError(f"more than {_MOST_TEMPLATES} templates")
            self._templates = tuple(templates)
            self._templates_until = _expiry(reply.fields, now)
        return self._templates

    def _values(self, subject: Subject) -> dict[str, str]:
        return {
            "application": APPLICATION,
            "service": self._service,
            "subject": subject.name,
            "assertion": self._assertion,
            "identity": subject.identity.value,
        }

    def _remember(self, subject: Subject, assessment: Assessment) -> None:
        ends = [opinion.expires for opinion in assessment.opinions if opinion.expires]
        if ends:
            self._known[subject] = min(ends), assessment
            self._known.move_to_end(subject)
            if len(self._known) > _MOST_CACHED:
                self._known.popitem(last=False)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def expand(template: str, values: Mapping[str, str]) -> str:
    """Expand a URI template (RFC 6570 §3.2.2, §3.2.8); a variable without a value is empty."""

    def replaced(found: re.Match[str]) -> str:
        operator, names = found[1], found[2].split(",")
        if not operator:
            return ",".join([quote(values.get(name, ""), safe="") for name in names])
        pairs = [f"{n}={quote(values[n], safe='')}" for n in names if values.get(n)]
        return operator + "&".join(pairs) if pairs else ""

    return _EXPRESSION.sub(replaced, template)


def _expiry(fields: Mapping[str, str], now: int) -> int:
    try:
        return max(int(parsedate_to_datetime(fields["expires"]).timestamp()), now)
    except (KeyError, TypeError, ValueError, OverflowError):
        return now + _DAY
