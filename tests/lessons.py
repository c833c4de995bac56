"""The notebooks of the course, run as strictly as tests are: a warning is an error, and nobody else is asked."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))
PARAMETERS = "parameters"  # the tag of the cell that may be changed

# IPython runs it before the first cell. What a library catches is noted all the same.
_STARTUP = """
import sys
import warnings
from pathlib import Path

warnings.simplefilter("error")
warnings.filterwarnings("ignore", category=PendingDeprecationWarning, module="ipykernel")  # at its own end


def refuse_others(event, arguments, noted=Path({noted!r}), here=("127.0.0.1", "::1", "localhost", "", None)):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in here:
        with noted.open("a") as file:
            print(host, file=file)
        raise PermissionError("a notebook of the course asks " + host)


Path({noted!r}).touch()
sys.addaudithook(refuse_others)
"""


def strict(folder: Path) -> dict[str, str]:
    """Give the environment of a kernel that is strict, has all its places below a folder, and nobody's logins."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-strict.py").write_text(_STARTUP.format(noted=str(folder / "asked")), encoding="utf-8")
    nobody = folder / "nobody"
    nobody.mkdir()
    logins = dict.fromkeys(("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"), str(nobody))
    places = {f"OCINB_{kind.upper()}_DIR": str(folder / kind) for kind in ("store", "cache")}
    inherited = {name: value for name, value in os.environ.items() if name != "REGISTRY_AUTH_FILE"}
    return {**inherited, **logins, **places, "IPYTHONDIR": str(startup.parents[1])}


def asked(folder: Path) -> list[str]:
    """Tell which other hosts were asked, by a kernel that was strict: there is no file if none was."""
    return (folder / "asked").read_text(encoding="utf-8").split()


def run(lesson: Path, folder: Path, *, parameter: object = None) -> nbformat.NotebookNode:
    """Run a notebook to its end, with another value for its parameter if one is given."""
    notebook = nbformat.read(lesson, as_version=4)
    if parameter is not None:
        [cell] = [cell for cell in notebook.cells if PARAMETERS in cell.metadata.get("tags", ())]
        cell.source = cell.source.replace("= None", f"= {parameter!r}")
    kernel = ["--ip=127.0.0.1", "--IPKernelApp.log_level=ERROR"]
    client = NotebookClient(
        notebook, timeout=120, extra_arguments=kernel, resources={"metadata": {"path": str(folder)}}
    )
    executed: nbformat.NotebookNode = client.execute(env=strict(folder))
    return executed


def shown(notebook: nbformat.NotebookNode) -> str:
    """Give all that the cells show, as text."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
