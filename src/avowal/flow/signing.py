"""The DKIM signatures of a message that is to be signed, as the rules have it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.dkim.hashing import BodyHasher
from avowal.dkim.intent import Intent
from avowal.dkim.lines import LONGEST_LINE
from avowal.dkim.signer import Signer
from avowal.errors import KeyMaterialError
from avowal.flow.context import Context
from avowal.flow.origin import address_of
from avowal.flow.plan import Plan
from avowal.flow.seals import Closing, FlowSeal, Sealed, Sealing
from avowal.flow.treatment import Match
from avowal.keys.watch import is_withheld
from avowal.lists.resign import covering
from avowal.message import Field, Header
from avowal.names import DomainName, Identity, NameFault


def begin(context: Context, hasher: BodyHasher, /) -> FlowSeal:
    """Start the signatures, by the rules that were found to apply.

    Raises UsageError for a message or key of no use.
    """
    intents = tuple(dict.fromkeys(_intents(context)))
    if not intents:
        raise KeyMaterialError("keys", "none may sign while DNS does not show its record")
    signer = Signer(
        _as_rewritten(context.plan, context.outgoing),
        intents,
        now=context.now,
        accept_malformed=context.plan.configuration.signing.accept_malformed,
        hasher=hasher,
    )
    return _DkimSeal(context, signer)


def left(
    context: Context,
    has_long_line: object,
    withheld: str | None,
) -> Iterator[tuple[str, str]]:
    """Yield the options of `signing` that have a message left unsigned after all, and why."""
    if has_long_line and context.plan.configuration.signing.long_body_lines == "leave":
        yield "long_body_lines", f"not signed: a line of its body has over {LONGEST_LINE} octets"
    if withheld is not None:
        yield "resign_unverified", f"not signed again: {withheld}"


@dataclass(frozen=True, slots=True)
class _DkimSeal:
    context: Context
    signer: Signer

    def seal(self, closing: Closing, /) -> Sealing:
        if closing.withheld is not None:
            return Sealed()
        if closing.recorded is not None:
            self.signer.put_on_top(closing.recorded)
        signed = yield from self.signer.signing()
        return Sealed(tuple(one.field for one in signed), signed)


def _intents(context: Context) -> Iterator[Intent]:
    signing = context.plan.configuration.signing
    header_canon, body_canon = _forms(context)
    names = context.plan.signed_names
    if context.treatment.resign:
        names = covering(names)
    with_length = _any_in(context, context.plan)
    for match in context.treatment.matches:
        for use in match.keys:
            domain = use.domain or match.author.domain
            key = use.loaded
            if key is None:
                key = context.plan.load(use.name, use.entry, domain)
            if is_withheld(key):
                continue  # its record is not published yet; the other keys sign
            yield Intent(
                domain=domain.text,
                selector=use.entry.selector,
                key=key,
                identity=_identity(context, match, domain, fixed=use.domain is not None),
                header_canon=header_canon,
                body_canon=body_canon,
                names=names,
                oversigned=context.plan.oversigned_names,
                lifetime=signing.lifetime,
                copy_fields=signing.copy_fields,
                body_length=with_length,
                most_octets=signing.body_length_limit,
                request_reports=signing.request_reports,
                other_tags=_atps(context.plan, match, domain),
            )


def _forms(context: Context) -> tuple[str, str]:
    """Return c=, as the message asks for it where it may, else as configured."""
    signing = context.plan.configuration.signing
    if signing.canonicalization_field is not None:
        for field in context.header.named(signing.canonicalization_field.lower().encode())[:1]:
            wanted = field.value.strip(b" \t").decode("ascii", "replace").lower()
            header_canon, _, body_canon = wanted.partition("/")
            body_canon = body_canon or "simple"
            if header_canon in HEADER_FORMS and body_canon in BODY_FORMS:
                return header_canon, body_canon
    header_canon, _, body_canon = signing.canonicalization.partition("/")
    return header_canon, body_canon or "simple"  # RFC 6376 §3.5 c=


def _any_in(context: Context, plan: Plan) -> bool:
    table = plan.addresses.body_length_recipients
    if table.empty:
        return False
    addresses = map(address_of, context.transaction.recipients)
    return any(address is not None and table.find(*address) for address in addresses)


def _identity(context: Context, match: Match, domain: DomainName, *, fixed: bool) -> str | None:
    """Return i=: what the message names, where that is within d=, else the rule's.

    `fixed` says that d= is the same for every author.
    """
    name = context.plan.configuration.signing.identity_field
    if name is not None:
        for field in context.header.named(name.lower().encode())[:1]:
            try:
                named = Identity.parse(field.value.strip(b" \t<>"))
            except NameFault:
                break
            if named.domain.is_within(domain):
                return str(named)
    if match.rule.identity is None:
        return None
    local_part = match.author.local_part.decode("utf-8", "backslashreplace")
    template = match.rule.identity.replace("%a", f"{local_part}@%").replace("%u", local_part)
    identity = template.replace("%", match.author.domain.text)
    for_author = "%" in match.rule.identity or not fixed
    return None if for_author and not _fits(identity, domain) else identity


def _fits(identity: str, domain: DomainName) -> bool:
    """Whether i= is within d=: one made for the author is left out where it is not."""
    try:
        return Identity.parse(identity.encode()).domain.is_within(domain)
    except NameFault:
        return True  # what it is made of is wrong: the signer says so


def _atps(plan: Plan, match: Match, domain: DomainName) -> tuple[tuple[str, bytes], ...]:
    """Return the tags that claim the author's authorization (RFC 6541 §4.2)."""
    author = match.author
    if domain.same_as(author.domain) or not plan.addresses.atps_domains.find(*author):
        return ()
    hash_name = plan.configuration.signing.atps_hash
    return ("atps", author.domain.text.encode()), ("atpsh", hash_name.encode())


def _as_rewritten(plan: Plan, header: Header) -> Header:
    """Return the header as the MTA will have changed it, where that is configured."""
    rewriting = plan.rewriting
    if rewriting is None:
        return header
    names = plan.rewritten_names
    return Header.of(
        Field(field.raw[: field.colon + 1] + rewriting(field.value), field.colon)
        if field.colon >= 0 and field.name in names
        else field
        for field in header
    )
