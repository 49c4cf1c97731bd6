"""A service per test, skipped where the extra `serve` is not installed."""

from __future__ import annotations

import pytest

for module in ("starlette", "uvicorn", "jsonschema"):
    pytest.importorskip(module, reason=f"{module} is not installed (extras: serve, test)")
