"""Zone files (RFC 1035 §5), read with dnspython, as the mapping that `zone.Zone` takes.

dnspython's own zone reader wants one zone with a SOA at its top; here names of any zone
may stand together and fragments such as key tools print are whole.  The entries that fetch
or multiply others ($INCLUDE, $GENERATE) are refused.
"""

from __future__ import annotations

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.ttl

from avowal.dns.reply import presentation
from avowal.errors import ConfigError
from avowal.lookup import Answer

_DEFAULT_TTL = 3600  # for fragments that have none
_HINTS = (
    ("string too long", "split the record into strings of at most 255 octets"),
    ("no record type", "a line is: name [TTL] [IN] type data"),
)


def read_zone(text: str, origin: str | None, file: str) -> dict[str, dict[str, Answer]]:
    """Read a zone; raises ConfigError with the line on which the faulty entry begins."""
    reader: _Reader | None = None
    try:
        reader = _Reader(text, dns.name.from_text(origin) if origin else dns.name.root)
        return reader.read()
    except (dns.exception.DNSException, ValueError) as error:
        why = str(error) or "syntax error"
        hint = next((hint for start, hint in _HINTS if start in why), None)
        line = None if reader is None else reader.line
        raise ConfigError(why, file=file, line=line, hint=hint) from None


class _Reader:
    """Reads entry by entry; `line` is where the present one begins."""

    def __init__(self, text: str, origin: dns.name.Name) -> None:
        self._tokens = dns.tokenizer.Tokenizer(text)
        self._origin = origin
        self._owner = origin
        self._ttl = _DEFAULT_TTL
        self._names: dict[str, dict[str, Answer]] = {}
        self.line = 1

    def read(self) -> dict[str, dict[str, Answer]]:
        while True:
            self.line = self._tokens.where()[1]
            token = self._tokens.get(want_leading=True)
            if token.is_eof():
                return self._names
            if token.is_eol():
                continue
            if token.is_whitespace():  # the owner of the entry before
                token = self._tokens.get()
                if token.is_eol_or_eof():
                    continue
                self._tokens.unget(token)
            elif token.is_identifier() and token.value.startswith("$"):
                self._directive(token.value.upper())
                continue
            else:
                self._owner = self._tokens.as_name(token, self._origin)
            self._record()

    def _directive(self, word: str) -> None:
        if word == "$ORIGIN":
            self._origin = self._tokens.get_name(self._origin)
        elif word == "$TTL":
            self._ttl = dns.ttl.from_text(self._tokens.get_string())
        else:
            raise ValueError(f"{word} is not read here")
        self._tokens.get_eol()

    def _record(self) -> None:
        """Read what follows the owner: TTL and class in any order, type, data (§5.1)."""
        ttl = self._ttl
        word = self._tokens.get_string()
        for _ in range(2):
            if word[:1].isdigit():
                ttl = dns.ttl.from_text(word)
            elif word.upper() != "IN":
                break
            word = self._tokens.get_string()
        try:
            rrtype = dns.rdatatype.from_text(word)
        except dns.rdatatype.UnknownRdatatype:
            raise ValueError(f"no record type: {word!r}") from None
        record = dns.rdata.from_text(
            dns.rdataclass.IN, rrtype, self._tokens, self._origin, relativize=False
        )
        node = self._names.setdefault(self._owner.to_text(omit_final_dot=True).lower(), {})
        mnemonic = dns.rdatatype.to_text(rrtype)
        known = node.get(mnemonic)
        records = known.records if known else ()
        ttl = min(ttl, known.ttl) if known else ttl  # one TTL per set (RFC 2181 §5.2)
        node[mnemonic] = Answer.found(*records, presentation(record), ttl=ttl)
