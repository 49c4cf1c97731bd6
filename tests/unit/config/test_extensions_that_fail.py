"""What a package of others raises when it is put to use is one mistake, and never a traceback."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from avowal import extensions
from avowal.errors import UsageError


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param("import no_such_module", "cannot be loaded", id="import"),
        pytest.param("other = 1", "cannot be loaded", id="no such name"),
        pytest.param("def register(:", "cannot be loaded", id="syntax"),
        pytest.param("1 / 0", "cannot be loaded", id="raises at import"),
        pytest.param("def register(): 1 / 0", "cannot be registered", id="raises when called"),
        pytest.param("def register(needed): pass", "cannot be registered", id="wants arguments"),
        pytest.param("def register(): pass", "registered no algorithm", id="does nothing"),
        pytest.param("register = 1", "is no function", id="no function"),
    ],
)
def test_an_algorithm_that_fails_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (tmp_path / "failing_extension.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "failing_extension", raising=False)
    entry = metadata.EntryPoint("odd-sha9", "failing_extension:register", "avowal.algorithms")
    monkeypatch.setattr(metadata, "entry_points", lambda group: metadata.EntryPoints([entry]))
    with pytest.raises(UsageError, match=said):
        extensions.use_algorithm("odd-sha9")
    sys.modules.pop("failing_extension", None)
