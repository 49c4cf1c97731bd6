"""The inspector in a real browser: what only one can show. Skipped where there is no Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing (extra test)")
for module in ("starlette", "uvicorn", "jinja2", "python_multipart"):
    pytest.importorskip(module, reason=f"{module} is not installed (extra web)")

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LESSONS = Path(__file__).parents[2] / "src" / "avowal" / "web" / "lessons"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def link() -> Iterator[str]:
    """An inspector that runs, as a user starts it; the link that it printed."""
    command = [
        sys.executable, "-m", "avowal", "web", "--listen", "127.0.0.1:0",
        "--zone", str(LESSONS / "zone.json"), str(LESSONS / "list.eml"),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        found = re.search(r"http://\S+", running.stderr.readline())
        assert found is not None
        yield found[0]
        running.terminate()
        running.stderr.read()
    assert running.returncode == 0


def test_a_browser_looks_at_a_message_and_asks_nobody_else(link: str) -> None:
    """Keyboard, script, no script, a phone: one browser, for a start takes seconds."""
    with sync_api.sync_playwright() as driver:
        options = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        base = link.partition("/enter")[0]
        errors: list[str] = []
        context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
        context.on("request", lambda one: one.url.startswith(base) or errors.append(one.url))
        page = context.new_page()
        page.on("console", lambda one: errors.append(one.text))
        page.on("pageerror", lambda one: errors.append(str(one)))
        page.goto(link)
        page.set_input_files("#file", str(LESSONS / "list.eml"))
        page.wait_for_url("**/message/*")
        assert _visible(page, "Subject: [food] Lunch")
        page.get_by_role("slider").focus()
        page.keyboard.press("End")  # by the keyboard, to the message as it was signed
        assert _visible(page, "Subject: Lunch")
        assert not _visible(page, "Subject: [food] Lunch")
        page.get_by_text("Body hash").focus()
        page.locator("summary", has_text="Body hash").press("Enter")
        assert page.get_by_text("of the body that is here").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        plain = browser.new_context(
            java_script_enabled=False, storage_state=context.storage_state()
        )
        without = plain.new_page()
        without.goto(page.url)
        without.get_by_role("link", name="the signed message").click()
        assert _visible(without, "Subject: Lunch")
        assert not _visible(without, "Subject: [food] Lunch")
        browser.close()
    assert errors == []


def _visible(page: object, text: str) -> bool:
    rows = page.locator(".sheet .row:not([hidden]) .text").all()  # type: ignore[attr-defined]
    return any(row.inner_text().strip() == text for row in rows)
