#!/usr/bin/env python3
"""Every page of `avowal web` in a browser: pictures to look at, and what is wrong with them.

    bench/web_pages.py DIRECTORY [PAGE...]

Takes each page at 390 and 1,440 pixels, light and dark, and writes a picture of each.  On the way
axe looks at it, and whether it has to be moved sideways, also with text of twice the size; in one
look the Tab key has to come to everything, and without a script the page has to say the same.
The tests ask some of this of one page of each kind (tests/integration/test_web_pages.py).
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.web_looks import (
    PHONE,
    SCREEN,
    broken_rules,
    out_of_reach,
    too_wide,
    unlike,
)
from tests.web_site import Site, site


def main() -> None:
    pictures, only = Path(sys.argv[1]), sys.argv[2:]
    pictures.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    options = ["--no-sandbox"] if os.getuid() == 0 else []
    found: list[str] = []
    with tempfile.TemporaryDirectory() as made, site(Path(made)) as whole:
        running = whole._replace(paths={name: whole.paths[name] for name in only or whole.paths})
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=options)
            first = browser.new_context()
            first.new_page().goto(running.link)
            let_in = first.storage_state()
            for viewport, scheme in itertools.product((PHONE, SCREEN), ("light", "dark")):
                context = browser.new_context(
                    viewport=viewport, color_scheme=scheme, storage_state=let_in
                )
                look = f"{viewport['width']}-{scheme}"
                for one in seen(context.new_page(), running, pictures, look):
                    found.append(one)
                    print(one, flush=True)
                context.close()
            plain = browser.new_context(java_script_enabled=False, storage_state=let_in)
            scripted = browser.new_context(storage_state=let_in)
            for name, path in running.paths.items():
                one, other = plain.new_page(), scripted.new_page()
                one.goto(running.base + path)
                other.goto(running.base + path)
                wrong = [*unlike(one, other), *out_of_reach(other)]
                found += [f"{name}: {said}" for said in wrong]
                print(f"{name}: {len(wrong)} without a script, by the keyboard", *wrong, sep="\n  ")
                one.close()
                other.close()
            browser.close()
    print(f"{len(found)} faults on {len(running.paths)} pages in 4 looks")
    sys.exit(bool(found))


def seen(page: Any, running: Site, pictures: Path, look: str) -> Iterator[str]:
    """Take each page in one look; yield what is wrong."""
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    page.on("request", lambda one: one.url.startswith(running.base) or said.append(one.url))
    for name, path in running.paths.items():
        page.goto(running.base + path)
        page.screenshot(path=pictures / f"{name}-{look}.png", full_page=True)
        if name != "refused":  # Chromium notes the status
            yield from (f"{name} {look}: {one}" for one in said)
        said.clear()
        for check in (broken_rules, too_wide):
            yield from (f"{name} {look}: {one}" for one in check(page))


if __name__ == "__main__":
    main()
