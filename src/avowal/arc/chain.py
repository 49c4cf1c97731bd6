"""The chain of a message: its sets collected, its structure judged (RFC 8617 §5.2 steps 1-3)."""

from __future__ import annotations

from dataclasses import dataclass

from avowal.arc.fields import (
    MOST_INSTANCES,
    NAMES,
    RESULTS_NAME,
    SEAL_NAME,
    SIGNATURE_NAME,
    ArcFault,
    ArcField,
    AuthenticationResultsInstance,
    MessageSignature,
    Seal,
    read_field,
)
from avowal.arc.reasons import ChainReason, ChainStatus
from avowal.dkim.signature import SignatureFault
from avowal.limits import DEFAULT, Limits
from avowal.message import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcSet:
    """The three fields of one instance."""

    instance: int
    results: AuthenticationResultsInstance
    signature: MessageSignature
    seal: Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What a message carries of ARC.

    `sets` run from instance 1 upwards; they are complete when `reason` is None, and empty
    otherwise.  `highest` is the highest instance that could be read, 0 for none;
    `marked_failed` says whether the newest seal has cv=fail.
    """

    sets: tuple[ArcSet, ...] = ()
    reason: ChainReason | None = None
    detail: str | None = None
    highest: int = 0
    marked_failed: bool = False

    @property
    def absent(self) -> bool:
        """Whether the message has no ARC field at all (§5.2 step 1)."""
        return not self.sets and self.reason is None

    @classmethod
    def of(cls, header: Header, *, limits: Limits = DEFAULT) -> Chain:
        """Collect the sets of a message and judge their structure; raises nothing."""
        return _Collector(header, limits).chain()


class _Collector:
    """Reads the ARC fields of a header, then goes through §5.2 step by step."""

    def __init__(self, header: Header, limits: Limits) -> None:
        self._found: dict[bytes, dict[int, ArcField]] = {name: {} for name in NAMES}
        self._problem: tuple[ChainReason, str] | None = None
        excess = header.excess(limits)
        counts = [len(header.positions.get(name, ())) for name in NAMES]
        self._total = sum(counts)
        if excess is not None:
            self._total += sum(excess.count(name) for name in NAMES)
            self._problem = ChainReason.TOO_LARGE, str(excess)
        elif max(counts) > MOST_INSTANCES:
            self._problem = ChainReason.TOO_MANY_SETS, f"{max(counts)} fields of one name"
        else:
            for name in NAMES:
                for place in header.positions.get(name, ()):
                    self._read(header, name, place, limits)

    def chain(self) -> Chain:
        """Return what was found."""
        if self._total == 0:
            return Chain()
        seals = self._found[SEAL_NAME]
        highest = max((max(found, default=0) for found in self._found.values()), default=0)
        newest = seals.get(highest)
        marked = isinstance(newest, Seal) and newest.status is ChainStatus.FAIL
        problem = self._problem
        if marked:  # step 2 comes before the structure
            problem = ChainReason.MARKED_FAILED, f"cv=fail in instance {highest}"
        problem = problem or self._structure(highest)
        if problem is not None:
            reason, detail = problem
            return Chain(reason=reason, detail=detail, highest=highest, marked_failed=marked)
        sets = [self._set(instance) for instance in range(1, highest + 1)]
        return Chain(sets=tuple(sets), highest=highest)

    def _read(self, header: Header, name: bytes, place: int, limits: Limits) -> None:
        """Take one field; the first problem met is kept."""
        shown = name.decode()
        problem: tuple[ChainReason, str] | None = None
        try:
            field = read_field(header[place], place, limits)
        except (ArcFault, SignatureFault) as fault:
            problem = ChainReason.FIELD_SYNTAX, f"{shown}: {fault.why}"
        else:
            found = self._found[name]
            if field.instance in found:
                problem = ChainReason.REPEATED_FIELD, f"{shown} of instance {field.instance}"
            elif isinstance(field, Seal) and "h" in field.tags:
                problem = ChainReason.SEAL_NAMES_FIELDS, f"instance {field.instance}"
            found.setdefault(field.instance, field)
        self._problem = self._problem or problem

    def _structure(self, highest: int) -> tuple[ChainReason, str] | None:
        """Step 3: complete sets, instances 1 to N, and the cv= each place must have."""
        for instance in range(1, highest + 1):
            missing = [name for name in NAMES if instance not in self._found[name]]
            if len(missing) == len(NAMES):
                return ChainReason.GAP, f"there is no instance {instance}, but {highest}"
            if missing:
                return ChainReason.INCOMPLETE_SET, f"{missing[0].decode()} of instance {instance}"
        for instance in range(1, highest + 1):
            seal = self._found[SEAL_NAME][instance]
            expected = ChainStatus.NONE if instance == 1 else ChainStatus.PASS
            if isinstance(seal, Seal) and seal.status is not expected:
                return ChainReason.STATUS, f"cv={seal.status} in instance {instance}"
        return None

    def _set(self, instance: int) -> ArcSet:
        results = self._found[RESULTS_NAME][instance]
        signature = self._found[SIGNATURE_NAME][instance]
        seal = self._found[SEAL_NAME][instance]
        assert isinstance(results, AuthenticationResultsInstance)  # noqa: S101 - for the checker
        assert isinstance(signature, MessageSignature)  # noqa: S101 - for the checker
        assert isinstance(seal, Seal)  # noqa: S101 - for the checker
        return ArcSet(instance=instance, results=results, signature=signature, seal=seal)
