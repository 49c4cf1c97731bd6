"""avowal-opendkim signs as OpenDKIM does, but never for a domain others may not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from avowal.config.opendkim_conf import read_conf
from avowal.message import Header
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.journal import Detail, Journal
from avowal.opendkim.settings import compiled
from avowal.opendkim.treatment import TreatmentKind, treat
from avowal.testing import RSA_2048


@pytest.mark.parametrize(
    "author",
    [
        pytest.param(b"a@example.com..evil.example", id="text-behind-a-domain"),
        pytest.param(b"<a@example.com,evil.example>", id="comma-behind-a-domain"),
        pytest.param(b"a@example.com\\.evil.example", id="escape-behind-a-domain"),
        pytest.param(b"a@example.com .evil.example", id="space-in-a-domain"),
        pytest.param(b'"b@evil.example", a@example.com', id="quoted-author"),
    ],
)
@pytest.mark.parametrize("table", ["example.com", "*"], ids=["named", "every-domain"])
def test_nothing_is_signed_where_readers_may_show_another_author(
    tmp_path: Path, author: bytes, table: str
) -> None:
    (tmp_path / "key").write_bytes(RSA_2048.pem())
    text = f"Domain {table}\nSelector s1\nKeyFile {tmp_path}/key\nRequireSafeKeys no\n"
    generation = OpendkimGeneration.of(compiled(read_conf("conf", read=lambda _: text)))
    journal = Journal("job", Detail(any=True, success=True, why=True))
    treatment = treat(
        generation.settings,
        generation.keyring,
        Envelope(client_name="localhost", client="127.0.0.1"),
        Header.parse(b"From: " + author + b"\r\nDate: today\r\n"),
        journal,
    )
    assert treatment.kind is TreatmentKind.VERIFY
    assert treatment.signings == ()
