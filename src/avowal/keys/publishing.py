"""Bringing key records into a zone: one protocol for those who write zones, people among them.

A publisher brings what stands at some names into the zone, or tells a person to.  It does not
look whether DNS shows it: `avowal.keys.observation` does.  Doing the same twice changes
nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from avowal.errors import EnvironmentFault
from avowal.keys.records import txt_line, txt_strings
from avowal.valueclass import value


class PublishError(EnvironmentFault):
    """The zone could not be written; says what to do."""


@value
class Publication:
    """What became of a change: `written`, or else `told` says what a person has to enter."""

    written: bool
    told: str


class Publisher(Protocol):
    """Whoever can change a zone, or tells somebody who can."""

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        """Have records stand at names; None: no record.

        `standing` is everything of ours that stands in the zones after the change, by name,
        for those who write a file as a whole.  Raises PublishError; waits.
        """


# -- people --------------------------------------------------------------------------


class Form(NamedTuple):
    """One way to write a TXT record down; `who` takes it so."""

    who: str
    text: str


def forms(name: str, record: str, *, ttl: int = 3600) -> tuple[Form, ...]:
    """Return a record as zone files, as services and as plain panels take it.

    Most mistakes are made here: quotes that become part of the record, semicolons with a
    backslash, a record cut after 255 characters.
    """
    quoted = " ".join(f'"{string}"' for string in txt_strings(record))
    return (
        Form("a zone file (BIND, Knot, NSD, PowerDNS)", txt_line(name, record, ttl=ttl)),
        Form("a value of quoted strings (Route 53, Google Cloud DNS)", quoted),
        Form("one text without quotes (Cloudflare and most panels)", record),
    )


class Watch:
    """Tells a person what to enter, and leaves it to the observer to see when it is done.

    `say` is given the text.  The default: nobody's word is needed to write to DNS.
    """

    def __init__(self, say: Callable[[str], object], *, ttl: int = 3600) -> None:
        self._say = say
        self._ttl = ttl

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        """Say what to enter and what to take out."""
        del standing
        told = "\n\n".join(_instruction(name, text, self._ttl) for name, text in changes.items())
        self._say(told)
        return Publication(written=False, told=told)


def _instruction(name: str, record: str | None, ttl: int) -> str:
    if record is None:
        return f"Take the TXT record out at {name}"
    lines = [f"Enter at {name} a record of type TXT, TTL {ttl}, in place of any that is there:"]
    for form in forms(name, record, ttl=ttl):
        lines += [f"  {form.who}:", f"    {form.text}"]
    return "\n".join(lines)


# -- aliases --------------------------------------------------------------------------


def alias_pair(
    domain: str, host: str, *, selectors: tuple[str, str] = ("avowal1", "avowal2")
) -> tuple[tuple[str, str], ...]:
    """Return the two CNAMEs, name and target, that a domain publishes once and for ever.

    `host` is the zone that the signing host can write.  While one of the two names shows the
    key that signs, the other one is free for the next: whoever owns the domain never
    changes the zone again.
    """
    names = (f"{selector}._domainkey.{domain}" for selector in selectors)
    return tuple((name, alias_target(name, host)) for name in names)


def alias_target(name: str, host: str) -> str:
    """Return where the CNAME of a key's name leads, in the zone that the signing host can write."""
    selector, _, domain = name.partition("._domainkey.")
    return f"{selector}.{domain}._domainkey.{host}"


class AliasTargets:
    """Publishes each record where the CNAME of its name leads, not at the name itself."""

    def __init__(self, publisher: Publisher, host: str) -> None:
        self._publisher = publisher
        self._host = host

    def publish(
        self, changes: Mapping[str, str | None], standing: Mapping[str, str]
    ) -> Publication:
        """Do what the publisher does, in the other zone.  Raises PublishError."""
        host = self._host
        return self._publisher.publish(
            {alias_target(name, host): record for name, record in changes.items()},
            {alias_target(name, host): record for name, record in standing.items()},
        )
