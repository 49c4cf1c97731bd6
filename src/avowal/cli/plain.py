"""Command lines so plain that they need no parser: ``--version`` and ``verify`` with a zone.

click takes longer to import than a message to verify.  What is read here means what click
reads, which a test shows for generated lines; all others, and all mistakes, are left to it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def read(arguments: list[str]) -> Callable[[], int] | None:
    """Return the work that the arguments ask for, None where click has to read them."""
    if arguments == ["--version"]:
        return _version
    if arguments[:1] != ["verify"]:
        return None
    found = sources_and_zone(arguments[1:])
    if found is None:
        return None
    from avowal.cli.dns import Dns
    from avowal.cli.verification import verify

    sources, zone = found
    return lambda: verify(sources, Dns(zone=zone))


def sources_and_zone(arguments: list[str]) -> tuple[tuple[str, ...], str | None] | None:
    """Read ``SOURCE... [--zone FILE]`` in any order; None for anything else."""
    sources = []
    zone = None
    words = iter(arguments)
    for word in words:
        if word == "--zone" and zone is None:
            zone = next(words, "-")
            if zone.startswith("-"):
                return None
        elif word.startswith("-") and word != "-":
            return None
        else:
            sources.append(word)
    return (tuple(sources), zone) if sources else None


def _version() -> int:
    from avowal import __version__

    print(f"avowal {__version__}")
    return 0
