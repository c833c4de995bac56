"""Put the pages, the notebooks and the table of settings together, and build the documentation from them."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from ocinb._settings import Settings

HERE = Path(__file__).parent
HELPERS = ("drawing.py",)  # what the cells of a page import
NOTEBOOKS = {"00-quickstart.ipynb": "quickstart.ipynb"}


def main(target: Path) -> int:
    """Build below a folder, and tell where the first page is."""
    source = target / "source"
    shutil.rmtree(target, ignore_errors=True)
    source.mkdir(parents=True)
    for page in HERE.glob("*.md"):
        shutil.copy(page, source)
    for helper in HELPERS:
        shutil.copy(HERE / helper, source)
    for notebook, name in NOTEBOOKS.items():
        shutil.copy(HERE.parent / "notebooks" / notebook, source / name)
    (source / "settings.md").write_text(settings_page(), encoding="utf-8")
    for kind in ("store", "cache"):
        os.environ[f"OCINB_{kind.upper()}_DIR"] = str(target / kind)
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]  # only `make docs` installs it
    done = subprocess.run([*sphinx, "-c", HERE, source, target / "html"], check=False)
    print(f"documentation: {target / 'html' / 'index.html'}")
    return done.returncode


def settings_page() -> str:
    """Tell of each setting what the class itself says of it."""
    lines = [
        "# Settings",
        "",
        "`ocinb.settings` has these attributes; each is first read from the environment variable beside it.",
        "",
        "| attribute | variable | default | meaning |",
        "|---|---|---|---|",
    ]
    for entry in fields(Settings):
        name, default = entry.name, entry.metadata.get("default", "none")
        meaning = html.escape(entry.metadata["meaning"], quote=False)  # "<token>" is no tag
        shown = "by this machine" if callable(default) else f"`{default}`"
        variable = "none, so that no secret is inherited" if name == "credentials" else f"`OCINB_{name.upper()}`"
        lines.append(f"| `{name}` | {variable} | {shown} | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
