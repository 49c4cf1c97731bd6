"""How often something is called proven that is not so, and how often a change is misnamed.

    bench/false_proofs.py --count 100000 --state FILE    # goes on where FILE ends
    bench/false_proofs.py --count 1000 --seed 2 --candidates 20000
    bench/false_proofs.py --named --count 2000

Without `--named`: messages that no hypothesis leads back from.  Their bh= or the digest in b=
is random, or their body or header was replaced by another; on top of that, most have been
through treatments of lists, so that the search has something to do.  A proof is false when it
claims what was not signed: any at all of a random hash, another body or header than the signed
one of the others.  With `--named`: the treatments of one or two systems, done to signed
messages; counted is what the explanation names that was not done.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import explained_mail as mail

import avowal
from avowal.canonical import BODY_FORMS
from avowal.diagnose.budget import USUAL, Effort
from avowal.diagnose.explain import explain
from avowal.diagnose.explanation import Explanation, PartState
from avowal.diagnose.treatments import TREATMENTS
from avowal.message import Message
from avowal.testing import RSA_1024, record_for

KINDS = ("body-hash", "header-digest", "body-replaced", "header-replaced")
_SAVED = 50  # messages between two lines of the state
# What is done to the only text of a wrapped message is the same octet for octet.
_WITHIN = {
    "footer-in-part": "footer",
    "parts-to-quoted-printable": "quoted-printable-was-plain",
}
_ZONE = {mail.NAME: record_for(RSA_1024)}
_KNOWN = (PartState.INTACT, PartState.RESTORED)


class Trial:
    """One message that was changed beyond repair, and what was signed of it."""

    def __init__(self, seed: str) -> None:
        self._draw = draw = random.Random(seed)
        self.kind = draw.choice(KINDS)
        self.original = mail.signed(draw, mail.unsigned(draw))
        self.changed = self._through_lists(self._replaced())

    def _replaced(self) -> bytes:
        draw, octets = self._draw, self.original
        if self.kind == "body-hash":
            return mail.with_body_hash(octets, draw.randbytes(32))
        if self.kind == "header-digest":
            return mail.with_digest(octets, draw.randbytes(32))
        head, _, _ = octets.partition(b"\r\n\r\n")
        if self.kind == "body-replaced":
            other = mail.unsigned(draw).partition(b"\r\n\r\n")[2]
            return head + b"\r\n\r\n" + other + draw.randbytes(6).hex().encode() + b"\r\n"
        token = draw.randbytes(6).hex().encode()
        return octets.replace(b"From: Alice", b"From: " + token).replace(
            b"\r\nSubject: ", b"\r\nSubject: " + token
        )

    def _through_lists(self, octets: bytes) -> Message:
        made = Message.parse(octets)
        for treatment in self._draw.sample(list(TREATMENTS.values()), self._draw.randint(0, 4)):
            changed = treatment.change(made)
            made = made if changed is None else changed
        return made

    def false(self, one: Explanation) -> bool:
        """Whether something is called proven that was not signed."""
        if self.kind in {"header-digest", "header-replaced"}:
            return one.header in _KNOWN or one.explained
        if self.kind == "body-hash":
            return one.body in _KNOWN or one.explained
        if one.body is PartState.INTACT:
            return True
        if one.body is not PartState.RESTORED:
            return one.explained
        signature = one.verification.signature
        assert signature is not None
        signed = Message.parse(self.original).body
        return _canonical(one.signed_body or b"", signature.body_canon) != _canonical(
            signed, signature.body_canon
        )


def _canonical(body: bytes, form: str) -> bytes:
    made = bytearray()
    feeding = BODY_FORMS[form](made.extend)
    feeding.feed(body)
    feeding.finish()
    return bytes(made)


def explained(changed: Message, effort: Effort = USUAL) -> Explanation:
    verdicts = avowal.verify(changed.octets, _ZONE, line_ends="wire")
    return explain(changed, verdicts, effort=effort)[0]


def few(candidates: int) -> Effort:
    """As much of everything as goes with so many candidates."""
    share = candidates / USUAL.candidates
    return Effort(
        candidates=candidates,
        orders=max(100, int(share * USUAL.orders)),
        header_octets=max(1 << 20, int(share * USUAL.header_octets)),
        spellings=max(4, int(share * USUAL.spellings)),
        lines=max(2000, int(share * USUAL.lines)),
        octets=max(1 << 20, int(share * USUAL.octets)),
    )


def false_proofs(
    count: int, seed: str, effort: Effort, state: Path | None, seconds: float
) -> Counter[str]:
    """Try messages of a seed until there are `count` of them, over all runs of that state."""
    every: dict[str, Counter[str]] = _read(state)
    counts = every.setdefault(f"{seed} with {effort.candidates} candidates", Counter())
    until = time.monotonic() + seconds
    while counts["messages"] < count and time.monotonic() < until:
        number = counts["messages"]
        trial = Trial(f"{seed} {number}")
        one = explained(trial.changed, effort)
        counts["messages"] += 1
        counts[trial.kind] += 1
        counts["header candidates"] += one.candidates
        if trial.false(one):
            counts["false"] += 1
            print(f"FALSE: {seed} {number}: {trial.kind}", flush=True)
        if counts["messages"] % _SAVED == 0:
            _save(every, state)
    _save(every, state)
    return sum(every.values(), Counter())


def _read(state: Path | None) -> dict[str, Counter[str]]:
    if state is None or not state.exists():
        return {}
    return {name: Counter(counts) for name, counts in json.loads(state.read_text()).items()}


def _save(every: dict[str, Counter[str]], state: Path | None) -> None:
    if state is not None:
        interim = state.with_suffix(".new")
        interim.write_text(json.dumps(every))
        interim.replace(state)


# -- names ---------------------------------------------------------------------------------------


def named(count: int, seed: str) -> Counter[str]:
    """Count what explanations name that was not done; each message had one change or two."""
    counts: Counter[str] = Counter()
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        made = Message.parse(mail.signed(draw, mail.unsigned(draw)))
        done: list[str] = []
        for treatment in draw.sample(list(TREATMENTS.values()), len(TREATMENTS)):
            changed = treatment.change(made)
            if changed is not None:
                made, done = changed, [*done, treatment.name]
            if len(done) == 1 + number % 2:
                break
        one = explained(made)
        counts["messages"] += 1
        counts["passed"] += one.passed
        counts["explained"] += one.explained
        if not (one.explained or one.passed):
            counts[f"  not explained: {' + '.join(sorted(done))}"] += 1
        steps = {*one.header_steps, *one.body_steps}
        meant = {
            step for name in done for step in (*TREATMENTS[name].steps, *TREATMENTS[name].also)
        }
        if done[:1] == ["wrap"]:
            meant.update(_WITHIN[name] for name in done[1:] if name in _WITHIN)
        counts["steps named"] += len(steps)
        for step in steps - meant:
            counts["steps not done"] += 1
            counts[f"  {' + '.join(sorted(done))}: {step}"] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description="Count false proofs, or changes misnamed.")
    parser.add_argument("--count", type=int, default=200, help="messages")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--state", type=Path, help="where to go on from, and write what is done")
    parser.add_argument("--candidates", type=int, default=500, help="header sets of a message")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--named", action="store_true", help="count misnamed changes")
    given = parser.parse_args()
    os.nice(10)
    if given.named:
        counts = named(given.count, given.seed)
    else:
        counts = false_proofs(
            given.count, given.seed, few(given.candidates), given.state, given.seconds
        )
    for name, number in counts.items():
        print(f"{number:12,} {name}")
    raise SystemExit(1 if counts["false"] else 0)


if __name__ == "__main__":
    main()
