"""Keys on a token: SoftHSM2, through the real library of PKCS #11."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import avowal
from avowal.crypto.algorithms import ALGORITHMS
from avowal.errors import KeyMaterialError
from avowal.keys.lifecycle import KeyState
from avowal.keys.outside import OutsideKey
from avowal.keys.places import Opening, Place
from avowal.keys.records import record_text
from avowal.keys.registration import registered
from avowal.names import DomainName
from avowal.testing import Zone, message

pkcs11 = pytest.importorskip("pkcs11")
pytestmark = pytest.mark.needs("softhsm2-util")

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
DIGEST = bytes(range(32))
_ED25519 = bytes.fromhex("130c656477617264733235353139")  # PrintableString "edwards25519"


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a token that has an RSA key r1, an Ed25519 key e1, two keys two."""
    here = tmp_path_factory.mktemp("token")
    (here / "tokens").mkdir()
    (here / "conf").write_text(f"directories.tokendir = {here}/tokens\nlog.level = ERROR\n")
    (here / "pin").write_text("1234\n")
    for secret in ("pin", "conf"):  # one test takes the other for a PIN
        (here / secret).chmod(0o600)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(here / "conf"))
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "avowal", "--pin", "1234",
             "--so-pin", "1234"],
            check=True, capture_output=True,
        )  # fmt: skip
        with (
            pkcs11.lib(MODULE)
            .get_token(token_label="avowal")
            .open(rw=True, user_pin="1234") as session
        ):
            for label in ("r1", "two", "two"):
                session.generate_keypair(pkcs11.KeyType.RSA, 1024, store=True, label=label)
            parameters = {pkcs11.Attribute.EC_PARAMS: _ED25519}
            session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS, parameters, local=True
            ).generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label="e1"
            )
        yield here


def uri(token: Path, label: str, pin: str = "pin", module: str = MODULE) -> str:
    return f"pkcs11:token=avowal;object={label}?module-path={module}&pin-source=file:{token}/{pin}"


@pytest.fixture
def opened(token: Path) -> Iterator[Callable[[str], OutsideKey]]:
    from avowal.keys.token import open_token

    keys = []

    def opened(label: str) -> OutsideKey:
        keys.append(open_token(Place.parse(uri(token, label)), Opening()))
        return keys[-1]

    yield opened
    for key in keys:
        key.close()


Opened = Callable[[str], OutsideKey]


def fits(key: OutsideKey, signature: bytes) -> bool:
    algorithm = ALGORITHMS[key.algorithm]
    return algorithm.verify(algorithm.load_public(key.public_octets), signature, DIGEST)


@pytest.mark.parametrize("label", ["r1", "e1"])
def test_a_message_that_the_token_signed_passes(opened: Opened, label: str) -> None:
    key = opened(label)
    signed = avowal.sign(message(), domain="example.com", selector="s", key=key) + message()
    zone = Zone({"s._domainkey.example.com": record_text(key)})
    assert [one.result for one in avowal.verify(signed, resolver=zone)] == ["pass"]


def test_the_store_keeps_its_size(opened: Opened) -> None:
    name = DomainName.parse(b"example.com")
    kept = [
        registered(
            opened(label), domain=name, selector=name, private="pkcs11:", state=KeyState.PREPARED,
            now=1,
        )
        for label in ("r1", "e1")
    ]  # fmt: skip
    assert [one.bits for one in kept] == [1024, None]


def test_a_process_that_was_forked_has_a_session_of_its_own(opened: Opened) -> None:
    key = opened("r1")
    assert fits(key, key.sign(DIGEST))
    child = os.fork()
    if not child:
        os._exit(0 if fits(key, asyncio.run(key.asign(DIGEST))) else 1)
    assert os.waitpid(child, 0)[1] == 0


async def test_many_are_asked_for_while_the_loop_goes_on(opened: Opened) -> None:
    rsa, key = opened("r1"), opened("e1")
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(turning())
    others = asyncio.gather(*[rsa.asign(DIGEST) for _ in range(50)])
    made = await asyncio.gather(*[key.asign(DIGEST) for _ in range(50)])
    assert all(fits(rsa, one) for one in await others)
    beside.cancel()
    assert all(fits(key, one) for one in made)
    assert turns > len(made)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param(("object=r1", "object=none"), "no key of that name", id="no key"),
        pytest.param(("object=r1", "object=two"), "2 keys of that name", id="two keys"),
        pytest.param(("token=avowal", "token=other"), "NoSuchToken", id="no token"),
        pytest.param((MODULE, "/nowhere.so"), "nowhere.so", id="no library"),
        pytest.param(("/pin", "/conf"), "PinIncorrect|PinLenRange", id="another PIN"),
        pytest.param(("/pin", "/none"), "No such file", id="no PIN"),
        pytest.param(("object=r1", "slot=1"), "slot", id="another attribute"),
        pytest.param(("pin-source", "pin-value"), "pin-value", id="the PIN itself"),
        pytest.param((";object=r1", ""), "needs token", id="no object"),
    ],
)
def test_what_cannot_be_opened_is_said_with_its_place(
    token: Path, changed: tuple[str, str], why: str
) -> None:
    from avowal.keys.token import open_token

    place = Place.parse(uri(token, "r1").replace(*changed))
    with pytest.raises(KeyMaterialError, match=why) as caught:
        open_token(place, Opening())
    assert "1234" not in str(caught.value)
