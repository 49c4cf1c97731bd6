"""Assessments as results of Authentication-Results."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evidence import name, sent, signed

from avowal.authres import MethodResult
from avowal.authres.model import METHODS
from avowal.lookup import run
from avowal.message import Header
from avowal.policy.assessment import Choice, PolicyGeneration
from avowal.policy.authentication_results import authentication_results
from avowal.policy.engine import Engine
from avowal.testing import Zone

HEADER = Header.parse(b"From: joe@example.com\r\nVBR-Info: md=t.example; mc=all; mv=v.example\r\n")
EVERYTHING = Choice(
    generations=(PolicyGeneration.ADSP, PolicyGeneration.DMARC_2026),
    atps=True,
    certifiers=(name("v.example"),),
)
ZONE: dict[str, Any] = {
    "_adsp._domainkey.example.com": "dkim=all",
    "_dmarc.example.com": "v=DMARC1; p=reject; t=y",
    "t.example._vouch.v.example": "all",
}
EARLY: dict[str, Any] = {
    "_domainkey.example.com": "o=-",
    "_policy._domainkey.example.com": "o=!",
    "_ssp._domainkey.example.com": "dkim=strict",
}
THIRD = signed("t.example", atps=name("example.com"), atpsh="none")


def results(
    zone: dict[str, Any], *signatures: Any, envelope: Any = None
) -> dict[str, MethodResult]:
    flow = Engine(HEADER, EVERYTHING).evaluate(signatures, envelope)
    return {r.method: r for r in authentication_results(run(flow, Zone(zone)))}


@pytest.mark.parametrize(
    ("method", "word", "properties"),
    [
        pytest.param("spf", "pass", {"smtp.mailfrom": "b.example"}, id="spf"),
        pytest.param(
            "dmarc",
            "fail",
            {"header.from": "example.com", "policy.dmarc": "quarantine"},
            id="dmarc",
        ),
        pytest.param("dkim-adsp", "fail", {"header.from": "example.com"}, id="adsp"),
        pytest.param("dkim-atps", "fail", {"header.from": "example.com"}, id="atps"),
        pytest.param("vbr", "pass", {"header.md": "t.example", "header.mv": "v.example"}, id="vbr"),
    ],
)
def test_each_mechanism_reports_in_its_own_words(
    method: str, word: str, properties: dict[str, str]
) -> None:
    found = results(ZONE, THIRD, envelope=sent("b.example"))[method]
    assert (found.result, dict(found.properties)) == (word, properties)


def test_only_registered_methods_results_and_properties_are_written() -> None:
    for result in results(ZONE, THIRD, envelope=sent("b.example")).values():
        method = METHODS[result.method]
        assert result.result in method.results
        assert {key for key, _ in result.properties} <= method.properties


@pytest.mark.parametrize(
    "generation",
    [PolicyGeneration.DOMAINKEYS, PolicyGeneration.SSP_2005, PolicyGeneration.SSP_2007],
)
def test_a_policy_without_a_registered_method_writes_nothing(generation: PolicyGeneration) -> None:
    found = run(Engine(HEADER, Choice(generations=(generation,))).evaluate(), Zone(EARLY))
    assert found.verdicts[0].word == "suspicious"
    assert authentication_results(found) == ()


def test_a_pass_names_the_published_policy() -> None:
    found = results(ZONE, signed("example.com"))["dmarc"]
    assert (found.result, found.value("policy.dmarc")) == ("pass", "reject")


def test_without_a_policy_none_is_named() -> None:
    found = results({"example.com": {"A": ["192.0.2.1"]}})["dmarc"]
    assert (found.result, found.value("policy.dmarc")) == ("none", None)
