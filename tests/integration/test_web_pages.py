"""One page of each kind that the inspector has, in a real browser: by axe, keyboard, no script.

bench/web_pages.py asks the same of every page, in every look, and makes pictures.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing (extra test)")
for module in ("starlette", "uvicorn", "jinja2", "python_multipart", "pyrage", "bcrypt"):
    pytest.importorskip(module, reason=f"{module} is not installed (extras web, encrypt)")
pytest.importorskip("axe_playwright_python", reason="axe is not installed (extra test)")

from tests.web_looks import PHONE, SCREEN, broken_rules, out_of_reach, too_wide  # noqa: E402
from tests.web_site import LESSONS, Site, site  # noqa: E402 - after what is skipped

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        started = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture(scope="module")
def let_in(browser: Any, running: Site) -> Any:
    """What a browser keeps that was let in."""
    context = browser.new_context()
    context.new_page().goto(running.link)
    kept = context.storage_state()
    context.close()
    return kept


KINDS = ("front", "message-list", "mailbox", "captured", "domain", "mail", "lesson-arc", "refused")


@pytest.mark.parametrize("name", KINDS)
def test_a_page_keeps_the_rules_of_accessibility_fits_and_is_reached_by_the_keyboard(
    browser: Any, running: Site, let_in: Any, name: str
) -> None:
    dark = KINDS.index(name) % 2 == 0
    context = browser.new_context(
        viewport=PHONE if dark else SCREEN,
        color_scheme="dark" if dark else "light",
        storage_state=let_in,
    )
    page = context.new_page()
    page.goto(running.base + running.paths[name])
    found = [one for check in (broken_rules, too_wide, out_of_reach) for one in check(page)]
    context.close()
    assert found == []


def test_a_message_is_given_looked_at_and_forgotten_without_a_script(
    browser: Any, running: Site, let_in: Any
) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=let_in)
    page = context.new_page()
    page.goto(running.base)
    page.set_input_files("#file", str(LESSONS / "list.eml"))
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_url("**/message/*")
    page.get_by_role("link", name="the signed message").click()
    assert "Subject: Lunch" in page.locator(".sheet").first.inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the bundle").click()
    assert b"avowal-report" in download.value.path().read_bytes()
    page.goto(running.base + "/captured")
    page.get_by_role("button").first.click()
    page.wait_for_url("**/message/*")
    page.goto(running.base + "/domain")
    page.get_by_label("Domain").fill("example.com")
    page.get_by_label("Domain").press("Enter")
    assert page.get_by_role("heading", level=1).inner_text() == "example.com"
    context.close()


def test_each_link_of_each_page_leads_to_a_page(running: Site) -> None:
    seen = set()
    for path in running.paths.values():
        page = running.client.get(path).text
        seen |= set(re.findall(r'href="(/[^"#]*)', page))
        ids = set(re.findall(r' id="([^"]+)"', page))
        assert set(re.findall(r'href="#([^"]+)"', page)) <= ids, path
    wrong = {
        one for one in seen if running.client.get(one.replace("&amp;", "&")).status_code != 200
    }
    assert wrong <= {running.paths["refused"]}
