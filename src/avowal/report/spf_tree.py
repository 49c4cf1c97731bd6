"""Which part of a domain's SPF record permits an address: the tree of includes, looked up once.

Unlike a check (RFC 7208 §4), which asks about one address, this gathers the networks of the
whole tree, so that thousands of addresses can be looked up in it.  What only a check of a
message can tell (exists, ptr, macros) is left out: those addresses stay unlisted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from avowal.lookup import Answer, Question, Steps, ask
from avowal.names import DomainName, NameFault
from avowal.policy.spf.macros import SpfSyntaxFault
from avowal.policy.spf.record import Directive, SpfRecord, is_record, read_record
from avowal.policy.spf.values import SpfWord

MOST_RECORDS = 60  # of a tree; a check follows ten
MOST_HOSTS = 50  # of one mx

Network = IPv4Network | IPv6Network


class SpfTree:
    """The networks of a tree, each with the domain whose record names it; "" for the root."""

    def __init__(self, networks: Iterable[tuple[Network, str]], *, whole: bool = True) -> None:
        self.whole = whole
        self._by_prefix: dict[tuple[int, int], dict[int, str]] = {}
        for network, label in networks:
            key = network.version, network.prefixlen
            self._by_prefix.setdefault(key, {}).setdefault(int(network.network_address), label)

    def __len__(self) -> int:
        return sum(map(len, self._by_prefix.values()))

    def permits(self, address: str) -> str | None:
        """Which record permits an address, None for none."""
        try:
            found = ip_address(address)
        except ValueError:
            return None
        bits = found.max_prefixlen
        for (version, length), networks in self._by_prefix.items():
            if version == found.version:
                label = networks.get(int(found) >> (bits - length) << (bits - length))
                if label is not None:
                    return label
        return None


def spf_tree(domain: str) -> Steps[SpfTree]:
    """Look up the tree of a domain.  Raises nothing: what DNS does not answer is left out."""
    networks: list[tuple[Network, str]] = []
    seen, waiting, whole = {domain}, [domain], True
    while waiting:
        names, waiting = waiting, []
        answers = yield from ask(*map(Question, names))
        for name, answer in zip(names, answers, strict=True):
            label = "" if name == domain else name
            record = _record(answer)
            if record is None:
                whole = whole and not answer.failure
                continue
            found, hosts, further = _read(record, name)
            networks += [(network, label) for network in found]
            for question, directive in hosts:
                more = yield from _addresses(question, directive)
                networks += [(network, label) for network in more]
            new = [one for one in further if one not in seen]
            whole = whole and len(seen) + len(new) <= MOST_RECORDS
            new = new[: MOST_RECORDS - len(seen)]
            seen.update(new)
            waiting += new
    return SpfTree(networks, whole=whole)


def _record(answer: Answer) -> SpfRecord | None:
    records = [octets for octets in answer.records if is_record(octets)]
    try:
        return read_record(records[0]) if len(records) == 1 else None
    except SpfSyntaxFault:
        return None


def _read(
    record: SpfRecord, name: str
) -> tuple[list[Network], list[tuple[str, Directive]], list[str]]:
    """What a record permits: networks, hosts to look up, further records."""
    networks: list[Network] = []
    hosts: list[tuple[str, Directive]] = []
    further: list[str] = []
    for directive in record.directives:
        if directive.word is not SpfWord.PASS:
            continue
        target = name if directive.target is None else _plain(directive.target.text)
        if directive.network is not None:
            networks.append(directive.network)
        elif directive.mechanism == "include" and target:
            further.append(target)
        elif directive.mechanism in ("a", "mx") and target:
            hosts.append((target, directive))
    redirect = None if record.redirect is None else _plain(record.redirect.text)
    return networks, hosts, [*further, *([redirect] if redirect else [])]


def _plain(text: str) -> str | None:
    """A domain without macros, in A-labels."""
    if "%" in text:
        return None
    try:
        return DomainName.parse(text.rstrip(".").encode()).ascii
    except NameFault:
        return None


def _addresses(host: str, directive: Directive) -> Steps[list[Network]]:
    hosts = [host]
    if directive.mechanism == "mx":
        (answer,) = yield from ask(Question(host, "MX"))
        hosts = [_host(octets) for octets in answer.records[:MOST_HOSTS]]
    questions = [Question(name, kind) for name in hosts if name for kind in ("A", "AAAA")]
    answers = yield from ask(*questions)
    return list(_networks(answers, directive))


def _host(octets: bytes) -> str:
    return octets.decode("ascii", "replace").rpartition(" ")[2].rstrip(".").lower()


def _networks(answers: Iterable[Answer], directive: Directive) -> Iterator[Network]:
    for answer in answers:
        for octets in answer.records:
            try:
                address = ip_address(octets.decode("ascii"))
            except ValueError:
                continue
            length = directive.prefix4 if address.version == 4 else directive.prefix6
            yield ip_network((address, length), strict=False)
