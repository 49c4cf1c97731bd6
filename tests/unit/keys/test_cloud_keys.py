"""Keys in Google's and Azure's key services, against stand-ins that sign with a real key."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization

import avowal
from avowal.crypto.algorithms import ALGORITHMS
from avowal.errors import KeyMaterialError
from avowal.keys.azure_vault import open_azure_vault
from avowal.keys.gcp_kms import open_gcp_kms
from avowal.keys.outside import OutsideKey
from avowal.keys.places import Opening, Place
from avowal.keys.records import record_text
from avowal.stored_keys import open_private
from avowal.testing import RSA_2048, Zone, message

TOKEN = "t0ken-that-nobody-prints"
GCP = "projects/p/locations/l/keyRings/r/cryptoKeys/{}/cryptoKeyVersions/1"
VERSION = "0123456789abcdef"


def url64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class StandIn(BaseHTTPRequestHandler):
    """Answers as both services document it; anything else is 404, another token 401."""

    def do_GET(self) -> None:
        numbers = ALGORITHMS["rsa-sha256"].load_public(RSA_2048.public_octets).handle
        kid = f"https://v/keys/s1/{VERSION}"
        octets = [n.to_bytes(-(-n.bit_length() // 8)) for n in (numbers.public_numbers().n, 65537)]
        n, e = map(url64, octets)
        answers: dict[str, Any] = {
            f"/v1/{GCP.format('s1')}/publicKey": _gcp("RSA_SIGN_PKCS1_2048_SHA256"),
            f"/v1/{GCP.format('ec')}/publicKey": _gcp("EC_SIGN_P256_SHA256"),
            f"/v1/{GCP.format('odd')}/publicKey": {"algorithm": "RSA_SIGN_PKCS1_2048_SHA256"},
            "/keys/s1/": {"key": {"kid": kid, "kty": "RSA", "n": n, "e": e}},
            "/keys/ec/": {"key": {"kid": kid, "kty": "EC"}},
            "/keys/odd/": {"key": {"kid": kid, "kty": "RSA", "n": "?", "e": e}},
        }
        self._answer(answers.get(urlsplit(self.path).path))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        path = urlsplit(self.path).path
        if path == f"/v1/{GCP.format('s1')}:asymmetricSign":
            signature = RSA_2048.sign(base64.b64decode(asked["digest"]["sha256"]))
            self._answer({"signature": base64.b64encode(signature).decode()})
        elif path == f"/keys/s1/{VERSION}/sign" and asked["alg"] == "RS256":
            signature = RSA_2048.sign(base64.urlsafe_b64decode(asked["value"] + "="))
            self._answer({"kid": "k", "value": url64(signature)})
        else:
            self._answer(None)

    def _answer(self, found: object) -> None:
        right = self.headers["Authorization"] == f"Bearer {TOKEN}"
        octets = json.dumps(found if right else {}).encode()
        self.send_response(401 if not right else 404 if found is None else 200)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _gcp(kind: str) -> dict[str, str]:
    handle = ALGORITHMS["rsa-sha256"].load_public(RSA_2048.public_octets).handle
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = handle.public_bytes(serialization.Encoding.PEM, form)
    return {"algorithm": kind, "pem": pem.decode()}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["gcp", "azure"])
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def uri(service: str, name: str, address: str, token: Path | None) -> str:
    path = f"gcp-kms:{GCP.format(name)}" if service == "gcp" else f"azure-key-vault:{name}"
    given = "" if token is None else f"&token-file={token}"
    return f"{path}?address={address}{given}"


def opened(service: str, name: str, address: str, here: Path, token: str = TOKEN) -> OutsideKey:
    (here / "token").write_text(f"{token}\n")
    (here / "token").chmod(0o600)
    opener = open_gcp_kms if service == "gcp" else open_azure_vault
    return opener(Place.parse(uri(service, name, address, here / "token")), Opening())


def test_a_message_that_the_service_signed_passes(
    service: str, address: str, tmp_path: Path
) -> None:
    key = opened(service, "s1", address, tmp_path)
    field = avowal.sign(message(), domain="example.com", selector="s1", key=key)
    zone = Zone({"s1._domainkey.example.com": record_text(RSA_2048)})
    assert [one.passed for one in avowal.verify(field + message(), zone)] == [True]
    assert key.public_octets == RSA_2048.public_octets
    key.close()


@pytest.mark.parametrize(
    ("name", "token", "why"),
    [
        pytest.param("gone", TOKEN, "404", id="no such key"),
        pytest.param("s1", "other", "401", id="another token"),
        pytest.param("ec", TOKEN, "mail is signed with RSA", id="another type"),
        pytest.param("odd", TOKEN, "no public key that can be read", id="no public key"),
    ],
)
def test_what_the_service_refuses_is_said_without_the_token(
    service: str, address: str, tmp_path: Path, *, name: str, token: str, why: str
) -> None:
    with pytest.raises(KeyMaterialError, match=why) as caught:
        opened(service, name, address, tmp_path, token)
    assert token not in str(caught.value)


@pytest.mark.parametrize(
    "place",
    ["gcp-kms:s1", "azure-key-vault:s1", "azure-key-vault:s1?address=http://vault.example"],
)
def test_a_uri_that_names_no_key_or_no_safe_address_is_refused(place: str, tmp_path: Path) -> None:
    with pytest.raises(KeyMaterialError, match=r"needs|https"):
        open_private(place)


def test_a_token_is_read_anew_for_each_session(service: str, address: str, tmp_path: Path) -> None:
    key = opened(service, "s1", address, tmp_path)
    (tmp_path / "token").write_text("expired\n")
    with pytest.raises(KeyMaterialError, match="401"):
        key.sign(bytes(32))
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert key.sign(bytes(32)) == RSA_2048.sign(bytes(32))
    key.close()


class Credentials(SimpleNamespace):
    """Google's and Azure's credentials, as far as they are used."""

    valid = False
    token = ""

    def refresh(self, _: object) -> None:
        self.valid, self.token = True, TOKEN

    def get_token(self, scope: str) -> SimpleNamespace:
        assert scope == "https://vault.azure.net/.default"
        return SimpleNamespace(token=TOKEN)


class GoogleAuthError(Exception):
    """The root of Google's errors."""


