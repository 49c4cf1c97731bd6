"""What is asked of a page in a browser: by axe, by the keyboard alone, at any width.

Each check returns what it found wrong, a line each; nothing for a page as it should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

PHONE: Final = {"width": 390, "height": 844}
SCREEN: Final = {"width": 1440, "height": 900}
MOST_TABS: Final = 3000

# What can be used, and is on display; radio buttons of a group are one stop.
_USABLE: Final = """() => {
  const kinds = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const shown = (e) => e.checkVisibility({visibilityProperty: true}) && e.type !== 'hidden'
    && !e.disabled && e.getClientRects().length > 0;
  window.usable = [...document.querySelectorAll(kinds)].filter(shown);
  window.reached = new Set();
  return window.usable.length;
}"""
# The element that has the focus: how it is named, and what is wrong with how it shows it.
_FOCUSED: Final = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const again = window.reached.has(e);
  window.reached.add(e);
  const name = `${e.localName} ${(e.innerText || e.name || e.id).slice(0, 40)}`;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  const faults = [];
  if (!outlined) faults.push(`${name}: the focus does not show`);
  if (box.bottom <= 0 || box.top >= innerHeight) faults.push(`${name}: out of sight`);
  return {again, faults};
}"""
_MISSED: Final = """() => window.usable.filter((e) => !window.reached.has(e))
  .map((e) => `${e.localName} ${(e.innerText || e.name || e.id).slice(0, 40)}: not reached`)"""
_WIDE: Final = """() => {
  const over = document.documentElement.scrollWidth - innerWidth;
  return over > 0 ? [`${over} pixels wider than the window`] : [];
}"""


def broken_rules(page: Any) -> Iterator[str]:
    """What axe finds: the rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found: dict[str, Any] = Axe().run(page).response
    for rule in found["violations"]:
        for node in rule["nodes"]:
            yield f"{rule['id']}: {node['html'][:160]}"


def too_wide(page: Any) -> Iterator[str]:
    """Whether a page has to be moved sideways, as it is and with text of twice the size."""
    yield from page.evaluate(_WIDE)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    yield from (f"{one}, text at 200 %" for one in page.evaluate(_WIDE))
    page.evaluate("document.documentElement.style.fontSize = ''")


def out_of_reach(page: Any) -> Iterator[str]:
    """What the Tab key does not come to, or comes to without showing it; all parts are open."""
    page.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    page.evaluate(_USABLE)
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        found = page.evaluate(_FOCUSED)
        if found is None or found["again"]:
            break
        yield from found["faults"]
    else:
        yield "the Tab key comes to no end"
    yield from page.evaluate(_MISSED)


_TEXT: Final = """() => {
  for (const e of document.querySelectorAll('details')) e.open = true;
  return document.querySelector('main').innerText;
}"""


def unlike(plain: Any, scripted: Any) -> Iterator[str]:
    """What a page says only with its script, besides what is about the script's own means."""
    # Nothing can be evaluated where scripts are off, so text is compared as it is in the source.
    said = "".join(plain.locator("main").text_content().split())
    for line in scripted.evaluate(_TEXT).splitlines():
        if "".join(line.split()) not in said:
            yield f"only with a script: {line.strip()[:80]}"
