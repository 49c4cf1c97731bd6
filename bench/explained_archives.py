"""How many broken signatures of mailing lists are explained, and what that takes.

    bench/explained_archives.py --zone keys.json --count 130 ARCHIVE.git...

An archive is a public-inbox repository: each commit's file ``m`` is one message.  `--zone` has
the key records, as `avowal explain --zone` reads them: DNS no longer has most of them, and
`avowal keys recover` finds them again.  Only signatures whose key is there count, of domains
that From or Reply-To names.  Nothing of a message is written anywhere.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

from avowal import verify
from avowal.diagnose.address_words import spelled, split_addresses
from avowal.diagnose.explain import Explainer
from avowal.diagnose.explanation import Explanation, KeyState, PartState
from avowal.diagnose.surroundings import Surroundings
from avowal.dkim.rules import ARCHIVE
from avowal.dns.zone import Zone
from avowal.message import Header, Message

SAMPLE = 1600  # messages of an archive that are looked at, evenly over its years
_KNOWN = (PartState.INTACT, PartState.RESTORED)


def messages(archive: str, count: int) -> Iterator[Message]:
    git = ["git", f"--git-dir={archive}"]
    commits = _read([*git, "rev-list", "--reverse", "HEAD"]).decode().split()
    chosen = commits[:: max(1, len(commits) // count)]
    wanted = "".join(f"{commit}:m\n" for commit in chosen).encode()
    octets, at = _read([*git, "cat-file", "--batch"], wanted), 0
    while at < len(octets):
        end = octets.index(b"\n", at)
        line, at = octets[at:end], end + 1
        if line.endswith(b"missing"):
            continue
        size = int(line.split()[2])
        one = octets[at : at + size]
        at += size + 1
        if one.startswith((b"From ", b">From ")):
            one = one.partition(b"\n")[2]
        yield Message.from_stored(one)


def _read(command: list[str], given: bytes = b"") -> bytes:
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def organizations(header: Header) -> set[str]:
    names = (b"from", b"reply-to", b"x-original-from", b"x-mailman-original-from")
    addresses = [
        spelled(one).address.decode("utf-8", "replace").lower()
        for name in names
        for field in header.named(name)
        for one in split_addresses(field.value)
    ]
    return {organization(address.rpartition("@")[2]) for address in addresses}


def organization(domain: str) -> str:
    """The last two labels: near enough for counting."""
    return ".".join(domain.split(".")[-2:])


class Figures:
    """What is counted of one archive."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.proofs: list[float] = []
        self.failures: list[float] = []

    def take(self, one: Explanation, seconds: float, *, again: bool) -> None:
        body, header = one.body, one.header
        counts = self.counts
        if not again:
            counts["broken"] += 1
            counts["bodies"] += body is not PartState.INTACT
            counts["headers"] += header is not PartState.INTACT
            counts["bodies proven"] += body is PartState.RESTORED
            (self.proofs if one.explained else self.failures).append(1000 * seconds)
        counts["headers proven"] += header is PartState.RESTORED
        counts["cc-order-lost"] += one.cc_order_lost and not again
        counts["both"] += one.explained

    def row(self) -> str:
        counts = self.counts

        def share(part: str, whole: str, less: int = 0) -> str:
            return f"{100 * counts[part] / max(1, counts[whole] - less):.1f} %"

        lost = counts["cc-order-lost"]
        return (
            f"{counts['broken']} broken: bodies {share('bodies proven', 'bodies')}, "
            f"headers {share('headers proven', 'headers')} "
            f"({share('headers proven', 'headers', lost)} without {lost} cc-order-lost), "
            f"both {share('both', 'broken')}; proofs {_times(self.proofs)}; "
            f"unproven {_times(self.failures)}"
        )


def _times(values: list[float]) -> str:
    if not values:
        return "none"
    found = sorted(values)
    median, high = found[len(found) // 2], found[min(len(found) - 1, int(0.99 * len(found)))]
    return f"median {median:.1f} ms, p99 {high:.0f} ms, max {found[-1]:.0f} ms"


def measure(archive: str, zone: Zone, count: int) -> Figures:
    sample = list(messages(archive, SAMPLE))
    explainer = Explainer(around=Surroundings())
    for message in sample:
        explainer.around.take(message.header)
    random.Random(77).shuffle(sample)
    figures = Figures()
    left: list[Message] = []
    for message in sample:
        if figures.counts["broken"] >= count:
            break
        if _explained(explainer, message, zone, figures, again=False):
            left.append(message)
    for message in left:  # what was proven since may help
        _explained(explainer, message, zone, figures, again=True)
    return figures


def _explained(
    explainer: Explainer, message: Message, zone: Zone, figures: Figures, *, again: bool
) -> bool:
    """Explain a message; return whether some header of it was not found."""
    verdicts = verify(message.octets, zone, rules=ARCHIVE, line_ends="wire")
    authors = organizations(message.header)
    wanted = [
        one for one in verdicts
        if not one.passed and one.signature is not None and one.key is not None
        and one.signature.body_length is None
        and organization(one.signature.domain.ascii) in authors
    ]  # fmt: skip
    if not wanted:
        return False
    start = time.process_time()
    found = explainer.explain(message, wanted)
    seconds = (time.process_time() - start) / len(found)
    missing = False
    for one in found:
        if one.key != KeyState.PROVEN:
            continue
        missing = missing or one.header not in _KNOWN
        if not again or one.header is PartState.RESTORED:
            figures.take(one, seconds, again=again)
    return missing


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the explained signatures of archives.")
    parser.add_argument("archives", nargs="+")
    parser.add_argument("--zone", required=True)
    parser.add_argument("--count", type=int, default=130, help="broken signatures of an archive")
    given = parser.parse_args()
    zone = Zone.from_file(given.zone, None)
    total = Figures()
    for archive in given.archives:
        figures = measure(archive, zone, given.count)
        print(f"{archive}: {figures.row()}", flush=True)
        total.counts.update(figures.counts)
        total.proofs += figures.proofs
        total.failures += figures.failures
    print(f"together: {total.row()}")


if __name__ == "__main__":
    main()
