"""``avowal why``: what the daemon would do with a message, and which rule decides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, get_args

import click

from avowal.cli.config import checked
from avowal.cli.exits import ExitStatus
from avowal.config.origin import Role
from avowal.errors import UsageError
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.message import Header, Message
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.flow.plan import Plan
    from avowal.flow.trace import Step

DEFAULT_FILE = "/etc/avowal/avowal.toml"
_MARKS = {True: "+", False: "-"}


@click.command("why")
@click.argument("file", required=False, metavar="[MESSAGE]")
@click.option("--from", "author", metavar="ADDRESS", help="The author, instead of a message.")
@click.option("--client", metavar="ADDRESS", help="The client's address; without it a local one.")
@click.option("--client-name", metavar="NAME", help="The client's name, as the MTA found it.")
@click.option("--auth", metavar="USER", help="The user that the client authenticated as.")
@click.option("--rcpt", "recipients", multiple=True, metavar="ADDRESS", help="A recipient.")
@click.option("--sender", metavar="ADDRESS", help="The envelope sender.")
@click.option("--daemon-name", metavar="NAME", help="The MTA's {daemon_name}.")
@click.option("--macro", "macros", multiple=True, metavar="NAME=VALUE", help="A milter macro.")
@click.option(
    "--role", type=click.Choice(get_args(Role)), help="What the listener may do; else `mode`."
)
@click.option(
    "-c", "--config", metavar="FILE", default=DEFAULT_FILE, show_default=True,
    help="The configuration, in TOML.",
)  # fmt: skip
def command(
    *,
    file: str | None,
    author: str | None,
    client: str | None,
    client_name: str | None,
    auth: str | None,
    recipients: tuple[str, ...],
    sender: str | None,
    daemon_name: str | None,
    macros: tuple[str, ...],
    role: Role | None,
    config: str,
) -> int:
    """Say whether a message would be signed or verified, and which rule decides.

    Nothing is sent, signed or asked of DNS.  MESSAGE is a file, or - for standard input;
    --from alone stands for a message by that author.
    """
    header = _header(file, author)
    from avowal.app import plan as compiled

    plan = checked(config, compiled)
    if plan is None:
        return ExitStatus.UNUSABLE
    transaction = Transaction(
        received_at=int(time.time()),
        role=role or plan.configuration.mode,
        client=_address(client),
        client_name=client_name,
        auth=None if auth is None else SmtpAuthentication("given", auth),
        daemon_name=daemon_name,
        sender=None if sender is None else sender.encode(),
        recipients=tuple(recipient.encode() for recipient in recipients),
        macros=dict(_macro(text) for text in macros),
        hostname=plan.configuration.results.authserv_id or "localhost",
    )
    return _tell(plan, transaction, header)


def _tell(plan: Plan, transaction: Transaction, header: Header) -> int:
    from avowal.flow.edits import edits
    from avowal.flow.treatment import treat

    treatment = treat(plan, transaction, header)
    change = edits(plan, transaction, treatment, header)
    print(printable(treatment.why))
    verify = next((s for s in reversed(treatment.steps) if s.decided and s.topic == "verify"), None)
    if verify is not None:
        print(printable(f"{'verified' if treatment.verify else 'not verified'}: {verify}"))
    if treatment.verify and plan.receiver.choice.generations:
        print(printable(f"policies: {plan.receiver.choice}"))
    if treatment.impostor:
        print("warning: a stranger writes as a domain that we sign for")
    print()
    for step in (*treatment.steps, *change.steps):
        print(printable(_line(step)))
    for deletion in change.delete:
        print(f"would remove: {printable(deletion.name.decode())} {deletion.instance}")
    for one in change.change:
        print(f"would fold: {printable(one.field.name.decode())} {one.instance}")
    if treatment.verify and not treatment.ours:
        for text in _opinions(plan, transaction, header):
            print(printable(f"if it verifies: {text}"))
    return ExitStatus.PASSED


def _opinions(plan: Plan, transaction: Transaction, header: Header) -> Iterator[str]:
    """Yield what is thought of those whose signatures are there; only own files are asked."""
    from avowal.app import own_assessors
    from avowal.policy.evidence import candidates
    from avowal.reputation.opinions import Subject

    names = dict.fromkeys(one.domain.ascii for one in candidates(header))
    for assessor in own_assessors(plan.configuration):
        found = assessor.assess([Subject(name) for name in names], now=transaction.received_at)
        yield from (*map(str, found.opinions), *found.problems)


def _line(step: Step) -> str:
    return (
        f"{_MARKS[step.matched]} {step.topic:<8}{step.rule}: {step}{' <' if step.decided else ''}"
    )


def _header(file: str | None, author: str | None) -> Header:
    if file is not None:
        from avowal.cli.sources import whole

        header = whole(file).header
        if author is None:
            return header
        rest = [field for field in header if field.name != b"from"]
        return Header.of([*Message.parse(f"From: {author}\r\n".encode()).header, *rest])
    if author is None:
        raise UsageError("give a message, or its author by --from")
    if "\r" in author or "\n" in author:
        raise UsageError("--from: an address has no line breaks")
    return Header.parse(f"From: {author}\r\n".encode())


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    if text is None:
        return None
    try:
        return ip_address(text)
    except ValueError:
        raise UsageError(f"--client {text!r}: no IP address") from None


def _macro(text: str) -> tuple[str, bytes]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip("{}"):
        raise UsageError(f"--macro {text!r}: write NAME=VALUE")
    return name.strip("{}"), value.encode()
