"""Lists and forwarders end to end: author, MSA, list host, receiver, each a Postfix of its own.

::

    submit --> msa --> lists --> mx --> maildir
                |       |  ^     |
             daemon  daemon |  daemon      all ask one name server
                        |   |
                      pipe(8) --> spool --> list software

Like Sympa, the pipe puts each post into a spool, and the list's own process works it off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import pytest
from tests.dnsd import NameServer
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, until, workplace

import avowal
from avowal import authres
from avowal.authres import Result
from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text, txt_line, zone_line
from avowal.message import Message
from avowal.names import DomainName
from avowal.testing import ED25519, Zone, record_for

pytestmark = [
    pytest.mark.needs("postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix has to be started by root"),
    pytest.mark.slow,
]
KEYS = (
    ("sender.example", "rsa", "rsa"),
    ("sender.example", "ed", "ed25519"),
    ("friend.example", "ed", "ed25519"),
    ("lists.example", "l", "rsa"),
)
POLICIES = {
    "_dmarc.sender.example": "v=DMARC1; p=reject",
    "_dmarc.friend.example": "v=DMARC1; p=none",
    "sender.example": "v=spf1 ip4:127.0.0.1 -all",
    "lists.example": "v=spf1 ip4:127.0.0.1 -all",
}
_COMMON = """
[dns]
servers = ["127.0.0.1@{dns}"]
timeout = 3
[server]
user = "nobody"
group = "nogroup"
"""
_MSA = """
[[listeners]]
socket = "inet:{port}@127.0.0.1"
role = "sign"
[keys.rsa]
domain = "sender.example"
selector = "rsa"
file = "{keys}/rsa.sender.example.pem"
[keys.ed]
domain = "sender.example"
selector = "ed"
file = "{keys}/ed.sender.example.pem"
[keys.friend]
domain = "friend.example"
selector = "ed"
file = "{keys}/ed.friend.example.pem"
"""
# bees: avowal list pipe does everything. ants: the daemon signs what list software sends.
# wasps: an alias, signed again and sealed as it passes.
_LISTS = """
[[listeners]]
socket = "inet:{port}@127.0.0.1"
[origin]
internal_hosts = []
daemon_names = ["LISTS"]
[keys.list]
domain = "lists.example"
selector = "l"
file = "{keys}/l.lists.example.pem"
[results]
authserv_id = "lists.example"
[[signing.resign]]
to = "wasps@lists.example"
keys = ["list"]
[[signing.resign]]
to = "ants@lists.example"
keys = ["list"]
[[signing.resign]]
sender = "ants-bounces@lists.example"
keys = ["list"]
[arc]
seal = "list"
recipients = ["wasps@lists.example"]
[actions]
unauthenticated_post = "reject"
"""
_MX = """
[[listeners]]
socket = "inet:{port}@127.0.0.1"
role = "verify"
[origin]
internal_hosts = []
[results]
authserv_id = "mx.receiver.example"
[arc]
verify = true
trusted_sealers = ["lists.example"]
[actions]
disposition_reject = "reject"
"""
_ROUTES = """
transport_maps = inline:{
    {bees@lists.example = spool:bees}, {ants@lists.example = spool:ants},
    {lists.example = discard:} }
virtual_alias_domains =
virtual_alias_maps = inline:{
    {bob@forward.example = bob@receiver.example}, {wasps@lists.example = bob@receiver.example} }
"""
_SERVICES = """
spool unix - n n - - pipe
  user=nobody argv=/bin/sh {root}/spool.sh ${{nexthop}} ${{sender}} ${{client_address}}
127.0.0.1:{unfiltered} inet n - n - - smtpd
127.0.0.1:{filtered} inet n - n - - smtpd
  -o smtpd_milters={milter}
  -o milter_macro_daemon_name=LISTS
