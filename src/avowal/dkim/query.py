"""How keys are asked for: the registry of q= methods (RFC 6376 §3.5 q=, §3.6.2).

A new key service is one `register_query(name, method)`.  `dns/txt` is built in.
`by_type` makes a method that asks a resource record type of its own first and falls
back to TXT, as the first drafts of DKIM had planned; docs/howto/new-key-service.md tells how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TypeAlias

from avowal.lookup import NO_NAME, Answer, Outcome, Question, Steps, ask
from avowal.names import DomainName, Selector, key_name

QueryMethod: TypeAlias = Callable[[Selector, DomainName], Steps[Answer]]

_REGISTERED: dict[str, QueryMethod] = {}
QUERY_METHODS: Mapping[str, QueryMethod] = MappingProxyType(_REGISTERED)


def register_query(name: str, method: QueryMethod) -> None:
    """Add or replace a method; `name` is the type and options of q=, such as dns/txt."""
    _REGISTERED[name] = method


def unregister_query(name: str) -> None:
    """Take a method out again."""
    del _REGISTERED[name]


def dns_txt(selector: Selector, domain: DomainName) -> Steps[Answer]:
    """Ask for the TXT records at ``<selector>._domainkey.<domain>`` (RFC 6376 §3.6.2)."""
    (answer,) = yield from ask(Question(key_name(selector, domain)))
    return answer


def by_type(rrtype: str, read: Callable[[bytes], bytes | None] | None = None) -> QueryMethod:
    """Make a method that asks for `rrtype` first and, when there is none, for TXT.

    `read` makes a key record of one record in presentation form, None of what holds none;
    by default the record holds character-strings as a TXT record does (RFC 1035 §3.3.14).
    """
    reader = read or character_strings

    def ask_type_then_txt(selector: Selector, domain: DomainName) -> Steps[Answer]:
        (answer,) = yield from ask(Question(key_name(selector, domain), rrtype))
        if answer.outcome is Outcome.NO_DATA:  # the name is there: the type is not
            return (yield from dns_txt(selector, domain))
        if answer.outcome is not Outcome.FOUND:
            return answer
        records = tuple(octets for octets in map(reader, answer.records) if octets is not None)
        outcome = Outcome.FOUND if records else Outcome.NO_DATA
        return replace(answer, outcome=outcome, records=records)

    return ask_type_then_txt


def character_strings(record: bytes) -> bytes | None:
    r"""Join the character-strings of a record of an unknown type; None for other contents.

    Such a record reads ``\# length hex`` (RFC 3597 §5).

    >>> character_strings(rb"\# 5 02 763d 01 31")
    b'v=1'
    """
    marker, _, rest = record.partition(b" ")
    length, _, digits = rest.partition(b" ")
    try:
        octets = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
    if marker != rb"\#" or not length.isdigit() or length.lstrip(b"0") != _digits(len(octets)):
        return None
    joined = bytearray()
    while octets:
        end = 1 + octets[0]
        if end > len(octets):
            return None
        joined += octets[1:end]
        octets = octets[end:]
    return bytes(joined)


def _digits(number: int) -> bytes:
    return str(number).encode() if number else b""


def key_answer(methods: tuple[str, ...], selector: Selector, domain: DomainName) -> Steps[Answer]:
    """Ask by each method of a q= that is registered, in turn, until one knows a key.

    Returns the last answer otherwise.
    """
    answer = NO_NAME
    for method in dict.fromkeys(methods):
        if method in _REGISTERED:
            answer = yield from _REGISTERED[method](selector, domain)
        if answer.outcome is Outcome.FOUND:
            break
    return answer


register_query("dns/txt", dns_txt)
