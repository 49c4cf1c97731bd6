"""Zone files (RFC 1035 §5), read with dnspython, as the mapping that `zone.Zone` takes."""

from __future__ import annotations

import re

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.zonefile

from avowal.dns.chain import presentation
from avowal.errors import ConfigError
from avowal.lookup import Answer

_DEFAULT_TTL = 3600  # fragments such as key tools print have none
_PLACE = re.compile(r"[^\n]*?:(\d+): ?(.*)", re.DOTALL)
_HINTS = (
    ("string too long", "split the record into strings of at most 255 octets"),
    ("Missing default TTL", "add a $TTL line"),
    ("unknown rdatatype", "a line is: name [TTL] [IN] type data; a name with spaces cannot be"),
    ("RR class", "only the class IN is read"),
)


class _Records:
    """What dnspython's reader puts its records into.

    Its own containers hold one zone with a SOA at its top; names of any zone are kept here.
    """

    def __init__(self) -> None:
        self.manager = self
        self.names: dict[str, dict[str, Answer]] = {}

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        return dns.name.root, False, dns.name.root

    def check_put_rdataset(self, check: object) -> None:
        """Take the reader's check of what may stand beside a CNAME: answers follow it anyway."""

    def add(self, name: dns.name.Name, ttl: int, record: dns.rdata.Rdata) -> None:
        node = self.names.setdefault(name.to_text(omit_final_dot=True).lower(), {})
        rrtype = dns.rdatatype.to_text(record.rdtype)
        before = node.get(rrtype)
        records = before.records if before else ()
        ttl = min(ttl, before.ttl) if before else ttl  # one TTL per set (RFC 2181 §5.2)
        node[rrtype] = Answer.found(*records, presentation(record), ttl=ttl)


def read_zone(text: str, origin: str | None, file: str) -> dict[str, dict[str, Answer]]:
    """Read a zone; raises ConfigError with the line."""
    records = _Records()
    try:
        base = dns.name.from_text(origin) if origin else dns.name.root
        reader = dns.zonefile.Reader(
            dns.tokenizer.Tokenizer(text),
            dns.rdataclass.IN,
            records,  # type: ignore[arg-type]  # of a transaction it needs what we give
            default_ttl=_DEFAULT_TTL,
        )
        reader.current_origin = reader.last_name = base
        reader.read()
    except (dns.exception.DNSException, ValueError) as error:
        placed = _PLACE.fullmatch(str(error))
        line = int(placed[1]) if placed else None
        why = (placed[2] if placed else str(error)) or "syntax error"
        hint = next((hint for start, hint in _HINTS if start in why), None)
        raise ConfigError(why, file=file, line=line, hint=hint) from None
    return records.names
