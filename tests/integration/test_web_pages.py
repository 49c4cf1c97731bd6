"""Every page of the inspector in a real browser: in four looks, by the keyboard, without a script."""

from __future__ import annotations

import os
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


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(SCREEN, "light", id="screen-light"),
    ],
)
def test_a_page_keeps_the_rules_of_accessibility_and_fits(
    browser: Any, running: Site, let_in: Any, viewport: Any, scheme: str
) -> None:
    """bench/web_pages.py looks at the other two too."""
    context = browser.new_context(viewport=viewport, color_scheme=scheme, storage_state=let_in)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda one: wrong.append(one.text))
    for name, path in running.paths.items():
        page.goto(running.base + path)
        wrong += [f"{name}: {one}" for check in (broken_rules, too_wide) for one in check(page)]
    context.close()
    assert [one for one in wrong if "the server responded with a status of 404" not in one] == []


@pytest.mark.parametrize(
    "name", ["front", "message-list", "domain", "mail", "mailbox", "captured", "learn"]
)
def test_all_of_a_page_is_reached_by_the_keyboard(
    browser: Any, running: Site, let_in: Any, name: str
) -> None:
    context = browser.new_context(viewport=SCREEN, storage_state=let_in)
    page = context.new_page()
    page.goto(running.base + running.paths[name])
    found = list(out_of_reach(page))
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
    import re

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
