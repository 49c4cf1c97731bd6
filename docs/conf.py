"""Sphinx: the pages of this folder, as HTML."""

import re
import tomllib
from pathlib import Path

_root = Path(__file__).parents[1]
_project = tomllib.loads((_root / "pyproject.toml").read_text())["project"]
_front = (_root / "src" / "avowal" / "__init__.py").read_text()

project = _project["name"]
release = version = re.findall(r'^__version__ = "(.+)"', _front, re.MULTILINE)[0]
copyright = "the authors of avowal"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
suppress_warnings = ["myst.xref_missing"]  # links that leave docs/; tests/test_docs.py follows them
html_theme = "alabaster"
html_theme_options = {"description": _project["description"]}
