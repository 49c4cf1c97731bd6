#!/usr/bin/env python3
"""Print docs/reference/doctor.md, made from the table of the rules."""

from __future__ import annotations

from avowal.keys.doctor import RULES, DoctorRule
from avowal.policy.lint.finding import LintLevel

HEAD = """\
# What `avowal keys doctor` finds

Written by `scripts/doctor_reference.py` from the table of the rules; a test fails when
the page is not what it prints.

```console
$ avowal keys doctor example.com --selector s2026          # in DNS, at every name server
$ avowal keys doctor example.com --mail ~/Maildir/.Sent    # selectors learned from own mail
$ avowal keys doctor /etc/opendkim.conf                    # its domains, and the keys that sign
$ avowal keys doctor db.example.com --origin example.com   # a zone file before it is loaded
$ avowal keys doctor store:/var/lib/avowal/keys.db         # every key of a store, as it ought to be
```

Selectors are never guessed: they come from `--selector` and `--selectors`, from a configuration,
from a zone file, from mail that is yours (`--mail`), or from aggregate reports (`--reports`), in
which only selectors count that some receiver saw pass. Each finding has a level, a name in
brackets that never changes, and a paragraph here.

| level | means | status of the command |
|---|---|---|
| error | receivers cannot use what is published, or it does harm | 1 |
| warning | it works, and probably not as meant | 1 |
| advice | it could be better | 0 |

The status is 3 where DNS gives no answer and nothing else was found, 2 where
the command line or a file cannot be used. A silent server costs 10 to 15 seconds, not more.

`--json` is one object: `domains`, each with `domain`, `file` (the zone file that answered, or null)
and `keys` (`selector`, `name`, `state` in words, `alias`, `ttl`, `dnssec`, `records`); `findings`,
each with `level`, `code`, `place`, `what`, `hint` and `page` (its paragraph here); and
`requirements`, with `--for`, as of [`avowal check`](sender-requirements.md). Members may be added;
none is renamed.

Once a day, by a timer of systemd; the unit fails when something is wrong, the journal says what:

```text
# /etc/systemd/system/keys-doctor.service
[Service]
Type=oneshot
User=avowal
ExecStart=avowal keys doctor /etc/avowal/avowal.toml
# /etc/systemd/system/keys-doctor.timer
[Timer]
OnCalendar=daily
RandomizedDelaySec=1h
```

Systems of the Nagios family read the status as it is: 0 OK, 1 WARNING, 3 UNKNOWN.
"""


def paragraph(rule: DoctorRule) -> str:
    """Return what the page says of a rule."""
    return (
        f"### {rule.code}\n\n{rule.says} {rule.why}\n\nWhat to do: {rule.remedy}. ({rule.source})\n"
    )


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for level in LintLevel:
        parts.append(f"## {level.value.capitalize()}\n")
        parts += [paragraph(rule) for rule in RULES if rule.level is level]
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
