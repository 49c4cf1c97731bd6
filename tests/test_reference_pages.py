"""Every public name has its place in the reference, with a docstring."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted((DOCS / "reference" / "api").glob("*.md"))
PUBLIC = ("avowal", "avowal.testing", "avowal.contrib.smtp", "avowal.contrib.django")
DIRECTIVE = re.compile(
    r"^\.\. (?:currentmodule:: (\S+)|auto(?:class|function|exception|data):: (\S+))$", re.MULTILINE
)


def described() -> list[str]:
    """The full names that the pages describe."""
    found = []
    for page in PAGES:
        module = ""
        for named, name in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            module = named or module
            found += [f"{module}.{name}"] if name else []
    return found


def public_names() -> list[str]:
    names = []
    for module in PUBLIC:
        text = (DOCS.parent / "src" / module.replace(".", "/")).with_suffix(".py")
        if not text.exists():
            text = DOCS.parent / "src" / module / "__init__.py"
        listed = re.search(r"^__all__ = \[(.*?)\]", text.read_text(), re.DOTALL | re.MULTILINE)
        assert listed is not None
        names += [f"{module}.{name}" for name in re.findall(r'"(\w+)"', listed[1])]
    return names


ELSEWHERE = {"avowal.testing.Zone": "avowal.Zone"}
NEEDS = {"avowal.contrib.django": "django"}


@pytest.mark.parametrize("name", public_names())
def test_every_public_name_has_a_place(name: str) -> None:
    assert described().count(ELSEWHERE.get(name, name)) == 1


@pytest.mark.parametrize("name", described())
def test_what_is_described_is_there_and_says_what_it_is(name: str) -> None:
    module, _, own = name.rpartition(".")
    if module in NEEDS:
        pytest.importorskip(NEEDS[module], reason="the framework is not installed")
        from django.conf import settings  # it wants to be set up before its backends are read

        if not settings.configured:
            settings.configure()
    value = getattr(importlib.import_module(module), own)
    if inspect.isclass(value) or callable(value):
        assert (value.__doc__ or "").strip(), f"{name} has no docstring"


def test_nothing_is_described_twice() -> None:
    assert sorted(set(described())) == sorted(described())
