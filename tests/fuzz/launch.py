"""Runs one target under atheris: ``python tests/fuzz/fuzz_verify.py [--pure] [libFuzzer options]``.

``--pure`` leaves the C kernel aside, so that coverage sees its Python twin.  Options are
libFuzzer's own, such as -max_total_time=60 or -runs=100000; a finding is written into the
current folder as crash-... and run again by naming that file.
"""

from __future__ import annotations

import sys
import tempfile
from hashlib import sha1
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))


def fuzz(target: str) -> None:
    """Fuzz until libFuzzer's options say stop; does not return."""
    arguments = [argument for argument in sys.argv if argument != "--pure"]
    if len(arguments) < len(sys.argv):
        sys.modules["avowal._kernel"] = None  # type: ignore[assignment]  # importing it fails
    with atheris.instrument_imports(include=["avowal"]):
        from tests.fuzz.seeds import TARGETS, seeds

    with tempfile.TemporaryDirectory(prefix="avowal-fuzz-") as corpus:
        if all(argument.startswith("-") for argument in arguments[1:]):
            for seed in seeds(target):
                (Path(corpus) / sha1(seed).hexdigest()).write_bytes(seed)
            arguments.append(corpus)
        atheris.Setup(arguments, TARGETS[target])
        atheris.Fuzz()
