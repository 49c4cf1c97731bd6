"""What every key store does, whatever it is made of: one table of facts for all kinds.

A fact takes two objects that are open on one empty store, as two hosts have them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from avowal.errors import UsageError
from avowal.keys.archive import ArchivedKey, KeySource
from avowal.keys.audit import Head, deed, first_fault
from avowal.keys.lifecycle import KeyState, ManagedKey, PassShare, Sight
from avowal.keys.store import (
    Change,
    ConflictError,
    KeptRotation,
    KeyStore,
    Use,
    signing_keys,
)
from avowal.names import DomainName

NOW = 1_790_000_000
DOMAIN = DomainName.parse(b"example.com")
OTHER = DomainName.parse(b"example.net")
KEY = ManagedKey(
    domain=DOMAIN,
    selector=DomainName.parse(b"s1"),
    algorithm="rsa-sha256",
    record="v=DKIM1; k=rsa; p=QUJD",
    private="file:/etc/avowal/s1.pem",
    state=KeyState.SIGNING,
    since=NOW,
    created=NOW - 10,
    bits=2048,
)
ROTATION = KeptRotation(domain=DOMAIN, algorithm="rsa-sha256", version=0, state='{"a": "é"}')
SIGHT = Sight(server="192.0.2.53", at=NOW, authoritative=True, record=KEY.record, ttl=3600)
LATER = replace(SIGHT, at=NOW + 9, record=None, problem="no reply")
SHARE = PassShare(
    domain="example.com", selector="s1", receiver="r.example", day=20_000, passed=9, failed=1
)


def change(**parts: object) -> Change:
    made = {"who": "root@mx1", "at": NOW, "deeds": (deed("test", "s1.example.com"),)} | parts
    return Change(**made)  # type: ignore[arg-type]


def a_change_is_read_as_it_was_written(one: KeyStore, two: KeyStore) -> None:
    ed = replace(KEY, selector=OTHER, algorithm="ed25519-sha256", bits=None)
    use = Use(signer="mx1", domain=DOMAIN, selector=KEY.selector, at=NOW)
    one.commit(
        change(keys=(KEY, ed), rotations=(ROTATION,), sights=((KEY.name, SIGHT),), shares=(SHARE,),
               uses=(use,))
    )  # fmt: skip
    assert set(two.keys(DOMAIN)) == {KEY, ed}
    assert two.keys(OTHER) == ()
    assert two.rotations() == (replace(ROTATION, version=1),)
    assert two.sights(KEY.name) == (SIGHT,)
    assert two.shares("example.com") == (SHARE,)
    assert two.uses(DOMAIN) == (use,)


def a_key_replaces_the_one_of_its_name(one: KeyStore, two: KeyStore) -> None:
    one.commit(change(keys=(KEY,)))
    changed = replace(KEY, state=KeyState.DRAINING, since=NOW + 5)
    two.commit(change(keys=(changed,)))
    assert one.keys() == (changed,)


def the_newest_key_of_each_algorithm_signs(one: KeyStore, two: KeyStore) -> None:
    newer = replace(KEY, selector=DomainName.parse(b"s2"), since=NOW + 1)
    ed = replace(KEY, selector=DomainName.parse(b"e1"), algorithm="ed25519-sha256")
    seen = replace(KEY, selector=DomainName.parse(b"s3"), state=KeyState.SEEN, since=NOW + 2)
    one.commit(change(keys=(KEY, newer, ed, seen)))
    assert {str(key.selector) for key in signing_keys(two, DOMAIN)} == {"s2", "e1"}


def a_rotation_is_written_only_over_what_was_read(one: KeyStore, two: KeyStore) -> None:
    one.commit(change(rotations=(ROTATION,)))
    two.commit(change(rotations=(replace(ROTATION, version=1, state="two"),)))
    late = replace(ROTATION, version=1, state="one")
    with pytest.raises(ConflictError, match="meanwhile"):
        one.commit(change(rotations=(late,), keys=(KEY,)))
    assert one.rotations() == (replace(ROTATION, version=2, state="two"),)


def a_rotation_is_new_once(one: KeyStore, two: KeyStore) -> None:
    one.commit(change(rotations=(ROTATION,)))
    with pytest.raises(ConflictError):
        two.commit(change(rotations=(ROTATION,)))


def a_refused_change_leaves_nothing(one: KeyStore, two: KeyStore) -> None:
    bad = replace(ROTATION, version=7)
    with pytest.raises(ConflictError):
        one.commit(change(keys=(KEY,), sights=((KEY.name, SIGHT),), rotations=(bad,)))
    assert (two.keys(), two.sights(KEY.name), list(two.audit())) == ((), (), [])


def the_audit_log_is_one_chain_of_all_writers(one: KeyStore, two: KeyStore) -> None:
    one.commit(change(keys=(KEY,)))
    two.commit(change(deeds=(deed("a", "x", to="y"), deed("b", "x"))))
    log = list(one.audit())
    assert [entry.what for entry in log] == ["test", "a", "b"]
    assert first_fault(log, Head(number=3, hash=log[-1].hash)) is None
    assert list(two.audit(after=2)) == log[2:]


def a_change_of_keys_without_an_entry_is_refused(one: KeyStore, two: KeyStore) -> None:
    with pytest.raises(UsageError, match="audit"):
        change(keys=(KEY,), deeds=())


def a_lease_has_one_holder(one: KeyStore, two: KeyStore) -> None:
    lease = one.take_lease("rotation", "mx1", now=NOW, seconds=60)
    assert lease is not None
    assert two.take_lease("rotation", "mx2", now=NOW + 59, seconds=60) is None
    assert two.leader("rotation") == lease


def a_holder_renews_and_stays_the_same(one: KeyStore, two: KeyStore) -> None:
    first = one.take_lease("rotation", "mx1", now=NOW, seconds=60)
    again = one.take_lease("rotation", "mx1", now=NOW + 50, seconds=60)
    assert first is not None
    assert again == replace(first, until=NOW + 110)


def the_former_leader_is_refused(one: KeyStore, two: KeyStore) -> None:
    asleep = one.take_lease("rotation", "mx1", now=NOW, seconds=60)
    awake = two.take_lease("rotation", "mx2", now=NOW + 60, seconds=60)
    assert awake is not None
    two.commit(change(keys=(KEY,), lease=awake))
    with pytest.raises(ConflictError, match="mx2"):
        one.commit(change(keys=(replace(KEY, record="old"),), lease=asleep))
    assert one.keys() == (KEY,)


def who_slept_through_the_end_is_a_new_leader(one: KeyStore, two: KeyStore) -> None:
    asleep = one.take_lease("rotation", "mx1", now=NOW, seconds=60)
    again = one.take_lease("rotation", "mx1", now=NOW + 61, seconds=60)
    assert asleep is not None
    assert again is not None
    assert again.fence == asleep.fence + 1


def a_lease_that_was_given_back_is_free(one: KeyStore, two: KeyStore) -> None:
    lease = one.take_lease("rotation", "mx1", now=NOW, seconds=60)
    assert lease is not None
    one.release(lease)
    assert two.take_lease("rotation", "mx2", now=NOW + 1, seconds=60) is not None


def the_revision_tells_of_changes_by_anybody(one: KeyStore, two: KeyStore) -> None:
    before = one.revision()
    two.commit(change(keys=(KEY,)))
    between = one.revision()
    one.commit(change(keys=(KEY,)))
    assert len({before, between, two.revision()}) == 3


def the_archive_has_what_the_zones_servers_showed(one: KeyStore, two: KeyStore) -> None:
    lie = replace(SIGHT, authoritative=False, record="v=DKIM1; p=")
    again = replace(SIGHT, at=NOW + 50)
    sights = tuple((KEY.name, sight) for sight in (SIGHT, LATER, lie, again))
    one.commit(change(sights=sights))
    archived = ArchivedKey(
        domain="example.com", selector="s1", record=KEY.record, source=KeySource.DNS,
        first=NOW, last=NOW + 50,
    )  # fmt: skip
    assert list(two.archived()) == [archived]


def the_archive_widens_what_it_knows(one: KeyStore, two: KeyStore) -> None:
    key = ArchivedKey(
        domain="example.com", selector="s1", record="p=", source=KeySource.RECOVERED, first=5,
        messages=2, secure=True, other={"note": [1]},
    )  # fmt: skip
    one.commit(change(archived=(key,)))
    two.commit(change(archived=(replace(key, first=1, last=9, messages=1, secure=None),)))
    (found,) = one.archived("example.com")
    assert found == replace(key, first=1, last=9)


def pruning_forgets_what_is_old_and_keeps_what_is_not(one: KeyStore, two: KeyStore) -> None:
    use = Use(signer="mx1", domain=DOMAIN, selector=KEY.selector, at=NOW)
    old = replace(SHARE, day=1)
    one.commit(
        change(keys=(KEY,), sights=((KEY.name, SIGHT), (KEY.name, LATER)), shares=(SHARE, old),
               uses=(use,))
    )  # fmt: skip
    assert two.prune(NOW + 1) == {"sights": 1, "shares": 2, "uses": 1}
    assert one.sights(KEY.name) == (LATER,)
    assert (len(one.keys()), len(list(one.archived())), len(list(one.audit()))) == (1, 1, 1)


FACTS: tuple[Callable[[KeyStore, KeyStore], None], ...] = (
    a_change_is_read_as_it_was_written,
    a_key_replaces_the_one_of_its_name,
    the_newest_key_of_each_algorithm_signs,
    a_rotation_is_written_only_over_what_was_read,
    a_rotation_is_new_once,
    a_refused_change_leaves_nothing,
    the_audit_log_is_one_chain_of_all_writers,
    a_change_of_keys_without_an_entry_is_refused,
    a_lease_has_one_holder,
    a_holder_renews_and_stays_the_same,
    the_former_leader_is_refused,
    who_slept_through_the_end_is_a_new_leader,
    a_lease_that_was_given_back_is_free,
    the_revision_tells_of_changes_by_anybody,
    the_archive_has_what_the_zones_servers_showed,
    the_archive_widens_what_it_knows,
    pruning_forgets_what_is_old_and_keeps_what_is_not,
)


def holds(fact: Callable[[KeyStore, KeyStore], None], one: KeyStore, two: KeyStore) -> bool:
    """Whether a fact is one of these stores; a fact that is none raises AssertionError."""
    fact(one, two)
    return True
