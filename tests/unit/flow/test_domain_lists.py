"""A domain that an operator writes is the same domain in any spelling, in whichever option."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.flow.conftest import Site

from avowal.config.mistakes import Mistakes
from avowal.config.places import Path
from avowal.config.schema import lists
from avowal.config.toml import parse
from avowal.flow.failure_drafts import consents
from avowal.flow.tables import Sets, read_trees

OPTIONS = [pytest.param(path, id=".".join(path)) for path in lists("domains")]
REPORTED = [
    pytest.param(path, id=".".join(path))
    for path in (("aggregate", "excluded"), ("failure_reports", "domains"))
]


def configured(path: Path, domain: str) -> str:
    table, name = path
    return f'[{table}]\n{name} = ["{domain}"]\n'


@pytest.mark.parametrize("path", OPTIONS)
def test_what_is_no_domain_is_named_with_its_line(site: Callable[[str], Site], path: Path) -> None:
    with pytest.raises(Mistakes) as caught:
        site(configured(path, "bad name.example"))
    named = [(one.key, one.line) for one in caught.value.each if "is no domain" in one.why]
    assert named == [(f"{path[0]}.{path[1]}[1]", 2)]


@pytest.mark.parametrize("path", REPORTED)
@pytest.mark.parametrize(
    "written",
    ["Bücher.example", "XN--BCHER-KVA.example", "bücher.example.", ".bücher.example"],
)
def test_every_spelling_is_the_same_domain_with_all_below_it(path: Path, written: str) -> None:
    (domain,) = read_trees(parse(configured(path, written).encode()), *path)
    assert domain.ascii == "xn--bcher-kva.example"
    assert consents("mail.xn--bcher-kva.example", [domain])
    assert not consents("mailxn--bcher-kva.example", [domain])


@pytest.mark.parametrize("path", OPTIONS)
def test_a_list_of_domains_is_read_in_order(path: Path) -> None:
    loaded = parse(configured(path, 'b.example", "a.example').encode())
    sets = Sets(loaded.configuration, loaded.places)
    assert [str(one) for one in sets.domain_trees(*path)] == ["b.example", "a.example"]
