"""The audit log: what was changed, left out, put in or cut off is named by its number."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from avowal.errors import UsageError
from avowal.keys.audit import (
    AuditEntry,
    Deed,
    Head,
    canonical,
    chained,
    deed,
    entry_of,
    first_fault,
)

AT = 1_790_000_000
DEEDS = [deed("state", f"s{n}.example.com", to="signing", bits=2048, old=None) for n in range(5)]
LOG = list(chained(Head(), "root@mx1", AT, DEEDS))
HEAD = Head(number=5, hash=LOG[-1].hash)


def rewritten(entries: list[AuditEntry], at: int, **changes: str) -> list[AuditEntry]:
    """What somebody makes who knows the format: the chain is right again to its end."""
    changed = replace(entries[at], **changes)
    deeds = [Deed(what=e.what, subject=e.subject, detail=e.detail) for e in entries]
    deeds[at] = Deed(what=changed.what, subject=changed.subject, detail=changed.detail)
    return list(chained(Head(), "root@mx1", AT, deeds))


def test_a_log_that_nobody_touched_is_whole() -> None:
    assert first_fault(LOG, HEAD) is None


@pytest.mark.parametrize(
    ("entries", "number", "why"),
    [
        pytest.param([*LOG[:2], replace(LOG[2], who="x"), *LOG[3:]], 3, "changed", id="who"),
        pytest.param([*LOG[:2], replace(LOG[2], at=1), *LOG[3:]], 3, "changed", id="when"),
        pytest.param([*LOG[:2], replace(LOG[2], detail="{}"), *LOG[3:]], 3, "changed", id="detail"),
        pytest.param([*LOG[:2], replace(LOG[2], detail="{"), *LOG[3:]], 3, "JSON", id="no JSON"),
        pytest.param([*LOG[:2], *LOG[3:]], 3, "missing", id="one left out"),
        pytest.param([*LOG[:2], LOG[1], *LOG[2:]], 3, "missing", id="one put in"),
        pytest.param(LOG[1:], 1, "missing", id="the first left out"),
        pytest.param([*LOG[:1], replace(LOG[1], hash="0" * 64), *LOG[2:]], 2, "changed", id="hash"),
        pytest.param(
            [*LOG[:2], *rewritten(LOG, 2, what="x")[2:]], 3, "held", id="written anew to the end"
        ),
        pytest.param(LOG[:3], 4, "missing", id="cut at its end"),
    ],
)
def test_the_first_entry_that_was_tampered_with_is_named(
    entries: list[AuditEntry], number: int, why: str
) -> None:
    held = HEAD if why != "held" else Head(number=3, hash=LOG[2].hash)
    found = first_fault(entries, held)
    assert found is not None
    assert (found.number, why in found.why) == (number, True)


def test_a_log_that_was_written_anew_shows_only_beside_the_head_that_was_held() -> None:
    anew = rewritten(LOG, 2, what="x")
    assert first_fault(anew) is None
    assert first_fault(anew, HEAD) is not None


def test_an_entry_is_read_as_it_was_exported() -> None:
    assert [entry_of(entry.as_object()) for entry in LOG] == LOG


def test_the_hash_is_that_of_the_canonical_json() -> None:
    entry = next(chained(Head(), "é", 1, [deed("add", "s.example", a="\u001f\n")]))
    written = (
        b'{"at":1,"detail":{"a":"\\u001f\\n"},"number":1,"previous":"%s","subject":"s.example"'
    )
    written += b',"what":"add","who":"\xc3\xa9"}'
    assert entry.hash == sha256(written % (b"0" * 64)).hexdigest()
    assert canonical({"b": "é\u001f", "a": 1}) == '{"a":1,"b":"é\\u001f"}'


def test_a_head_is_read_as_it_is_shown() -> None:
    assert Head.parse(f" {HEAD}\n") == HEAD


@pytest.mark.parametrize("text", ["", "5", f"5:{'g' * 64}", "5:00", f"-1:{'0' * 64}"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no head"):
        Head.parse(text)


def test_half_of_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="surrogate"):
        deed("add", "s.example", note="\ud800")
