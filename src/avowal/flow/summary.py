"""A plan in sentences: what it will do, and what an operator may not have meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from avowal.config.places import Place
from avowal.crypto.algorithms import ALGORITHMS, has_sizes, own_public_key
from avowal.crypto.signing import AnyKey, KnowsPublicKey, PrivateKey
from avowal.flow.classes import ResultClass
from avowal.flow.plan import KeyUse, Plan

_ROLES = {"sign": "signs", "verify": "verifies", "both": "signs and verifies"}
_ACTIONS = {
    "tag": "gets a {field} field",
    "quarantine": "is held in quarantine",
    "reject": "is rejected",
    "tempfail": "is put off with a temporary refusal",
    "discard": "is discarded silently",
}
_PERMANENT = (
    ResultClass.SYNTAX, ResultClass.NO_SIGNATURE, ResultClass.POLICY, ResultClass.KEY_NOT_FOUND,
)  # fmt: skip
_SHOWN = 20  # rules and hosts named one by one
_RECOMMENDED_RSA_BITS = 2048  # RFC 8301 §3.2


def explain(plan: Plan) -> Iterator[str]:
    """Yield what the plan will do, one sentence each."""
    configuration = plan.configuration
    if configuration.dry_run:
        yield "Changes nothing: this is a dry run, which only logs what it would do."
    for listener in configuration.listeners:
        yield f"Listens at {listener.socket} and {_ROLES[listener.role or configuration.mode]}."
    yield f"Mail is ours when {_alternatives(list(_conditions(plan)))}."
    yield from _signing(plan)
    yield from _exceptions(plan)
    yield from _verifying(plan)
    yield from _chains(plan)
    yield from _acting(plan)


def cautions(plan: Plan) -> Iterator[tuple[str, Place | None]]:
    """Yield what is allowed and rarely meant, with the place where it was asked for."""
    configuration, actions = plan.configuration, plan.actions
    for class_ in _PERMANENT:
        if actions[class_] == "tempfail":
            why = "never passes later: a temporary refusal only delays it (RFC 6376 §6.3)"
            yield f"actions.{class_}: such mail {why}", plan.place("actions", str(class_))
    if actions[ResultClass.NO_SIGNATURE] in {"reject", "discard"}:
        why = "most senders' mail is lost for no fault of theirs (RFC 6376 §6.3)"
        yield f"actions.no_signature: {why}", plan.place("actions", "no_signature")
    signing = configuration.signing
    if signing.body_length_recipients or signing.body_length_limit is not None:
        option = "limit" if signing.body_length_limit is not None else "recipients"
        yield (
            f"signing.body_length_{option}: anybody can append to such mail (RFC 6376 §8.2)",
            plan.place("signing", f"body_length_{option}"),
        )
    if configuration.results.remove == "none" and configuration.mode != "sign":
        yield (
            "results.remove: forged results in our name will be believed (RFC 8601 §5)",
            plan.place("results", "remove"),
        )
    known = {"2015", "2026"}.intersection(configuration.policies.generations)
    if configuration.results.mark is not None and not known:
        yield (
            "results.mark: without DMARC in policies.generations nothing is marked",
            plan.place("results", "mark"),
        )
    if plan.receiver.rules.accept_historic:
        yield (
            "verifying: rsa-sha1 may pass, which RFC 8301 §3.1 forbids",
            plan.place("verifying", "accept_historic") or plan.place("verifying", "profile"),
        )
    for use in plan.keys.values():
        bits = None if use.loaded is None else _bits(use.loaded)
        if bits is not None and bits < _RECOMMENDED_RSA_BITS:
            yield f"keys.{use.name}: {bits} bits; 2048 are advised (RFC 8301 §3.2)", use.place


def _bits(key: AnyKey) -> int | None:
    """The size of a key, None where it has none or does not tell."""
    if isinstance(key, PrivateKey):  # asked first: a protocol costs 0.1 ms
        return key.bits if has_sizes(key.algorithm) else None
    if not has_sizes(key.algorithm) or not isinstance(key, KnowsPublicKey):
        return None
    return own_public_key(ALGORITHMS[key.algorithm], key.public_octets).bits


def _conditions(plan: Plan) -> Iterator[str]:
    origin = plan.configuration.origin
    if origin.authenticated:
        yield "the client authenticated"
    if origin.internal_hosts:
        yield f"it comes from {_list(origin.internal_hosts)}"
    if origin.daemon_names:
        yield f"it came in by the service {_list(origin.daemon_names)}"
    for name, values in origin.macros.items():
        yield f"macro {name} is {_list(values) if values else 'defined'}"


def _signing(plan: Plan) -> Iterator[str]:
    rules = plan.configuration.signing.rules
    if not plan.keys:
        yield "Nothing is signed: there are no keys."
        return
    if rules:
        for number, rule in enumerate(rules[:_SHOWN], 1):
            keys = _list([_key(plan.keys[name]) for name in rule.keys if name in plan.keys])
            yield f"Ours from {rule.author} is signed with {keys} (signing.rules[{number}])."
        if len(rules) > _SHOWN:
            yield f"So it goes on for {len(rules) - _SHOWN} more rules."
    else:
        for use in list(plan.keys.values())[:_SHOWN]:
            yield f"Ours from {use.domain} is signed with {_key(use)}."
    for number, again in enumerate(plan.configuration.signing.resign, 1):
        keys = _list([_key(plan.keys[name]) for name in again.keys if name in plan.keys])
        unless = "" if plan.configuration.signing.resign_unverified else " if it verifies"
        which = f"Ours sent by {again.sender} is signed with {keys}"
        if again.to is not None:
            which = f"Mail to {again.to} is signed again with {keys}{unless}"
        yield f"{which} (signing.resign[{number}])."


def _key(use: KeyUse) -> str:
    algorithm = "" if use.loaded is None else f", {use.loaded.algorithm}"
    domain = "the author's domain" if use.domain is None else use.domain.text
    return f"key {use.name} (d={domain}, s={use.entry.selector}{algorithm})"


def _exceptions(plan: Plan) -> Iterator[str]:
    origin, signing = plan.configuration.origin, plan.configuration.signing
    if origin.ignored_hosts:
        yield f"Mail from {_list(origin.ignored_hosts)} is left alone."
    if origin.exempt_domains:
        yield f"Mail by authors in {_list(origin.exempt_domains)} is left alone."
    if signing.unsigned_recipients:
        yield f"Mail to {_list(signing.unsigned_recipients)} is not signed."
    if signing.require_published and plan.keys:
        yield "A key signs only while DNS shows its record."


def _verifying(plan: Plan) -> Iterator[str]:
    configuration = plan.configuration
    roles = {listener.role or configuration.mode for listener in configuration.listeners}
    if roles == {"sign"}:
        return
    also = ", and what is signed too" if configuration.verifying.signed_too else ""
    yield f"What is not signed is verified by the {configuration.verifying.profile} rules{also}."
    name = configuration.results.authserv_id or "the MTA's host"
    when = {"always": "", "signed": ", where there are signatures"}.get(configuration.results.write)
    if when is None:
        yield "Results are not written into messages."
    else:
        yield f"Results are written in the name of {name}{when}."
    if configuration.results.mark is not None:
        yield f"What is really from its author's domain gets a {configuration.results.mark} field."
    removed = {
        "forged": "Results that claim to be ours are removed.",
        "all": "All results that come in are removed.",
        "none": "Results that claim to be ours are not removed.",
    }
    yield removed[configuration.results.remove]


def _chains(plan: Plan) -> Iterator[str]:
    arc = plan.configuration.arc
    if arc.verify:
        yield "ARC chains are validated and their result is written."
    if arc.seal is not None and arc.seal in plan.keys:
        whose = f"for {_list(arc.recipients)}" if arc.recipients else "that is not ours"
        yield f"Mail {whose} is sealed with {_key(plan.keys[arc.seal])}."
    if arc.trusted_sealers:
        sealers = _list(arc.trusted_sealers)
        yield f"A failing DMARC policy is not applied where {sealers} saw a pass and sealed it."


def _acting(plan: Plan) -> Iterator[str]:
    field = plan.configuration.actions.tag_field
    acting = [(c, a) for c, a in plan.actions.items() if a != "accept"]
    for class_, action in acting:
        what = _ACTIONS[action].format(field=field)
        yield f"A message {what} when {class_.sentence} (actions.{class_})."
    rest = "Any other message" if acting else "Every message"
    yield f"{rest} is accepted, whatever verifying says."


def _list(items: Sequence[str]) -> str:
    shown = list(items[:_SHOWN])
    if len(items) > _SHOWN:
        shown.append(f"{len(items) - _SHOWN} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _alternatives(conditions: list[str]) -> str:
    if not conditions:
        return "never: origin names no condition"
    if len(conditions) == 1:
        return conditions[0]
    return f"{', '.join(conditions[:-1])}, or {conditions[-1]}"
