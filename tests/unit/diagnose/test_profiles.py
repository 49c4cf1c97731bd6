"""What proofs teach about a list: bounded, whatever mail comes."""

from __future__ import annotations

import pytest

import avowal
from avowal.diagnose import profiles
from avowal.diagnose.explain import Explainer
from avowal.diagnose.presence import was_present
from avowal.diagnose.profiles import Profile, Profiles, SignerProfile
from avowal.diagnose.profiles_file import read, written
from avowal.diagnose.quoted_writers import Writer
from avowal.errors import ConfigError
from avowal.message import Message
from avowal.testing import RSA_2048, message, record_for


def test_a_profile_is_the_same_one_the_next_time() -> None:
    known = Profiles()
    known.of("a.example").steps["footer"] += 1
    assert known.of("a.example").steps["footer"] == 1


def test_beyond_the_limit_the_list_not_asked_for_the_longest_goes() -> None:
    known = Profiles(most=2)
    for name in ("a", "b"):
        known.of(name).steps["footer"] += 1
    known.of("a")
    known.of("c")
    assert known.of("a").steps
    assert not known.of("b").steps


def test_so_many_removed_subscribers_are_known() -> None:
    one = Profile()
    for number in range(profiles._MOST_REMOVED + 10):
        one.learn_recipients(b"a@x.example, s%d@x.example" % number, b"a@x.example")
    assert len(one.removed) == profiles._MOST_REMOVED


def test_those_who_are_known_are_counted_on() -> None:
    one = Profile()
    for _ in range(3):
        one.learn_recipients(b"a@x.example, s@x.example", b"a@x.example")
    assert one.removed[b"s@x.example"] == 3


# -- signers --------------------------------------------------------------------------------------


def test_what_is_always_there_or_never_is_known_of_a_signer() -> None:
    one = SignerProfile()
    for number in range(3):
        one.learn({b"cc": True, b"sender": False, b"reply-to": number == 0})
    assert (one.had(b"cc"), one.had(b"sender"), one.had(b"reply-to")) == (True, False, None)
    assert one.had(b"date") is None


def test_so_many_names_of_a_signer_are_counted() -> None:
    one = SignerProfile()
    one.learn({b"x-%d" % number: True for number in range(200)})
    assert len(one.there) == profiles._MOST_NAMES


def test_each_signature_that_passes_teaches_what_its_signer_signs() -> None:
    octets = message(cc="a@example.org")
    octets = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048) + octets
    zone = {"s1._domainkey.example.com": record_for(RSA_2048)}
    explainer = Explainer()
    for _ in range(3):
        explainer.explain(Message.parse(octets), avowal.verify(octets, zone))
    signer = explainer.profiles.of_signer("example.com", "s1")
    assert (signer.had(b"cc"), signer.had(b"reply-to")) == (True, False)
    signature = avowal.verify(octets, zone)[0].signature
    assert signature is not None
    assert was_present(b"reply-to", signature, known=signer.had(b"reply-to")) is False


# -- the file -------------------------------------------------------------------------------------


def taught() -> Profiles:
    known = Profiles()
    one = known.of("dev.lists.example")
    one.learn_steps(["footer", "subject-tag"], Writer(75, 76))
    one.learn_recipients(b"a@x.example, B \xff <b@x.example>, c@x.example", b"a@x.example")
    known.of_signer("example.com", "s1").learn({b"cc": True, b"sender": False}, Writer(72, 73))
    return known


def test_what_is_written_can_be_read_again() -> None:
    again = Profiles()
    read(written(taught()), file="f", into=again)
    assert written(again) == written(taught())
    assert again.of("dev.lists.example") == taught().of("dev.lists.example")
    assert again.of_signer("example.com", "s1").writers == [Writer(72, 73)]


def test_a_list_of_which_nothing_is_proven_is_not_written() -> None:
    known = Profiles()
    known.of("dev.lists.example")
    assert written(known).count("\n") == 1


def test_a_line_that_is_deleted_is_forgotten() -> None:
    lines = written(taught()).splitlines(keepends=True)
    again = Profiles()
    read(lines[0] + lines[2], file="f", into=again)
    assert not again.of("dev.lists.example").steps


HEAD = '{"format": "avowal-profiles", "version": 1}\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "1: no row", id="empty"),
        pytest.param('{"format": "other"}', "1: this is no file of profiles", id="another-format"),
        pytest.param('{"format": "avowal-profiles", "version": 2}', "1: version 2", id="version"),
        pytest.param(HEAD + "[]", "2: no row", id="no-object"),
        pytest.param(HEAD + "{}", "2: no row", id="neither-list-nor-signer"),
        pytest.param(HEAD + '{"list": "a", "steps": {"x": 1}}', "2: 'x' is no change", id="step"),
        pytest.param(HEAD + '{"list": "a", "steps": {"footer": -1}}', "2: a count", id="count"),
        pytest.param(HEAD + '{"list": "a", "writers": [[0, 76, false, "=", true, 0]]}',
                     "2: a writer", id="a-writer-that-never-ends"),
        pytest.param(HEAD + '{"list": "a", "writers": [[75, 76, false, "xyz", true, 0]]}',
                     "2: a writer", id="a-writer-that-escapes-letters"),
        pytest.param(HEAD + "[" * 100_000, "2: no row", id="nested"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"f:{why}"):
        read(text, file="f", into=Profiles())
