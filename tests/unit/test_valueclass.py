"""Values: dataclasses that are frozen, slotted and cheap to declare."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field
from typing import Any

import pytest

from avowal.valueclass import value


@value
class Plain:
    """What most values are."""

    name: str
    ttl: int = 300
    records: tuple[bytes, ...] = ()


@value(kw_only=False)
class Placed:
    """Its fields may be given by place."""

    name: str
    type: str = "TXT"


@value(eq=False)
class Entry:
    """Compared by identity."""

    name: str


@value
class Described:
    """Fields that say more about themselves, and a check of them."""

    octets: int = field(default=10, metadata={"unit": "octets"})

    def __post_init__(self) -> None:
        if self.octets < 0:
            raise ValueError("negative")

    def __repr__(self) -> str:
        return f"<{self.octets}>"


GIVEN = Plain(name="a", ttl=5)


def test_fields_have_what_was_given_or_their_defaults() -> None:
    assert (GIVEN.name, GIVEN.ttl, GIVEN.records) == ("a", 5, ())


def test_fields_are_given_by_keyword() -> None:
    with pytest.raises(TypeError, match="positional"):
        Plain("a")  # type: ignore[misc]


def test_fields_are_given_by_place_where_the_class_says_so() -> None:
    assert Placed("a", "MX") == Placed(name="a", type="MX")


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        pytest.param(lambda: Plain(ttl=1), r"Plain\.__init__\(\) missing .*'name'", id="missing"),  # type: ignore[call-arg]
        pytest.param(lambda: Plain(name="a", x=1), "unexpected keyword .*'x'", id="unknown"),  # type: ignore[call-arg]
    ],
)
def test_a_wrong_call_is_named(call: Any, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        call()


@pytest.mark.parametrize("name", ["name", "other"])
def test_nothing_can_be_changed(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match=rf"Plain\.{name}"):
        setattr(GIVEN, name, "b")
    with pytest.raises(dataclasses.FrozenInstanceError, match=rf"Plain\.{name}"):
        delattr(GIVEN, name)


def test_there_is_no_dictionary() -> None:
    assert not hasattr(GIVEN, "__dict__")
    assert Plain.__slots__ == ("name", "ttl", "records")  # type: ignore[attr-defined]


def test_equal_contents_are_equal_and_hash_alike() -> None:
    assert Plain(name="a", ttl=5) == GIVEN
    assert len({GIVEN, Plain(name="a", ttl=5), Plain(name="a", ttl=6)}) == 2


def test_valueclass_of_different_classes_differ() -> None:
    assert Placed("a", "TXT") != Plain(name="a")
    assert GIVEN != ("a", 5, ())


def test_identity_counts_where_the_class_says_so() -> None:
    entry = Entry(name="a")
    assert entry == entry
    assert entry != Entry(name="a")


def test_the_contents_are_shown() -> None:
    assert repr(GIVEN) == "Plain(name='a', ttl=5, records=())"


def test_methods_of_the_class_stay() -> None:
    assert repr(Described(octets=1)) == "<1>"


def test_the_check_of_the_class_is_called() -> None:
    with pytest.raises(ValueError, match="negative"):
        Described(octets=-1)


def test_replacing_makes_another_value_and_checks_it() -> None:
    assert dataclasses.replace(GIVEN, ttl=6) == Plain(name="a", ttl=6)
    with pytest.raises(ValueError, match="negative"):
        dataclasses.replace(Described(), octets=-1)


def test_dataclasses_knows_the_fields() -> None:
    assert dataclasses.asdict(GIVEN) == {"name": "a", "ttl": 5, "records": ()}
    (described,) = dataclasses.fields(Described)
    assert (described.default, described.metadata["unit"]) == (10, "octets")


def test_valueclass_match_patterns_by_place_where_they_are_given_so() -> None:
    match Placed("a", "MX"):
        case Placed(name, rrtype):
            assert (name, rrtype) == ("a", "MX")


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deep-copy"),
        pytest.param(lambda one: pickle.loads(pickle.dumps(one)), id="pickle"),
    ],
)
def test_copies_are_equal(copied: Any) -> None:
    assert copied(GIVEN) == GIVEN


def test_a_subclass_has_the_fields_of_both() -> None:
    @value
    class Longer(Plain):
        """One field more."""

        more: int = 0

    assert repr(Longer(name="a", more=1)).endswith("Longer(name='a', ttl=300, records=(), more=1)")


def test_a_default_factory_is_refused() -> None:
    with pytest.raises(TypeError, match="names: a value has no default factories"):

        @value
        class Mutable:
            """A list is no value."""

            names: list[str] = field(default_factory=list)


def test_signatures_tell_types_and_defaults() -> None:
    assert Plain.__init__.__annotations__["ttl"] == "int"
    assert Plain.__init__.__kwdefaults__ == {"ttl": 300, "records": ()}  # type: ignore[attr-defined]


def test_a_value_without_fields_equals_its_like() -> None:
    @value
    class Tick:
        """It says nothing but that it is."""

    assert Tick() == Tick()
    assert len({Tick(), Tick()}) == 1
    assert repr(Tick()).endswith("Tick()")
