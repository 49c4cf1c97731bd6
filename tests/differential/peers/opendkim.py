"""OpenDKIM's library, libopendkim, driven through ctypes.

Signatures are asked for header by header and body chunk by chunk, as its own milter does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_size_t, c_ssize_t, c_void_p
from ctypes.util import find_library

from tests.differential.peers.common import DOMAIN, KEYS, RECORDS, Wish

from avowal.message import Header, split

# Numbers of opendkim/dkim.h
_CANON = {"simple": 0, "relaxed": 1}
_ALGORITHM = {"rsa-sha256": 1, "ed25519-sha256": 2}
_SET_OPTION, _OPTION_FLAGS, _OPTION_SIGNED, _FLAG_SIGN_LENGTH = 1, 0, 4, 0x4
_OK, _FOUND, _NOT_FOUND = 0, 0, 3
_PROCESSED, _PASSED = 0x2, 0x4
_WHOLE_BODY = -1
_LOOK_UP = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_size_t)

_PROTOTYPES = {
    "dkim_init": (c_void_p, [c_void_p, c_void_p]),
    "dkim_close": (None, [c_void_p]),
    "dkim_verify": (c_void_p, [c_void_p, c_char_p, c_void_p, POINTER(c_int)]),
    "dkim_sign": (
        c_void_p,
        [c_void_p, c_char_p, c_void_p, c_char_p, c_char_p, c_char_p, c_int, c_int, c_int,
         c_ssize_t, POINTER(c_int)],
    ),
    "dkim_options": (c_int, [c_void_p, c_int, c_int, c_void_p, c_size_t]),
    "dkim_set_key_lookup": (c_int, [c_void_p, _LOOK_UP]),
    "dkim_header": (c_int, [c_void_p, c_char_p, c_size_t]),
    "dkim_eoh": (c_int, [c_void_p]),
    "dkim_body": (c_int, [c_void_p, c_char_p, c_size_t]),
    "dkim_eom": (c_int, [c_void_p, POINTER(c_bool)]),
    "dkim_free": (c_int, [c_void_p]),
    "dkim_getsiglist": (c_int, [c_void_p, POINTER(POINTER(c_void_p)), POINTER(c_int)]),
    "dkim_getsighdr_d": (c_int, [c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t)]),
    "dkim_sig_getflags": (ctypes.c_uint, [c_void_p]),
    "dkim_sig_getbh": (c_int, [c_void_p]),
    "dkim_sig_geterror": (c_int, [c_void_p]),
    "dkim_sig_geterrorstr": (c_char_p, [c_int]),
    "dkim_sig_getselector": (c_char_p, [c_void_p]),
    "dkim_sig_getdomain": (c_char_p, [c_void_p]),
    "dkim_getresultstr": (c_char_p, [c_int]),
    "dkim_geterror": (c_char_p, [c_void_p]),
}  # fmt: skip


def library() -> ctypes.CDLL | None:
    """The library with its prototypes declared, None where it is not installed."""
    name = find_library("opendkim")
    if name is None:
        return None
    loaded = ctypes.CDLL(name)
    for function, (result, arguments) in _PROTOTYPES.items():
        entry = getattr(loaded, function)
        entry.restype, entry.argtypes = result, arguments
    return loaded


class OpenDkim:
    """Verdicts are pass, bodyhash (the body differs), unprocessed, or the library's own words."""

    name = "libopendkim"
    algorithms = frozenset(_ALGORITHM)

    def __init__(self) -> None:
        loaded = library()
        if loaded is None:
            raise FileNotFoundError("libopendkim is not installed")
        self._c = loaded
        self._pem = {selector: key.pem() for selector, key in KEYS.items()}
        self._records: Mapping[str, str] = RECORDS
        self._look_up = _LOOK_UP(self._answer)
        self._verifier = self._c.dkim_init(None, None)
        self._c.dkim_set_key_lookup(self._verifier, self._look_up)
        self._signers: dict[Wish, int] = {}

    def _answer(self, _: int, signature: int, buffer: int, size: int) -> int:
        selector = self._c.dkim_sig_getselector(signature).decode()
        domain = self._c.dkim_sig_getdomain(signature).decode()
        text = self._records.get(f"{selector}._domainkey.{domain}")
        if text is None:
            return _NOT_FOUND
        octets = text.encode()[: size - 1] + b"\0"
        ctypes.memmove(buffer, octets, len(octets))
        return _FOUND

    def verifying(
        self, octets: bytes, records: Mapping[str, str] = RECORDS
    ) -> Callable[[], tuple[str, ...]]:
        head, body = split(octets)
        fields, content = Header.parse(head).raws, bytes(body)

        def verify() -> tuple[str, ...]:
            self._records = records
            made = c_int()
            handle = self._c.dkim_verify(self._verifier, b"peer", None, byref(made))
            try:
                status = self._fed(handle, fields, content)
                return self._verdicts(handle) or (self._words(status),)
            finally:
                self._c.dkim_free(handle)

        return verify

    def signing(self, octets: bytes, wish: Wish) -> Callable[[], bytes]:
        head, body = split(octets)
        fields, content = Header.parse(head).raws, bytes(body)
        signer = self._signer(wish)
        pem = self._pem[wish.selector]

        def sign() -> bytes:
            status = c_int()
            handle = self._c.dkim_sign(
                signer, b"peer", None, pem, wish.selector.encode(), DOMAIN.encode(),
                _CANON[wish.header_canon], _CANON[wish.body_canon], _ALGORITHM[wish.algorithm],
                _WHOLE_BODY, byref(status),
            )  # fmt: skip
            if not handle:
                raise RuntimeError(self._words(status.value))
            try:
                failed = self._fed(handle, fields, content)
                if failed != _OK:
                    raise RuntimeError(self._words(failed))
                return self._field(handle)
            finally:
                self._c.dkim_free(handle)

        return sign

    def _signer(self, wish: Wish) -> int:
        """One library handle for each list of names: its options hold for all messages."""
        if wish not in self._signers:
            handle = self._c.dkim_init(None, None)
            names = (c_char_p * (len(wish.names) + 1))(*wish.names, None)
            self._set(handle, _OPTION_SIGNED, names)
            if wish.body_length:
                self._set(handle, _OPTION_FLAGS, ctypes.c_uint(_FLAG_SIGN_LENGTH))
            self._signers[wish] = handle
        return self._signers[wish]

    def _set(self, handle: int, option: int, value: ctypes.Array[c_char_p] | ctypes.c_uint) -> None:
        size = ctypes.sizeof(c_void_p) if option == _OPTION_SIGNED else ctypes.sizeof(value)
        status = self._c.dkim_options(handle, _SET_OPTION, option, byref(value), size)
        if status != _OK:
            raise RuntimeError(self._words(status))

    def _fed(self, handle: int, fields: list[bytes], body: bytes) -> int:
        """Hand the message over; the status of the last call, or of the first that failed."""
        status = _OK
        for field in fields:
            status = status or self._c.dkim_header(handle, field, len(field))
        status = status or self._c.dkim_eoh(handle)
        if body:
            status = status or self._c.dkim_body(handle, body, len(body))
        return int(status or self._c.dkim_eom(handle, None))

    def _words(self, status: int) -> str:
        return str(self._c.dkim_getresultstr(status).decode())

    def _verdicts(self, handle: int) -> tuple[str, ...]:
        signatures, count = POINTER(c_void_p)(), c_int()
        if self._c.dkim_getsiglist(handle, byref(signatures), byref(count)) != _OK:
            return ()
        return tuple(self._verdict(signatures[at]) for at in range(count.value))

    def _verdict(self, signature: int | None) -> str:
        flags = self._c.dkim_sig_getflags(signature)
        if flags & _PASSED and self._c.dkim_sig_getbh(signature) == 0:
            return "pass"
        error = self._c.dkim_sig_geterror(signature)
        if error == 0 and flags & _PROCESSED:
            return "bodyhash"
        words = self._c.dkim_sig_geterrorstr(error)
        return "unprocessed" if words is None else str(words.decode())

    def _field(self, handle: int) -> bytes:
        text, size = c_void_p(), c_size_t()
        width = len("DKIM-Signature: ")  # where its folding takes the value to begin
        self._c.dkim_getsighdr_d(handle, width, byref(text), byref(size))
        lines = ctypes.string_at(text.value or 0, size.value)
        return b"DKIM-Signature: " + lines.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