"""
_SPOOL = """
umask 022
post={root}/spool/new.$$
{{ echo "$*"; cat; }} > $post && mv $post $post.post
"""
FOOTER = b"-- \nfooter of the list\n"


class ListSoftware:
    """Works off the spool: `avowal list pipe` for bees, a plain footer for ants."""

    def __init__(self, root: Path, *, dns: NameServer, unfiltered: int, filtered: int) -> None:
        self.complaints: list[str] = []
        self._root = root
        self._spool = root / "spool"
        self._dns = dns
        self._ports = {"bees": unfiltered, "ants": filtered}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._spool.mkdir()
        shutil.chown(self._spool, "nobody")
        (root / "spool.sh").write_text(_SPOOL.format(root=root))
        (root / "footer.txt").write_bytes(FOOTER)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(0.05):
            for path in self._spool.glob("*.post"):
                envelope, _, post = path.read_bytes().partition(b"\n")
                path.unlink()
                name, sender, client = envelope.decode().split(" ")
                sent = self._bees(post, sender, client) if name == "bees" else post + FOOTER
                if sent:
                    submit(
                        self._ports[name], sent.replace(b"\n", b"\r\n"),
                        sender=f"{name}-bounces@lists.example",
                    )  # fmt: skip

    def _bees(self, post: bytes, sender: str, client: str) -> bytes:
        command = [
            sys.executable, "-m", "avowal", "list", "pipe", "--list", "bees@lists.example",
            "--domain", "lists.example", "--selector", "l",
            "--key", f"{self._root}/keys/l.lists.example.pem",
            "--subject-tag", "[bees]", "--footer", "footer.txt", "--rewrite-from", "never",
            "--seal", "--client", client, "--mail-from", sender, "--resolver", self._dns.address,
        ]  # fmt: skip
        done = subprocess.run(command, input=post, capture_output=True, cwd=self._root, check=False)
        self.complaints.append(done.stderr.decode())
        return done.stdout


class World(NamedTuple):
    """Everything that runs."""

    msa: Postfix
    lists: Postfix
    mx: Postfix
    inbox: Inbox
    software: ListSoftware
    zone: Zone

    def post(self, mark: str, recipient: str, *, author: str = "alice@sender.example") -> bytes:
        """Send a post through the MSA; return what arrived in Bob's mailbox."""
        submit(self.msa.port, message(mark, author), sender=author, recipient=recipient)
        return self.inbox.containing(mark.encode())

    def verdicts(self, octets: bytes) -> set[tuple[str | None, str]]:
        return {(v.domain, str(v.result)) for v in avowal.verify(octets, self.zone)}


def message(mark: str, author: str = "alice@sender.example") -> bytes:
    return (
        f"From: <{author}>\r\nTo: bees@lists.example\r\nSubject: {mark}\r\n"
        f"Date: Wed, 25 Nov 2026 16:00:00 +0000\r\nMessage-ID: <{mark}@sender.example>\r\n"
        "\r\n.\r\nA   line \r\n\r\nand one more\r\n\r\n"
    ).encode()


def zone_text(directory: Path) -> str:
    """Make the keys; return the zone that publishes them and the policies."""
    lines = [txt_line(name, text) for name, text in POLICIES.items()]
    for domain, selector, key_type in KEYS:
        key = generate(key_type)
        write_key(directory / f"{selector}.{domain}.pem", key)
        names = DomainName.parse(selector.encode()), DomainName.parse(domain.encode())
        lines.append(zone_line(*names, record_text(key)))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with workplace() as root, contextlib.ExitStack() as stack:
        (root / "keys").mkdir()
        text = zone_text(root / "keys")
        dns = stack.enter_context(NameServer(text))
        ports = {name: free_port() for name in ("msa", "lists", "mx", "unfiltered", "filtered")}
        milters = {name: f"inet:127.0.0.1:{ports[name]}" for name in ("msa", "lists", "mx")}
        inbox = Inbox(root)
        mx = Postfix(root, "mx", milter=milters["mx"])
        lists = Postfix(
            root, "lists", milter=milters["lists"], relay=mx.port, settings=_ROUTES,
            services=_SERVICES.format(root=root, milter=milters["lists"], **ports),
        )  # fmt: skip
        msa = Postfix(root, "msa", milter=milters["msa"], relay=lists.port)
        for name, configuration in (("msa", _MSA), ("lists", _LISTS), ("mx", _MX)):
            (root / f"daemon-{name}").mkdir()
            filled = (configuration + _COMMON).format(
                port=ports[name], keys=root / "keys", dns=dns.port
            )
            stack.enter_context(Daemon(root / f"daemon-{name}", filled))
        software = ListSoftware(
            root, dns=dns, unfiltered=ports["unfiltered"], filtered=ports["filtered"]
        )
        for part in (mx, lists, msa, software):
            stack.enter_context(part)
        yield World(msa, lists, mx, inbox, software, Zone.from_zone_file(text))


def found(octets: bytes, host: str = "mx.receiver.example") -> dict[str, list[Result]]:
    """What a host wrote down, by method."""
    results: dict[str, list[Result]] = {}
    for result in authres.read(octets, trusted={host}).results:
        results.setdefault(result.method, []).append(result)
    return results


@pytest.fixture(scope="module")
def from_bees(world: World) -> bytes:
    return world.post("to-bees", "bees@lists.example")


def test_the_list_changes_a_post_and_its_own_signature_passes(from_bees: bytes) -> None:
    assert b"Subject: [bees] to-bees\r\n" in from_bees
    assert from_bees.rstrip().endswith(b"footer of the list")
    by_domain = {r.value("header.d"): r.result for r in found(from_bees)["dkim"]}
    assert by_domain["lists.example"] == "pass"


