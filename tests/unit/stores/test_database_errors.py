"""What a database says went wrong, as a sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from avowal.stores.dsn import SqlSet


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(
            OSError("no such table: keys\nLINE 1"), "no such table: keys", id="the first line"
        ),
        pytest.param(
            ValueError(2003, "Can't connect to 'db'"), "Can't connect to 'db' (2003)", id="a pair"
        ),
        pytest.param(ValueError("of secret"), "of ***", id="without the password"),
        pytest.param(ValueError(), "no connection", id="nothing"),
    ],
)
def test_an_error_of_a_driver_is_one_line(error: Exception, said: str) -> None:
    data: Any = SimpleNamespace(source=SimpleNamespace(password="secret"))
    assert SqlSet._said(data, error) == said
