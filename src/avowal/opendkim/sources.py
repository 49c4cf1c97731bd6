"""Where keys come from: DNS, or the test data that a configuration names instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from avowal.config.opendkim_conf import OpendkimConf
from avowal.dns.cache import Cached
from avowal.dns.zone import Zone
from avowal.errors import AvowalError
from avowal.lookup import (
    Answer,
    AsyncResolver,
    Question,
    Resolver,
    aanswers_of,
    answers_of,
    recalled,
)
from avowal.stores.datasets import MemorySet, Row, open_text_set
from avowal.stores.opening import why_not

_KEYS = "._domainkey."


class BothResolver(Resolver, AsyncResolver, Protocol):
    """Serves synchronous and asynchronous callers."""


def resolver_of(conf: OpendkimConf) -> BothResolver:
    """Return the resolver of a configuration.  Raises ConfigError, ResolverSetupError."""
    dns = _rows(conf, "TestDNSData")
    keys = _rows(conf, "TestPublicKeys")
    if dns is not None:
        return Zone(_records([*dns, *(keys or ())]))
    if keys is not None:
        return _KeysAside(Zone(_records(keys)), conf)
    return _from_servers(conf)


def _from_servers(conf: OpendkimConf) -> BothResolver:
    from avowal.dns.dnspython import DnsResolver  # noqa: PLC0415 - test data does not pay for it
    from avowal.dns.servers import bracketed  # noqa: PLC0415 - as above

    servers = conf.text("Nameservers")
    seconds = conf.integer("DNSTimeout", 5) or 30
    listed = None
    if servers is not None:
        # address@port is how libunbound, and so Debian's OpenDKIM, takes a port
        listed = [bracketed(item.strip()) for item in servers.split(",") if item.strip()]
    try:
        return Cached(DnsResolver(listed, timeout=min(seconds, 5), lifetime=seconds))
    except AvowalError as fault:
        setting = conf.setting("Nameservers")
        if setting is None:
            raise
        raise setting.fault(str(fault)) from None


class _KeysAside:
    """Keys from test data, everything else from DNS, which is set up when it is needed."""

    def __init__(self, keys: Zone, conf: OpendkimConf) -> None:
        self._keys = keys
        self._conf = conf
        self._servers: BothResolver | None = None

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer a batch."""
        others = _others(questions)
        return self._merged(questions, answers_of(self._dns, others) if others else ())

    def resolve_within(
        self, questions: tuple[Question, ...], seconds: float, /
    ) -> tuple[Answer, ...]:
        """The same within `seconds`."""
        others = _others(questions)
        return self._merged(questions, answers_of(self._dns, others, seconds) if others else ())

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer a batch without blocking."""
        others = _others(questions)
        return self._merged(questions, await aanswers_of(self._dns, others) if others else ())

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...] | None:
        """Answer a batch if all of it is known without asking, else None."""
        others = _others(questions)
        known = recalled(self._dns, others) if others else ()
        return None if known is None else self._merged(questions, known)

    @property
    def _dns(self) -> BothResolver:
        if self._servers is None:
            self._servers = _from_servers(self._conf)
        return self._servers

    def _merged(
        self, questions: tuple[Question, ...], others: tuple[Answer, ...]
    ) -> tuple[Answer, ...]:
        """Put the answers of DNS and those of the test data together, in the order of questions."""
        rest = iter(others)
        return tuple(
            [self._keys.resolve((q,))[0] if _asks_for_key(q) else next(rest) for q in questions]
        )


def _others(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    return tuple([question for question in questions if not _asks_for_key(question)])


def _asks_for_key(question: Question) -> bool:
    name = question.name
    return question.type == "TXT" and _KEYS in name and not name.startswith("_report.")


def _rows(conf: OpendkimConf, name: str) -> list[Row] | None:
    spec = conf.text(name)
    setting = conf.setting(name)
    if spec is None or setting is None:
        return None
    if name == "TestPublicKeys" and ":" not in spec:
        spec = f"file:{spec}"
    try:
        data = open_text_set(spec)
    except AvowalError as fault:
        raise setting.fault(why_not(fault)) from None
    if not isinstance(data, MemorySet):
        raise setting.fault("must be a list or a file")
    return list(data)


def _records(rows: Iterable[Row]) -> dict[str, bytes]:
    """Return the first record of each name, as a lookup in the file would find it."""
    records: dict[str, bytes] = {}
    for row in rows:
        records.setdefault(row.key, row.value.encode("utf-8", "surrogateescape"))
    return records
