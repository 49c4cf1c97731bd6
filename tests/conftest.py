"""What every test may lean on: markers by folder, reasons for skipping, reproducible generation."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
FOLDERS = {"conformance", "differential", "integration", "properties", "threats"}

# The same examples in every run and no deadline: machines are shared, and a red run must come back.
# To look for new ones: pytest --hypothesis-profile=search.
settings.register_profile(
    "house",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that belongs to the hook below."""
    config.addinivalue_line(
        "markers", "needs(*programs): skipped, and says so, where one of the programs is missing"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marker of its folder, so that `-m integration` needs no decoration."""
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        folder = item.path.relative_to(HERE).parts[0]
        if folder in FOLDERS:
            item.add_marker(folder)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a missing program: `@pytest.mark.needs("opendkim", "miltertest")`."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    for marker in item.iter_markers("needs"):
        missing = [name for name in marker.args if shutil.which(name, path=path) is None]
        if missing:
            pytest.skip(f"not installed: {', '.join(missing)} (tests/system-packages.txt)")
