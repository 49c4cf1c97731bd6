"""``avowal arc``: read a chain, and seal a message (RFC 8617: Experimental, becoming Historic)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from avowal.cli import exits
from avowal.cli.dns import Dns
from avowal.cli.exits import ExitStatus
from avowal.cli.group import Group
from avowal.cli.keyfile import load, password_option
from avowal.cli.shared_options import at_option, dns_options
from avowal.cli.sources import stored, whole
from avowal.cli.streams import echo, output
from avowal.text import printable

if TYPE_CHECKING:
    from avowal.arc.verdict import ChainVerification


@click.group("arc", cls=Group)
def command() -> None:
    """Validate the ARC chain of a message, or seal one.

    ARC is an experiment that its working group wants to end: use it to talk to hosts that
    still seal, and to read what they sealed.
    """


@command.command("verify")
@click.argument("path", default="-", metavar="[FILE]")
@dns_options
@at_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(*, path: str, dns: Dns, now: int, as_json: bool) -> int:
    """Validate a chain, and show who sealed it and what each of them had found.

    The exit status is 0 for a chain that validates, 1 for none or one that fails.
    """
    from avowal.calls.seal import verify_chain

    message = whole(path)
    with dns.opened() as resolver:
        verdict = verify_chain(message.octets, resolver, now=now, line_ends="wire")
    if as_json:
        import json

        echo(json.dumps(as_object(verdict)))
    else:
        echo("\n".join(_lines(verdict)))
    return ExitStatus.PASSED if verdict.passed else ExitStatus.NOT_PASSED


@command.command("seal")
@click.argument("path", default="-", metavar="[FILE]")
@click.option("-d", "--domain", required=True, help="The sealing domain, d=.")
@click.option("-s", "--selector", required=True, help="The key's selector, s=.")
@click.option("-k", "--key", required=True, metavar="FILE", help="The private key.")
@password_option
@click.option(
    "--authserv-id",
    metavar="NAME",
    help="Seal the Authentication-Results under this name.  [default: the domain]",
)
@click.option(
    "--arrived", metavar="FILE", help="The message as it arrived, where it has been changed since."
)
@click.option(
    "--mark-failed", is_flag=True, help="Seal a broken chain with cv=fail instead of refusing."
)
@click.option("--field", "field_only", is_flag=True, help="Write the three fields only.")
@dns_options
@at_option
def seal(
    *,
    path: str,
    domain: str,
    selector: str,
    key: str,
    password_file: str | None,
    authserv_id: str | None,
    arrived: str | None,
    mark_failed: bool,
    field_only: bool,
    dns: Dns,
    now: int,
) -> int:
    """Seal a message and write it, with its new ARC set on top, to standard output.

    Seal last, after every change and every signature.  A chain that does not validate is
    refused: exit status 1, nothing written.
    """
    from avowal.arc.reasons import SealRefused
    from avowal.authres.reader import read
    from avowal.calls.seal import loss, verify_chain
    from avowal.calls.seal import seal as sealed

    out = output()
    came = stored(path)
    message = came.message
    authserv_id = authserv_id or domain
    found = read(message, trusted={authserv_id})
    for lost in found.lost(authserv_id):
        exits.complain(f"warning: not sealed: {printable(loss(lost))}")
    before = None
    with dns.opened() as resolver:
        if arrived is not None:
            octets = whole(arrived).octets
            before = verify_chain(octets, resolver, now=now, line_ends="wire")
        try:
            fields = sealed(
                message.octets,
                resolver,
                authserv_id=authserv_id,
                results=found.combined(authserv_id),
                domain=domain,
                selector=selector,
                key=load(key, password_file),
                arrived=before,
                mark_failed=mark_failed,
                now=now,
            )
        except SealRefused as refused:
            exits.complain(f"not sealed: {refused.why}")
            return ExitStatus.NOT_PASSED
    out.write(came.ended(fields) if field_only else came.written(fields + message.octets))
    out.flush()
    return ExitStatus.PASSED


def _lines(verdict: ChainVerification) -> Iterator[str]:
    """What a person reads: the status, then each set from the newest down."""
    yield f"{verdict.status}: {printable(verdict.explanation)}"
    if verdict.passed and verdict.oldest_pass:
        yield f"  the message was changed before instance {verdict.oldest_pass} signed it"
    for arc_set in reversed(verdict.chain.sets):
        seal = arc_set.seal
        yield printable(
            f"  i={arc_set.instance} d={seal.domain} s={seal.selector} cv={seal.status}"
        )
        if arc_set.results.results is None:
            yield "      its Authentication-Results cannot be read"
            continue
        found = arc_set.results.results
        words = ", ".join(f"{result.method}={result.result}" for result in found.results)
        yield printable(f"      {found.authserv_id} found {words or 'nothing'}")


def as_object(verdict: ChainVerification) -> dict[str, Any]:
    """Return the JSON object of a chain; docs/reference/json.md tells its members."""
    return {
        "status": str(verdict.status),
        "reason": None if verdict.reason is None else str(verdict.reason),
        "rfc": None if verdict.reason is None else verdict.reason.source,
        "explanation": verdict.explanation,
        "oldest_pass": verdict.oldest_pass,
        "sets": [
            {
                "instance": arc_set.instance,
                "domain": str(arc_set.seal.domain),
                "selector": str(arc_set.seal.selector),
                "algorithm": arc_set.seal.algorithm,
                "status": str(arc_set.seal.status),
                "timestamp": arc_set.seal.timestamp,
                "authserv_id": None if found is None else found.authserv_id,
                "results": []
                if found is None
                else [
                    {
                        "method": result.method,
                        "result": result.result,
                        "reason": result.reason,
                        "properties": [list(pair) for pair in result.properties],
                    }
                    for result in found.results
                ],
            }
            for arc_set in verdict.chain.sets
            for found in (arc_set.results.results,)
        ],
    }
