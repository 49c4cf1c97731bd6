"""What a program accepts as proof of authorship, beyond the author's own whole signature."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from avowal.errors import UsageError
from avowal.examine.coverage import SHOWN
from avowal.members import refuse_other, refuse_single
from avowal.names import DomainName, NameFault


def _nowhere(name: str) -> bool:
    return "." not in name


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The choices of one program; the defaults accept a whole signature of the author's domain.

    `sealers` are the domains whose ARC chains are believed, when all of a chain's are among
    them.  `spf` accepts an aligned SPF pass, which covers nothing of the content.  `unsigned`
    are fields of `coverage.SHOWN` that need not be signed, lower-cased.  `max_age` is in
    seconds.  `recipients` are the addresses the message came to.  `is_suffix` tells public
    suffixes, in A-labels.
    """

    sealers: tuple[DomainName, ...] = ()
    spf: bool = False
    unsigned: frozenset[bytes] = frozenset()
    max_age: int | None = None
    recipients: tuple[str, ...] = ()
    is_suffix: Callable[[str], bool] = _nowhere

    @classmethod
    def of(
        cls,
        *,
        accept_trusted_arc: Collection[str],
        accept_spf: bool,
        accept_unsigned: Collection[str],
        max_age: int | None,
        recipients: Collection[str],
        is_suffix: Callable[[str], bool],
    ) -> Acceptance:
        """Read the arguments of a call.  Raises UsageError."""
        refuse_single("accept_trusted_arc", accept_trusted_arc)
        refuse_single("accept_unsigned", accept_unsigned)
        refuse_single("recipients", recipients)
        refuse_other("accept_spf", accept_spf, bool)
        refuse_other("max_age", max_age, int, type(None), what="seconds as int, or None")
        unsigned = frozenset(name.strip().lower().encode() for name in accept_unsigned)
        unknown = sorted(unsigned - (SHOWN - {b"from"}))
        if unknown:
            known = ", ".join(sorted(name.decode() for name in SHOWN - {b"from"}))
            raise UsageError(f"accept_unsigned: {unknown[0].decode()!r} is none of {known}")
        return cls(
            sealers=tuple(_domain(written) for written in accept_trusted_arc),
            spf=accept_spf,
            unsigned=unsigned,
            max_age=max_age,
            recipients=tuple(recipients),
            is_suffix=is_suffix,
        )

    def trusts_sealer(self, domain: DomainName) -> bool:
        """Whether the chains of a sealer are believed."""
        return any(domain.same_as(sealer) for sealer in self.sealers)


def _domain(written: str) -> DomainName:
    try:
        return DomainName.parse(written.encode("utf-8", "surrogateescape"))
    except NameFault as fault:
        raise UsageError(f"accept_trusted_arc: {written!r} is no domain: {fault.why}") from None
