"""Whatever is written in whatever order, every kind of key store says the same."""

from __future__ import annotations

import tempfile
from contextlib import closing, suppress
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.key_store_facts import KEY, LATER, ROTATION, SHARE, SIGHT

from avowal.keys.audit import Head, deed, first_fault
from avowal.keys.lifecycle import KeyState
from avowal.keys.store import Change, ConflictError
from avowal.names import DomainName
from avowal.stores.key_database import DatabaseKeyStore
from avowal.stores.key_stores import create_key_store

SELECTORS = [DomainName.parse(text) for text in (b"s1", b"s2")]
KEYS = st.builds(
    lambda selector, state, since: replace(KEY, selector=selector, state=state, since=since),
    st.sampled_from(SELECTORS), st.sampled_from(KeyState), st.integers(0, 9),
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
CHANGES = st.builds(
    lambda keys, version, text, sights, shares: Change(
        who=text, at=7, deeds=(deed("step", text, note=text),), keys=tuple(keys),
        rotations=() if version is None else (replace(ROTATION, version=version, state=text),),
        sights=tuple((KEY.name, one) for one in sights), shares=shares,
    ),
    st.lists(KEYS, max_size=2), st.none() | st.integers(0, 3), TEXTS,
    st.lists(st.sampled_from([SIGHT, LATER]), max_size=2), st.sampled_from([(), (SHARE,)]),
)  # fmt: skip
STEPS = st.lists(CHANGES | st.integers(0, 40), max_size=8)


def said(store: DatabaseKeyStore) -> object:
    """All that a store says."""
    return list(store.dump()), store.revision()


@given(STEPS)
@settings(deadline=None, max_examples=8)
def test_sqlite_and_the_directory_agree(steps: list[Change | int]) -> None:
    with (
        tempfile.TemporaryDirectory() as here,
        closing(create_key_store(f"{here}/keys.db")) as one,
        closing(create_key_store(f"directory:{here}/keys")) as two,
    ):
        for step in steps:
            for store in (one, two):
                with suppress(ConflictError):
                    if isinstance(step, int):
                        store.take_lease("r", f"mx{step % 3}", now=step, seconds=5)
                    else:
                        store.commit(step)
        assert said(one) == said(two)
        log = list(one.audit())
        assert first_fault(log, Head(number=len(log), hash=log[-1].hash) if log else None) is None
