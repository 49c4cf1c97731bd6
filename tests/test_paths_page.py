"""docs/design/paths.md lists every function that names a path to the operating system."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "avowal"
PAGE = (ROOT / "docs" / "design" / "paths.md").read_text(encoding="utf-8")

OF_OS = frozenset(
    "os." + name
    for name in (
        "open", "mkdir", "makedirs", "rmdir", "unlink", "remove", "rename", "replace", "link",
        "symlink", "chown", "lchown", "chmod", "stat", "lstat", "access", "readlink", "scandir",
        "listdir", "walk", "chdir", "chroot", "utime", "truncate", "mkfifo", "path.exists",
        "path.isfile", "path.isdir", "path.getsize", "path.realpath",
    )
)  # fmt: skip
OF_PATHS = frozenset(
    {
        "read_text", "read_bytes", "write_text", "write_bytes", "is_dir", "is_file", "exists",
        "iterdir", "glob", "rglob", "touch", "symlink_to", "hardlink_to", "chmod", "lstat",
        "stat",
    }
)  # fmt: skip
OTHERS = frozenset(
    {
        "open", "tempfile.mkdtemp", "shutil.rmtree", "sqlite3.connect", "lmdb.open",
        "self._database.open", "opened.bind", "probe.connect",
    }
)  # fmt: skip


def names_a_path(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    own = name.startswith("paths.") and name != "paths.Identity"
    method = isinstance(call.func, ast.Attribute) and call.func.attr in OF_PATHS
    if name == "explorer.exists":  # asks DNS
        return False
    return name in OF_OS or name in OTHERS or own or method


def functions(node: ast.AST, within: str = "") -> Iterator[str]:
    """The names of functions and methods in which a path is named."""
    for child in ast.iter_child_nodes(node):
        scope = within
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope = child.name  # the innermost: a class may be renamed
        if isinstance(child, ast.Call) and names_a_path(child):
            yield within or "(module)"
        yield from functions(child, scope)


def found() -> set[str]:
    return {
        f"{path.relative_to(PACKAGE)} {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in functions(ast.parse(path.read_text(encoding="utf-8")))
    }


def listed() -> set[str]:
    rows = re.findall(r"^\| `([\w/.]+\.py)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    return {f"{file} {name}" for file, names in rows for name in re.findall(r"`([^`]+)`", names)}


def test_every_path_operation_is_on_the_page() -> None:
    assert found() - listed() == set()


def test_the_page_lists_nothing_that_is_gone() -> None:
    assert listed() - found() == set()
