"""Attacks on the inspector: by other pages in the same browser, by messages, by DNS."""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.inspectors import BASE, NOW, RECORDS, Browser, signed

import avowal
from avowal.testing import ED25519, message, record_for
from avowal.web import bundle
from avowal.web.analysis import Given, analysed
from avowal.web.limits import WebLimits
from avowal.web.refusals import NoPage
from avowal.web.session import MOST_SESSIONS, Sessions

GUARDED = ("/", "/learn", "/learn/good", "/domain", "/mail", "/mailbox/0", "/message/x")


# -- who may look ------------------------------------------------------------------------


@pytest.mark.parametrize("path", GUARDED)
def test_without_the_cookie_there_is_no_page(path: str) -> None:
    assert Browser(enters=False).get(path).status_code == 403


def test_a_link_lets_one_browser_in() -> None:
    browser = Browser(enters=False)
    token = browser.tokens[-1]
    assert browser.get("/enter", token=token).status_code == 200
    assert browser.get("/enter", token=token).status_code == 403


def test_the_cookie_is_for_no_script_and_no_other_site() -> None:
    browser = Browser(enters=False)
    browser.client.follow_redirects = False
    cookie = browser.get("/enter", token=browser.tokens[-1]).headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8025", "127.0.0.1:80", "localhost", "", "127.0.0.1:8025."],
)
def test_a_name_that_is_not_ours_gets_nothing(host: str) -> None:
    """DNS rebinding: the address is ours, the name is not."""
    browser = Browser()
    assert browser.client.get("/", headers={"host": host}).status_code == 421
    for path in ("/static/avowal.css", "/nope", "/message"):
        assert browser.client.get(path, headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"origin": "http://evil.example"}, id="another origin"),
        pytest.param({"origin": "null"}, id="no origin"),
        pytest.param({"origin": "http://127.0.0.1:9999"}, id="another port"),
        pytest.param({"origin": f"{BASE}.evil.example"}, id="a longer name"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="another site"),
        pytest.param({"sec-fetch-site": "same-site"}, id="a sibling"),
    ],
)
def test_a_form_from_elsewhere_does_nothing(fields: dict[str, str]) -> None:
    browser = Browser()
    assert browser.give(signed(), **fields).status_code == 403
    assert browser.inspector.kept.all() == ()


def test_a_form_without_the_token_of_the_session_does_nothing() -> None:
    browser = Browser()
    browser.form_token = "guessed"
    assert browser.give(signed()).status_code == 403
    assert (
        browser.client.post("/forget", data={"token": "x"}, files={"n": ("", b"")}).status_code
        == 403
    )
    assert browser.inspector.kept.all() == ()


@pytest.mark.parametrize("path", ["/message", "/forget", "/mailbox/0/1"])
def test_a_link_changes_nothing(path: str) -> None:
    assert Browser().get(path).status_code == 405


def test_browsers_that_are_let_in_are_bounded() -> None:
    tokens: list[str] = []
    sessions = Sessions(["x"], tokens.append)
    first = sessions.enter(tokens[-1])
    for _ in range(MOST_SESSIONS):
        sessions.enter(tokens[-1])
    with pytest.raises(NoPage):
        sessions.of(first.cookie)


@pytest.mark.parametrize("path", [*GUARDED, "/nope", "/static/avowal.css", "/static/nope"])
def test_every_answer_forbids_what_comes_from_elsewhere(path: str) -> None:
    fields = Browser().get(path).headers
    policy = fields["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f..%2fanalysis.py", "/static/../pages.py", "/static/%2e%2e/pages.py",
        "/mailbox/-1", "/mailbox/1", "/mailbox/%2fetc%2fpasswd", "/mailbox/0?page=-5",
        "/message/..%2f..%2fx", "/learn/..%2fzone", "/learn/../../x",
    ],
)  # fmt: skip
def test_no_path_leads_out(path: str, tmp_path: Path) -> None:
    answer = Browser(paths=[str(tmp_path)]).client.get(path)
    assert answer.status_code in {200, 404, 410}
    assert "root:" not in answer.text
    assert "import" not in answer.text


def test_messages_that_are_examined_at_once_are_bounded() -> None:
    browser = Browser(limits=WebLimits(messages=1))
    with browser.inspector.examining():
        answer = browser.give(signed())
    assert answer.status_code == 503
    assert browser.give(signed()).status_code == 200


# -- hostile content ---------------------------------------------------------------------

