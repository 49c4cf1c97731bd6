"""One structured log record per message, as a value: the face adds the times and writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A signature we added."""

    domain: str
    selector: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A signature we verified: RFC 8601 result, and our reason where it is not a pass.

    Names are as written, None as far as the field could not be read.
    """

    domain: str | None
    selector: str | None
    algorithm: str | None
    result: str
    reason: str | None = None
    detail: str | None = None
    key_bits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecord:
    """What one message was and what became of it.

    `action` is the disposition's word, or `quarantine`, `tag`; `treatment` is `sign`,
    `verify`, `both` or `none`, and `why` the sentence that decided it.  `class_` is the
    result class that the action follows from, None for a pass or an unverified message.
    `results` are the A-R words of all mechanisms, such as ``("spf", "pass")``.  `opinions`
    are sentences about those who answer for the message; `mark` is set when it got the mark of
    `results.mark`.  `impostor` is set when a stranger used an author domain that we sign for.
    `reports` counts those to be sent to signers. `cause` is what the action follows from: a
    reason, or the policy that decided, with its symbol and section. `policy_dnssec` tells whether
    DNSSEC vouched for the answers that policies were read from. `unsigned` is the option by
    which a message of ours, by an author we sign for, leaves without a signature, and
    `unsigned_why` says how.
    """

    action: str
    treatment: str
    why: str
    queue_id: str | None = None
    client: str | None = None
    client_name: str | None = None
    author: str | None = None
    sender: str | None = None
    message_id: str | None = None
    class_: str | None = None
    made: tuple[Made, ...] = ()
    checked: tuple[Checked, ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    opinions: tuple[str, ...] = ()
    mark: bool = False
    removed: int = 0
    refolded: int = 0
    long_lines: int = 0
    long_body: bool = False
    reports: int = 0
    body_octets: int = 0
    impostor: bool = False
    dry_run: bool = False
    fault: str | None = None
    cause: str | None = None
    policy_dnssec: str | None = None
    unsigned: str | None = None
    unsigned_why: str | None = None

    def items(self) -> Iterator[tuple[str, str | int | bool]]:
        """Yield what there is to log, in a stable order; signatures flattened to words."""
        values: tuple[str | int | bool | None, ...] = _plain_values(self)
        for name, value in zip(_PLAIN_NAMES, values, strict=True):
            if value is not None and value is not False and value != 0:
                yield name, value
        for number, made in enumerate(self.made, 1):
            yield f"signed{number}", f"d={made.domain} s={made.selector} a={made.algorithm}"
        for number, one in enumerate(self.checked, 1):
            names = f"d={one.domain} s={one.selector} a={one.algorithm}"
            yield f"dkim{number}", f"{one.result} {one.reason or ''} {names}".replace("  ", " ")
        for number, opinion in enumerate(self.opinions, 1):
            yield f"opinion{number}", opinion
        for method, result in self.results:
            if method != "dkim":
                yield method, result


_PLAIN = (
    "queue_id", "action", "treatment", "why", "class_", "client", "client_name", "author",
    "sender", "message_id", "removed", "refolded", "long_lines", "long_body", "reports",
    "body_octets", "impostor", "mark", "dry_run", "fault", "cause", "policy_dnssec",
    "unsigned",
)  # fmt: skip
_PLAIN_NAMES = tuple(name.rstrip("_") for name in _PLAIN)
_plain_values = attrgetter(*_PLAIN)
