"""Links that were led through gateways are read back, and the signed body is proven."""

from __future__ import annotations

import base64
import quopri
from urllib.parse import quote

import pytest

import avowal
from avowal.diagnose.explain import explain
from avowal.diagnose.mime_lines import Entity
from avowal.diagnose.protected_links import led_back, unprotected
from avowal.message import Message
from avowal.testing import RSA_2048, message, record_for

LINK = "https://example.org/a-b_c?x=1&y=%20z"
SAFE = "https://eur01.safelinks.protection.outlook.com/?url={}&data=05%7C01&sdata=x%3D&reserved=0"
SAFE_LINK = SAFE.format(quote(LINK, safe=""))
V2 = quote(LINK, safe="~").replace("-", "-2D").replace("_", "-5F").replace("%", "-")
OUTLOOK = b"https://x.safelinks.protection.outlook.com/?url="
ZONE = {"s1._domainkey.example.com": record_for(RSA_2048)}


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(SAFE_LINK, id="safe-links"),
        pytest.param("https://urldefense.proofpoint.com/v1/url?u=" + quote(LINK, safe="") + "&k=x",
                     id="proofpoint-1"),
        pytest.param(f"https://urldefense.proofpoint.com/v2/url?u={V2}&d=x&e=", id="proofpoint-2"),
        pytest.param("https://urldefense.com/v3/__https://example.org/a-b_c?x=1*y=*20z__;JiU!!abc!d$",
                     id="proofpoint-3"),
        pytest.param("https://linkprotect.cudasvc.com/url?a=" + quote(LINK, safe="") + "&c=E,1",
                     id="barracuda"),
        pytest.param("https://secure-web.cisco.com/1abc/" + quote(LINK, safe=""), id="cisco"),
        pytest.param("https://clicktime.symantec.com/3?u=" + quote(LINK, safe=""), id="symantec"),
        pytest.param("https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url="
                     + quote(LINK, safe="") + "&umid=x", id="trend-micro"),
        pytest.param("https://eu-west-1.protection.sophos.com?d=example.org&u="
                     + base64.urlsafe_b64encode(LINK.encode()).decode() + "&i=x", id="sophos"),
    ],
)  # fmt: skip
def test_the_link_is_read_back(link: str) -> None:
    assert led_back(f"see <{link}>.".encode()) == f"see <{LINK}>.".encode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"https://example.org/?url=https%3A%2F%2Fa.example", id="no-gateway"),
        pytest.param(b"https://urldefense.com.evil.example/v3/__https://a.example__;!!x",
                     id="another-host"),
        pytest.param(OUTLOOK + b"javascript%3Ax", id="no-link-inside"),
        pytest.param(OUTLOOK + b"http%0A", id="a-line-end-inside"),
        pytest.param(b"https://protect-eu.mimecast.com/s/abc", id="a-token"),
        pytest.param(b"https://urldefense.com/v3/__https://a.example/**A__;JiU!!x", id="runs"),
        pytest.param(b"https://urldefense.com/v3/__https://a.example/*__;J!!x", id="no-base64"),
    ],
)  # fmt: skip
def test_any_other_link_stays(text: bytes) -> None:
    assert led_back(text) == text


def test_attributes_that_a_gateway_adds_go() -> None:
    html = f'<a href="{SAFE_LINK}" originalsrc="{LINK}" shash="abc=">'.encode()
    assert led_back(html) == f'<a href="{LINK}">'.encode()


def test_in_html_an_ampersand_stays_written_as_one() -> None:
    html = f'<a href="{SAFE_LINK}">'.replace("&", "&amp;").encode()
    assert led_back(html) == f'<a href="{LINK}">'.replace("&", "&amp;").encode()


PARTS = (
    "--b\r\nContent-Type: text/plain\r\n\r\n{}--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n"
)


def coded(text: str, encoding: str) -> str:
    octets = text.replace("\r\n", "\n").encode()
    done = quopri.encodestring(octets) if encoding == "quoted-printable" else base64.encodebytes(
        text.encode())  # fmt: skip
    return done.decode().replace("\n", "\r\n")


def mail(text: str, form: str) -> bytes:
    if form == "multipart":
        return message(PARTS.format(text), content_type="multipart/mixed; boundary=b")
    if form == "7bit":
        return message(text)
    return message(coded(text, form), content_transfer_encoding=form)


def test_links_of_a_large_body_are_not_looked_for() -> None:
    lines = (SAFE_LINK.encode(), *[b"x" * 1000] * 1100)
    assert list(unprotected(Entity(lines, None, None))) == []


@pytest.mark.parametrize("form", ["7bit", "multipart", "quoted-printable", "base64"])
def test_a_body_whose_links_were_rewritten_is_proven(form: str) -> None:
    text = "Dear all,\r\n\r\nsee {} for the menu = the plan.\r\n"
    octets = mail(text.format(LINK), form)
    field = avowal.sign(octets, domain="example.com", selector="s1", key=RSA_2048)
    changed = field + mail(text.format(SAFE_LINK), form)
    (one,) = explain(Message.parse(changed), avowal.verify(changed, ZONE, line_ends="wire"))
    assert one.explained
    assert "links-rewritten" in one.body_steps
