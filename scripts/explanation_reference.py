#!/usr/bin/env python3
"""Print docs/reference/explanation.md, made from the registry of what happens to messages."""

from __future__ import annotations

from avowal.diagnose.explanation import KeyState, PartState
from avowal.diagnose.registry import REGISTRY, Side

INTRODUCTION = """\
# What happens to messages, and the JSON of an explanation

Written by `scripts/explanation_reference.py`; a test fails when it is not up to date.

[`avowal explain`](../howto/explain-a-failure.md) undoes these. *Seen* counts proofs among 1,441
bodies and 475 headers of three mailing lists (2019-2026), of signatures that no longer verified;
one message may have several. What was not seen there is known from elsewhere.
"""
OBSERVED = """\
## Observed, not proven

No equal hash shows these: DNS does, or the words of a text. They are told with their evidence,
apart from what is proven: what stands around the key in DNS, the author's policy, and what added
text reads like.
"""
JSON = """\
## The JSON

`avowal explain --json` writes one object per message and line. Members may be added; none is
renamed.

| member | type | meaning |
|---|---|---|
| `source`, `message` | string, number or null | as of [verify](json.md) |
| `explained` | boolean | whether there is a signature, and each passes or is explained |
| `signatures` | array | one object per signature, in the order of the header, top first |
| `observed` | array of objects | what is observed and not proven: `name`, `side`, `sentence`, \
`by`, `evidence`, and `domain` and `selector` of the signature it is about, null for the message |

A signature:

| member | type | meaning |
|---|---|---|
| `domain`, `selector`, `result`, `reason`, `warnings` | | as of [verify](json.md) |
| `passed` | boolean | whether it passes; an explanation never makes it so |
| `explained` | boolean | whether all that was signed is proven |
| `key` | string | a word of the table below |
| `key_source` | string or null | where a proven key is from: `DNS`, or an archive |
| `header`, `body` | string | a word of the other table below |
| `steps` | array of objects | what was undone: `name`, `side`, `sentence`, `by` |
| `header_changes`, `body_changes` | array of objects | places that differ: lines as they were \
`signed`, and as they `came`; octets that are no UTF-8 are an object with `base64`. Empty unless \
`explained` |
| `signed_nothing` | boolean | an empty body was signed: any text fits behind it |
| `cc_order_lost` | boolean | the list has thrown the order of Cc away |
| `limits` | array of strings | limits of the search that were met |
| `advice` | array of objects | what to do: `party` (author, list, forwarder, receiver) and `text` |
"""
PROFILES = """\
## The file of profiles

`avowal explain --profiles FILE` keeps what proofs have taught: a JSON object a line, the first
`{"format": "avowal-profiles", "version": 1}`. Octets that are no UTF-8 are lone surrogates
(surrogateescape). Deleting a line forgets a list or a signer.

| line | members |
|---|---|
| a list | `list` (its List-Id), `steps` (proofs by name), `removed` (who is taken out of Cc: \
`address`, `count`, `spellings`, and the neighbours `before` and `behind`), `writers` |
| a signer | `domain`, `selector`, `there` and `absent` (proven headers in which a field of that \
name was, or was not), `writers` |

A writer of quoted-printable is a list: octets before a soft break, octets of a last line, whether \
it breaks behind a blank, what it encodes besides, whether blanks at line ends are encoded, and \
how it treats dots and From.
"""


def table(side: Side) -> str:
    rows = ["| what | done by | seen | name | what authors can do | what whoever does it can do |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    for step in sorted(REGISTRY.values(), key=lambda one: -one.seen):
        if step.side is side:
            seen = str(step.seen) if step.seen else ""
            cells = (step.sentence, step.by, seen, f"`{step.name}`", step.avoid, step.owner)
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def words(kind: type[KeyState | PartState]) -> str:
    rows = ["| word | meaning |", "|---|---|"]
    rows += [f"| `{word.value}` | {word.sentence} |" for word in kind]
    return "\n".join(rows) + "\n"


def page() -> str:
    return "\n".join((
        INTRODUCTION, "## To headers\n", table(Side.HEADER), "## To bodies\n", table(Side.BODY),
        OBSERVED, *(table(side) for side in (Side.KEY, Side.POLICY, Side.WORDS)), JSON,
        "The words of `key`:\n", words(KeyState), "Those of `header` and `body`:\n",
        words(PartState), PROFILES.rstrip("\n"), "",
    ))  # fmt: skip


if __name__ == "__main__":
    print(page(), end="")
