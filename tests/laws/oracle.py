"""What the best receiver would do: from the facts alone, without limits, clock or parser.

Exposure of an outcome: 0 not delivered, 1 held, 2 delivered without a pass for the author,
3 delivered with one.  The ideal of a message is the least over the domains any reader shows.
"""

from __future__ import annotations

from typing import Any, Final

from tests.laws.world import Case

NOT_DELIVERED, HELD, DELIVERED, VOUCHED = range(4)
_ASKED: Final = {"none": DELIVERED, "quarantine": HELD, "reject": NOT_DELIVERED}


def ideal(case: Case) -> int:
    """Return the exposure of a message at its ideal receiver."""
    if case.beyond or case.doubted:
        return min((of_author(case, domain, ()) for domain in case.shown), default=HELD)
    spf = (case.sender,) if case.spf_passes else ()
    least = min(
        (of_author(case, domain, case.passing, spf) for domain in case.shown), default=DELIVERED
    )
    return min(least, HELD) if case.unclear else least


def of_author(case: Case, domain: str, passing: Any, spf: tuple[str, ...] = ()) -> int:
    """RFC 9989 §4.10 and §5.3, for a name and the names that pass."""
    if any(f"_dmarc.{name}" in case.silent for name in _tree(domain)):
        return DELIVERED  # names that hang are failed
    found = [(name, tags) for name in _tree(domain) if (tags := _record(case, name))]
    if not found:
        return DELIVERED
    organization = found[-1][0]
    own = dict(found).get(domain)
    tags = own or found[-1][1]
    keyword = "p" if own else "sp"
    if keyword == "sp" and "np" in tags and domain not in case.zone:
        keyword = "np"
    policy = tags.get(keyword) or tags.get("sp" if keyword == "np" else "p") or tags["p"]
    for mode, names in (("adkim", passing), ("aspf", spf)):
        strict = tags.get(mode) == "s"
        if any(
            n == domain
            or (not strict and _organization(case, n) == organization and _near(n, organization))
            for n in names
        ):
            return VOUCHED
    if tags.get("t") == "y":
        policy = {"reject": "quarantine", "quarantine": "none"}.get(policy, policy)
    return _ASKED.get(policy, DELIVERED)


def _organization(case: Case, name: str) -> str:
    found = [above for above in _tree(name) if _record(case, above)]
    return found[-1] if found else name


def _near(name: str, organization: str) -> bool:
    return name == organization or name.endswith("." + organization)


def _tree(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))]


def _record(case: Case, name: str) -> dict[str, str] | None:
    text = case.zone.get(f"_dmarc.{name}")
    if not isinstance(text, str) or not text.startswith("v=DMARC1"):
        return None
    pairs = (part.split("=", 1) for part in text.split(";") if "=" in part)
    return {tag.strip(): value.strip() for tag, value in pairs}
