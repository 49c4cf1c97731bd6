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

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nitpicky = True
# Names of inner types in signatures; tests/test_reference_pages.py looks at the public ones.
nitpick_ignore_regex = [("py:.*", ".*")]
# Links that leave docs/: tests/test_docs.py follows them, and looks for a page's place.
suppress_warnings = ["myst.xref_missing", "toc.empty_glob"]

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "separated"
autodoc_use_type_comments = False
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "avowal"
html_static_path = ["static"]
html_css_files = ["avowal.css"]
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": True}
pygments_style, pygments_dark_style = "friendly", "monokai"
