"""The same configuration and the same mail for OpenDKIM and for avowal-opendkim.

Answers, modifications and log lines have to be equal, signatures octet for octet.  The last
test says where we differ on purpose, and why.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable

import pytest
from tests.beside import ALWAYS, FILES, KEYS, compare
from tests.crafting import craft
from tests.milters import AVOWAL, OPENDKIM, STRANGER, Milter, inserted, own_dev_possible
from tests.mta.session import Transaction

from avowal.crypto.signing import PrivateKey
from avowal.dkim.intent import Intent
from avowal.dkim.signer import Signer
from avowal.message import Message
from avowal.milter.packets import Connect, Mail, Recipient
from avowal.names import DomainName
from avowal.opendkim.layout import OpendkimLayout
from avowal.opendkim.settings import SIGNED
from avowal.policy.atps import query_name
from avowal.testing import ED25519, RSA_1024, RSA_2048, message

pytestmark = pytest.mark.needs("opendkim")

LOCAL = Connect(b"localhost", b"4", 25, b"127.0.0.1")
_SIGNING = "Domain example.com\nSelector s1\nKeyFile @DIR@/rsa.pem\nMode s\n"
_VERIFYING = "Mode v\nTestPublicKeys @DIR@/keys\n"
_TABLES = "SigningTable file:@DIR@/signing\nKeyTable file:@DIR@/table\nMode s\n"
_NAMES = (b"To", b"cc", b"REPLY-TO", b"Subject", b"Date", b"References", b"list-unsubscribe",
          b"Resent-From", b"X-Unsigned")  # fmt: skip
_FIELDS = b"from:to:subject:date:message-id"


def transaction(
    octets: bytes,
    *,
    client: Connect = LOCAL,
    recipients: tuple[bytes, ...] = (b"<bob@receiver.example>",),
    **macros: bytes,
) -> Transaction:
    named = {name if len(name) == 1 else f"{{{name}}}": value for name, value in macros.items()}
    return Transaction.of(
        octets,
        connection=client,
        sender=Mail(b"<alice@sender.example>"),
        recipients=tuple(map(Recipient, recipients)),
        macros={"i": b"QID", "j": b"mx.receiver.example", **named},
    )


def signed(key: PrivateKey = RSA_1024, octets: bytes | None = None, **tags: str | None) -> bytes:
    return craft(octets or message(), key, tags={"h": _FIELDS.decode(), **tags})


def from_(author: bytes, name: bytes = b"From") -> bytes:
    return name + b": " + author + b"\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nHello\r\n"


def host(name: bytes, address: bytes) -> Connect:
    return Connect(name, b"6" if b":" in address else b"4", 25, address)


@pytest.fixture(scope="module")
def logged() -> bool:
    return own_dev_possible()


_AUTHORS = {
    "ours": transaction(message()),
    "subdomain": transaction(from_(b"alice@sub.example.com")),
    "capitals": transaction(from_(b"AlIce@Example.COM")),
    "foreign": transaction(from_(b"alice@elsewhere.example")),
    "stranger": transaction(message(), client=STRANGER),
    "authenticated": transaction(message(), client=STRANGER, auth_type=b"PLAIN"),
    "empty auth_type": transaction(message(), client=STRANGER, auth_type=b""),
    "over IPv6": transaction(message(), client=host(b"localhost", b"::1")),
}
_HOSTS = {
    f"{name.decode()} {address.decode()}": transaction(message(), client=host(name, address))
    for name, address in (
        (b"localhost", b"127.0.0.1"), (b"[192.0.2.8]", b"192.0.2.8"),
        (b"[192.0.2.9]", b"192.0.2.9"), (b"h.example.org", b"192.0.2.9"),
        (b"bad.example.org", b"192.0.2.8"), (b"h.sub.example.org", b"198.51.100.3"),
        (b"example.org", b"198.51.100.3"), (b"x", b"2001:db8::1"), (b"x", b"IPv6:2001:db8::1"),
        (b"x", b"198.51.100.7"), (b"EXACT.example", b"198.51.100.8"),
        (b"a.exact.example", b"198.51.100.8"),
    )
}  # fmt: skip
_ORIGINS = {
    "local": transaction(message()),
    "one=a": transaction(message(), client=STRANGER, one=b"a"),
    "one=c": transaction(message(), client=STRANGER, one=b"c"),
    "two": transaction(message(), client=STRANGER, two=b""),
    "daemon foo": transaction(message(), client=STRANGER, daemon_name=b"foo"),
    "daemon bar": transaction(message(), client=STRANGER, daemon_name=b"bar"),
    "nothing": transaction(message(), client=STRANGER),
}
_RECIPIENTS = {
    address: transaction(message(), recipients=(address.encode(),))
    for address in ("<x@a.b.example>", "<y@a.b.example>", "<X@a.b.example>", "x@a.b.example")
} | {"two": transaction(message(), recipients=(b"<q@z.example>", b"<x@a.b.example>"))}
_HEADERS = {
    "usual": transaction(message()),
    "no author": transaction(b"Subject: x\r\n\r\nHello\r\n"),
    "no address": transaction(from_(b"foo")),
    "two authors": transaction(b"From: a@example.com\r\n" + from_(b"b@example.com")),
    "a list": transaction(from_(b"a@example.com, b@example.org")),
    "a phrase": transaction(from_(b'"x, y" (c) <a@example.com>')),
    "a group": transaction(from_(b"g: a@example.com;")),
    "no date": transaction(b"From: a@example.com\r\n\r\nHello\r\n"),
    "two subjects": transaction(b"Subject: one\r\n" + message()),
    "sender": transaction(b"Sender: x@example.org\r\n" + message()),
    "no body": transaction(message().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"),
    "X-Foo": transaction(b"X-Foo: 1\r\n" + message()),
    "no end of a quote": transaction(from_(b'"Alice <alice@example.com>')),
    "no end of a comment": transaction(from_(b"(Alice <alice@example.com>")),
    "an address literal": transaction(from_(b"alice@[192.0.2.1]")),
    "foreign, no date": transaction(b"From: a@elsewhere.example\r\n\r\nHello\r\n"),
    "a signature without tags": transaction(b"DKIM-Signature: hello\r\n" + message()),
    "a signature that lacks tags": transaction(b"DKIM-Signature: v=1; a=b\r\n" + message()),
}


@pytest.mark.parametrize(
    ("conf", "mail"),
    [
        pytest.param("", _AUTHORS, id="whose mail is signed"),
        pytest.param("SubDomains yes\n", _AUTHORS, id="SubDomains"),
        pytest.param("ExemptDomains sub.example.com\n", _AUTHORS, id="ExemptDomains"),
        pytest.param("ExternalIgnoreList 192.0.2.9\n", _AUTHORS, id="ExternalIgnoreList"),
        pytest.param(
            "InternalHosts 192.0.2.0/24,!192.0.2.9,.example.org,!bad.example.org,"
            "2001:db8::/32,[198.51.100.7],exact.example\n",
            _HOSTS,
            id="InternalHosts",
        ),
        pytest.param("PeerList 127.0.0.1,.example.org,2001:db8::/32\n", _HOSTS, id="PeerList"),
        pytest.param("MacroList one=a|b,two\n", _ORIGINS, id="MacroList"),
        pytest.param("MTA foo,baz\n", _ORIGINS, id="MTA"),
        pytest.param("DontSignMailTo x@a.b.example\n", _RECIPIENTS, id="DontSignMailTo"),
        pytest.param("DontSignMailTo a.b.example,*\n", _RECIPIENTS, id="DontSignMailTo is exact"),
        pytest.param("BodyLengthDB x@a.b.example\n", _RECIPIENTS, id="BodyLengthDB address"),
        pytest.param(
            "BodyLengthDB x@.b.example,b.example\n", _RECIPIENTS, id="BodyLengthDB parent"
        ),
        pytest.param("", _HEADERS, id="headers"),
        pytest.param("StrictHeaders yes\n", _HEADERS, id="StrictHeaders"),
        pytest.param("RequiredHeaders yes\n", _HEADERS, id="RequiredHeaders"),
        pytest.param("SenderHeaders Sender,From\n", _HEADERS, id="SenderHeaders"),
        pytest.param("SenderHeaders Sender\n", _HEADERS, id="SenderHeaders without From"),
        pytest.param("SenderMacro absent\n", _HEADERS, id="SenderMacro that is not set"),
        pytest.param("WeakSyntaxChecks yes\n", _HEADERS, id="WeakSyntaxChecks"),
        pytest.param("MinimumKeyBits 4096\n", _HEADERS, id="MinimumKeyBits"),
        pytest.param("ATPSDomains example.com\n", _HEADERS, id="ATPSDomains"),
        pytest.param("OversignHeaders From,To,X-None\n", _HEADERS, id="OversignHeaders"),
        pytest.param("SignHeaders *,+X-Foo,-To\n", _HEADERS, id="SignHeaders changed"),
        pytest.param("SignHeaders From,Subject\n", _HEADERS, id="SignHeaders given"),
        pytest.param("OmitHeaders *,+Subject\n", _HEADERS, id="OmitHeaders"),
        pytest.param("SignatureTTL 3600\nRequestReports yes\n", _HEADERS, id="x= and r="),
        pytest.param("MaximumSignedBytes 3\n", _HEADERS, id="MaximumSignedBytes"),
        *(
            pytest.param(f"Canonicalization {form}\n", _HEADERS, id=f"c={form}")
            for form in ("relaxed", "simple/relaxed")
        ),
    ],
)
def test_signs_like_opendkim(conf: str, mail: dict[str, Transaction], logged: bool) -> None:
    compare(_SIGNING + conf, mail, logged=logged)


# Each row is for a domain of its own, so that one table answers for all of them.
_ROWS = """\
alice@address.example k2
host.example k2
alice@.parent.example k2
.below.example k2
bob@otheruser.example k2
ALICE@CAPITALS.example k2
@onlyat.example k2
*@star.example k2
unknown.example nowhere
broken.example broken
relative.example relative
named.example %
identity.example k2:foo@identity.example
percent.example k2:x@%
conflict.example k2:bad@other.example
alice@.example.order.example k2
.order.example k1
alice@* k3
"""
_ROW_AUTHORS = {
    author: transaction(from_(author.encode()))
    for domain in re.findall(r"([\w.]+\.example)\b", _ROWS.lower())
    for author in (f"alice@{domain.lstrip('.')}", f"alice@sub.{domain.lstrip('.')}")
} | {
    "no row": transaction(from_(b"carol@elsewhere.example")),
    "bob": transaction(from_(b"bob@otheruser.example")),
    "level by level": transaction(from_(b"alice@a.example.order.example")),
}


@pytest.mark.parametrize("last", ["", "* k1"])
def test_looks_up_the_signing_table_like_opendkim(last: str) -> None:
    compare(_TABLES, _ROW_AUTHORS, logged=False, signing=f"{_ROWS}{last}\n")


_PATTERNS = """\
*ICE@capitals.example k1
alice@d.t.example k1
al+ice@plus.example k1
  *@indented.example k1
