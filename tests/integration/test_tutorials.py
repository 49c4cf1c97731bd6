"""What docs/tutorial/rotate.md shows is what the commands print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
MARK = "# ---"


def shown(page: str) -> tuple[list[str], list[str]]:
    """The commands of a page, and what stands under each."""
    commands: list[str] = []
    outputs: list[str] = []
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition("## 6.")[0]
    for block in CONSOLE.findall(text):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append(line[2:])
                outputs.append("")
            else:
                outputs[-1] += line + "\n"
    return commands, outputs


def test_the_tutorial_about_changing_keys_runs_as_it_stands(tmp_path: Path) -> None:
    commands, outputs = shown("tutorial/rotate.md")
    script = f'avowal() {{ "{sys.executable}" -m avowal "$@"; }}\n'
    script += "".join(f"{command}\necho '{MARK}'\n" for command in commands)
    environment = {key: value for key, value in os.environ.items() if "COLOR" not in key}
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    printed = ran.stdout.split(f"{MARK}\n")[:-1]
    assert len(outputs) > 10
    assert printed == outputs
