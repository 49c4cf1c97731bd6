"""Whatever a file holds, reading keys from it ends, and refuses with an error of avowal's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avowal.errors import AvowalError
from avowal.key_imports import ImportedKey, read_keys
from avowal.testing import ED25519

PIECES = st.sampled_from(
    ["domain", "selector", "path", "a.example", "s1", "/k", "$domain", "{", "}", "[", "]", "=", ":",
     ";", ",", '"', "'", "\n", " ", "#", "/*", "*/", "\\", "\\u00e9", ".include", "<<EOD", "%",
     "KeyTable", "KeyFile", "Domain", "Selector", "SigningTable", "csl:k=a.example:s1:/k", "file:",
     "signature.a.domain", "[signature.a]", '"private-key"', "%{file:/k}%", '"@type"',
     '"Dkim1RsaSha256"', '"selector": "s1"', '"domainId": "b"', "selector_map", "dkim_signing",
     "use_redis = true", "\x00", "é", ED25519.pem().decode()]
)  # fmt: skip
SECRET = ED25519.pem().decode().split("\n")[1]
OCTETS = st.one_of(
    st.binary(max_size=60),
    st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode()),
    st.lists(PIECES, max_size=30).map(lambda pieces: " ".join(pieces).encode()),
)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "file"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=OCTETS)
def test_reading_keys_raises_errors_of_avowal_only(octets: bytes, elsewhere: Path) -> None:
    elsewhere.write_bytes(octets)
    said, found = "", tuple[ImportedKey, ...]()
    try:
        found = read_keys(elsewhere)
    except AvowalError as error:
        said = str(error)
    assert bool(said) != bool(found)
    assert SECRET not in said
    assert all(isinstance(key, ImportedKey) for key in found)
    assert all((key.path is None) != (key.inline is None) for key in found)
