"""Shapes of configurations as operators write them: face and translation treat mail alike.

Each is the gist of what stands in public installations: options that stand twice, other cases,
indented lines, comments behind values, one key for all, tables in which nothing is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.properties.test_translation import NOW, ZONE, Case, alike, by_face, by_plan

from avowal import app, sign
from avowal.config.opendkim_conf import read_conf
from avowal.config.toml import parse
from avowal.opendkim.filtering import OpendkimGeneration
from avowal.opendkim.settings import compiled
from avowal.opendkim.translation import translate
from avowal.testing import ED25519

KEYS = "mail._domainkey.example.com example.com:mail:@/key\n"
SIGNING = "*@example.com mail._domainkey.example.com\n"
TABLES = "KeyTable file:@/keys\nSigningTable refile:@/signing\n"
HOSTS = "ExternalIgnoreList refile:@/hosts\nInternalHosts refile:@/hosts\n"
ONE_KEY = "KeyFile @/key\nSelector mail\n"
SHAPES = {
    "options that stand twice": (
        "UMask 007\nMode s\nSocket local:@/a\nUMask 002\nMode sv\nSocket inet:1\n" + TABLES,
        {},
    ),
    "names of options in other cases": ("domain *\nUmask 0002\nsyslogsuccess yes\n" + ONE_KEY, {}),
    "lines that are indented": (
        "KeyTable file:@/keys\n\tSigningTable refile:@/signing\n  InternalHosts refile:@/hosts\n",
        {"hosts": "127.0.0.1\n     10.0.0.0/8\n\t192.0.2.4/24\n"},
    ),
    "comments behind values": ("MilterDebug 0   # for now\nMode sv # both\n" + TABLES, {}),
    "one key beside tables": ("Domain example.com\n" + ONE_KEY + TABLES + HOSTS, {}),
    "several domains with blanks between": ("Domain example.com example.net\n" + ONE_KEY, {}),
    "hosts with blanks between": (
        "InternalHosts 127.0.0.1, localhost, mail.example.com\n" + TABLES, {}
    ),
    "rows without an at sign": (TABLES + HOSTS, {"signing": "*.example.com " + SIGNING.split()[1]}),
    "a star in a table of whole names": (
        "KeyTable @/keys\nSigningTable @/signing\n", {"signing": SIGNING}
    ),
    "a row for all behind that of a domain": (
        TABLES, {"signing": SIGNING + "* mail._domainkey.example.com\n"}
    ),
    "tables without rows": (TABLES, {"keys": "", "signing": "# none yet\n"}),
    "one key for all domains and those below": ("Domain *\nSubDomains yes\n" + ONE_KEY, {}),
    "domains by patterns": (
        "Domain refile:@/domains\n" + ONE_KEY, {"domains": "example.com\n*.example.net\n"}
    ),
    "hosts of a domain": (TABLES + HOSTS, {"hosts": ".example.com\n\n*.example.net\n127.0.0.1\n"}),
    "unsigned mail refused and told of": (
        "AlwaysAddARHeader yes\nOn-NoSignature reject\n" + TABLES, {}
    ),
    "nobody but by the daemon's name": ("MTA MSA\nInternalHosts -\n" + TABLES, {}),
}  # fmt: skip
CLIENTS = (("localhost", "127.0.0.1"), ("mail.example.com", "192.0.2.1"), ("[x]", "10.1.2.3"),
           ("mx.stranger.example", "198.51.100.7"))  # fmt: skip
AUTHORS = ("a@example.com", "a@mail.example.com", "a@x.example.net")


def mail() -> Iterator[Case]:
    recipient = "b@x.example"
    for author in AUTHORS:
        octets = f"From: {author}\r\nTo: {recipient}\r\nSubject: s\r\n\r\nbody\r\n".encode()
        for host in CLIENTS:
            yield Case(octets, *host, {}, recipient, ZONE)
        for macros in ({"daemon_name": b"MSA"}, {"auth_type": b"PLAIN"}):
            yield Case(octets, *CLIENTS[3], macros, recipient, ZONE)
    signer = {"domain": "stranger.example", "selector": "k", "key": ED25519}
    signed = sign(octets, **signer, now=NOW, accept_malformed=True) + octets
    for text in (signed, signed + b"more\r\n"):
        yield Case(text, *CLIENTS[3], {}, recipient, ZONE)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_what_operators_write_is_translated_as_it_is_done(
    tmp_path: Path, shape: tuple[str, dict[str, str]]
) -> None:
    text, files = shape
    hosts = "127.0.0.1\nlocalhost\n192.0.2.0/24\n"
    for name, rows in {"keys": KEYS, "signing": SIGNING, "hosts": hosts, **files}.items():
        (tmp_path / name).write_text(rows.replace("@/", f"{tmp_path}/"))
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_bytes(ED25519.pem())
    (tmp_path / "conf").write_text(text.replace("@/", f"{tmp_path}/"))
    conf = read_conf(str(tmp_path / "conf"))
    translation = translate(conf)
    loaded = parse(translation.text().encode())
    plan = app.plan(loaded.configuration, loaded.places)
    assert not [one for one in translation.became if one.lost]
    generation = OpendkimGeneration.of(compiled(conf))
    for case in mail():
        theirs, ours = by_face(generation, case), by_plan(plan, case)
        assert alike(translation, ours, theirs), f"{case}\n{theirs}\n{ours}"
