"""A resolver that answers from memory, for synchronous and asynchronous callers alike.

For tests, for `--zone` of the command, and for keys that are at hand without DNS.  The
text of zone files is read in `zonefile`, recordings in `recorder`; a zone from a mapping
needs neither.  dnspython reads the types that zone files rarely hold here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import TypeAlias

from avowal.errors import ConfigError, StoreError, UsageError
from avowal.lookup import NO_DATA, NO_NAME, Answer, Failure, Outcome, Question
from avowal.names import MAX_LABEL, MAX_NAME

ZoneData: TypeAlias = Mapping[str, object]
_Node: TypeAlias = dict[str, Answer]

_WORDS = {
    "NXDOMAIN": NO_NAME,
    "NODATA": NO_DATA,
    "SERVFAIL": Answer.failed(Failure.SERVER_FAILURE),
    "TIMEOUT": Answer.failed(Failure.TIMEOUT),
    "REFUSED": Answer.failed(Failure.REFUSED),
}
_MAX_ALIASES = 10
_CIRCLE = _WORDS["SERVFAIL"]  # what recursive servers say to aliases without an end
_REMEMBERED = 10_000


class Zone:
    """Answer from a mapping of names to records.

    The value of a name is a TXT record or a list of them (bytes, or str in UTF-8; one item
    per record, its strings joined), or a mapping from RR type to record or records in
    presentation form (``{"MX": ["10 mx.example.com"]}``, also ``[[10, "mx.example.com"]]``).
    Instead of records stands what goes wrong: an Outcome, a Failure, or one of the words
    NXDOMAIN, NODATA, SERVFAIL, TIMEOUT, REFUSED; a record that reads like such a word is
    written in a list.  The type ``*`` stands for every type that is not listed.  Letter
    case and a final dot of names mean nothing, CNAME records are followed, ``*.`` is a
    wildcard (RFC 4592).  Names that are not listed get `otherwise`, unless they have listed
    names below them: those exist (RFC 8020 §2).

    >>> zone = Zone({"s1._domainkey.example.com": "v=DKIM1; p="})
    >>> zone.resolve((Question("s1._domainkey.example.com"),))[0].records
    (b'v=DKIM1; p=',)
    """

    def __init__(
        self,
        names: ZoneData,
        *,
        ttl: int = 300,
        secure: bool = False,
        otherwise: Outcome | Failure = Outcome.NO_NAME,
    ) -> None:
        self._nodes = {_key(name): _node(name, value, ttl, secure) for name, value in names.items()}
        self._otherwise = _trouble(otherwise) or NO_NAME
        self._existing = {
            above
            for name, node in self._nodes.items()
            if node is not NO_NAME
            for above in (name, *_above(name))
        }
        self._asked: deque[Question] = deque(maxlen=_REMEMBERED)

    @classmethod
    def from_json(cls, text: str, *, file: str = "zone") -> Zone:
        """Read a JSON object: a mapping as above, or a recording of the `recorder`.

        What a recording does not hold is Failure.UNREACHABLE: nothing is known about it.
        `file` is what errors call the text.  Raises ConfigError.
        """
        from avowal.dns.recorder import is_recording, parsed, read_recording  # noqa: PLC0415

        data = parsed(text, file)
        if not is_recording(data):
            try:
                return cls(data)
            except UsageError as error:
                raise ConfigError(str(error), file=file) from None
        names: dict[str, _Node] = {}
        for question, answer in read_recording(data, file).items():
            names.setdefault(_key(question.name), {})[question.type.upper()] = answer
        return cls(names, otherwise=Failure.UNREACHABLE)

    @classmethod
    def from_zone_file(
        cls, text: str, origin: str | None = None, *, file: str = "zone", secure: bool = False
    ) -> Zone:
        """Read the text of a zone file (RFC 1035 §5); a SOA and NS are not needed.

        Without `origin` and $ORIGIN, names have to be complete, with a final dot; "." takes all
        of them as complete.  `file` is what errors call it.  Raises ConfigError.
        """
        from avowal.dns.zonefile import read_zone  # noqa: PLC0415 - a mapping needs it not

        return cls(read_zone(text, origin, file), secure=secure)

    @classmethod
    def from_file(cls, path: str | PathLike[str], origin: str | None = None) -> Zone:
        """Read a file: a JSON object (a mapping as above, or a recording) or a zone file.

        Raises ConfigError for what stands in it and StoreError when it cannot be read.
        """
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs the command 6 ms
                octets = file.read()
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from None
        return cls.from_octets(octets, origin, file=str(path))

    @classmethod
    def from_octets(cls, octets: bytes, origin: str | None = None, *, file: str = "zone") -> Zone:
        """Read the octets of such a file.  Raises ConfigError."""
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise ConfigError("not in UTF-8", file=file, line=line) from None
        if text.lstrip().startswith("{"):
            return cls.from_json(text, file=file)
        return cls.from_zone_file(text, origin, file=file)

    @property
    def asked(self) -> list[Question]:
        """The questions asked so far, oldest first (the last 10 000)."""
        return list(self._asked)

    def resolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """Answer a batch."""
        self._asked.extend(questions)
        return tuple([self._answer(question) for question in questions])

    async def aresolve(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same for asynchronous callers; it never waits."""
        return self.resolve(questions)

    def recall(self, questions: tuple[Question, ...], /) -> tuple[Answer, ...]:
        """The same, for those who ask what is known without waiting: everything is."""
        return self.resolve(questions)

    def _answer(self, question: Question) -> Answer:
        node = self._nodes.get(question.name)
        if type(node) is dict and (answer := node.get(question.type)) is not None:
            return answer  # as nearly always: the name is written as it is listed
        return self._sought(question)

    def _sought(self, question: Question) -> Answer:
        name, rrtype = _key(question.name), question.type.upper()
        links: list[Answer] = []
        for _ in range(_MAX_ALIASES + 1):
            node = self._at(name)
            answer = node if isinstance(node, Answer) else node.get(rrtype, node.get("*"))
            alias = None if isinstance(node, Answer) else node.get("CNAME")
            if answer is not None or alias is None or alias.outcome is not Outcome.FOUND:
                return _along(links, answer or NO_DATA)
            links.append(alias)
            name = _key(alias.records[0].decode("latin-1"))
        return _CIRCLE

    def _at(self, name: str) -> _Node | Answer:
        """Find what stands at a name, or what a wildcard puts there (RFC 4592 §3.3.1)."""
        node = self._nodes.get(name)
        if node is not None:
            return node
        if name in self._existing:
            return NO_DATA
        closest = next((above for above in _above(name) if above in self._existing), None)
        source = None if closest is None else self._nodes.get(f"*.{closest}")
        return self._otherwise if source is None or not _possible(name) else source