def libraries(monkeypatch: pytest.MonkeyPatch, *, failing: bool = False) -> None:
    """Put modules in the place of the clouds' libraries."""

    def default(scopes: list[str]) -> tuple[Credentials, str]:
        assert scopes == ["https://www.googleapis.com/auth/cloudkms"]
        if failing:
            raise GoogleAuthError("no credentials\nand a long story")
        return Credentials(), "project"

    google, requests = ModuleType("google.auth"), ModuleType("google.auth.transport.requests")
    google.default = default  # type: ignore[attr-defined]
    requests.Request = object  # type: ignore[attr-defined]
    transport = ModuleType("google.auth.transport")
    transport.requests = requests  # type: ignore[attr-defined]
    google.transport = transport  # type: ignore[attr-defined]
    above, azure, identity = (ModuleType(n) for n in ("google", "azure", "azure.identity"))
    above.auth = google  # type: ignore[attr-defined]
    faults = ModuleType("google.auth.exceptions")
    faults.GoogleAuthError = GoogleAuthError  # type: ignore[attr-defined]
    google.exceptions = faults  # type: ignore[attr-defined]
    core, azure_faults = ModuleType("azure.core"), ModuleType("azure.core.exceptions")
    azure_faults.AzureError = GoogleAuthError  # type: ignore[attr-defined]
    identity.DefaultAzureCredential = Credentials  # type: ignore[attr-defined]
    for module in (above, google, transport, requests, azure, identity, faults, core, azure_faults):
        monkeypatch.setitem(sys.modules, module.__name__, module)


def test_without_a_token_file_the_library_is_asked(
    service: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries(monkeypatch)
    opener = open_gcp_kms if service == "gcp" else open_azure_vault
    key = opener(Place.parse(uri(service, "s1", address, None)), Opening())
    assert key.sign(bytes(32)) == RSA_2048.sign(bytes(32))
    key.close()


def test_what_a_library_says_of_missing_credentials_is_told_in_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries(monkeypatch, failing=True)
    with pytest.raises(KeyMaterialError) as caught:
        open_gcp_kms(Place.parse(uri("gcp", "s1", address, None)), Opening())
    assert str(caught.value).endswith("no token: no credentials")


def test_a_library_that_is_not_there_is_named(
    service: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("google", "google.auth", "azure", "azure.identity"):
        monkeypatch.setitem(sys.modules, name, None)
    opener = open_gcp_kms if service == "gcp" else open_azure_vault
    with pytest.raises(KeyMaterialError, match=rf"pip install 'avowal\[{service}\]'"):
        opener(Place.parse(uri(service, "s1", address, None)), Opening())


def test_no_cloud_library_is_loaded_before_a_key_of_it_is_opened() -> None:
    import subprocess

    code = (
        "import sys, avowal.stored_keys, avowal.keys.aws_kms, avowal.keys.gcp_kms,"
        " avowal.keys.azure_vault; print([m for m in ('boto3', 'google.auth', 'azure')"
        " if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