*@comment.example\tk1 # comment
*@begin.exampl k1
host.example k1
*alice@*.part.example k1
a*e@in*side.example k1
*@percent.example %
"""
_PATTERN_AUTHORS = {
    author: transaction(from_(author.encode()))
    for author in (
        "alice@capitals.example", "alice@dot.example", "alice@d.t.example", "alice@plus.example",
        "alice@indented.example", "alice@comment.example", "alice@begin.example",
        "alice@host.example", "alice@a.part.example", "alice@part.example",
        "alice@in-side.example", "ace@inside.example", "alice@percent.example",
    )
}  # fmt: skip


@pytest.mark.parametrize("last", ["", "* k2"])
def test_matches_patterns_like_opendkim(last: str) -> None:
    tables = _TABLES.replace("file:@DIR@/signing", "refile:@DIR@/signing")
    compare(tables, _PATTERN_AUTHORS, logged=False, signing=f"{_PATTERNS}{last}\n")


@pytest.mark.parametrize(
    "rule",
    [
        "@example\\.com\t@masq.example", "alice\tA&B\\1", "(alice)\tx", "\\(al\\)ice\tx",
        "al.ce\tx", "Alice\tBob",
    ],
)  # fmt: skip
def test_signs_what_replace_rules_make_of_a_header(rule: str) -> None:
    conf = _SIGNING.replace("example.com\n", "example.com,masq.example\n", 1)
    compare(
        f"{conf}Canonicalization relaxed/simple\nReplaceRules @DIR@/rules\n",
        _AUTHORS,
        logged=False,
        rules=f"{rule}\n",
    )


def test_two_keys_sign_in_opendkims_order(logged: bool) -> None:
    rows = "alice@example.com k1\n* k2\n"
    compare(_TABLES + "MultipleSignatures yes\n", _AUTHORS, logged=logged, signing=rows)


@pytest.mark.parametrize("seed", range(4))
def test_writes_signatures_octet_for_octet(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"x{chance.randrange(10 ** chance.randrange(1, 9))}" for _ in range(3)]
    domain, selector = ".".join([*names, "example"]), "s" * chance.randrange(1, 60)
    fields = [b"From: a@%s" % domain.encode()] + [
        b"%s: %s" % (chance.choice(_NAMES), bytes(chance.choices(b"ab \t,;=", k=40)) + b"x")
        for _ in range(chance.randrange(25))
    ]
    chance.shuffle(fields)
    octets = b"\r\n".join(fields) + b"\r\n\r\nHello  world \r\n\r\n"
    over = chance.sample(["From", "To", "X-Long-Header-Name", "subject"], 2)
    forms = chance.choice(("simple", "relaxed")), chance.choice(("simple", "relaxed"))
    conf = (
        f"{ALWAYS}Mode s\nDomain {domain}\nSelector {selector}\nKeyFile @DIR@/rsa.pem\n"
        f"Canonicalization {forms[0]}/{forms[1]}\nOversignHeaders {','.join(over)}\n"
        "SignatureTTL 3600\nRequestReports yes\n"
    )
    with Milter(OPENDKIM, conf, FILES) as milter:
        (value,) = inserted(*milter.play(transaction(octets)), b"DKIM-Signature")
    made = re.search(rb"\bt=(\d+)", value)
    assert made is not None
    one = Message.parse(octets)
    signer = Signer(
        one.header,
        [
            Intent(
                domain=domain, selector=selector, key=RSA_2048,
                header_canon=forms[0], body_canon=forms[1],
                names=tuple(name.lower().encode() for name in SIGNED),
                oversigned=frozenset(name.lower().encode() for name in over),
                lifetime=3600, request_reports=True,
                layout=OpendkimLayout(tuple(name.encode() for name in over)),
            )
        ],
        now=int(made[1]),
        accept_malformed=True,
    )  # fmt: skip
    signer.feed(one.body)
    assert signer.finish()[0].value.replace(b"\r\n", b"\n") == value


def test_third_party_signatures_carry_atps() -> None:
    rows = "elsewhere.example k1\nexample.com k1\n"
    compare(_TABLES + "ATPSDomains elsewhere.example\n", _AUTHORS, logged=False, signing=rows)


@pytest.mark.parametrize("record", ["v=ATPS1", "v=ATPS2", None])
def test_third_parties_are_judged_like_opendkim(record: str | None) -> None:
    tags = {"h": _FIELDS.decode(), "atps": "author.example", "atpsh": "sha1"}
    octets = craft(message(**{"from": "alice@author.example"}), RSA_1024, tags=tags)
    name = query_name(DomainName.parse(b"example.com"), DomainName.parse(b"author.example"), "sha1")
    zone = FILES["keys"] + ("" if record is None else f"{name} {record}\n")
    mail = {"third party": transaction(octets, client=STRANGER)}
    compare("Mode v\nTestDNSData file:@DIR@/zone\n", mail, logged=False, zone=zone)


_ONE = signed()
_OTHER = signed(s="absent")


def _pair(first: bytes, second: bytes) -> bytes:
    return first[: first.index(b"\r\nFrom:") + 2] + second


_SIGNED: dict[str, bytes] = {
    "unsigned": message(),
    "passes": _ONE,
    "RSA-2048": signed(RSA_2048, s="long"),
    "Ed25519": signed(ED25519, s="ed"),
    "rsa-sha1": craft(message(), RSA_1024, tags={"h": _FIELDS.decode(), "a": "rsa-sha1"}),
    "changed body": _ONE.replace(b"\r\n\r\n", b"\r\n\r\nX"),
    "changed field": _ONE.replace(b"Lunch", b"Dinner"),
    "no key": _OTHER,
    **{f"key {s}": signed(s=s) for s in KEYS if s not in ("s1", "long", "ed")},
    "key testing, changed": signed(s="testing").replace(b"\r\n\r\n", b"\r\n\r\nX"),
    "key strict, i= below": signed(s="strict", i="bob@sub.example.com"),
    "i= below": signed(i="bob@sub.example.com"),
    "i= elsewhere": signed(i="bob@example.org"),
    "expired": signed(t="1000", x="2000"),
    "signed in future": signed(t="4000000000"),
    "x= before t=": signed(t="2000", x="1000"),
    "v=2": signed(v="2"),
    "c= header": signed(c="odd/simple"),
    "c= body": signed(c="simple/odd"),
    "q=": signed(q="http/x"),
    "l= of the beginning": signed(l="3"),
    "l= beyond the end": signed(l="1000"),
    "l= no number": signed(l="x"),
    "t= no number": signed(t="x"),
    "x= no number": signed(x="x"),
    "From not signed": signed(h="to:subject:date"),
    "no bh=": signed(bh=None),
    "empty bh=": signed(bh=""),
    "two, the second passes": _pair(_OTHER, _ONE),
    "two, the first passes": _pair(_ONE, _OTHER),
    **{f"no {name}=": signed(**{name: None}) for name in ("v", "a", "d", "s", "h")},
    "no tag list": signed(foo="1; bar; x=1"),
}
_JUDGED = {name: transaction(octets, client=STRANGER) for name, octets in _SIGNED.items()}
_FEW = {
    name: _JUDGED[name]
    for name in (
        "unsigned", "passes", "changed body", "no key", "key revoked", "key testing, changed",
        "expired", "two, the second passes", "two, the first passes", "no tag list",
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("conf", "mail"),
    [
        pytest.param("", _JUDGED, id="every outcome"),
        *(
            pytest.param(f"{option} {action}\n", _FEW, id=f"{option} {action}")
            for option, action in (
                ("On-BadSignature", "reject"), ("On-KeyNotFound", "t"),
                ("On-NoSignature", "reject"), ("On-Default", "t"),
            )
        ),
        pytest.param("On-Default discard\n", _FEW, id="On-Default discard"),
        pytest.param("On-Default reject\nOn-BadSignature accept\n", _FEW, id="On-Default first"),
        pytest.param(
            "AlwaysAddARHeader yes\nNoHeaderB yes\nAuthservIDWithJobID yes\n",
            _FEW,
            id="AlwaysAddARHeader",
        ),
        pytest.param(
            "AlwaysAddARHeader yes\nOn-NoSignature reject\n",
            _FEW,
            id="AlwaysAddARHeader beside On-NoSignature",
        ),
        pytest.param("AuthservID HOSTNAME\n", _FEW, id="AuthservID HOSTNAME"),
        pytest.param("AuthservID foo.example\n", _FEW, id="AuthservID"),
        pytest.param("MinimumKeyBits 2048\n", _FEW, id="MinimumKeyBits"),
        pytest.param("MaximumSignaturesToVerify 1\n", _FEW, id="MaximumSignaturesToVerify"),
        pytest.param("MustBeSigned Subject,MIME-Version\n", _FEW, id="MustBeSigned"),
        pytest.param("IgnoreMalformedMail yes\nStrictHeaders yes\n", _HEADERS, id="Ignore"),
        pytest.param("StrictHeaders yes\n", _HEADERS, id="StrictHeaders"),
        pytest.param("RequiredHeaders yes\n", _HEADERS, id="RequiredHeaders"),
        pytest.param("AlwaysAddARHeader yes\n", _HEADERS, id="AlwaysAddARHeader, headers"),
    ],
)  # fmt: skip
def test_judges_like_opendkim(conf: str, mail: dict[str, Transaction], logged: bool) -> None:
    compare(_VERIFYING + conf, mail, logged=logged)


_FORGED = b"".join(
    b"Authentication-Results: %s\r\n" % value
    for value in (
        b"mx.receiver.example; dkim=pass", b"mx.receiver.example; spf=pass",
        b"other.example; dkim=pass", b"mx.receiver.example; spf=pass; dkim=pass",
        b"%s; dkim=pass" % socket.gethostname().encode(),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    "conf",
    ["", "KeepAuthResults yes\n", "RemoveARAll yes\n", "RemoveARFrom other.example\n",
     "AuthservID foo.example\n", "AuthservID HOSTNAME\n"],
)  # fmt: skip
def test_removes_results_like_opendkim(conf: str) -> None:
    mail = {
        "signed": transaction(_FORGED + _ONE, client=STRANGER),
        "unsigned": transaction(_FORGED + message(), client=STRANGER),
    }
    compare(_VERIFYING + conf, mail, logged=False)


def test_modes_share_the_mail_like_opendkim(logged: bool) -> None:
    for mode in ("v", "sv"):
        conf = _SIGNING.replace("Mode s", f"Mode {mode}") + "TestPublicKeys @DIR@/keys\n"
        compare(conf, {**_AUTHORS, **_FEW}, logged=logged)


@pytest.mark.parametrize(
    ("change", "theirs", "ours", "why"),
    [
        pytest.param(
            lambda: signed(d="example.com; d=example.com"), b"dkim=pass", b"dkim=permerror",
            "RFC 6376 §3.2: a tag that stands twice makes the whole list invalid",
            id="a tag twice",
        ),
        pytest.param(
            lambda: signed(i="a=40b@example.com"), b"header.i=a@b@example.com",
            b"header.i=a=40b@example.com", "an identity that is none is shown as written",
            id="two at signs in i=",
        ),
    ],
)  # fmt: skip
def test_differs_from_opendkim_on_purpose(
    change: Callable[[], bytes], theirs: bytes, ours: bytes, why: str
) -> None:
    one = transaction(change(), client=STRANGER)
    for program, expected in ((OPENDKIM, theirs), (AVOWAL, ours)):
        with Milter(program, ALWAYS + _VERIFYING, FILES) as milter:
            assert expected in str(milter.play(one)).encode(), why