def test_the_author_s_signature_is_named_broken(from_bees: bytes) -> None:
    broken = [r for r in found(from_bees)["dkim"] if r.value("header.d") == "sender.example"]
    assert [r.result for r in broken] == ["fail", "fail"]
    why = "the body is not the one that was signed: and the signed fields changed too"
    assert [r.reason for r in broken] == [why, why]


def test_the_list_tells_what_it_verified_and_its_signature_covers_that(from_bees: bytes) -> None:
    told = found(from_bees, "lists.example")
    told = found(from_bees, "lists.example")
    words = {method: {r.result for r in results} for method, results in told.items()}
    assert words == {"dkim": {"pass"}, "spf": {"pass"}, "dmarc": {"pass"}, "arc": {"none"}}
    (field,) = Message.parse(from_bees).header.named(b"dkim-signature")[:1]
    assert b":authentication-results" in field.value.lower().replace(b"\r\n\t", b"")


def test_the_chain_passes_and_explains_why_a_failing_policy_is_not_applied(
    from_bees: bytes,
) -> None:
    results = found(from_bees)
    (arc,), (dmarc,) = results["arc"], results["dmarc"]
    assert (arc.result, arc.comment) == ("pass", "i=1 sealed by lists.example")
    assert (dmarc.result, dmarc.value("policy.dmarc")) == ("fail", "none")
    assert "local_policy arc=pass as[1].d=lists.example" in (dmarc.comment or "")


def test_without_a_seal_the_author_s_policy_is_applied(world: World) -> None:
    submit(world.msa.port, message("strict-at-ants"), recipient="ants@lists.example")
    until(lambda: "milter-reject" in world.mx.log, what="the refusal")
    assert "5.7.1" in world.mx.log
    assert not any(b"strict-at-ants" in one for one in world.inbox.messages())


def test_what_list_software_sends_is_signed_by_the_daemon(world: World) -> None:
    arrived = world.post("to-ants", "ants@lists.example", author="carol@friend.example")
    assert arrived.rstrip().endswith(b"footer of the list")
    results = found(arrived)
    by_domain = {r.value("header.d"): r.result for r in results["dkim"]}
    assert by_domain == {"lists.example": "pass", "friend.example": "fail"}
    (dmarc,) = results["dmarc"]
    assert (dmarc.result, dmarc.value("policy.dmarc")) == ("fail", "none")
    assert {r.result for r in found(arrived, "lists.example")["dkim"]} == {"pass"}


def test_an_unsigned_post_is_refused_at_the_door(world: World) -> None:
    octets = message("unsigned", "mallory@nowhere.example")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(world.lists.port, octets, recipient="ants@lists.example")
    assert refused.value.smtp_code == 550
    assert refused.value.smtp_error.startswith(b"5.7.1 ")


def test_an_alias_that_signs_again_keeps_the_author_s_signatures(world: World) -> None:
    arrived = world.post("to-wasps", "wasps@lists.example")
    assert world.verdicts(arrived) == {("lists.example", "pass"), ("sender.example", "pass")}
    results = found(arrived)
    assert [r.result for r in results["dmarc"]] == ["pass"]
    assert [r.result for r in results["arc"]] == ["pass"]


@pytest.mark.parametrize("canon", ["simple", "relaxed"])
def test_naive_forwarding_leaves_every_octet_and_every_signature(world: World, canon: str) -> None:
    mark = f"forwarded-{canon}"
    octets = message(mark)
    for domain in ("sender.example", "friend.example"):
        octets = avowal.sign(
            octets, domain=domain, selector="own", key=ED25519,
            header_canon=canon, body_canon=canon,
        ) + octets  # fmt: skip
    submit(world.lists.port, octets, recipient="bob@forward.example")
    arrived = world.inbox.containing(mark.encode())
    assert arrived.endswith(octets)
    zone = Zone(
        {f"own._domainkey.{d}": record_for(ED25519) for d in ("sender.example", "friend.example")}
    )
    verdicts = avowal.verify(arrived, zone)
    assert [str(v.result) for v in verdicts] == ["pass", "pass"]


def test_signatures_of_the_msa_survive_a_forwarder(world: World) -> None:
    arrived = world.post("through-an-alias", "bob@forward.example")
    results = found(arrived)
    assert [r.result for r in results["dkim"]] == ["pass", "pass"]
    assert [r.result for r in results["dmarc"]] == ["pass"]


def test_the_list_was_told_what_it_does_to_strict_authors(world: World, from_bees: bytes) -> None:
    """It sealed all the same, and found nothing else to complain of."""
    why = "sender.example publishes p=reject, and Subject is signed"
    assert world.software.complaints == [f"avowal: refuse: {why}\n"]
