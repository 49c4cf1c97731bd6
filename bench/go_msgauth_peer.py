"""go-msgauth, built from sources that are at hand and kept running behind two pipes.

Debian's golang-go and golang-github-emersion-go-msgauth-dev are enough; `AVOWAL_GOPATH` names
another tree of sources (github.com/emersion/go-msgauth below its `src`).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.differential.peers.common import KEYS
from tests.differential.peers.mail_dkim import MailDkim

_SOURCE = Path(__file__).parent / "go_msgauth"
_SOURCES = os.environ.get("AVOWAL_GOPATH", "/usr/share/gocode")


class GoMsgauth(MailDkim):
    """Verdicts are pass or fail; the protocol is that of the peer in Perl."""

    name = "go-msgauth"
    algorithms = frozenset({"rsa-sha256", "ed25519-sha256"})

    def _command(self) -> list[str]:
        """Build the program.  Raises OSError where there is no Go or no source."""
        program = Path(self._folder.name) / "go-msgauth"
        environment = os.environ | {"GOPATH": _SOURCES, "GO111MODULE": "off", "GOFLAGS": ""}
        build = ["go", "build", "-o", str(program), "main.go"]
        done = subprocess.run(
            build, cwd=_SOURCE, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"go build: {done.stderr.strip()[:300]}")
        return [str(program)]

    def _write_keys(self) -> None:
        pkcs8 = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for selector, key in KEYS.items():
            private = load_pem_private_key(key.pem(), None)
            self._key_file(selector).write_bytes(private.private_bytes(*pkcs8))
