"""Changing a zone by dynamic update, signed with a key of the server's (RFC 2136, RFC 8945)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update
from dns.rdtypes.ANY.TXT import TXT

from avowal.dns import servers
from avowal.errors import ConfigError, EnvironmentFault

_STRING: Final = 255  # octets of one character-string
_ALGORITHMS: Final = {
    name.removesuffix("."): name
    for name in ("hmac-sha256.", "hmac-sha384.", "hmac-sha512.", "hmac-sha224.", "hmac-sha1.")
}
# key "name" { algorithm hmac-sha256; secret "base64"; };   as tsig-keygen and keymgr -t write it
_KEY: Final = re.compile(r'\bkey\s+"?([^\s"{;]+)"?\s*\{([^{}]*)\}', re.ASCII)
_STATEMENT: Final = re.compile(r'\b(algorithm|secret)\s+"?([^\s";]+)"?\s*;', re.ASCII)


class UpdateRefusedError(EnvironmentFault):
    """The server did not take the change; says why and what to do."""


class TsigKey:
    """A key shared with a name server; never shown."""

    __slots__ = ("_key",)

    def __init__(self, name: str, secret: str, algorithm: str) -> None:
        """Take a secret in base64.  Raises ValueError."""
        if algorithm not in _ALGORITHMS:
            raise ValueError(
                f"{algorithm[:40]!r} is no algorithm of TSIG: {', '.join(_ALGORITHMS)}"
            )
        try:
            octets = base64.b64decode(secret, validate=True)
            self._key = dns.tsig.Key(name, octets, _ALGORITHMS[algorithm])
        except (dns.exception.DNSException, ValueError):
            raise ValueError("the name or the secret of the key cannot be read") from None

    def __repr__(self) -> str:
        return f"<TsigKey {self._key.name}>"

    @classmethod
    def parse(cls, text: str, *, file: str) -> TsigKey:
        """Read a key in the form of named.conf.  Raises ConfigError."""
        found = _KEY.search(text)
        if found is None:
            raise ConfigError(
                "no key in the form of named.conf: write it with tsig-keygen", file=file
            )
        statements = dict(_STATEMENT.findall(found[2]))
        try:
            return cls(found[1], statements["secret"], statements["algorithm"].lower())
        except KeyError as missing:
            raise ConfigError(f"the key has no {missing.args[0]}", file=file) from None
        except ValueError as fault:
            raise ConfigError(str(fault), file=file) from None

    def sign(self, message: dns.message.Message) -> None:
        """Put the key under a message that is not sent yet."""
        message.use_tsig(self._key)


class Updater:
    """Changes TXT records of one zone at its primary server, over TCP."""

    def __init__(
        self, server: str, zone: str, key: TsigKey | None, *, port: int = 53, timeout: float = 10.0
    ) -> None:
        """Take the server's address.  Raises ResolverSetupError for what is none."""
        (self._server,) = servers.given([server], port=port, trust_ad=False)
        self._zone = zone
        self._key = key
        self._timeout = timeout

    def replace(self, records: Mapping[str, str | None], *, ttl: int) -> None:
        """Have exactly one TXT record stand at each name, or none.  All or nothing (§3.4.2.7).

        Raises UpdateRefusedError.
        """
        message = self._message(records, ttl)
        host, port = str(self._server.address[0]), int(self._server.address[1])
        try:
            reply = dns.query.tcp(message, host, timeout=self._timeout, port=port)
        except dns.tsig.PeerBadTime:
            raise self._refused("its clock and ours differ by more than five minutes") from None
        except (dns.tsig.PeerBadKey, dns.tsig.PeerBadSignature):
            raise self._refused("it does not know this TSIG key, or has another secret") from None
        except dns.tsig.BadTime:
            raise self._refused("its answer is signed with another time than ours") from None
        except (dns.exception.Timeout, TimeoutError):
            raise self._refused(f"no answer within {self._timeout:g} seconds") from None
        except EOFError:
            raise self._refused("it closed the connection without an answer") from None
        except OSError as error:
            raise self._refused(error.strerror or str(error)) from None
        except dns.exception.FormError:
            raise self._refused(
                "it answered without a signature: it does not serve this zone, or "
                "does not know the TSIG key"
            ) from None
        except dns.exception.DNSException as error:
            raise self._refused(str(error) or "it answered with what is no answer") from None
        if reply.rcode() != dns.rcode.NOERROR:
            raise self._refused(_WHY.get(reply.rcode(), dns.rcode.to_text(reply.rcode())))

    def _message(self, records: Mapping[str, str | None], ttl: int) -> dns.update.UpdateMessage:
        message = dns.update.UpdateMessage(self._zone)
        for name, text in records.items():
            owner = dns.name.from_text(name)
            message.delete(owner, "TXT")
            if text is not None:
                message.add(owner, ttl, _txt(text))
        if self._key is not None:
            self._key.sign(message)
        return message

    def _refused(self, why: str) -> UpdateRefusedError:
        host = str(self._server.address[0])
        return UpdateRefusedError(f"update of {self._zone} at {host}: {why}")


_WHY: Final = {
    dns.rcode.REFUSED: "refused: allow this TSIG key there (allow-update, update-policy or acl)",
    dns.rcode.NOTAUTH: "it does not serve this zone as primary, or does not know the TSIG key",
    dns.rcode.NOTZONE: "a name is outside the zone",
    dns.rcode.SERVFAIL: "it failed: see its log (a journal it cannot write, often)",
    dns.rcode.NOTIMP: "it knows no dynamic updates",
}


def _txt(text: str) -> TXT:
    octets = text.encode()
    parts = [octets[at : at + _STRING] for at in range(0, len(octets), _STRING)]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, parts or [b""])
