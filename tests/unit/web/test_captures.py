"""The capture box on its pages: listed, opened with the key, and nothing else of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.inspectors import NOW, Browser, signed, text_of

from avowal.config.model import Capture
from avowal.crypto.age import AgeIdentities, AgeRecipients
from avowal.errors import AvowalError, KeyMaterialError
from avowal.flow.captured import CapturedName
from avowal.milter.capture import CaptureBox
from avowal.testing import RSA_2048, message
from avowal.web import captures, limits
from avowal.web.captures import Captures
from avowal.web.limits import WebLimits

pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed (extra encrypt)")
KEY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
BROKEN = signed().replace(b"noon", b"midnight")


def a_box(path: Path, messages: list[bytes] | None = None, key: Any = KEY) -> Path:
    """The directory of a box that the daemon filled, a message each hour."""
    directory = path / "capture"
    directory.mkdir(mode=0o700, exist_ok=True)
    recipients = AgeRecipients.parse([str(key.to_public())])
    box = CaptureBox(Capture(directory=str(directory)), recipients)
    for number, octets in enumerate([BROKEN] if messages is None else messages):
        box.take(octets, f"4Q{number}", NOW - 86400 + 3600 * number)
    return directory


def looking(directory: Path) -> Browser:
    """A browser at an inspector that has the key, as age-keygen(1) writes it."""
    identity = directory.parent / "capture.key"
    identity.write_text(f"# created: 2026-11-30\n{OTHER}\n{KEY}\n")
    return Browser(captures=Captures.of(str(directory), str(identity)))


def opened(browser: Browser, name: str) -> Any:
    form = {"token": browser.form_token}
    return browser.client.post(f"/captured/{name}", data=form, files={"n": ("", b"")})


def test_captured_messages_are_listed_the_newest_first(tmp_path: Path) -> None:
    box = a_box(tmp_path, [message(subject="First"), message(subject="Second")])
    page = looking(box).get("/captured").text
    assert page.index("Second") < page.index("First")
    assert "queue id 4Q1" in text_of(page)


def test_a_captured_message_is_judged_as_at_the_time_it_came(tmp_path: Path) -> None:
    box = a_box(tmp_path)
    (file,) = box.iterdir()
    page = text_of(opened(looking(box), file.name).text)
    assert "Not authentic" in page
    assert "judged as at 2026-11-23" in page


def test_a_box_has_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "CAPTURE_ROWS", 2)
    browser = looking(a_box(tmp_path, [message(subject=f"No {n}") for n in range(5)]))
    first, last = browser.get("/captured").text, browser.get("/captured", page="2").text
    assert [word in first for word in ("No 4", "No 2", "Older")] == [True, False, True]
    assert [word in last for word in ("No 0", "No 1", "Older", "Newer")] == [
        True, False, False, True,
    ]  # fmt: skip


def test_a_large_one_is_listed_without_being_read(tmp_path: Path) -> None:
    box = a_box(tmp_path, [message(b"x" * (2 * limits.CAPTURE_LOOKED_AT), subject="Large")])
    browser = looking(box)
    assert "too large to be looked at in a list" in text_of(browser.get("/captured").text)
    (file,) = box.iterdir()
    assert "Large" in text_of(opened(browser, file.name).text)


def test_a_captured_message_larger_than_a_message_may_be_is_refused(tmp_path: Path) -> None:
    box = a_box(tmp_path, [message(b"x" * 300_000)])
    browser = looking(box)
    browser.inspector.limits = WebLimits(octets=100_000)
    (file,) = box.iterdir()
    assert opened(browser, file.name).status_code == 413


def test_what_is_for_another_key_is_said(tmp_path: Path) -> None:
    box = a_box(tmp_path, key=pyrage.x25519.Identity.generate())
    browser = looking(box)
    assert "is for another key" in text_of(browser.get("/captured").text)
    (file,) = box.iterdir()
    answer = opened(browser, file.name)
    assert (answer.status_code, "not with this passphrase or for this key" in answer.text) == (
        404, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("..%2f..%2fetc%2fpasswd", id="a way out"),
        pytest.param("capture.key", id="another file"),
        pytest.param(CapturedName(1, "GONE", "00000000").file, id="one that was erased"),
    ],
)
def test_what_is_no_captured_message_is_not_found(tmp_path: Path, name: str) -> None:
    assert opened(looking(a_box(tmp_path)), name).status_code == 404


def test_a_link_in_the_place_of_a_message_of_another_user_is_no_message(tmp_path: Path) -> None:
    box = a_box(tmp_path, [])
    (tmp_path / "secret").write_bytes(b"From: secret@example.com\r\n\r\n")
    link = box / CapturedName.of(NOW, "X").file
    link.symlink_to(tmp_path / "secret")
    page = looking(box).get("/captured").text
    assert "secret@" not in page


def test_without_a_box_there_is_no_page() -> None:
    browser = Browser()
    assert browser.get("/captured").status_code == 404
    assert opened(browser, CapturedName.of(NOW, "X").file).status_code == 404


def test_other_files_of_the_directory_are_not_listed(tmp_path: Path) -> None:
    box = a_box(tmp_path)
    (box / "notes.txt").write_text("mine")
    assert "1 in the box" in text_of(looking(box).get("/captured").text)


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        pytest.param(b"", "no private key of age or SSH", id="empty"),
        pytest.param(b"age1qqq\n", "no private key of age or SSH", id="a public key"),
        pytest.param(b"AGE-SECRET-KEY-1QQ\n", "no private key of age or SSH", id="a broken key"),
        pytest.param(b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "ed25519 and RSA", id="ssh"),
        pytest.param(b"age-encryption.org/v1\n", "give its password", id="an encrypted one"),
        pytest.param(b"#" * (limits.MOST_IDENTITY + 1), "too large", id="no key file"),
    ],
)
def test_a_file_without_a_key_is_refused_at_the_start(
    tmp_path: Path, octets: bytes, said: str
) -> None:
    (tmp_path / "k").write_bytes(octets)
    with pytest.raises(KeyMaterialError, match=said):
        Captures.of(str(tmp_path), str(tmp_path / "k"))


def test_a_box_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "k").write_text(str(KEY))
    with pytest.raises(AvowalError, match="No such file"):
        Captures.of(str(tmp_path / "none"), str(tmp_path / "k"))


PASSWORD = b"correct horse"
_FORMS = {
    "openssh": serialization.PrivateFormat.OpenSSH,
    "pem": serialization.PrivateFormat.TraditionalOpenSSL,
    "pkcs8": serialization.PrivateFormat.PKCS8,
}


def of_ssh(form: str, password: bytes | None) -> tuple[str, bytes]:
    """A public key of SSH, and the file of the private one."""
    key: Any = (
        Ed25519PrivateKey.generate()
        if form == "openssh"
        else serialization.load_pem_private_key(RSA_2048.pem(), None)
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    locked = serialization.BestAvailableEncryption(password) if password else None
    private = key.private_bytes(
        serialization.Encoding.PEM, _FORMS[form], locked or serialization.NoEncryption()
    )
    return public.decode(), private


@pytest.mark.parametrize(
    ("form", "password"),
    [
        pytest.param("openssh", None, id="openssh"),
        pytest.param("openssh", PASSWORD, id="openssh-with-a-password"),
        pytest.param("pem", None, id="pem"),
        pytest.param("pem", PASSWORD, id="pem-with-a-password"),
        pytest.param("pkcs8", PASSWORD, id="pkcs8-with-a-password"),
    ],
)
def test_a_key_of_ssh_reads_what_is_for_it(form: str, password: bytes | None) -> None:
    public, private = of_ssh(form, password)
    encrypted = AgeRecipients.parse([public]).encrypt(b"octets")
    assert AgeIdentities.parse(private, "k", password).decrypt(encrypted, "f") == b"octets"


@pytest.mark.parametrize("form", ["openssh", "pem"])
@pytest.mark.parametrize(
    ("password", "said"),
    [
        pytest.param(None, "the key is encrypted: give its password", id="none"),
        pytest.param(b"wrong", "the password does not open the key", id="another"),
    ],
)
def test_a_key_of_ssh_that_stays_shut_is_named(
    form: str, password: bytes | None, said: str
) -> None:
    _, private = of_ssh(form, PASSWORD)
    with pytest.raises(KeyMaterialError, match=f"k: {said}"):
        AgeIdentities.parse(private, "k", password)


def test_a_file_of_keys_may_be_encrypted_itself() -> None:
    """With another key here; a passphrase (``age -p``) takes the same way, and seconds."""
    shut = AgeRecipients.parse([str(OTHER.to_public())]).encrypt(str(KEY).encode())
    encrypted = AgeRecipients.parse([str(KEY.to_public())]).encrypt(b"octets")
    opened = AgeIdentities.parse(shut, "k", str(OTHER).encode())
    assert opened.decrypt(encrypted, "f") == b"octets"
    with pytest.raises(KeyMaterialError, match="not with this passphrase"):
        AgeIdentities.parse(shut, "k", str(KEY).encode())
