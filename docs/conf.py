"""Sphinx: the pages of this folder, as HTML."""

import tomllib
from pathlib import Path

_project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

project = _project["name"]
release = version = _project["version"]
copyright = "the authors of avowal"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
nitpicky = True
suppress_warnings = ["myst.xref_missing"]  # links that leave docs/; tests/test_docs.py follows them
html_theme = "alabaster"
html_theme_options = {"description": _project["description"]}
