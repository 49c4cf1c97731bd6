"""Where a message comes from: whether it is ours, and who its author is.

Ours is what the MTA says came from us, never the content.  The author is the one for whom it
would be signed, by the fields or macro the operator chose.  A message with several From fields
has no author here: which one is shown differs from reader to reader (RFC 6376 §8.15), so nobody
can vouch for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple, TypeVar

from avowal.config.addresses import AddressTable
from avowal.config.hosts import HostSet
from avowal.config.model import Signing
from avowal.flow.plan import Plan
from avowal.flow.trace import Step, Topic
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.limits import DEFAULT, Limits
from avowal.mailbox import Authors
from avowal.message import Header
from avowal.names import DomainName, NameFault

T = TypeVar("T")
_REMEMBERED: Final = 1024  # clients, with what the MTA says of them, for as long as a plan lasts

# -- is it ours? -----------------------------------------------------------------------------


class Provenance(NamedTuple):
    """What the MTA says about where a message comes from."""

    host: tuple[IPv4Address | IPv6Address, str | None]
    client: str
    auth: SmtpAuthentication | None
    daemon_name: str | None
    macros: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, transaction: Transaction) -> Provenance:
        """Take it from what is known of a message."""
        return cls(
            transaction.host,
            transaction.client_text,
            transaction.auth,
            transaction.daemon_name,
            tuple(transaction.macros.items()),
        )


def whether_ours(plan: Plan, transaction: Transaction) -> tuple[Step, ...]:
    """Ask the conditions of `origin` in turn; the last step has `matched` if one is met.

    The step that decided is marked: the condition that is met, or else the one that
    operators look at first, that the client is not among the internal hosts.  The same client
    brings much of the mail: what was found of the last ones is remembered.
    """
    came, known = Provenance.of(transaction), plan.origins
    steps = known.get(came)
    if steps is None:
        if len(known) >= _REMEMBERED:
            known.clear()
        steps = known[came] = _asked(plan, came)
    return steps


def _asked(plan: Plan, came: Provenance) -> tuple[Step, ...]:
    steps: list[Step] = []
    decisive = 0
    for condition in _CONDITIONS:
        step = condition(plan, came)
        if step is None:
            continue
        if step.matched or condition is _internal:
            decisive = len(steps)
        steps.append(step)
        if step.matched:
            break
    steps[decisive] = steps[decisive]._replace(decided=True)
    return tuple(steps)


def _authenticated(plan: Plan, came: Provenance) -> Step:
    auth, path = came.auth, ("origin", "authenticated")
    if auth is None:
        return plan.step(Topic.OURS, path, "the client did not authenticate")
    why = f"the client authenticated as {auth.user or 'somebody'} ({auth.type})"
    if not plan.configuration.origin.authenticated:
        return plan.step(Topic.OURS, path, f"{why}, which does not count")
    return plan.step(Topic.OURS, path, why, matched=True)


def _internal(plan: Plan, came: Provenance) -> Step:
    return host_step(plan, came, Topic.OURS, plan.hosts.internal_hosts, "internal_hosts")


def _daemon(plan: Plan, came: Provenance) -> Step | None:
    names, path = plan.configuration.origin.daemon_names, ("origin", "daemon_names")
    name = came.daemon_name
    if not names:
        return None
    lowered = [one.lower() for one in names]
    if name is not None and name.lower() in lowered:
        why = f"the MTA's service {name} is in daemon_names"
        return plan.step(Topic.OURS, (*path, lowered.index(name.lower())), why, matched=True)
    why = "the MTA named no service" if name is None else f"{name} is not in daemon_names"
    return plan.step(Topic.OURS, path, why)


def _macro(plan: Plan, came: Provenance) -> Step | None:
    wanted, path = plan.configuration.origin.macros, ("origin", "macros")
    known = dict(came.macros)
    for name, values in wanted.items():
        value = known.get(name.strip("{}"))
        if value is not None and (not values or value.decode("utf-8", "replace") in values):
            why = f"macro {name} is {value.decode('utf-8', 'backslashreplace')!r}"
            return plan.step(Topic.OURS, (*path, name), why, matched=True)
    return plan.step(Topic.OURS, path, "no macro marks it") if wanted else None


_CONDITIONS: Final[tuple[Callable[[Plan, Provenance], Step | None], ...]] = (
    _authenticated,
    _internal,
    _daemon,
    _macro,
)


def host_step(plan: Plan, came: Provenance, topic: Topic, hosts: HostSet, option: str) -> Step:
    """Look the client up in a set of hosts of `origin`."""
    client, hit = came.client, hosts.find(*came.host)
    if hit is None:
        return plan.step(topic, ("origin", option), f"{client} is not in {option}")
    why = f"{client} is {'in' if hit.included else 'taken out of'} {option}"
    return plan.step(topic, ("origin", option, hit.entry), why, matched=hit.included)


# -- who wrote it? ---------------------------------------------------------------------------


class Author(NamedTuple):
    """One author: local part as written, and domain."""

    local_part: bytes
    domain: DomainName

    def __str__(self) -> str:
        return f"{self.local_part.decode('utf-8', 'backslashreplace')}@{self.domain.text}"


@dataclass(frozen=True, slots=True)
class Authorship:
    """The authors in their order and where they were found; or why there are none.

    `written` is the whole From field as it was read, None where it was not looked at.
    `refused` says that a field is there whose author cannot be told for certain: nobody signs.
    """

    authors: tuple[Author, ...] = ()
    source: str = ""
    problem: str = ""
    written: Authors | None = None
    refused: bool = False


def authorship(
    signing: Signing, transaction: Transaction, header: Header, *, limits: Limits = DEFAULT
) -> Authorship:
    """Find the authors of a message.  Raises nothing."""
    found = _written(signing, transaction, header, limits)
    if not found.authors and not found.refused and signing.default_author is not None:
        default = _read(signing.default_author.encode())
        if default:
            return Authorship(default, "default_author")
    return found


def _written(
    signing: Signing, transaction: Transaction, header: Header, limits: Limits
) -> Authorship:
    if signing.author_macro is not None:
        name = signing.author_macro.strip("{}")
        authors = _read(transaction.macros.get(name, b""))
        problem = "" if authors else f"macro {name} names no author"
        return Authorship(authors, f"macro {name}", problem)
    for name in signing.author_fields:
        fields = header.named(name.lower().encode())
        if not fields:
            continue
        if len(fields) > 1 and not signing.accept_malformed:
            return Authorship(source=name, problem=f"there are {len(fields)} {name} fields")
        from_field = name.lower() == "from"
        # accept_malformed takes the first of several; what else reads as From counts all the same
        whole = from_field and len(fields) == 1
        read = (
            Authors.of(header, limits=limits)
            if whole
            else Authors.parse(fields[0].value, limits=limits)
        )
        written = read if whole else None
        if read.doubt is not None:
            problem = f"{name} names nobody for certain: {read.doubt.sentence}"
            return Authorship(source=name, problem=problem, written=written, refused=True)
        authors = _with_domains(read)
        problem = "" if authors else f"{name} names no address"
        return Authorship(authors=authors, source=name, problem=problem, written=written)
    names = " or ".join(signing.author_fields)
    return Authorship(problem=f"there is no {names} field")


def _read(value: bytes) -> tuple[Author, ...]:
    return _with_domains(Authors.parse(value))


def _with_domains(read: Authors) -> tuple[Author, ...]:
    return tuple([Author(m.local_part, m.domain) for m in read.mailboxes if m.domain is not None])


def address_of(octets: bytes) -> Author | None:
    """Split an envelope address; None when its domain is no name."""
    local_part, _, domain = octets.rpartition(b"@")
    try:
        return Author(local_part, DomainName.parse(domain.removesuffix(b".")))
    except NameFault:
        return None


def listed(table: AddressTable[T], addresses: Iterable[bytes]) -> Iterator[tuple[bytes, Author, T]]:
    """Yield the addresses that a table lists, as written and as read, with the first entry."""
    for written in () if table.empty else addresses:
        address = address_of(written)
        entries = [] if address is None else table.find(*address)
        if address is not None and entries:
            yield written, address, entries[0]
