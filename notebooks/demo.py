"""Run the quickstart notebook as a reader would, keep it as a page, and print what it found."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs

NOTEBOOK = Path(__file__).parent / "00-quickstart.ipynb"
WIDGET = "application/vnd.jupyter.widget-view+json"
# What goes to a terminal has to fit one; whole digests are for the page.
KERNEL = [
    "--IPKernelApp.exec_lines=import pandas; pandas.set_option('display.width', 110, 'display.max_colwidth', 48)",
    "--IPKernelApp.log_level=ERROR",
]


def run(build: Path) -> nbformat.NotebookNode:
    """Execute the notebook, with a store and a cache of its own, which are empty at the start."""
    for kind in ("store", "cache"):
        shutil.rmtree(build / kind, ignore_errors=True)
        os.environ[f"OCINB_{kind.upper()}_DIR"] = str((build / kind).absolute())
    notebook: nbformat.NotebookNode = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=120, extra_arguments=KERNEL, resources={"metadata": {"path": str(build)}}
    ).execute()
    return notebook


def headlines(notebook: nbformat.NotebookNode) -> list[str]:
    """Give the cells that are marked as headlines, with what they showed."""
    marked = [cell for cell in notebook.cells if "headline" in cell.metadata.get("tags", ())]
    return [f"{_prompt(cell.source)}\n{_shown(cell)}" for cell in marked]


def as_page(notebook: nbformat.NotebookNode) -> str:
    """Write a page that needs nothing beside it, and no other host: without widgets, and with plotly's script in it."""
    _take_out_widgets(notebook)
    _take_out_links(notebook)
    exporter = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="")
    html, _ = exporter.from_notebook_node(notebook)
    return str(html).replace("</head>", f"<script>{get_plotlyjs()}</script></head>", 1)


def _take_out_widgets(notebook: nbformat.NotebookNode) -> None:
    """Leave what stands beside them: the lines that bars gave way to, and the summary of the explorer."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.outputs = [output for output in cell.get("outputs", ()) if WIDGET not in output.get("data", ())]


def _take_out_links(notebook: nbformat.NotebookNode) -> None:
    """Leave the words of links to the other notebooks, which do not lie beside the page."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\[([^]]+)\]\([\w-]+\.ipynb\)", r"\1", cell.source)


def main(build: Path) -> None:
    """Leave the page in a folder, and tell where it is."""
    build.mkdir(parents=True, exist_ok=True)
    notebook = run(build)
    page = build / "quickstart.html"
    page.write_text(as_page(notebook), encoding="utf-8")
    print("\n\n".join(headlines(notebook)))
    print(f"\nThe whole notebook: {page}\nThe pulled image:   {_pulled(build / 'store')} (try: skopeo inspect)")


def _pulled(layout: Path) -> str:
    [entry] = json.loads((layout / "index.json").read_bytes())["manifests"]
    return f"oci:{layout}:{entry['annotations']['org.opencontainers.image.ref.name']}"


def _prompt(source: str) -> str:
    begins = {statement.lineno for statement in ast.parse(source).body}
    lines = enumerate(source.splitlines(), start=1)
    return "\n".join(f"{'>>>' if number in begins else '...'} {line}" for number, line in lines)


def _shown(cell: nbformat.NotebookNode) -> str:
    texts = [
        output.text if output.output_type == "stream" else output.data.get("text/plain", "") for output in cell.outputs
    ]
    return "\n".join(text.rstrip() for text in texts)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
