"""``avowal lookup``: ask DNS as the verifier does, and see what it sees."""

from __future__ import annotations

from typing import Any

import click

from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.shared_options import dns_options
from avowal.cli.streams import echo
from avowal.errors import UsageError
from avowal.lookup import Answer, Outcome, Question
from avowal.names import DomainName, NameFault, key_name
from avowal.text import printable


@click.command("lookup")
@click.argument("name", required=False)
@click.argument("rrtype", default="TXT", metavar="[TYPE]")
@click.option("-d", "--domain", help="With --selector: the key record of this domain.")
@click.option("-s", "--selector", help="The selector of the key record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@dns_options
def command(
    *,
    name: str | None,
    rrtype: str,
    domain: str | None,
    selector: str | None,
    as_json: bool,
    dns: Dns,
) -> int:
    """Look up NAME, or the key record of --selector and --domain.

    TYPE is an RR type such as TXT, A, AAAA, MX, PTR; TXT records come with their strings
    joined.
    """
    from avowal.dns.limits import Limited
    from avowal.dns.wire import rrtype as type_number

    if type_number(rrtype) is None:
        raise UsageError(f"{rrtype!r} is no type of record: write TXT, MX or TYPE99")
    question = _question(name, rrtype, domain, selector)
    with dns.opened() as resolver:
        (answer,) = Limited(resolver).resolve((question,))
    if as_json:
        import json

        echo(json.dumps(_object(question, answer)))
    else:
        _write(question, answer)
    if answer.outcome is Outcome.FAILED:
        return ExitStatus.TRY_AGAIN
    return ExitStatus.PASSED if answer.records else ExitStatus.NOT_PASSED


def _question(name: str | None, rrtype: str, domain: str | None, selector: str | None) -> Question:
    try:
        if domain is not None and selector is not None and name is None:
            return Question(
                key_name(DomainName.parse(selector.encode()), DomainName.parse(domain.encode()))
            )
        if name is not None and domain is None and selector is None:
            return Question(DomainName.parse(name.removesuffix(".").encode()).ascii, rrtype.upper())
    except NameFault as fault:
        raise UsageError(f"no name for DNS: {fault.why}") from None
    raise UsageError("give a NAME, or both --selector and --domain")


def _write(question: Question, answer: Answer) -> None:
    secure = ", DNSSEC" if answer.secure else ""
    if answer.outcome is Outcome.FOUND:
        what = f"found, TTL {answer.ttl}{secure}"
    elif answer.failure is not None:
        what = f"failed: {answer.failure.value}"
    else:
        what = f"{answer.outcome.value}{secure}"
    echo(f"{question.name} {question.type}: {what}")
    for record in answer.records:
        echo(f"  {printable(record)}")
        if question.type == "TXT" and "._domainkey." in question.name:
            echo(f"    {_key(record)}")


def _key(octets: bytes) -> str:
    """Say what a verifier makes of a key record."""
    from avowal.crypto.algorithms import of_key_type
    from avowal.dkim.key import KeyRecordFault, read_record

    record = read_record(octets)
    if isinstance(record, KeyRecordFault):
        return f"no key record: {record}"
    if record.revoked:
        return "a revoked key"
    algorithm = of_key_type(record.key_type)
    if algorithm is None:
        return printable(f"a key of unknown type {record.key_type}")
    try:
        public = record.public_key(algorithm)
    except ValueError as fault:
        return f"no usable key: {fault}"
    return f"a key of type {record.key_type}, {public.bits} bits"


def _object(question: Question, answer: Answer) -> dict[str, Any]:
    return {
        "name": question.name,
        "type": question.type,
        "outcome": answer.outcome.value,
        "failure": None if answer.failure is None else answer.failure.value,
        "ttl": answer.ttl,
        "dnssec": answer.secure,
        "records": [record.decode("utf-8", "backslashreplace") for record in answer.records],
    }
