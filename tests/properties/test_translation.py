"""The law of a change-over: face and translated plan treat the same mail alike.

For a generated opendkim.conf and message `avowal-opendkim` and `avowal milter` by the
translation sign or not, with the same domain, selector and signed names, verify or not, and give
the same answer; or the translation says NOTHING of a line that it cannot carry.  What it writes
always passes our own check.

Seeds are fixed here; ``AVOWAL_SEEDS=0:2000 pytest tests/properties/test_translation.py`` searches.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.inspecting import answered, inspected

from avowal import app, sign
from avowal.agenda import Rank
from avowal.config.model import Role
from avowal.config.opendkim_conf import OpendkimConf, read_conf
from avowal.config.toml import parse
from avowal.flow.actions import Actions
from avowal.flow.decide import decide
from avowal.flow.transaction import SmtpAuthentication, Transaction
from avowal.message import Message
from avowal.milter.packets import InsertHeader, PlainAnswer, Quarantine
from avowal.opendkim.envelope import Envelope
from avowal.opendkim.filtering import Filtering, OpendkimGeneration
from avowal.opendkim.settings import compiled
from avowal.opendkim.translated import Translation
from avowal.opendkim.translation import translate
from avowal.opendkim.treatment import TreatmentKind
from avowal.opendkim.verdict import OpendkimVerdict
from avowal.testing import ED25519, RSA_2048, Zone, record_for

NOW = 1_700_000_000
_FIRST, _LAST = map(int, os.environ.get("AVOWAL_SEEDS", "0:120").split(":"))
ZONE = Zone({"k._domainkey.stranger.example": record_for(ED25519)})
DOMAINS = (
    "example.com", "mail.example.com", "a.mail.example.com", "example.net", "sub.example.net",
    "other.example", "localhost", "stranger.example",
)  # fmt: skip
LOCALS = ("alice", "Bob", "postmaster")
HOSTS = (
    ("mail.example.com", "192.0.2.1"), ("mx.example.net", "10.1.2.3"), ("localhost", "127.0.0.1"),
    ("[198.51.100.7]", "198.51.100.7"), ("mail.example.com", "2001:db8::7"), ("localhost", "::1"),
    ("a.mail.example.com", "10.255.0.1"),
)  # fmt: skip
FIELD_NAMES = (
    "From", "To", "Subject", "Date", "Sender", "Reply-To", "Received", "X-Mailer", "Message-ID",
    "MIME-Version", "List-Id",
)  # fmt: skip


@dataclass(slots=True)
class Chance:
    """Draws, from one seed."""

    drawn: random.Random

    def often(self, share: float = 0.5) -> bool:
        return self.drawn.random() < share

    def one(self, *choices: Any) -> Any:
        return self.drawn.choice(choices)

    def some(self, choices: tuple[str, ...], most: int = 3) -> list[str]:
        return self.drawn.sample(choices, self.drawn.randint(1, min(most, len(choices))))


# -- configurations ------------------------------------------------------------------------


def configuration(chance: Chance, home: Path) -> OpendkimConf:
    """Write an opendkim.conf with its tables and read it."""
    lines = [*_keys(chance, home), *_hosts(chance, home), *_forms(chance), *_verifying(chance)]
    if chance.often(0.6):
        chance.drawn.shuffle(lines)
    (home / "conf").write_text("\n".join(lines) + "\n")
    return read_conf(str(home / "conf"))


def _set(chance: Chance, home: Path, name: str, rows: list[str]) -> str:
    """Write a set as a list or a file of either kind."""
    kind = chance.one("csl", "file", "refile")
    if kind == "csl":
        return f"{name} {chance.one('csl:', '')}{','.join(rows)}"
    (home / name).write_text("".join(f"{row}\n" for row in rows))
    return f"{name} {kind}:{home / name}"


def _author(chance: Chance) -> str:
    domain, local = chance.one(*DOMAINS[:6]), chance.one(*LOCALS).upper()
    return str(chance.one(
        domain, f"*@{domain}", f"*@*.{domain}", f".{domain}", f"{local}@{domain}", f"*.{domain}",
        f"{local}@.{domain}", f"{local}@*", "*", "*@*", f"al*@{domain}", f"*{domain}", f"@{domain}",
        f"*@{domain.upper()}", "*@bücher.example",
    ))  # fmt: skip


def _keys(chance: Chance, home: Path) -> Iterator[str]:
    if chance.often(0.15):
        return
    if chance.often(0.35):
        rows = [str(chance.one(d, d, d, "*", f"*.{d}", f".{d}", d.upper())) for d in
                chance.some(DOMAINS, 3)]  # fmt: skip
        yield _set(chance, home, "Domain", rows)
        yield f"KeyFile {home / 'rsa'}"
        yield "Selector s1"
    else:
        keys = [
            f"k1 example.com:s1:{home / 'rsa'}", f"k2 %:s2:{home / 'ed'}",
            f"k3 example.net:s3:{home / 'rsa'}", f"K3 example.net:s4:{home / 'rsa'}",
            f"k4 %:s5:{home}/%.pem" if chance.often(0.1) else "",
            f"gone example.com:s1:{home}/gone" if chance.often(0.1) else "",
        ]  # fmt: skip
        (home / "keys").write_text("\n".join(keys) + "\n")
        yield f"KeyTable file:{home / 'keys'}"
        rows = [f"{_author(chance)} {_key_name(chance)}" for _ in range(chance.one(1, 2, 3, 5))]
        (home / "signing").write_text("\n".join(rows) + "\n")
        yield f"SigningTable {chance.one('refile', 'file')}:{home / 'signing'}"
        if chance.often(0.3):
            yield "MultipleSignatures yes"
    if chance.often(0.3):
        yield "SubDomains yes"
    if chance.often(0.05):
        yield f"MinimumKeyBits {chance.one(1024, 4096)}"


def _key_name(chance: Chance) -> str:
    if chance.often(0.05):
        return str(chance.one("nope", "", "%", "gone"))
    name = chance.one("k1", "k2", "k3", "K1")
    identity = chance.one("", "", "", "@%", ":x", f":@{chance.one(*DOMAINS)}", ":%@example.com")
    return f"{name}:{identity}" if identity[:1] == "@" else f"{name}{identity}"


def _hosts(chance: Chance, home: Path) -> Iterator[str]:
    if chance.often(0.5):
        yield _set(chance, home, "InternalHosts", _host_rows(chance))
    if chance.often(0.15):
        yield _set(chance, home, "PeerList", _host_rows(chance))
    if chance.often(0.1):
        yield _set(chance, home, "MTA", chance.some(("MSA", "ORIG*", "originating")))
    if chance.often(0.1):
        yield f"MacroList {chance.one('x=1|2', '{x}', 'daemon_name=MSA', 'x')}"
    if chance.often(0.15):
        yield _set(chance, home, "ExemptDomains", [chance.one(
            "example.net", "*.example.com", ".example.com", "a@example.com", "*", "ex*.com"
        )])  # fmt: skip
    if chance.often(0.15):
        yield _set(chance, home, "DontSignMailTo", [chance.one(
            "friend@elsewhere.example", "elsewhere.example", "*@elsewhere.example", "*",
            "friend@*", "friend@.example",
        )])  # fmt: skip


_HOST_ROWS = (
    "127.0.0.1", "::1", "10.0.0.0/8", "10.0.0.1/8", "!10.1.2.3", "192.0.2.1", "localhost",
    "mail.example.com", ".example.com", "*.example.com", "!mail.example.com", "-", "junk..",
    "mx.example.net", "[198.51.100.7]", "2001:DB8::/32", "2001:db8:0::7", "0.0.0.0/0", "10.*", "*",
    "MAIL.example.com", "!192.0.2.0/24", "192.0.2.0/255.255.255.0", "[10.0.0.0]/8", "*.net", ".com",
    "!.example.com", "*.mail.example.com",
)  # fmt: skip


def _host_rows(chance: Chance) -> list[str]:
    return chance.some(_HOST_ROWS, 4)


def _forms(chance: Chance) -> Iterator[str]:
    for option, share in (("SignHeaders", 0.3), ("OmitHeaders", 0.2), ("OversignHeaders", 0.3),
                          ("SenderHeaders", 0.2)):  # fmt: skip
        if chance.often(share):
            names = chance.some(FIELD_NAMES, 4)
            if chance.often(0.4):
                names = ["*", *(chance.one("+", "-") + name for name in names)]
            if chance.often(0.05):
                names.append(chance.one(".", "-", "no name", "+To"))
            yield f"{option} {','.join(names)}"
    if chance.often(0.3):
        yield f"Canonicalization {chance.one('relaxed/simple', 'simple', 'relaxed/relaxed')}"
    if chance.often(0.05):
        yield "SenderMacro x"


def _verifying(chance: Chance) -> Iterator[str]:
    if chance.often(0.4):
        yield f"Mode {chance.one('s', 'v', 'sv', 'vs')}"
    for option in ("On-BadSignature", "On-DNSError", "On-KeyNotFound", "On-NoSignature",
                   "On-Default", "On-InternalError"):  # fmt: skip
        if chance.often(0.12):
            action = chance.one("accept", "reject", "tempfail", "discard", "quarantine", "r")
            yield f"{option} {action}"
    for option in ("RequiredHeaders", "StrictHeaders", "Quarantine", "DomainKeysCompat",
                   "AlwaysAddARHeader", "RemoveOldSignatures"):  # fmt: skip
        if chance.often(0.04):
            yield f"{option} {chance.one('yes', 'yes', 'no')}"
    if chance.often(0.1):
        yield f"{chance.one('DNSTimeout', 'ClockDrift', 'SignatureTTL')} {chance.one(0, 5, 600)}"


# -- messages ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """A message and what the MTA says of it; `resolver` is None where DNS is silent."""

    octets: bytes
    name: str
    address: str
    macros: dict[str, bytes]
    recipient: str
    resolver: Any

    @property
    def envelope(self) -> Envelope:
        return Envelope(
            client_name=self.name, client=self.address, recipients=(self.recipient,),
            raw_recipients=(b"<%s>" % self.recipient.encode(),), macros=self.macros,
        )  # fmt: skip

    def transaction(self, role: Role) -> Transaction:
        login = self.macros.get("auth_type")
        daemon = self.macros.get("daemon_name")
        return Transaction(
            received_at=NOW, role=role, hostname="mx.example.org", client=ip_address(self.address),
            client_name=None if self.name.startswith("[") else self.name,
            auth=None if login is None else SmtpAuthentication(login.decode()),
            daemon_name=None if daemon is None else daemon.decode(), sender=b"",
            recipients=(self.recipient.encode(),), macros=self.macros,
        )  # fmt: skip


def message(chance: Chance) -> Case:
    # without an author of a single label: for one the filter refuses the message
    local, domain = chance.one(*LOCALS), chance.one(*(d for d in DOMAINS if "." in d))
    fields = [f"From: {local}@{chance.one(domain, domain.upper())}", "Date: now", "To: b@x.example"]
    fields += chance.some(
        ("Subject: s", "Sender: c@example.net", "Reply-To: d@example.com", "X-Mailer: m",
         "Received: by x", "List-Id: <l>", "Subject: t"), 5,
    )  # fmt: skip
    octets = ("\r\n".join(fields) + "\r\n\r\nbody\r\n").encode()
    if chance.often(0.4):
        selector = chance.one("k", "k", "gone")
        signer: Any = {"domain": "stranger.example", "selector": selector, "key": ED25519}
        octets = sign(octets, **signer, now=NOW, accept_malformed=True) + octets
        if chance.often():
            octets += b"more\r\n"
    said = {"auth_type": b"PLAIN", "daemon_name": b"MSA", "x": b"1"}
    macros = {name: value for name, value in said.items() if chance.often(0.2)}
    host = chance.one(*HOSTS)
    recipient = chance.one("friend@elsewhere.example", "b@x.example")
    return Case(octets, *host, macros, recipient, chance.one(ZONE, ZONE, ZONE, None))


# -- what becomes of it --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """Signatures as (d=, s=, h= sorted), whether it is verified, and the answer."""

    signatures: tuple[tuple[str, str, tuple[str, ...]], ...]
    verified: bool | None
    answer: str


def by_face(generation: OpendkimGeneration, case: Case) -> Outcome:
    if not generation.admits(case.envelope):
        return Outcome((), False, "accept")
    read = Message.parse(case.octets)
    filtering = Filtering(generation, case.envelope, read.header, now=NOW, draw=99)
    answered(filtering.agenda, case.resolver)
    filtering.feed(read.body)
    slot = filtering.agenda.add(filtering.finish(), Rank.POLICY)
    answered(filtering.agenda, case.resolver)
    verdict = slot.value
    values = [
        change.value for change in verdict.modifications
        if isinstance(change, InsertHeader) and change.name == b"DKIM-Signature"
    ]  # fmt: skip
    kind = None if filtering.treatment is None else filtering.treatment.kind
    known = kind in (TreatmentKind.SIGN, TreatmentKind.VERIFY, TreatmentKind.LEAVE)
    return Outcome(
        _signatures(values), kind is TreatmentKind.VERIFY if known else None, _answer(verdict)
    )


def _answer(verdict: OpendkimVerdict) -> str:
    if any(isinstance(change, Quarantine) for change in verdict.modifications):
        return "quarantine"
    if isinstance(verdict.answer, PlainAnswer):
        return {PlainAnswer.CONTINUE: "accept"}.get(verdict.answer, verdict.answer.name.lower())
    return "reject" if verdict.answer.text.startswith(b"5") else "tempfail"  # type: ignore[union-attr]


def by_plan(plan: Any, case: Case) -> Outcome:
    read = Message.parse(case.octets)
    outcome = inspected(
        plan,
        case.transaction(plan.configuration.mode),
        read.header,
        [read.body],
        case.resolver,
        now=NOW,
    )
    actions: Actions = decide(outcome)
    values = [
        field.value for field in actions.insert if field.name == b"dkim-signature"
    ]  # fmt: skip
    answer = actions.disposition.name.lower()
    if actions.quarantine is not None:
        answer = "quarantine"
    return Outcome(_signatures(values), outcome.context.treatment.verify, answer)


def _signatures(values: list[bytes]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    found = set()
    for value in values:
        tags = dict(
            tag.split("=", 1) for tag in re.sub(r"\s", "", value.decode()).rstrip(";").split(";")
        )
        names = tuple(sorted(tags["h"].lower().split(":")))
        found.add((tags["d"].lower(), tags["s"], names))
    return tuple(sorted(found))


def alike(translation: Translation, ours: Outcome, theirs: Outcome) -> bool:
    return (
        ours.signatures == theirs.signatures
        and theirs.verified in (None, ours.verified)
        and ours.answer == theirs.answer
    )


# -- the law -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site", numbered=True)
    for name, key in (("rsa", RSA_2048), ("ed", ED25519)):
        (made / name).touch(0o600)
        (made / name).write_bytes(key.pem())
    return made


_COMPARED: list[bool] = []


@pytest.mark.parametrize("seed", range(_FIRST, _LAST))
def test_a_translation_treats_mail_as_the_filter_does(home: Path, seed: int) -> None:
    chance = Chance(random.Random(seed))
    conf = configuration(chance, home)
    text = (home / "conf").read_text()
    translation = translate(conf)
    made = translation.text()
    loaded = parse(made.encode())
    plan = app.plan(loaded.configuration, loaded.places)  # our own check
    lost = any(one.lost for one in translation.became)
    _COMPARED.append(not lost)
    if lost:
        return
    generation = OpendkimGeneration.of(compiled(conf))
    for _ in range(12):
        case = message(chance)
        theirs, ours = by_face(generation, case), by_plan(plan, case)
        assert alike(translation, ours, theirs), f"{text}\n{made}\n{case}\n{theirs}\n{ours}"


def test_enough_translations_carry_every_line() -> None:
    assert sum(_COMPARED) * 3 > len(_COMPARED)
