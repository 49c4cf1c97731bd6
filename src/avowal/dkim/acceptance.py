"""What is accepted of a signature, beside whether it verifies: structure first, then the rules.

Each check is a function (signature, circumstances) -> (reason, detail) or None.  For each kind
of signature two tables put them in the order of RFC 6376 §6.1.1: what stands before the key
spares the look-up; what stands behind the match judges a signature that verifies, so that what
is forged reads as forged and not as a matter of taste.  ARC message signatures are judged by
the tables of DKIM-Signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, TypeVar

from avowal.canonical import BODY_FORMS, HEADER_FORMS
from avowal.crypto.algorithms import ALGORITHMS, AlgorithmStatus
from avowal.dkim.key import KeyRecord, Signed
from avowal.dkim.query import QUERY_METHODS
from avowal.dkim.reasons import Reason
from avowal.dkim.rules import Problem, Rules
from avowal.dkim.signature import NOWSP, Signature
from avowal.limits import Limits
from avowal.lookup import Answer
from avowal.message import Header
from avowal.names import key_name
from avowal.text import lasting

S = TypeVar("S", bound=Signed)
T = TypeVar("T")

Place: TypeAlias = tuple[tuple[str, ...], str]  # query methods and key name
Keys: TypeAlias = Mapping[Place, Answer]


class Dated(Signed, Protocol):
    """A signature of any kind; where it has no t= or no x=, that is None."""

    @property
    def timestamp(self) -> int | None: ...
    @property
    def expiration(self) -> int | None: ...


class OfFields(Dated, Protocol):
    """A signature of header fields: `signed_names` has the name of each, repetitions too."""

    @property
    def signed_names(self) -> tuple[bytes, ...]: ...


class Circumstances:
    """What the signatures of one message are judged by: its header, the rules, the time."""

    __slots__ = ("_differ", "header", "now", "rules")

    def __init__(self, header: Header, rules: Rules, now: int | None) -> None:
        self.header = header
        self.rules = rules
        self.now = now
        self._differ: dict[bytes, bool] = {}

    def differ(self, name: bytes) -> bool:
        """Whether fields of one name differ in their relaxed form; looked at once for all.

        RFC 6376 §3.4.2.  Copies, as some gateways make them, show the same.
        """
        found = self._differ.get(name)
        if found is None:
            header, relaxed = self.header, HEADER_FORMS["relaxed"]
            forms = {relaxed(*header[at]) for at in header.places(name)}
            found = self._differ[name] = len(forms) > 1
        return found


Check: TypeAlias = Callable[[T, Circumstances], Problem | None]


def first_problem(
    checks: tuple[Check[T], ...], signature: T, circumstances: Circumstances
) -> Problem | None:
    """Return what the first failing check says."""
    for check in checks:
        problem = check(signature, circumstances)
        if problem is not None:
            return problem
    return None


class Admission:
    """Lets so many signatures of a message be checked, with keys at so many names."""

    __slots__ = ("_left", "_most_places", "_places")

    def __init__(self, limits: Limits) -> None:
        self._left = limits.signatures_checked
        self._most_places = limits.key_names
        self._places: set[Place] = set()

    def admit(
        self,
        checks: tuple[Check[S], ...],
        signature: S,
        methods: tuple[str, ...],
        circumstances: Circumstances,
    ) -> tuple[Place | None, Problem | None]:
        """Return where the key of a signature is asked for, or why it is not."""
        problem = first_problem(checks, signature, circumstances)
        if problem is not None:
            return None, problem
        place = methods, key_name(signature.selector, signature.domain)
        if not self._left or (place not in self._places and len(self._places) == self._most_places):
            return None, (Reason.TOO_MANY_SIGNATURES, None)
        self._left -= 1
        self._places.add(place)
        return place, None


def unacceptable(
    checks: tuple[Check[T], ...],
    signature: T,
    circumstances: Circumstances,
    record: KeyRecord,
    answer: Answer,
) -> Problem | None:
    """Judge a signature that verifies: the record of its key in the answer, then the rest."""
    rules = circumstances.rules
    if record.octets in answer.unpublished:
        return Reason.KEY_RECOVERED, None
    if record.testing and not rules.accept_testing:
        return Reason.KEY_TESTING, None
    if not answer.secure and not rules.accept_unprotected_key:
        return Reason.KEY_UNPROTECTED, None
    return first_problem(checks, signature, circumstances)


def _identity(signature: Signature, _: Circumstances) -> Problem | None:
    identity = signature.identity
    if identity is None or identity.domain.is_within(signature.domain):
        return None
    return Reason.DOMAIN_MISMATCH, f"i={identity}, d={signature.domain}"


def _from_signed(signature: Signature, _: Circumstances) -> Problem | None:
    return None if b"from" in signature.signed_names else (Reason.FROM_NOT_SIGNED, None)


def _algorithm(signature: Signed, _: Circumstances) -> Problem | None:
    known = signature.algorithm in ALGORITHMS
    return None if known else (Reason.ALGORITHM, f"a={signature.algorithm}")


def _methods_known(signature: Signature, _: Circumstances) -> Problem | None:
    known = signature.header_canon in HEADER_FORMS and signature.body_canon in BODY_FORMS
    if not known and not _is_nowsp(signature):
        return Reason.CANONICALIZATION, f"c={signature.header_canon}/{signature.body_canon}"
    if QUERY_METHODS.keys().isdisjoint(signature.query_methods):
        return Reason.QUERY, f"q={':'.join(signature.query_methods)}"
    return None


def _is_nowsp(signature: Signature) -> bool:
    """Whether a signature without bh= has the first draft's form: one name for header and body."""
    return signature.body_hash is None and signature.tags.get("c") == NOWSP


