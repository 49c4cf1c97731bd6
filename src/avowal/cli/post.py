"""A post as the commands for lists take it: examined, its author's policies asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from avowal.cli.dns import Dns

if TYPE_CHECKING:
    from avowal.dns.drivers import Call
    from avowal.examine.findings import Findings, Receiver
    from avowal.lists.advice import AuthorPolicy
    from avowal.lookup import Resolver
    from avowal.message import Message
    from avowal.names import DomainName
    from avowal.policy.spf import SpfRequest


class Post(NamedTuple):
    """What was found of a post, and what its authors' domains ask for.

    `own` are the wishes of the list's own address that its signature does not meet.
    """

    found: Findings
    policies: tuple[AuthorPolicy, ...]
    own: tuple[str, ...] = ()


def list_receiver() -> Receiver:
    """Return how a list examines what comes in."""
    from avowal.examine.findings import Receiver
    from avowal.examine.posts import CHOICE

    return Receiver(choice=CHOICE)


def examined(
    message: Message,
    dns: Dns,
    *,
    now: int,
    request: SpfRequest | None = None,
    chain: bool = False,
    signer: DomainName | None = None,
    address: bytes | None = None,
) -> Post:
    """Ask everything that a list wants to know before it decides.

    `signer` is the domain it signs with, `address` what From would name if it is rewritten.
    """
    with dns.opened() as resolver:
        return found_of(
            message, resolver, now=now, request=request, chain=chain, signer=signer, address=address
        )


def found_of(
    message: Message,
    resolver: Resolver,
    *,
    now: int,
    request: SpfRequest | None = None,
    chain: bool = False,
    signer: DomainName | None = None,
    address: bytes | None = None,
) -> Post:
    """Do the same with a resolver that is open."""
    from avowal.dns.drivers import complete

    call = posted(message, now=now, request=request, chain=chain, signer=signer, address=address)
    return complete(call, resolver)


def posted(
    message: Message,
    *,
    now: int,
    request: SpfRequest | None = None,
    chain: bool = False,
    signer: DomainName | None = None,
    address: bytes | None = None,
) -> Call[Post]:
    """Do the same as a call: one agenda and one time, however much is asked about a post."""
    from avowal.agenda import Rank
    from avowal.calls.examine import examined
    from avowal.dns.drivers import Wait
    from avowal.examine.findings import Want
    from avowal.examine.posts import SOMEBODY, author_policies, unmet_of_list

    receiver = list_receiver()
    want = Want.DKIM | Want.POLICIES | (Want.ARC if chain else Want(0))
    found, agenda, left = yield from examined(
        message.header, (message.body,), receiver, want, now=now, envelope=request
    )
    flow = author_policies(found, message.header, receiver, signer=signer or SOMEBODY)
    policies = agenda.add(flow, Rank.POLICY)
    own = agenda.add(unmet_of_list(address or b"", receiver, signer or SOMEBODY), Rank.REST)
    if not agenda.idle:
        yield Wait(agenda, left)
    return Post(found, policies.value, own.value)
