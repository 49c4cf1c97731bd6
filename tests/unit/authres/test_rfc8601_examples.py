"""The examples of RFC 8601 appendix B, read as it means them and written again."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from avowal.authres.grammar import parse
from avowal.authres.writer import write

Read = tuple[str, str, str | None, tuple[tuple[str, str], ...]]


class Example(NamedTuple):
    """A value, the authserv-id in it, and its results: method, result, reason, properties."""

    value: bytes
    authserv_id: str
    results: tuple[Read, ...]


EXAMPLES = [
    pytest.param(Example(b" example.org 1; none", "example.org", ()), id="B.2-nothing-was-done"),
    pytest.param(
        Example(
            b" example.com;\r\n          spf=pass smtp.mailfrom=example.net",
            "example.com",
            (("spf", "pass", None, (("smtp.mailfrom", "example.net"),)),),
        ),
        id="B.3-one-method",
    ),
    pytest.param(
        Example(
            b" example.com;\r\n          auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n"
            b"          spf=pass smtp.mailfrom=example.net",
            "example.com",
            (
                ("auth", "pass", None, (("smtp.auth", "sender@example.net"),)),
                ("spf", "pass", None, (("smtp.mailfrom", "example.net"),)),
            ),
        ),
        id="B.4-several-methods",
    ),
    pytest.param(
        Example(
            b" example.com; iprev=pass\r\n          policy.iprev=192.0.2.200",
            "example.com",
            (("iprev", "pass", None, (("policy.iprev", "192.0.2.200"),)),),
        ),
        id="B.4-an-address",
    ),
    pytest.param(
        Example(
            b' example.com;\r\n          dkim=pass reason="good signature"\r\n'
            b"            header.i=@mail-router.example.net;\r\n"
            b'          dkim=fail reason="bad signature"\r\n'
            b"            header.i=@newyork.example.com",
            "example.com",
            (
                ("dkim", "pass", "good signature", (("header.i", "@mail-router.example.net"),)),
                ("dkim", "fail", "bad signature", (("header.i", "@newyork.example.com"),)),
            ),
        ),
        id="B.6-signatures-with-reasons",
    ),
    pytest.param(
        Example(
            b" foo.example.net (foobar) 1 (baz);\r\n"
            b"    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
            b"      policy (A dot can go here) . (like that) expired\r\n"
            b"      (this surprised me) = (as I wasn't expecting it) 1362471462",
            "foo.example.net",
            (("dkim", "fail", None, (("policy.expired", "1362471462"),)),),
        ),
        id="B.7-comments-everywhere",
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_rfc_is_read(example: Example) -> None:
    found = parse(example.value)
    assert found.authserv_id == example.authserv_id
    results = tuple((r.method, r.result, r.reason, r.properties) for r in found.results)
    assert results == example.results


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_rfc_is_written_so_that_it_reads_the_same(example: Example) -> None:
    found = parse(example.value)
    again = parse(write(found).value)
    assert (again.authserv_id, again.results) == (found.authserv_id, found.results)
