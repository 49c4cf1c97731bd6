"""Keys in Vault's transit engine: a server on loopback that answers as Vault's pages say."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

import avowal
from avowal.crypto.algorithms import ALGORITHMS
from avowal.errors import KeyMaterialError
from avowal.keys.outside import OutsideKey
from avowal.keys.places import Opening, Place
from avowal.keys.vault import open_vault
from avowal.testing import ED25519, RSA_2048, Zone, message, record_for

TOKEN = "hvs.not-to-be-shown"
KEYS = {"r1": RSA_2048, "e1": ED25519}


def described(name: str) -> dict[str, Any]:
    if name == "ec":
        return {"type": "ecdsa-p256", "latest_version": 1, "keys": {"1": {"public_key": "x"}}}
    key = KEYS[name]
    if name == "e1":
        public = base64.b64encode(key.public_octets).decode()
        return {"type": "ed25519", "latest_version": 3, "keys": {"3": {"public_key": public}}}
    handle = serialization.load_pem_private_key(key.pem(), None).public_key()
    pem = handle.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {"type": "rsa-2048", "latest_version": 3, "keys": {"3": {"public_key": pem.decode()}}}


class Vault(BaseHTTPRequestHandler):
    """What /v1/transit/keys/:name and /v1/transit/sign/:name answer."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, data: object) -> None:
        octets = json.dumps({"data": data}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if self.headers["X-Vault-Token"] != TOKEN:
            self._answer(403, None)
        elif name in {*KEYS, "ec"}:
            self._answer(200, described(name))
        else:
            self._answer(404 if name != "odd" else 200, None)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.removeprefix("/v1/transit/sign/").removesuffix("/sha2-256")
        digest = base64.b64decode(asked["input"])
        wanted = {"input": asked["input"], "key_version": 3}
        if name == "r1":
            wanted |= {"prehashed": True, "signature_algorithm": "pkcs1v15"}
        right = asked == wanted and self.path.endswith("/sha2-256") == (name == "r1")
        signature = base64.b64encode(KEYS[name].sign(digest)).decode()
        self._answer(200 if right else 400, {"signature": f"vault:v3:{signature}"})


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def opened(tmp_path: Path, address: str, name: str, token: str = TOKEN) -> OutsideKey:
    (tmp_path / "token").write_text(f"{token}\n")
    (tmp_path / "token").chmod(0o600)
    uri = f"vault:transit/{name}?address={address}&token-file={tmp_path}/token"
    return open_vault(Place.parse(uri), Opening())


@pytest.mark.parametrize("name", KEYS)
def test_a_message_that_vault_signed_passes(tmp_path: Path, address: str, name: str) -> None:
    key = opened(tmp_path, address, name)
    signed = avowal.sign(message(), domain="example.com", selector="s", key=key) + message()
    key.close()
    zone = Zone({"s._domainkey.example.com": record_for(KEYS[name])})
    assert [one.result for one in avowal.verify(signed, resolver=zone)] == ["pass"]
    assert ALGORITHMS[key.algorithm] is ALGORITHMS[KEYS[name].algorithm]


@pytest.mark.parametrize(
    ("name", "token", "why"),
    [
        pytest.param("r1", "hvs.wrong", "403", id="another token"),
        pytest.param("none", TOKEN, "404", id="no key"),
        pytest.param("odd", TOKEN, "without data", id="no data"),
        pytest.param("ec", TOKEN, "ecdsa-p256", id="another type"),
    ],
)
def test_what_vault_refuses_is_said_without_the_token(
    tmp_path: Path, address: str, name: str, token: str, why: str
) -> None:
    with pytest.raises(KeyMaterialError, match=why) as caught:
        opened(tmp_path, address, name, token)
    assert "hvs." not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        pytest.param("http://vault.example", "https", id="not encrypted"),
        pytest.param("http://127.0.0.1:1", "refused", id="nobody there"),
        pytest.param("ftp://x", "https", id="another scheme"),
    ],
)
def test_an_address_that_will_not_do_is_said(tmp_path: Path, address: str, why: str) -> None:
    with pytest.raises(KeyMaterialError, match=why):
        opened(tmp_path, address, "r1")


def test_an_answer_that_is_too_large_is_refused(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.keys.json_service._MOST_OCTETS", 10)
    with pytest.raises(KeyMaterialError, match="Vault: 200 OK"):
        opened(tmp_path, address, "r1")


def test_a_server_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avowal.keys.json_service._ANSWER_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(KeyMaterialError, match="Vault: timed out"):
            opened(tmp_path, address, "r1")


def test_a_path_without_an_engine_is_refused() -> None:
    with pytest.raises(KeyMaterialError, match="needs a path"):
        open_vault(Place.parse("vault:s1?address=https://x&token-file=/t"), Opening())