MARK = "xssmark"
CORPUS = [
    pytest.param(f"<script>{MARK}</script>", id="script"),
    pytest.param(f'"><img src=x onerror={MARK}()>', id="out of an attribute"),
    pytest.param(f"'><svg onload={MARK}()>", id="out of single quotes"),
    pytest.param(f"</title><script>{MARK}</script>", id="out of the title"),
    pytest.param(f"</textarea></pre></bdi><iframe src=//{MARK}.example>", id="out of elements"),
    pytest.param(f"javascript:{MARK}()", id="a link"),
    pytest.param(f"{{{{ 7*7 }}}}{{% {MARK} %}}", id="a template"),
    pytest.param(f"\u202egnp.{MARK}\u2066\u200f", id="marks that turn the direction"),
    pytest.param(f"\x1b[31m{MARK}\x07\x00\x0b\x85", id="controls"),
    pytest.param(f"&lt;script&gt;{MARK}", id="references"),
    pytest.param(f"<{MARK}>" + "A" * 20_000, id="a huge word"),
]
TAGS = frozenset(
    (
        "a", "article", "bdi", "body", "br", "button", "circle", "code", "dd", "details", "div",
        "dl", "dt", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "head",
        "header", "html", "input", "label", "li", "line", "link", "main", "meta", "nav", "ol",
        "output", "p", "path", "pre", "rect", "script", "section", "span", "strong", "summary",
        "svg", "table", "tbody", "td", "text", "textarea", "th", "thead", "title", "tr",
        "tspan", "ul",
    )
)  # fmt: skip
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def hostile(attack: str) -> bytes:
    """The attack in every field of a message, names of fields and MIME parts included."""
    octets = attack.replace("\r", "").replace("\n", "").encode()
    names = (
        "Received: from X by X (X) with X; X", "X", "Authentication-Results: X; dkim=pass",
        "From: X <a@example.com>", "To: X", "Subject: X", "Date: X", "Message-ID: <X>",
        "List-Id: X", "Content-Type: text/plain; charset=X", "X: X", "Reply-To: X",
        "DKIM-Signature: v=1; a=rsa-sha256; d=X; s=X; h=X; bh=X; b=X; i=X; z=X",
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from:X; bh=YQ==; b=YQ==; zz=X",
        "ARC-Seal: i=1; cv=X; d=X", "ARC-Authentication-Results: i=1; X; dkim=X",
        "DomainKey-Signature: a=rsa-sha1; d=X; s=X; b=X",
    )  # fmt: skip
    fields = b"".join(name.encode().replace(b"X", octets) + b"\r\n" for name in names)
    return fields + b"\r\n" + octets + b"\r\n"


class Inert(HTMLParser):
    """Reads a page as a browser does, and keeps what is not ours."""

    def __init__(self) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag not in TAGS:
            self.foreign.append(f"<{tag}>")
        for name, value in attrs:
            leads = name in {"href", "src", "action", "formaction", "srcset", "xlink:href"}
            if (
                name.startswith("on")
                or name == "style"
                or (leads and (value or "")[:1] not in "/#")
            ):
                self.foreign.append(f"{name}={value}")

    def handle_comment(self, data: str) -> None:
        self.foreign.append(f"<!--{data}")


def assert_inert(page: str) -> None:
    read = Inert()
    read.feed(page)
    read.close()
    assert (read.foreign, read.scripts) == ([], 1)
    assert UNSEEN.search(page) is None


@pytest.mark.parametrize("attack", CORPUS)
def test_a_hostile_message_is_text(attack: str) -> None:
    browser = Browser()
    shown = browser.give(hostile(attack), name=f"{attack[:50]}.eml")
    assert shown.status_code == 200
    assert_inert(shown.text)
    assert_inert(browser.get("/").text)


@pytest.mark.parametrize("attack", CORPUS)
def test_a_hostile_post_is_text_at_each_step_of_the_way_back(attack: str) -> None:
    clean = attack.replace("\x00", "").replace("\x0b", "").replace("\x85", "")[:900]
    octets = message(clean + "\r\n", subject=f"Re {clean}")
    came = signed(octets).replace(b"Subject: ", b"Subject: [list] ") + clean.encode() + b"\r\n"
    browser = Browser()
    where = browser.give(came).url.path
    for step in ("0", "1", "2"):
        assert_inert(browser.get(where, of="0", step=step).text)


