"""The resolver against a real name server on loopback, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dnsd import NameServer

from avowal.dns import transport
from avowal.dns.dnspython import DnsResolver
from avowal.errors import ResolverSetupError, UsageError
from avowal.lookup import Answer, Failure, Outcome, Question

LONG = "x" * 250
ZONE = f"""
one.example.com.        TXT "v=DKIM1; p=one"
parts.example.com.      TXT "v=DK" "IM1; " "p=parts"
many.example.com.       TXT "first"
many.example.com.       TXT "second"
big.example.com.        TXT "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}" "{LONG}"
octets.example.com.     TXT "\\000\\255"
a.b.example.com.        TXT "below"
host.example.com.       A 192.0.2.1
host.example.com.       AAAA 2001:db8::1
host.example.com.       MX 10 mx.example.com.
null.example.com.       MX 0 .
1.2.0.192.in-addr.arpa. PTR host.example.com.
typed.example.com.      TYPE65280 \\# 3 616263
alias.example.com.      60 CNAME second.example.com.
second.example.com.     CNAME one.example.com.
out.example.com.        CNAME nowhere.example.com.
empty.example.com.      CNAME host.example.com.
circle.example.com.     CNAME elcric.example.com.
elcric.example.com.     CNAME circle.example.com.
_tc.example.com.        TXT "over TCP"
x._tc._close.example.com. TXT "never"
_delay50.example.com.   TXT "late"
_delay100.example.com.  TXT "later"
_wrongid.example.com.   TXT "right"
_lost.example.com.      TXT "at the second time"
_noedns.example.com.    TXT "old server"
_halfchain.example.com. CNAME b._halfchain.example.com.
b._halfchain.example.com. CNAME one.example.com.
_foreign.example.com.   TXT "asked for"
""" + "\n".join(f"n{i}.example.com. CNAME n{i + 1}.example.com." for i in range(25))


@pytest.fixture(scope="module")
def server() -> Iterator[NameServer]:
    with NameServer(ZONE) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(resolver: DnsResolver, mode: str, *questions: Question) -> tuple[Answer, ...]:
    if mode == "sync":
        return resolver.resolve(questions)
    return asyncio.run(resolver.aresolve(questions))


def patient(server: NameServer) -> DnsResolver:
    """Return a resolver for what is answered, however slow the machine is."""
    return DnsResolver([server.address], timeout=30, tries=1)


def brief(server: NameServer, *, tries: int = 1, timeout: float = 0.2) -> DnsResolver:
    """Return a resolver for what is never answered."""
    return DnsResolver([server.address], timeout=timeout, tries=tries)


@pytest.mark.parametrize(
    ("name", "rrtype", "records"),
    [
        pytest.param("one.example.com", "TXT", [b"v=DKIM1; p=one"], id="one-string"),
        pytest.param("ONE.Example.COM.", "TXT", [b"v=DKIM1; p=one"], id="case-and-final-dot"),
        pytest.param("parts.example.com", "TXT", [b"v=DKIM1; p=parts"], id="strings-are-joined"),
        pytest.param("many.example.com", "TXT", [b"first", b"second"], id="several-records"),
        pytest.param("big.example.com", "TXT", [b"x" * 1500], id="too-big-for-a-datagram"),
        pytest.param("_tc.example.com", "TXT", [b"over TCP"], id="truncated"),
        pytest.param("octets.example.com", "TXT", [b"\x00\xff"], id="octets-beyond-ascii"),
        pytest.param("alias.example.com", "TXT", [b"v=DKIM1; p=one"], id="aliases"),
        pytest.param("_halfchain.example.com", "TXT", [b"v=DKIM1; p=one"], id="alias-by-alias"),
        pytest.param("alias.example.com", "CNAME", [b"second.example.com"], id="alias-itself"),
        pytest.param("host.example.com", "A", [b"192.0.2.1"], id="A"),
        pytest.param("host.example.com", "AAAA", [b"2001:db8::1"], id="AAAA"),
        pytest.param("host.example.com", "MX", [b"10 mx.example.com"], id="MX"),
        pytest.param("null.example.com", "MX", [b"0 ."], id="null-MX"),
        pytest.param("1.2.0.192.in-addr.arpa", "PTR", [b"host.example.com"], id="PTR"),
        pytest.param("typed.example.com", "TYPE65280", [b"\\# 3 616263"], id="unknown-type"),
        pytest.param("_wrongid.example.com", "TXT", [b"right"], id="forged-id-is-passed-over"),
        pytest.param("_noedns.example.com", "TXT", [b"old server"], id="server-before-EDNS"),
        pytest.param("_foreign.example.com", "TXT", [b"asked for"], id="unasked-records-ignored"),
    ],
)
def test_records_arrive(
    server: NameServer, mode: str, name: str, rrtype: str, records: list[bytes]
) -> None:
    (answer,) = asked(patient(server), mode, Question(name, rrtype))
    assert answer.outcome is Outcome.FOUND
    assert sorted(answer.records) == records


def test_reading_an_answer_imports_nothing(server: NameServer) -> None:
    """Workers of a daemon may see no files any more, and answers come after that."""
    names = [("alias", "TXT"), ("host", "A"), ("host", "AAAA"), ("host", "MX"), ("alias", "CNAME")]
    asked = [(f"{name}.example.com", rrtype) for name, rrtype in names]
    asked += [("1.2.0.192.in-addr.arpa", "PTR"), ("absent.example.com", "TXT")]
    code = (
        "import asyncio, sys; from avowal.dns.dnspython import DnsResolver\n"
        "from avowal.lookup import Question\n"
        f"questions = tuple(Question(*one) for one in {asked})\n"
        f"resolver = DnsResolver(['{server.address}'], timeout=30)\n"
        "before = set(sys.modules)\n"
        "first, second = resolver.resolve(questions), asyncio.run(resolver.aresolve(questions))\n"
        "print([one.outcome.name for one in first], first == second)\n"
        "print(*[name for name in set(sys.modules) - before])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{['FOUND'] * 6 + ['NO_NAME']} True\n\n"


@pytest.mark.parametrize(
    ("name", "outcome", "ttl"),
    [
        pytest.param("absent.example.com", Outcome.NO_NAME, 60, id="NXDOMAIN"),
        pytest.param("host.example.com", Outcome.NO_DATA, 60, id="NODATA"),
        pytest.param("b.example.com", Outcome.NO_DATA, 60, id="empty-non-terminal"),
        pytest.param("out.example.com", Outcome.NO_NAME, 60, id="alias-to-nothing"),
        pytest.param("empty.example.com", Outcome.NO_DATA, 60, id="alias-to-another-type"),
        pytest.param("_nosoa.example.com", Outcome.NO_NAME, 0, id="without-SOA-not-to-cache"),
    ],
)
def test_negative_answers_last_as_long_as_the_soa_says(
    server: NameServer, mode: str, name: str, outcome: Outcome, ttl: int
) -> None:
    (answer,) = asked(patient(server), mode, Question(name))
    assert (answer.outcome, answer.ttl) == (outcome, ttl)


UNUSABLE = {  # the resolver waits for a better answer to the end
    "_timeout.example.com", "_garbage.example.com", "_malformed.one.example.com",
    "_wrongname.example.com",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("_servfail.example.com", Failure.SERVER_FAILURE),
        ("_refused.example.com", Failure.REFUSED),
        ("_formerr.example.com", Failure.SERVER_FAILURE),
        ("_lame.example.com", Failure.REFUSED),
        ("_timeout.example.com", Failure.TIMEOUT),
        ("_garbage.example.com", Failure.MALFORMED),
        ("_malformed.one.example.com", Failure.MALFORMED),
        ("_wrongname.example.com", Failure.MALFORMED),
        ("x._tc._close.example.com", Failure.MALFORMED),
        ("circle.example.com", Failure.SERVER_FAILURE),
        ("n0.example.com", Failure.SERVER_FAILURE),
    ],
)
def test_failures_are_told_apart(
    server: NameServer, mode: str, name: str, failure: Failure
) -> None:
    resolver = brief(server, timeout=1) if name in UNUSABLE else patient(server)
    (answer,) = asked(resolver, mode, Question(name))
    assert answer == Answer.failed(failure)


def test_a_closed_port_is_unreachable(mode: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    resolver = DnsResolver(["127.0.0.1"], port=port, timeout=30)
    assert asked(resolver, mode, Question("a.example")) == (Answer.failed(Failure.UNREACHABLE),)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x" * 64 + ".example.com", id="label-of-64"),
        pytest.param(".".join(["x" * 63] * 4) + ".example.com", id="name-over-255"),
        pytest.param("a..example.com", id="empty-label"),
        pytest.param(".example.com", id="empty-first-label"),
        pytest.param("é.example.com", id="beyond-ascii"),
    ],
)
def test_an_impossible_name_is_not_sent(server: NameServer, mode: str, name: str) -> None:
    before = len(server.queries)
    assert asked(patient(server), mode, Question(name))[0].outcome is Outcome.NO_NAME
    assert len(server.queries) == before


@pytest.mark.parametrize("rrtype", ["ANY", "AXFR", "NONSENSE", "TYPE99999", "", "TYPE0"])
def test_a_type_that_no_record_has_is_not_sent(server: NameServer, rrtype: str) -> None:
    before = len(server.queries)
    (answer,) = patient(server).resolve((Question("one.example.com", rrtype),))
    assert answer.outcome is Outcome.NO_DATA
    assert len(server.queries) == before


def test_the_ttl_is_the_smallest_of_the_chain(server: NameServer) -> None:
    (answer,) = patient(server).resolve((Question("alias.example.com"),))
    assert answer.ttl == 60


def test_a_batch_keeps_its_order(server: NameServer, mode: str) -> None:
    names = ["_delay100.example.com", "one.example.com", "absent.example.com", "many.example.com"]
    answers = asked(patient(server), mode, *map(Question, names))
    assert [answer.records[:1] for answer in answers][:3] == [(b"later",), (b"v=DKIM1; p=one",), ()]


def test_questions_of_a_batch_travel_at_the_same_time(server: NameServer, mode: str) -> None:
    names = [f"{letter}._together3.example.com" for letter in "abc"]
    answers = asked(patient(server), mode, *map(Question, names))
    assert [answer.outcome for answer in answers] == [Outcome.NO_NAME] * 3


def test_an_empty_batch_has_no_answers(server: NameServer, mode: str) -> None:
    assert asked(brief(server), mode) == ()


def test_the_next_server_is_asked_when_one_fails(server: NameServer, mode: str) -> None:
    with NameServer("one.example.com. TXT here") as other:
        resolver = DnsResolver([other.address, server.address], timeout=30, tries=1)
        (answer,) = asked(resolver, mode, Question("_servfail.example.com"))
        assert answer.failure is Failure.SERVER_FAILURE
        assert [query.name for query in other.queries] == ["_servfail.example.com"]
        assert server.queries[-1].name == "_servfail.example.com"


def test_silence_is_asked_again_and_refusal_is_not(server: NameServer) -> None:
    before = len(server.queries)
    brief(server, tries=3, timeout=0.05).resolve((Question("_timeout.example.com"),))
    assert len(server.queries) == before + 3
    DnsResolver([server.address], timeout=30, tries=3).resolve((Question("_refused.example.com"),))
    assert len(server.queries) == before + 4


def test_a_lost_datagram_is_sent_again_from_the_same_port(server: NameServer, mode: str) -> None:
    before = len(server.queries)
    resolver = DnsResolver([server.address], timeout=60, lifetime=60, tries=1, resend=0.05)
    (answer,) = asked(resolver, mode, Question("_lost.example.com"))
    queries = server.queries[before:]
    assert answer.records == (b"at the second time",)  # long before the minute is over
    assert len(queries) >= 2
    assert len({query.port for query in queries}) == 1  # RFC 5452 §9.2


@pytest.mark.parametrize("sockets", [1, 3])
def test_questions_beyond_the_sockets_wait_their_turn(
    server: NameServer, mode: str, sockets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, most = 0, 0

    class Counted(socket.socket):
        def __enter__(self) -> Counted:
            nonlocal opened, most
            opened += 1
            most = max(most, opened)
            return self

        def __exit__(self, *exc: object) -> None:
            nonlocal opened
            opened -= 1
            self.close()

    monkeypatch.setattr(transport.socket, "socket", Counted)
    resolver = DnsResolver([server.address], sockets=sockets)
    answers = asked(resolver, mode, *(Question("one.example.com") for _ in range(20)))
    assert {answer.outcome for answer in answers} == {Outcome.FOUND}
    assert (opened, most) == (0, sockets)


def test_a_host_without_sockets_is_not_called_an_unreachable_server(
    server: NameServer, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    resolver = DnsResolver([server.address])
    if mode == "sync":
        monkeypatch.setattr(transport.socket, "socket", none_left)
        (answer,) = resolver.resolve((Question("one.example.com"),))
    else:

        async def ask() -> tuple[Answer, ...]:
            monkeypatch.setattr(transport.socket, "socket", none_left)
            return await resolver.aresolve((Question("one.example.com"),))

        (answer,) = asyncio.run(ask())
    monkeypatch.undo()
    assert answer.failure is Failure.NO_SOCKETS
    assert answer.failure.value == "no socket left on this host"


def test_the_lifetime_ends_every_try(server: NameServer, mode: str) -> None:
    resolver = DnsResolver([server.address], timeout=60, tries=9, lifetime=0.1)
    assert asked(resolver, mode, Question("_timeout.a"))[0].failure is Failure.TIMEOUT


def test_a_shorter_time_given_with_the_questions_is_a_deadline(server: NameServer) -> None:
    resolver = brief(server, timeout=60)
    assert resolver.resolve_within((Question("_timeout.a"),), 0.1) == (
        Answer.failed(Failure.DEADLINE),
    )


def test_every_query_has_its_own_port_and_asks_for_recursion_and_ad(server: NameServer) -> None:
    before = len(server.queries)
    patient(server).resolve(tuple(Question("one.example.com") for _ in range(8)))
    queries = server.queries[before:]
    assert len({query.port for query in queries}) > 1
    assert {query.flags for query in queries} == {0x0120}
    assert {query.edns for query in queries} == {0}


def test_tcp_alone_sends_no_datagram(server: NameServer, mode: str) -> None:
    before = len(server.queries)
    resolver = DnsResolver([server.address], tcp=True)
    assert asked(resolver, mode, Question("one.example.com"))[0].outcome is Outcome.FOUND
    assert [query.transport for query in server.queries[before:]] == ["tcp"]


@pytest.mark.parametrize(
    ("authentic", "trust", "secure"),
    [(True, None, True), (True, False, False), (False, None, False), (False, True, False)],
)
def test_ad_is_believed_from_servers_that_are_trusted(
    authentic: bool, trust: bool | None, secure: bool
) -> None:
    with NameServer("a.example. TXT text", authentic=authentic) as server:
        resolver = DnsResolver([server.address], trust_ad=trust)
        (answer,) = resolver.resolve((Question("a.example"),))
    assert answer.secure is secure


def test_ipv6_servers_are_written_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        server = NameServer("a.example. TXT six", host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with server:
        assert DnsResolver([server.address]).resolve((Question("a.example"),))[0].records == (
            b"six",
        )


def test_cancelling_closes_the_socket(server: NameServer) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(brief(server, timeout=9).aresolve((Question("_timeout.a"),)))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())  # a socket left open would be a ResourceWarning, which is an error


def test_resolv_conf_names_the_servers(server: NameServer, tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("# comment\nsearch example.com\nnameserver 127.0.0.1\noptions trust-ad\n")
    resolver = DnsResolver(resolv_conf=conf, port=server.port)
    assert resolver.resolve((Question("one.example.com"),))[0].outcome is Outcome.FOUND
    assert resolver.resolve((Question("one"),))[0].outcome is Outcome.NO_NAME  # no search


@pytest.mark.parametrize(
    ("text", "what", "cure"),
    [
        pytest.param(None, "No such file", "name the DNS servers to ask: --resolver", id="no file"),
        pytest.param("", "no line `nameserver ADDRESS`", "dns.servers of the daemon", id="empty"),
        pytest.param("search example.com\n", "no line", "of DnsResolver", id="a search list alone"),
        pytest.param("nameserver a.example\n", "'a.example'", "write 192.0.2.1,", id="a name"),
    ],
)
def test_no_usable_resolv_conf_is_one_clear_error(
    tmp_path: Path, text: str | None, what: str, cure: str
) -> None:
    conf = tmp_path / "resolv.conf"
    if text is not None:
        conf.write_text(text)
    with pytest.raises(ResolverSetupError) as caught:
        DnsResolver(resolv_conf=conf)
    assert [word in str(caught.value) for word in (str(conf), what, cure)] == [True] * 3


@pytest.mark.parametrize(
    ("servers", "what"),
    [
        ([], "the list is empty"), (["ns.example.com"], "'ns.example.com' is no address"),
        (["192.0.2.300"], "'192.0.2.300' is no address"), (["192.0.2.1:x"], "a port is a number"),
        (["[::1"], "'[::1' is no address"), ([""], "'' is no address"),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(servers: list[str], what: str) -> None:
    with pytest.raises(ResolverSetupError) as caught:
        DnsResolver(servers)
    assert what in str(caught.value)
    assert "from 1 to 65535" in str(caught.value) or "write 192.0.2.1," in str(caught.value)


def test_one_string_of_servers_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        DnsResolver("127.0.0.1")