def _along(links: list[Answer], answer: Answer) -> Answer:
    """The answer at the end of aliases, with the smallest TTL on the way."""
    if not links or answer.outcome is not Outcome.FOUND:
        return answer
    return Answer.found(
        *answer.records,
        ttl=min(step.ttl for step in (*links, answer)),
        secure=all(step.secure for step in (*links, answer)),
    )


def _key(name: str) -> str:
    return name.removesuffix(".").lower()


def _possible(name: str) -> bool:
    """Whether a name has a wire form: only such a one can meet a wildcard (RFC 1035 §2.3.4)."""
    labels = name.split(".")
    return (
        name.isascii()
        and len(name) <= MAX_NAME
        and all(0 < len(label) <= MAX_LABEL for label in labels)
    )


def _above(name: str) -> Iterator[str]:
    """The names above a name, nearest first, without the root."""
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _trouble(value: object) -> Answer | None:
    """Read what stands instead of records; None for records."""
    if isinstance(value, Answer):
        return value
    if isinstance(value, Outcome) and value in {Outcome.NO_NAME, Outcome.NO_DATA}:
        return NO_NAME if value is Outcome.NO_NAME else NO_DATA
    if isinstance(value, Failure):
        return Answer.failed(value)
    return _WORDS.get(value) if isinstance(value, str) else None


def _node(name: str, value: object, ttl: int, secure: bool) -> _Node | Answer:  # noqa: FBT001
    trouble = _trouble(value)
    if trouble is not None:
        return trouble
    by_type = value if isinstance(value, Mapping) else {"TXT": value}
    node: _Node = {}
    for rrtype, records in by_type.items():
        place = f"{name!r} {rrtype!r}"
        answer = _trouble(records)
        if answer is None:
            found = tuple(_record(rrtype.upper(), item, place) for item in _items(records, place))
            answer = Answer.found(*found, ttl=ttl, secure=secure) if found else NO_DATA
        node[rrtype.upper()] = answer
    return node


def _items(records: object, place: str) -> Iterable[object]:
    if isinstance(records, str | bytes):
        return (records,)
    if isinstance(records, Iterable) and not isinstance(records, Mapping):
        return records
    raise UsageError(f"{place}: a record or a list of records is needed, not {records!r}")


def _record(rrtype: str, item: object, place: str) -> bytes:
    """Bring a record to the form of `lookup.Answer`."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str) and rrtype == "TXT":
        return item.encode()
    if isinstance(item, str):
        item = item.split(" ") if '"' not in item else [item]
    if rrtype == "TXT" or not isinstance(item, list | tuple):
        raise UsageError(f"{place}: a record is text or octets, not {item!r}")
    return " ".join(str(word).removesuffix(".") or "." for word in item).encode()
