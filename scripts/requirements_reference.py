#!/usr/bin/env python3
"""Print docs/reference/sender-requirements.md, made from the dated file of the receivers."""

from __future__ import annotations

from avowal.requirements import rule_file
from avowal.requirements.model import ReceiverRules

HEAD = """\
# What large receivers ask of senders

Written by `scripts/requirements_reference.py` from `src/avowal/requirements/receivers.toml`; a test
fails when the page is not what it prints. The file is of {date}: each receiver's own page was
read on the day that stands here, and may have changed since. What no page says is not here.

```console
$ avowal check newsletter.eml --for gmail,yahoo --client 192.0.2.1 --mail-from bounce@example.com
$ avowal check example.com --selector s2026                      # what can be seen in DNS
$ avowal keys doctor example.com --selector s2026 --for gmail    # with everything about the keys
```

A rule is `met`, `missing` or `unknown`: nothing is said to be missing that cannot be seen from
here. `--marketing` says that the message is one that people subscribe to. The status is 1 where
something that is required is missing. What a person has to look at stands in the list all the same.

`--json` is one object: `subject`, `date`, and `rules`, each with `receiver`, `check`, `level`,
`applies`, `says`, `met` (true, false or null), `what`, `source`, `seen` and `since`.
"""


def section(rules: ReceiverRules) -> str:
    """Return what one receiver asks for."""
    lines = [
        f"## {rules.title}\n",
        f"{rules.scope}. Bulk: {rules.threshold}. {rules.enforcement.capitalize()}.",
        f"Page: <{rules.source}>, read on {rules.seen}.\n",
        "| asked for | of | level | since | looked at as |",
        "|---|---|---|---|---|",
    ]
    for rule in rules.rules:
        says = f"[{rule.says}]({rule.source})" if rule.source else rule.says
        look = "for you to look at" if rule.check == "look" else f"`{rule.check}`"
        since = rule.since or rules.since
        cells = (says, rule.applies.sentence, rule.level.value, since, look)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page."""
    read = rule_file()
    return "\n".join([HEAD.format(date=read.date), *map(section, read.receivers.values())])


if __name__ == "__main__":
    print(page(), end="")