@pytest.mark.parametrize("attack", CORPUS)
def test_hostile_answers_of_dns_are_text(attack: str) -> None:
    octets = attack.encode()
    records: dict[str, Any] = {
        "s1._domainkey.example.com": [
            b"v=DKIM1; n=" + octets + b"; k=" + octets + b"; p=" + octets
        ],
        "_dmarc.example.com": [b"v=DMARC1; p=reject; rua=mailto:" + octets + b"; x=" + octets],
        "example.com": {"TXT": [b"v=spf1 include:" + octets, octets], "MX": ["10 mx.example.com"]},
        "_policy._domainkey.example.com": [b"o=-; n=" + octets + b"; r=" + octets],
        "_ssp._domainkey.example.com": [b"dkim=all; x=" + octets],
        "_adsp._domainkey.example.com": [b"dkim=" + octets],
        "_domainkey.example.com": [b"o=-; n=" + octets],
    }
    browser = Browser(records)
    assert_inert(browser.give(signed()).text)
    assert_inert(browser.get("/domain", name="example.com", selectors="s1").text)


@pytest.mark.parametrize("attack", CORPUS)
def test_what_a_form_says_comes_back_as_text(attack: str) -> None:
    browser = Browser()
    assert_inert(browser.get("/domain", name=attack[:200], selectors=attack[:200]).text)
    assert_inert(browser.get("/enter", token=attack[:200]).text)
    assert_inert(browser.paste(attack).text)


def test_a_hostile_bundle_is_text() -> None:
    report = analysed(Given(signed()), Browser().zone, now=NOW, search=0.1)
    octets = bundle.written(report).replace(b'"sentence": "', b'"sentence": "<script>')
    octets = octets.replace(b'"example.com"', b'"\\"><img src=x onerror=y>"')
    shown = Browser().give(octets, name="bundle.json")
    assert shown.status_code == 200
    assert_inert(shown.text)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b'{"kind":"avowal-report"', id="cut"),
        pytest.param(b'{"kind":"avowal-report","version":2}', id="another version"),
        pytest.param(b'{"kind":"avowal-report","verdict":{"state":"<b>"}}', id="no such state"),
        pytest.param(b'{"kind":"avowal-report","x":' + b"[" * 100_000, id="nested deep"),
    ],
)
def test_what_is_no_bundle_is_refused(octets: bytes) -> None:
    assert Browser().give(octets).status_code == 422


# -- what leaves -------------------------------------------------------------------------

SECRETS = ("s3cretsubject", "s3cretauthor", "s3crethost", "s3cretbody", "s3cretname", "s3cretfield")


def secretive() -> bytes:
    octets = message(
        "s3cretbody of a line\r\n",
        subject="s3cretsubject",
        **{"from": "s3cretname <s3cretauthor@example.com>", "to": "s3cretauthor@example.net"},
        x_s3cretfield="s3cretbody",
    )
    field = avowal.sign(
        octets, domain="example.com", selector="s1", key=ED25519, now=NOW - 100,
        identity="s3cretauthor@example.com",
    )  # fmt: skip
    octets = octets.replace(b"Subject: ", b"Subject: [s3cretfield] ") + b"s3cretbody\r\n"
    trace = (
        b"Received: from s3crethost by s3crethost with ESMTP; Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    )
    broken = b"DKIM-Signature: v=1; d=s3crethost; h=s3cretfield; s3cretfield=s3cretbody\r\n"
    return trace + broken + field + octets


def test_a_bundle_holds_no_content_and_no_address() -> None:
    report = analysed(Given(secretive(), "s3cretname.eml"), Browser().zone, now=NOW, search=2)
    assert any(one.undo for one in report.ladders)
    octets = bundle.written(report)
    assert [word for word in SECRETS if word.encode() in octets.lower()] == []


def test_a_bundle_opens_to_the_page_it_came_from() -> None:
    browser = Browser()
    where = browser.give(secretive()).url.path
    shown = browser.give(browser.get(f"{where}/bundle").content, name="bundle.json").text
    assert "Hashes and structure of a message" in shown
    assert [word for word in SECRETS if word in shown.lower()] == []
    assert "a tag was put into the Subject" in shown or "it was written otherwise" in shown


def test_no_request_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """With answers from a file not even DNS is asked; no page names anything of elsewhere."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address}")

    browser = Browser()
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    pages = [browser.give(signed()).text, browser.get("/learn/arc").text, browser.get("/").text]
    pages.append(browser.get("/domain", name="example.com", selectors="s1").text)
    for page in pages:
        assert re.findall(r'(?:href|src|action|srcset)="(?!/|#)[^"]*"', page) == []


def test_the_records_of_the_tests_are_used() -> None:
    assert RECORDS["s1._domainkey.example.com"] == record_for(ED25519)
