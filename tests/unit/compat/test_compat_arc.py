"""ARC through dkimpy's door: the same octets, results and shapes as dkimpy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import dkim as theirs
import pytest
from tests.conformance.cases import Case, params
from tests.differential.peers.dkimpy import key_octets

from avowal.compat import dkim as ours
from avowal.testing import RSA_2048, message, record_for, tamper

NOW = 1_700_000_000  # dkimpy looks at the clock: t= must lie behind it
RSA = key_octets("rsa")
SIGN = "arc-sign"


def results(domain: bytes, status: str) -> bytes:
    lines = (
        f"Authentication-Results: {domain.decode()}; arc={status};\r\n"
        ' spf=pass reason="a b" smtp.mailfrom=a@a.example;\r\n'
        " dkim=pass (a comment) header.i=@b.example\r\n"
    )
    return lines.encode()


def look_up(name: bytes, timeout: int = 5) -> bytes | None:
    return record_for(RSA_2048).encode() if name.startswith(b"rsa._domainkey.") else None


def seal(module: ModuleType, octets: bytes, domain: bytes = b"list.example", **options: Any) -> Any:
    options = {"timestamp": NOW, **options}
    return module.arc_sign(octets, b"rsa", domain, RSA, domain, **options)


def chain(hops: int) -> bytes:
    octets = message()
    for hop, domain in enumerate((b"list.example", b"relay.example", b"third.example")[:hops]):
        octets = results(domain, "pass" if hop else "none") + octets
        octets = b"".join(seal(ours, octets, domain)) + octets
    return octets


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever dkimpy raises
        return type(error).__name__


FIRST = results(b"list.example", "none") + message()
THIRD = results(b"third.example", "pass") + chain(2)
SEALED = [
    pytest.param(FIRST, {}, id="the-first"),
    pytest.param(THIRD, {"domain": b"third.example"}, id="the-third"),
    pytest.param(FIRST, {"standardize": True}, id="standardized"),
    pytest.param(FIRST, {"linesep": b"\n"}, id="line-separator"),
    pytest.param(FIRST, {"include_headers": [b"From", b"to", b"subject"]}, id="names"),
    pytest.param(FIRST, {"include_headers": [b"to"]}, id="without-from"),
    pytest.param(FIRST, {"timestamp": "1700000000"}, id="time-as-text"),
    pytest.param(message(), {}, id="no-results"),
    pytest.param(results(b"other.example", "none") + message(), {}, id="results-of-others"),
    pytest.param(results(b"list.example", "pass") + message(), {}, id="pass-without-a-chain"),
    pytest.param(
        results(b"third.example", "none") + chain(2),
        {"domain": b"third.example"},
        id="none-with-a-chain",
    ),
    pytest.param(
        results(b"third.example", "fail") + tamper(chain(2)),
        {"domain": b"third.example"},
        id="a-failed-chain",
    ),
    pytest.param(FIRST.replace(b"\r\n", b"\n"), {}, id="lf-message"),
]


@pytest.mark.parametrize(("octets", "options"), SEALED)
def test_the_octets_of_a_set_are_dkimpys(octets: bytes, options: dict[str, Any]) -> None:
    expected = outcome(lambda: seal(theirs, octets, **options))
    assert outcome(lambda: seal(ours, octets, **options)) == expected


VERIFIED = [
    pytest.param(message(), id="no-chain"),
    pytest.param(chain(1), id="one-set"),
    pytest.param(chain(3), id="three-sets"),
    pytest.param(tamper(chain(2)), id="a-changed-body"),
    pytest.param(tamper(chain(2), "ARC-Authentication-Results"), id="changed-results"),
]


@pytest.mark.parametrize("octets", VERIFIED)
def test_a_verdict_has_dkimpys_shape(octets: bytes) -> None:
    status, shown, why = ours.arc_verify(octets, dnsfunc=look_up)
    assert (status, shown) == theirs.arc_verify(octets, dnsfunc=look_up)[:2]
    assert isinstance(why, str)
    assert ours.ARC(octets).verify(dnsfunc=look_up) == (status, shown, why)


def test_what_is_said_of_whole_chains_is_dkimpys() -> None:
    for octets in (message(), chain(2)):
        said = [module.arc_verify(octets, dnsfunc=look_up)[2] for module in (theirs, ours)]
        assert said[0] == said[1]


def test_a_chain_that_was_marked_failed_has_ended() -> None:
    octets = results(b"third.example", "fail") + tamper(chain(2))
    octets = b"".join(seal(ours, octets, b"third.example")) + octets
    assert theirs.arc_verify(octets, dnsfunc=look_up)[0] is None
    assert ours.arc_verify(octets, dnsfunc=look_up)[0] is None
    assert seal(ours, results(b"list.example", "fail") + octets) == []


@pytest.mark.parametrize("name", [b"authentication-results", b"arc-seal"])
def test_what_a_set_must_not_sign_is_refused(name: bytes) -> None:
    with pytest.raises(ours.ParameterError):  # RFC 8617 §4.1.2: MUST NOT
        seal(ours, FIRST, include_headers=[b"from", name])


def test_a_message_that_is_none_is_a_failure() -> None:
    assert ours.arc_verify(b"no header\r\n\r\n", dnsfunc=look_up)[0] == ours.CV_Fail


@pytest.mark.parametrize("name", ["arc_sign", "arc_verify"])
def test_arguments_and_defaults_are_dkimpys(name: str) -> None:
    def shape(module: ModuleType) -> list[tuple[str, Any]]:
        parameters = inspect.signature(getattr(module, name)).parameters.values()
        return [(p.name, None if callable(p.default) else p.default) for p in parameters]

    assert shape(ours) == shape(theirs)


@pytest.mark.parametrize("case", [p for p in params(SIGN) if "suite" not in p.id])
def test_the_conformance_cases_of_other_layouts_come_out_octet_for_octet(case: Case) -> None:
    options = case.options
    names = options.get("headers")
    fields = ours.arc_sign(
        case.octets,
        options["selector"].encode(),
        options["domain"].encode(),
        options["private_key_pem"].encode(),
        options["authserv_id"].encode(),
        include_headers=names.encode().split(b":") if names else None,
        timestamp=options["t"],
        standardize="headers" in options,
    )
    expected = case.expect.get("headers") or [case.expect[name] for name in ("AS", "AMS", "AAR")]

    def squeezed(octets: bytes) -> bytes:
        return b"".join(octets.split())

    assert [squeezed(field) for field in fields] == [squeezed(line.encode()) for line in expected]
