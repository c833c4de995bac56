"""What has to hold in a layout whatever went wrong before: its blobs are whole, and those who did not write it read it.

Each function asks one question about a folder; a test asserts the answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import ocinb
from tests.real import tools

REF_NAME = "org.opencontainers.image.ref.name"
# umoci writes what it unpacks, so only small images are unpacked.
UNPACKED_BYTES = 4_000_000


def blobs_of(layout: Path) -> list[Path]:
    """List what stands under a final name."""
    return sorted((layout / "blobs").glob("*/*"))


def parts_of(layout: Path) -> list[Path]:
    """List the downloads that are not complete."""
    return sorted((layout / ".ocinb" / "parts").glob("*.part"))


def contents_of(layout: Path) -> dict[str, bytes]:
    """Give all that a reader of the layout sees, by its path."""
    files = [layout / "oci-layout", layout / "index.json", *blobs_of(layout)]
    return {str(file.relative_to(layout)): file.read_bytes() for file in files}


def bytes_in(layout: Path) -> int:
    """Add up what came so far, whole or not; looked at in this order, nothing that moves counts twice."""
    whole = sum(path.stat().st_size for path in blobs_of(layout))
    return whole + sum(_size(path) for path in parts_of(layout))


def kept_of(layout: Path, digest: str) -> int:
    """Say how much of a blob is there: all, or the longest of its parts; looked at in this order, a move hides none."""
    algorithm, _, name = digest.partition(":")
    parts = max((_size(path) for path in parts_of(layout) if name in path.name), default=0)
    return max(parts, _size(layout / "blobs" / algorithm / name))


def layers_of(reference: str) -> dict[str, int]:
    """Ask a registry for the layers of an image, and their sizes."""
    return {layer["digest"]: layer["size"] for layer in json.loads(tools.skopeo_raw(reference))["layers"]}


def missing_bytes(layout: Path, layers: dict[str, int]) -> int:
    """Say how many bytes of some layers are not there yet."""
    return sum(size - kept_of(layout, digest) for digest, size in layers.items())


def only_whole_blobs(layout: Path) -> bool:
    """Say whether every file under a final name has the bytes that its name says, hashed here and not by ocinb."""
    return all(_hashed(path) == path.name for path in blobs_of(layout))


def verified(layout: Path) -> bool:
    """Say whether ocinb finds nothing wrong either."""
    return ocinb.store.verify(destination=layout, progress=False).empty


def no_parts(layout: Path) -> bool:
    """Say whether nothing is left of downloads."""
    return parts_of(layout) == []


def names_in(layout: Path) -> list[str]:
    """Give the names in the index of a layout, which has to be whole; a layout without one has no names."""
    index = layout / "index.json"
    if not index.exists():
        return []
    entries = json.loads(index.read_bytes())["manifests"]
    return sorted(entry["annotations"][REF_NAME] for entry in entries)


def accepted_by_peers(layout: Path, name: str, *, origin: str | None = None) -> bool:
    """Say whether skopeo reads the same image out of a layout and out of its registry, and umoci unpacks a small one.

    Parameters
    ----------
    layout
        The folder.
    name
        What the image is called in its index.
    origin
        What it is called by the registry, if not the same: a relay may be gone by now.
    """
    raw, config = _read(f"oci:{layout}:{name}")
    if (raw, config) != (_read(name) if origin is None else _read_once(origin)):
        return False
    # umoci reads no index behind a name.
    return b'"layers"' not in raw or _unpacks(layout, name, json.loads(raw)["layers"])


def _read(reference: str) -> tuple[bytes, dict[str, Any]]:
    return tools.skopeo_raw(reference), tools.skopeo_config(reference)


# What stands in the registry of the session stays as it is, and hundreds of tests compare with the same few images.
_read_once = cache(_read)


def _unpacks(layout: Path, name: str, layers: list[dict[str, Any]]) -> bool:
    if sum(layer["size"] for layer in layers) > UNPACKED_BYTES:
        return True
    rootless = ["--rootless"] if os.geteuid() else []  # root need not act as if it were
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        tools.run("umoci", "raw", "unpack", *rootless, "--image", f"{layout}:{name}", root)
        return any(root.iterdir())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, path.parent.name).hexdigest()
