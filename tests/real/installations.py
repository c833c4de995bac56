"""Programs from the Python package registry, each in a virtual environment of its own, made once and kept."""

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.real.tools import unavailable

# Beside other things that are built; the first run of a checkout installs, the others find what it left.
_PLACE = Path(__file__).parents[2] / "build" / "installations"
_SECONDS = 240


def installed(*requirements: str) -> Path:
    """Give the folder of programs of an environment that has exactly what was asked for, versions and all."""
    name = "-".join(["python{}.{}".format(*sys.version_info), *requirements])
    environment = _PLACE / re.sub(r"[<=>!~]+", "-", name)
    whole = environment / "whole"
    _PLACE.mkdir(parents=True, exist_ok=True)
    with (_PLACE / f"{environment.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may want it at a time
        if not whole.exists():
            shutil.rmtree(environment, ignore_errors=True)  # somebody was interrupted
            _install(environment, requirements)
            whole.touch()
    return environment / "bin"


def _install(environment: Path, requirements: tuple[str, ...]) -> None:
    pip = ["pip", "--python", environment / "bin" / "python", "install", "--quiet", "--disable-pip-version-check"]
    # Ours fetches, so theirs needs none; most of what comes is never imported, so nothing is compiled ahead.
    for words in (["venv", "--without-pip", environment], [*pip, "--no-compile", *requirements]):
        command = [sys.executable, "-m", *map(str, words)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_SECONDS)
        if done.returncode:
            shutil.rmtree(environment, ignore_errors=True)
            unavailable(f"{' '.join(requirements)} cannot be installed: {done.stderr.decode()[-500:]}")
