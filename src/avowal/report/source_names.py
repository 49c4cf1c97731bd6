"""The names of sources: what PTR says of an address, where the name says the same of itself."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from avowal.lookup import Question, Steps, ask
from avowal.report.overview import Overview, Source

MOST_NAMES = 40  # sources that are looked up: two questions each


def named(seen: Overview) -> Steps[Overview]:
    """Look up the first sources; a name that its own addresses do not confirm is none."""
    first = seen.sources[:MOST_NAMES]
    pointers = yield from ask(*(Question(_reverse(one.address), "PTR") for one in first))
    claimed = [
        answer.records[0].decode("ascii", "replace").lower() if answer.records else ""
        for answer in pointers
    ]
    checked = yield from ask(
        *(
            Question(name or "invalid", "AAAA" if ":" in one.address else "A")
            for name, one in zip(claimed, first, strict=True)
        )
    )
    sources: list[Source] = []
    for one, name, answer in zip(first, claimed, checked, strict=True):
        confirmed = bool(name) and one.address.encode() in answer.records
        sources.append(replace(one, name=name) if confirmed else one)
    return replace(seen, sources=(*sources, *seen.sources[MOST_NAMES:]))


def _reverse(address: str) -> str:
    return ip_address(address).reverse_pointer
