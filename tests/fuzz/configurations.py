"""The target for configurations: avowal's own, opendkim.conf, dkimpy-milter.conf.

Reading raises only ConfigError, each with a place that is in the file; what is read can be
written, and what is written is read again.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

from tests.fuzz.targets import expect

from avowal.config.opendkim_conf import BY_NAME, OpendkimConf, read_conf
from avowal.config.opendkim_options import OptionKind
from avowal.config.toml import parse
from avowal.config.writing import sample, toml
from avowal.errors import ConfigError
from avowal.opendkim import from_dkimpy, translation

FILE = "x.conf"
# Names of sets that are read from disk or asked of a database: not what is fuzzed here.
ELSEWHERE = (b"/", b"file:", b"db:", b"dsn:", b"ldap", b"lua:", b"socket:", b"memcache:", b"erlang")


def configurations(octets: bytes) -> None:
    """The octets are the text of each of the three."""
    _own(octets)
    if any(word in octets.lower() for word in ELSEWHERE):
        return
    text = octets.decode("utf-8", "surrogateescape")
    for read, translate in (
        (_opendkim, translation.translate),
        (_dkimpy, from_dkimpy.translate),
    ):
        try:
            conf = read(text)
        except ConfigError as error:
            _stands_in(error, text)
            continue
        for setting in conf.effective:
            expect("\n" not in setting.shown, "a value of one line")
        try:
            written = translate(conf).text()
        except ConfigError as error:
            _stands_in(error, text)
            continue
        parse(written.encode("utf-8", "surrogateescape"))


def _own(octets: bytes) -> None:
    try:
        loaded = parse(octets)
    except ConfigError as error:
        text = octets.decode("utf-8", "replace")
        for one in getattr(error, "each", (error,)):
            _stands_in(one, text)
        return
    again = parse(toml(loaded.configuration).encode())
    expect(again.configuration == loaded.configuration, "what is written is read again")


def _stands_in(error: ConfigError, text: str) -> None:
    expect(bool(error.why), "an error says why")
    expect(error.line is None or 1 <= error.line <= text.count("\n") + 1, f"a line of it: {error}")
    expect(error.column is None or error.column >= 1, f"a column: {error}")


def _reader(text: str) -> Callable[[str], str]:
    def read(path: str) -> str:
        if path == FILE:
            return text
        raise OSError(errno.ENOENT, "no such file")

    return read


def _opendkim(text: str) -> OpendkimConf:
    return read_conf(FILE, read=_reader(text))


def _dkimpy(text: str) -> OpendkimConf:
    return from_dkimpy.read(FILE, read=_reader(text))


_VALUES = {OptionKind.BOOLEAN: "yes", OptionKind.INTEGER: "022"}


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that the target begins with."""
    del target
    yield sample().encode()
    for name, option in BY_NAME.items():
        yield f"{name} {_VALUES.get(option.kind, 'a.example,b')}\n".encode()
    yield b"Canonicalization relaxed/simple # so\nMode sv\nUMask 0x12\nInclude x.conf\n"
    yield b'[signing]\norder = "tabel"\n[[listeners]]\nsocket = "inet:1@x"\n[keys.a]\nfile = 1\n'
    yield b'[keys.a]\nselector = "s"\n[[signing.rules]]\nfrom = ["a"]\nkeys = ["a"]\n'
    yield b"\xef\xbb\xbfa.b.c = [[[{x = 1}]]]\r\n[a]\r\n[a.b]\r\n"
    yield b"a = 1979-05-27T07:32:00Z\nb = inf\nc = '''\nx'''\n\xff"


TARGETS: dict[str, Callable[[bytes], None]] = {"configuration": configurations}
