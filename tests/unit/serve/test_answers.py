"""What the service answers: the judgement of the library, in the JSON of the command."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed (extra: serve)")

from tests.crafting import SIGNED_AT
from tests.serving import SIGNED, ZONE, check_documented, read_reply, request, running
from tests.threats.test_verdict_of_threats import EVIL, MESSAGES, NOW, REJECT
from tests.threats.test_verdict_of_threats import ZONE as THREATS

from avowal import verdict
from avowal.calls.authenticate import RECEIVER, WANT
from avowal.calls.connection import Connection
from avowal.calls.objects import JudgementObject, members
from avowal.cli import commands, exits
from avowal.examine.acceptance import Acceptance
from avowal.examine.judgement_rows import judge
from avowal.policy.dmarc.suffixes import is_known_suffix
from avowal.serve.reception import Reception
from avowal.testing import Zone, message, tamper

ACCEPTED = Acceptance(is_suffix=is_known_suffix)


@pytest.mark.parametrize("octets", [pytest.param(row[1], id=row[0]) for row in MESSAGES])
@pytest.mark.parametrize("most", [1 << 16, 7])
async def test_a_message_that_arrives_in_pieces_has_the_answer_of_the_library(
    octets: bytes, most: int
) -> None:
    zone = Zone({**THREATS, **EVIL, **REJECT})
    connection = Connection(None, None, None, None, now=NOW)
    reception = Reception(RECEIVER, WANT, zone, connection, line_ends="auto", now=NOW)
    for at in range(0, min(len(octets), 50_000), most):
        reception.feed(octets[at : at + most])
    reception.feed(octets[50_000:])
    found = judge(*await reception.finish(), ACCEPTED, now=NOW)
    assert found == verdict(octets, zone, now=NOW)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a message and a zone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zone.json").write_text(json.dumps(ZONE))
    (tmp_path / "m.eml").write_bytes(SIGNED)
    return tmp_path


async def test_the_json_is_that_of_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(folder) as service:
        reply = await service.post("/verdict")
    at = str(SIGNED_AT + 60)
    exits.run(
        lambda: commands.run(["verdict", "m.eml", "--json", "--zone", "zone.json", "--at", at])
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"source": "m.eml", "message": None, **reply.object}


@pytest.mark.parametrize(
    ("octets", "query", "answer", "ground"),
    [
        pytest.param(SIGNED, "", "authentic", "signed", id="signed"),
        pytest.param(SIGNED.replace(b"\r\n", b"\n"), "", "authentic", "signed", id="stored"),
        pytest.param(SIGNED.replace(b"\r\n", b"\n"), "?line_ends=wire", "not-authentic",
                     "unsigned", id="stored-taken-as-wire"),
        pytest.param(tamper(SIGNED), "", "not-authentic", "broken", id="changed"),
        pytest.param(message(), "", "not-authentic", "unsigned", id="unsigned"),
        pytest.param(b"", "", "cannot-tell", "no-author", id="empty"),
        pytest.param(SIGNED, "?max_age=59", "cannot-tell", "old", id="old"),
        pytest.param(SIGNED, "?max_age=60", "authentic", "signed", id="young-enough"),
        pytest.param(message(), "?client=192.0.2.1&mail_from=a@example.com", "cannot-tell",
                     "spf-only", id="spf"),
        pytest.param(message(), "?client=192.0.2.1&mail_from=a%40example.com&accept_spf=true",
                     "authentic", "spf", id="spf-accepted"),
        pytest.param(message(), "?client=192.0.2.9&mail_from=a@example.com", "not-authentic",
                     "unsigned", id="spf-fails"),
    ],
)  # fmt: skip
async def test_a_judgement(
    tmp_path: Path, octets: bytes, query: str, answer: str, ground: str
) -> None:
    async with running(tmp_path) as service:
        reply = await service.post(f"/verdict{query}", octets)
    assert (reply.status, reply.object["answer"], reply.object["ground"]) == (200, answer, ground)
    check_documented("POST", "/verdict", reply)


async def test_whom_it_came_to_brings_hints(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        reply = await service.post("/verdict?recipient=eve@example.net&recipient=x@example.net")
    assert "recipient-not-named" in reply.object["hints"]


async def test_the_findings(tmp_path: Path) -> None:
    target = "/authenticate?authserv_id=mx.example.org&client=192.0.2.1&mail_from=a@example.com"
    async with running(tmp_path) as service:
        reply = await service.post(target)
    check_documented("POST", "/authenticate", reply)
    found: dict[str, Any] = reply.object
    assert [(one["method"], one["result"]) for one in found["results"]] == [
        ("dkim", "pass"), ("arc", "none"), ("spf", "pass"), ("dmarc", "pass"),
    ]  # fmt: skip
    assert found["results_field"].startswith("Authentication-Results: mx.example.org;")
    assert found["signatures"][0]["domain"] == "example.com"
    assert [(one["generation"], one["result"]) for one in found["policies"]] == [("2026", "pass")]


async def test_older_policies_on_request(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        reply = await service.post("/authenticate?policies=adsp&policies=2026")
    check_documented("POST", "/authenticate", reply)
    assert [one["generation"] for one in reply.object["policies"]] == ["adsp", "2026"]


@pytest.mark.parametrize(
    ("target", "kind"),
    [("/health", "application/json"), ("/openapi.json", "application/json"),
     ("/metrics", "text/plain")],
)  # fmt: skip
async def test_the_other_pages(tmp_path: Path, target: str, kind: str) -> None:
    async with running(tmp_path) as service:
        reply = await service.get(target)
        head = await service.ask(request("HEAD", target, None, connection="close"))
    assert reply.status == 200
    assert reply.fields["content-type"].startswith(kind)
    check_documented("GET", target, reply)
    assert head is None  # the length is told, no octets come


async def test_requests_follow_one_another_on_a_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        one = request("POST", "/verdict", SIGNED)
        reply = await service.ask(one + one + request("GET", "/health", None))
        assert reply is not None
        assert service.service.meters.text(under_way=0, connections=0).count(b'"/verdict"') == 1
    assert reply.object["answer"] == "authentic"


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_a_client_that_sends_no_more_gets_its_answer(tmp_path: Path, connection: str) -> None:
    async with running(tmp_path) as service:
        reader, writer = await asyncio.open_unix_connection(str(service.path))
        writer.write(request("POST", "/verdict", SIGNED, connection=connection))
        writer.write_eof()
        reply = await read_reply(reader)
        assert await reader.read() == b""
        writer.close()
    assert reply is not None
    assert reply.object["answer"] == "authentic"


async def test_what_is_counted_is_what_was_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        await service.post("/verdict")
        await service.post("/verdict", message())
        await service.get("/nothing")
        text = (await service.get("/metrics")).body.decode()
    assert 'judgements_total{answer="authentic",ground="signed"} 1' in text
    assert 'judgements_total{answer="not-authentic",ground="unsigned"} 1' in text
    assert 'responses_total{path="/verdict",status="200"} 2' in text
    assert 'refused_total{problem="not-found"} 1' in text
    assert f"message_octets_total {len(SIGNED) + len(message())}" in text
    assert "message_seconds_count 2" in text
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is missing")
    families = list(parser.text_string_to_metric_families(text))
    assert len(families) == text.count("# TYPE ")


def test_the_object_has_every_member_of_a_judgement() -> None:
    found = verdict(SIGNED, ZONE, now=SIGNED_AT)
    shown = members(JudgementObject.of(found))
    assert {name for name in type(found).__slots__ if name not in shown} == set()
    assert shown["explanation"] == found.explanation
