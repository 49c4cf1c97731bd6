"""What a policy of p=reject would have cost: a replay of events, exact where they are ours.

DMARC's result does not depend on p=; what follows from it does.  So every event says whether
its message would have been refused, had the owner asked for it and we had done as asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from avowal.report.event import EventKey

_SAVED = frozenset({"trusted_forwarder", "mailing_list", "forwarded"})
_CHAIN = "arc="  # how the comment of a trusted chain begins (RFC 8617 §7.2.2)


@dataclass(slots=True)
class Cost:
    """Messages of a policy domain, by what p=reject would have done to each.

    `refused` would have been refused and were not; `forwarded` of them carry a signature or a
    sender that passes for another domain, so somebody real sent or passed them on.  `already`
    were refused anyway, `saved` came by a chain or list that is trusted here, `unknown` had no
    answer from DNS.  `sources` counts the refused by client and by who passes.
    """

    messages: int = 0
    passed: int = 0
    refused: int = 0
    forwarded: int = 0
    already: int = 0
    saved: int = 0
    unknown: int = 0
    sources: Counter[tuple[str, str]] = field(default_factory=Counter)


def cost_of_reject(counts: Iterable[tuple[EventKey, int]]) -> Cost:
    """Replay the kinds of messages of a day."""
    cost = Cost()
    for key, number in counts:
        if key.dmarc is None or key.policy is None or key.action == "tempfail":
            continue
        cost.messages += number
        if key.dmarc == "pass":
            cost.passed += number
        elif key.dmarc != "fail":
            cost.unknown += number
        elif key.disposition == "reject":
            cost.already += number
        elif _is_saved(key):
            cost.saved += number
        else:
            cost.refused += number
            others = passing(key)
            cost.forwarded += number if others else 0
            cost.sources[key.source or "local", ", ".join(others)] += number
    return cost


def passing(key: EventKey) -> tuple[str, ...]:
    """Return the domains that pass for a message, of signatures and of the envelope."""
    found = [one.domain for one in key.dkim if one.result == "pass"]
    if key.spf is not None and key.spf.result == "pass" and key.spf.domain is not None:
        found.append(key.spf.domain)
    return tuple(dict.fromkeys(found))


def _is_saved(key: EventKey) -> bool:
    """Whether something other than the policy let the message through, and would again."""
    return any(
        one.type in _SAVED or (one.type == "local_policy" and one.comment.startswith(_CHAIN))
        for one in key.reasons
    )