def _times(signature: Dated, circumstances: Circumstances) -> Problem | None:
    rules, now = circumstances.rules, circumstances.now
    if now is None:
        return None
    expiration, timestamp = signature.expiration, signature.timestamp
    if rules.check_expiration and expiration is not None and now > expiration + rules.clock_skew:
        return Reason.EXPIRED, f"{lasting(now - expiration)} ago"
    if timestamp is None:
        return None
    if rules.refuse_future and timestamp > now + rules.clock_skew:
        return Reason.FUTURE, f"{lasting(timestamp - now)} from now"
    if rules.max_age is not None and now > timestamp + rules.max_age + rules.clock_skew:
        return Reason.TOO_OLD, f"{lasting(now - timestamp)}, {lasting(rules.max_age)} are accepted"
    return None


def _domain(signature: Signed, circumstances: Circumstances) -> Problem | None:
    rules, name = circumstances.rules, signature.domain.ascii
    if "." not in name and not rules.accept_single_label:
        return Reason.UNACCEPTABLE_DOMAIN, f"d={name} is a single label"
    if name in rules.unacceptable_domains:
        return Reason.UNACCEPTABLE_DOMAIN, f"d={name}"
    return None


def _required_fields(signature: OfFields, circumstances: Circumstances) -> Problem | None:
    for name in sorted(circumstances.rules.required_fields):
        if name not in signature.signed_names and circumstances.header.places(name):
            return Reason.REQUIRED_FIELD, name.decode()
    return None


def _added_fields(signature: OfFields, circumstances: Circumstances) -> Problem | None:
    rules, header = circumstances.rules, circumstances.header
    for name in sorted(rules.sole_fields & header.repeated):
        present, count = len(header.places(name)), signature.signed_names.count(name)
        if count and present > count and circumstances.differ(name):
            return Reason.ADDED_FIELD, f"{present} {name.decode()} fields"
    if rules.refuse_several_from and len(header.places(b"from")) > 1:
        return Reason.ADDED_FIELD, "several From fields"
    return None


def _repeated_fields(signature: OfFields, circumstances: Circumstances) -> Problem | None:
    """Which of several is shown differs from reader to reader (RFC 6376 §8.15)."""
    header = circumstances.header
    once = circumstances.rules.once_fields
    if once.isdisjoint(header.repeated):
        return None
    for name in sorted(once & header.repeated):
        present = len(header.places(name))
        if present > signature.signed_names.count(name) and circumstances.differ(name):
            return Reason.REPEATED_FIELD, f"{present} {name.decode()} fields"
    return None


def _historic(signature: Signed, circumstances: Circumstances) -> Problem | None:
    historic = ALGORITHMS[signature.algorithm].status is AlgorithmStatus.HISTORIC
    if historic and not circumstances.rules.accept_historic:
        return Reason.HISTORIC_ALGORITHM, f"a={signature.algorithm}"
    return None


def _historic_protocol(_: Signed, circumstances: Circumstances) -> Problem | None:
    accepted = circumstances.rules.accept_drafts
    return None if accepted else (Reason.HISTORIC_PROTOCOL, "DomainKeys, RFC 4870")


def unsigned_content(rules: Rules, signed: int, whole: int) -> Problem | None:
    """Judge a body of `whole` canonical octets of which l= covers `signed` (RFC 6376 §8.2)."""
    if not (rules.accept_unsigned_content or rules.limits_unsigned_content):
        return Reason.UNSIGNED_CONTENT, f"l={signed}"
    if rules.min_signed_octets is not None and signed < min(rules.min_signed_octets, whole):
        return Reason.UNSIGNED_CONTENT, f"only {signed} octets of the body are signed"
    if rules.min_signed_percent is not None and signed * 100 < rules.min_signed_percent * whole:
        return Reason.UNSIGNED_CONTENT, f"only {signed * 100 // whole} % of the body are signed"
    if rules.max_unsigned_octets is not None and whole - signed > rules.max_unsigned_octets:
        return Reason.UNSIGNED_CONTENT, f"{whole - signed} octets of the body are not signed"
    return None


BEFORE_KEY: tuple[Check[Signature], ...] = (
    _identity,
    _from_signed,
    _algorithm,
    _methods_known,
    _times,
    _domain,
    _required_fields,
)
AFTER_MATCH: tuple[Check[Signature], ...] = (_historic, _added_fields, _repeated_fields)
# A seal signs ARC sets and no field of the message (RFC 8617 §5.1.1).
SEAL_BEFORE_KEY: tuple[Check[Dated], ...] = (_algorithm, _times, _domain)
SEAL_AFTER_MATCH: tuple[Check[Dated], ...] = (_historic,)
# DomainKeys has one algorithm and no times; reading it looks for the sender (RFC 4870 §3.3).
DOMAINKEYS_BEFORE_KEY: tuple[Check[OfFields], ...] = (_domain, _required_fields)
DOMAINKEYS_AFTER_MATCH: tuple[Check[OfFields], ...] = (
    _historic_protocol,
    _historic,
    _added_fields,
    _repeated_fields,
)
