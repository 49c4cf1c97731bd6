"""New key pairs in a directory of private keys: made once, found again after a crash."""

from __future__ import annotations

import os

from avowal import paths
from avowal.crypto.algorithms import ALGORITHMS
from avowal.crypto.signing import PrivateKey, generate
from avowal.errors import KeyMaterialError
from avowal.keys.files import load_key, read_password, write_key
from avowal.keys.places import file_uri
from avowal.keys.records import record_text
from avowal.keys.rotation_actions import Make
from avowal.keys.rotation_events import Made
from avowal.names import DomainName

_DIRECTORY_MODE = 0o700


class PairDirectory:
    """Keeps each private key in a file ``DOMAIN.SELECTOR.NUMBER.pem``, encrypted if told to."""

    def __init__(self, directory: str, passphrase_file: str | None = None) -> None:
        self._directory = os.path.abspath(directory)  # noqa: PTH100 - links count
        self._passphrase_file = None
        if passphrase_file is not None:
            self._passphrase_file = os.path.abspath(passphrase_file)  # noqa: PTH100

    def make(self, domain: DomainName, wanted: Make) -> Made:
        """Make the pair that is wanted, or take the one that was made and not noted.

        Raises KeyMaterialError, StoreError and OSError.
        """
        name = f"{domain.ascii}.{wanted.selector.ascii}.{wanted.number}.pem"
        path = f"{self._directory}/{name}"
        password = None if self._passphrase_file is None else read_password(self._passphrase_file)
        paths.make_directory(self._directory, _DIRECTORY_MODE)
        if os.path.lexists(path):
            key = load_key(path, password=password)
        else:
            key_type = ALGORITHMS[wanted.algorithm].key_type
            size = {} if wanted.bits is None else {"bits": wanted.bits}
            key = generate(key_type, **size)
            write_key(path, key, password=password)
        if key.algorithm != wanted.algorithm:
            raise KeyMaterialError(path, f"a key for {key.algorithm}, not for {wanted.algorithm}")
        return Made(
            selector=wanted.selector,
            record=record_text(key),
            private=file_uri(path, self._passphrase_file),
            bits=_bits(key),
        )


def _bits(key: PrivateKey) -> int | None:
    return key.bits if key.key_type == "rsa" else None
