"""Keys on their way into a store: what a key is there, and the change that puts it in.

A key of ours begins as `prepared`; one that other software signed with already, and that DNS
shows, comes in as `signing`.  A name that the store has already is refused: keys are never
replaced under a selector (RFC 6376 §3.1: caches hold the old record).
"""

from __future__ import annotations

from collections.abc import Sequence

from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.signing import AnyKey, KnowsPublicKey
from avowal.errors import KeyMaterialError, UsageError
from avowal.keys.audit import deed
from avowal.keys.lifecycle import KeyState, ManagedKey
from avowal.keys.records import record_text
from avowal.keys.store import Change, KeyStore
from avowal.names import DomainName, Selector


def registered(
    key: AnyKey,
    *,
    domain: DomainName,
    selector: Selector,
    private: str,
    state: KeyState,
    now: int,
) -> ManagedKey:
    """Return what the store keeps of a key; `private` is where it is.

    Raises KeyMaterialError for one that does not tell its public half.
    """
    if not isinstance(key, KnowsPublicKey):
        raise KeyMaterialError(private, "does not tell its public half")
    public = ALGORITHMS[key.algorithm].load_public(key.public_octets)
    bits = public.bits if public.key_type == "rsa" else None
    return ManagedKey(
        domain=domain,
        selector=selector,
        algorithm=key.algorithm,
        record=record_text(key),
        private=private,
        state=state,
        since=now,
        created=now,
        bits=bits,
    )


def register(store: KeyStore, keys: Sequence[ManagedKey], *, who: str, what: str) -> None:
    """Put new keys into a store, all or none.  Raises UsageError, StoreError."""
    refuse_known(store, [key.name for key in keys])
    store.commit(
        Change(
            who=who,
            at=max((key.since for key in keys), default=0),
            deeds=tuple(
                deed(
                    what,
                    key.name,
                    algorithm=key.algorithm,
                    bits=key.bits,
                    state=key.state,
                    private=key.private,
                    record=key.record,
                )
                for key in keys
            ),
            keys=tuple(keys),
        )
    )


def refuse_known(store: KeyStore, names: Sequence[str]) -> None:
    """Raise UsageError for a name that the store has a key of, or that is given twice."""
    managed = store.keys()
    there = {key.name for key in managed}
    for name in names:
        if name in there:
            why = "the store has a key of this name: take another selector"
            raise UsageError(f"{name}: {why}")
        there.add(name)
