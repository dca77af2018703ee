"""Run the commands of README.md and docs/tutorial.md, and write what they print there.

```sh
python tools/refresh_pages.py
```

writes the pages anew. A block of Python whose first line is `# NAME.py` is a file; in a
block of `console`, what follows `$ ` is run in the folder of these files, and the lines
below it are what was printed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import kerascnn

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "tutorial.md")
PROGRAMS = {
    "kerascnn": [sys.executable, "-m", "kerascnn"],
    "python": [sys.executable],
}


def refresh(page: str, folder: Path) -> str:
    """The page with what its commands print today.

    Args:
        page: The page in Markdown.
        folder: Where its files are written and its commands run; empty at first.

    Raises:
        RuntimeError: A command failed.
    """

    def replace(block: re.Match[str]) -> str:
        kind, text = block.groups()
        if kind == "python":
            if named := re.match(r"# (\w+\.py)\n", text):
                (folder / named[1]).write_text(text)
            return block[0]
        return f"```console\n{_run_all(text, folder)}```\n"

    return re.sub(
        r"^```(python|console)\n(.*?)^```\n", replace, page, flags=re.M | re.S
    )


def _run_all(text: str, folder: Path) -> str:
    commands = re.findall(r"^\$ (.*(?:\\\n.*)*)\n", text, re.M)
    return "".join(f"$ {command}\n{_run(command, folder)}" for command in commands)


def _run(command: str, folder: Path) -> str:
    """What a command prints on both streams, as a terminal of 80 columns shows it."""
    program, *arguments = shlex.split(command.replace("\\\n", ""))
    root = str(Path(kerascnn.__file__).parents[1])
    done = subprocess.run(
        [*PROGRAMS[program], *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": root, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stdout}")
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    for path in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(refresh(path.read_text("utf-8"), Path(folder)), "utf-8")
