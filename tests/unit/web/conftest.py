"""An inspector per test, skipped where the extra `web` is not installed."""

from __future__ import annotations

import pytest

for module in ("starlette", "uvicorn", "jinja2", "python_multipart", "httpx"):
    pytest.importorskip(module, reason=f"{module} is not installed (extras: web, test)")
