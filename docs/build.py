"""Put the pages, the notebooks and the table of settings together, and build the documentation from them."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from plotly.offline import get_plotlyjs

from ocinb._settings import Settings

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent / "notebooks"
HELPERS = ("drawing.py", "joining.py")  # what the cells of a page import
EXAMPLES = "examples"  # what a page shows whole


def main(target: Path) -> int:
    """Build below a folder, and tell where the first page is."""
    source = target / "source"
    shutil.rmtree(target, ignore_errors=True)
    source.mkdir(parents=True)
    for page in [*HERE.glob("*.md"), *(HERE / helper for helper in HELPERS), *NOTEBOOKS.glob("*.ipynb")]:
        shutil.copy(page, source)
    shutil.copytree(HERE / EXAMPLES, source / EXAMPLES)
    (source / "plotly.min.js").write_text(get_plotlyjs(), encoding="utf-8")
    (source / "settings.md").write_text(settings_page(), encoding="utf-8")
    for kind in ("store", "cache"):
        os.environ[f"OCINB_{kind.upper()}_DIR"] = str(target / kind)
    os.environ["IPYTHONDIR"] = str(quiet_kernels(target / "ipython"))
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]  # only `make docs` installs it
    shutil.copy(HERE / "conf.py", source)
    shutil.copy(HERE / "frames.css", source)
    done = subprocess.run([*sphinx, source, target / "html"], check=False)
    print(f"documentation: {target / 'html' / 'index.html'}")
    return done.returncode


def quiet_kernels(folder: Path) -> Path:
    """Make a folder of IPython's whose kernels do not warn that they listen on loopback."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 'ERROR'\n", encoding="utf-8")
    return folder


def settings_page() -> str:
    """Tell of each setting what the class itself says of it."""
    lines = [
        "# Settings",
        "",
        "`ocinb.settings` has these attributes. Each is first read from the environment variable of its name, such as",
        "`OCINB_TAG_TTL` for `tag_ttl`; but for `credentials`, so that no secret is inherited.",
        "",
        "| attribute | default | meaning |",
        "|---|---|---|",
    ]
    for entry in fields(Settings):
        name, default = entry.name, entry.metadata.get("default", "none")
        meaning = html.escape(entry.metadata["meaning"], quote=False)  # "<token>" is no tag
        lines.append(f"| `{name}` | {_shown(default)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _shown(default: object) -> str:
    if callable(default):
        return "by this machine"
    return f"`{default:_}`" if type(default) is int else f"`{default}`"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
