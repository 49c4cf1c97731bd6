"""Mail::DKIM (Perl), kept running behind two pipes."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.differential.peers.common import DOMAIN, KEYS, RECORDS, Wish

_SERVER = Path(__file__).with_name("mail_dkim.pl")


class MailDkim:
    """Verdicts are its own words: pass, fail, invalid, none."""

    name = "Mail::DKIM"
    algorithms = frozenset({"rsa-sha256"})

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="avowal-peer-")
        self._process = subprocess.Popen(
            self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._records: Mapping[str, str] = {}
        self._write_keys()

    def _command(self) -> list[str]:
        return ["perl", str(_SERVER)]

    def _write_keys(self) -> None:
        for selector, key in KEYS.items():
            if key.key_type == "rsa":
                private = load_pem_private_key(key.pem(), None)
                pkcs1 = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
                self._key_file(selector).write_bytes(private.private_bytes(*pkcs1))

    def close(self) -> None:
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.stdout.close()
        self._process.wait()
        self._folder.cleanup()

    def verifying(
        self, octets: bytes, records: Mapping[str, str] = RECORDS
    ) -> Callable[[], tuple[str, ...]]:
        def verify() -> tuple[str, ...]:
            self._publish(records)
            return tuple(self._asked("verify 1", octets)[1].decode().split("\n"))

        return verify

    def signing(self, octets: bytes, wish: Wish) -> Callable[[], bytes]:
        return lambda: self._asked(self._sign_words(1, wish), octets)[1]

    def seconds_verifying(self, octets: bytes, repeat: int) -> float:
        """CPU seconds inside Perl for so many verifications."""
        self._publish(RECORDS)
        return self._asked(f"verify {repeat}", octets)[0]

    def seconds_signing(self, octets: bytes, wish: Wish, repeat: int) -> float:
        """CPU seconds inside Perl for so many signatures."""
        return self._asked(self._sign_words(repeat, wish), octets)[0]

    def _sign_words(self, repeat: int, wish: Wish) -> str:
        names = ",".join(name.decode() for name in wish.names)
        method = f"{wish.header_canon}/{wish.body_canon}"
        key = str(self._key_file(wish.selector))
        words = (wish.selector, DOMAIN, method, wish.algorithm, key, names)
        return f"sign {repeat} {' '.join(words)}"

    def _key_file(self, selector: str) -> Path:
        return Path(self._folder.name) / f"{selector}.pem"

    def _publish(self, records: Mapping[str, str]) -> None:
        if records is not self._records:
            self._records = records
            self._say("forget", b"")
            for name, text in records.items():
                self._say(f"key {name}", text.encode())

    def _say(self, words: str, octets: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words} {len(octets)}\n".encode() + octets)
        self._process.stdin.flush()

    def _asked(self, words: str, octets: bytes) -> tuple[float, bytes]:
        assert self._process.stdout is not None
        self._say(words, octets)
        seconds, _, length = self._process.stdout.readline().decode().partition(" ")
        answer = self._process.stdout.read(int(length))
        if answer.startswith(b"!"):
            raise RuntimeError(answer[1:].decode(errors="replace"))
        return float(seconds), answer
