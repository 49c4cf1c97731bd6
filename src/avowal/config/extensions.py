"""What other packages bring: the table `extensions`."""

from __future__ import annotations

from typing import Annotated

from avowal.config.options import Table, option


class Extensions(Table, frozen=True, kw_only=True):
    """Key services and algorithms of other installed packages, by the names of entry points."""

    key_services: Annotated[
        tuple[str, ...],
        option("Methods of q= that keys are asked for by, besides dns/txt.", entries="names"),
    ] = ()
    algorithms: Annotated[
        tuple[str, ...],
        option(
            "Algorithms a= to sign and verify with, besides those that are built in.",
            entries="names",
        ),
    ] = ()
