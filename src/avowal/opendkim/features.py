"""What ``avowal-opendkim -V`` prints."""

from __future__ import annotations

from avowal import __version__
from avowal.crypto.algorithms import ALGORITHMS, AlgorithmStatus
from avowal.stores.datasets import KINDS

_OPTIONS = ("ATPS", "QUERY_CACHE", "REPLACE_RULES", "SENDER_MACRO", "SHADOW")


def version_text() -> str:
    """Return version, algorithms, data sets and options, laid out as OpenDKIM does."""
    signing = [name for name, a in ALGORITHMS.items() if a.status is not AlgorithmStatus.HISTORIC]
    lines = [
        f"avowal-opendkim: avowal v{__version__} in the place of OpenDKIM Filter v2.11.0",
        "\tSupported signing algorithms:",
        *(f"\t\t{name}" for name in signing),
        "\tSupported canonicalization algorithms:",
        "\t\trelaxed",
        "\t\tsimple",
        "\tData sets:",
        *(f"\t\t{kind}" for kind in KINDS),
        "\tActive code options:",
        *(f"\t\t{name}" for name in _OPTIONS),
    ]
    return "\n".join(lines) + "\n"
