"""Lists and forwarders on loopback: author, MSA, list host, receiver, each a Postfix of its own.

::

    submit --> msa --> lists --> mx --> maildir
                |       |  ^     |
             daemon  daemon |  daemon      all ask one name server
                        |   |
                      pipe(8) --> spool --> list software

Three lists of one host: bees, for which `avowal list pipe` does everything; ants, where the
daemon signs what list software sends; wasps, an alias that is sealed as it passes.  The list
host is configured as docs/howto/mailing-list.md says.  Like Sympa, the pipe puts each post
into a spool, and the list's own process works it off.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from tests.dnsd import NameServer
from tests.mailloop import Daemon, Inbox, Postfix, free_port, submit, workplace

from avowal.crypto.signing import generate
from avowal.keys.files import write_key
from avowal.keys.records import record_text, txt_line, zone_line
from avowal.names import DomainName
from avowal.testing import Zone

KEYS = (
    ("sender.example", "rsa", "rsa"),
    ("sender.example", "ed", "ed25519"),
    ("friend.example", "ed", "ed25519"),
    ("lists.example", "2026", "rsa"),
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
_PAGE = Path(__file__).parent.parent / "docs" / "howto" / "mailing-list.md"
# On loopback all hosts are one: ours is what comes in by the list software's own service.
_ORIGIN = """
[origin]
internal_hosts = []
daemon_names = ["LIST-SOFTWARE"]
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
  -o milter_macro_daemon_name=LIST-SOFTWARE
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
            "--domain", "lists.example", "--selector", "2026",
            "--key", f"{self._root}/keys/2026.lists.example.pem",
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


def as_on_the_page() -> str:
    """Return the list host's configuration, the places filled in; the page's list is ants here."""
    blocks = re.findall(r"^```toml\n(.*?)^```$", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    text = "\n".join(blocks)
    for written, here in (
        ("inet:8891@localhost", "inet:{port}@127.0.0.1"),
        ("/etc/avowal/list.pem", "{keys}/2026.lists.example.pem"),
        ("bees@lists.example", "ants@lists.example"),
        ("bees-bounces@lists.example", "ants-bounces@lists.example"),
    ):
        assert written in text, written
        text = text.replace(written, here)
    return text + _ORIGIN


@contextlib.contextmanager
def running() -> Iterator[World]:
    """Start everything; it is gone at the end."""
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
        for name, configuration in (("msa", _MSA), ("lists", as_on_the_page()), ("mx", _MX)):
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
