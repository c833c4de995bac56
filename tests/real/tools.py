"""The programs that others wrote: where they are, and what they say about an image."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

_TRANSPORTS = ("docker:", "dir:", "oci:", "oci-archive:", "docker-archive:")


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("OCINB_REQUIRE_REAL") == "1":
        pytest.fail(f"{reason}, and OCINB_REQUIRE_REAL=1 forbids to skip", pytrace=False)
    pytest.skip(reason)


def require(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        unavailable(f"{tool} is not installed (.ci/run names its Debian package)")
    return path


def run(tool: str, *arguments: str | Path) -> bytes:
    command = [require(tool), *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def skopeo_name(reference: str) -> str:
    return reference if reference.startswith(_TRANSPORTS) else f"docker://{reference}"


def skopeo_raw(reference: str) -> bytes:
    """Return the document as the registry keeps it: an index stays an index."""
    return run("skopeo", "inspect", "--raw", "--tls-verify=false", skopeo_name(reference))


def skopeo_config(reference: str, *, architecture: str | None = None) -> dict[str, Any]:
    return _inspect(reference, architecture, "--config")


def skopeo_inspect(reference: str, *, architecture: str | None = None) -> dict[str, Any]:
    """Ask without the list of tags, which only a registry has."""
    return _inspect(reference, architecture, "--no-tags")


def umoci_stat(layout: Path, tag: str) -> dict[str, Any]:
    return _object(run("umoci", "stat", "--json", "--image", f"{layout}:{tag}"))


def _inspect(reference: str, architecture: str | None, flag: str) -> dict[str, Any]:
    chosen = [f"--override-arch={architecture}"] if architecture else []
    return _object(run("skopeo", *chosen, "inspect", flag, "--tls-verify=false", skopeo_name(reference)))


def _object(answer: bytes) -> dict[str, Any]:
    document = json.loads(answer)
    assert isinstance(document, dict)
    return document
