"""What every test may lean on: markers by folder, reasons for skipping, reproducible generation."""

from __future__ import annotations

import os
import shutil
import signal
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
FOLDERS = {"conformance", "differential", "integration", "properties", "threats"}

# The same examples in every run and no deadline: machines are shared, and a red run must come back.
# To look for new ones: pytest --hypothesis-profile=search.
settings.register_profile(
    "project",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("project")


# Programs that tests start inherit what is ignored.  A shell without job control ignores both
# of these for what it puts in the background, and a test that interrupts a program would wait.
for ignored in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(ignored) is signal.SIG_IGN:
        default = signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL
        signal.signal(ignored, default)

# Seconds for the tests of a folder that start servers; the others have those of pyproject.toml.
PATIENCE = {"integration": 400, "differential": 400}


@cache
def _folder(path: Path) -> str:
    """Return the folder of tests that a file is in, "" for one elsewhere."""
    return path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) else ""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that belongs to the hook below."""
    config.addinivalue_line(
        "markers", "needs(*programs): skipped, and says so, where one of the programs is missing"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marker and the patience of its folder: it needs no decoration."""
    for item in items:
        folder = _folder(item.path)
        if folder in FOLDERS:
            item.add_marker(folder)
        if folder in PATIENCE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE[folder]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a missing program: `@pytest.mark.needs("opendkim", "miltertest")`."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    for marker in item.iter_markers("needs"):
        missing = [name for name in marker.args if shutil.which(name, path=path) is None]
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)} (tests/system-packages.txt)")
