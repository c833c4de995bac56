"""A small check of an OCI image layout, by image-spec's image-layout.md, descriptor.md and annotations.md."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

REF_NAME = "org.opencontainers.image.ref.name"
_COMPONENT = r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*"
GRAMMAR = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


def named(folder: Path) -> dict[str, dict[str, Any]]:
    """Give the entries of a layout by their names, after all of it was found to be right."""
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())
    assert index["schemaVersion"] == 2
    for path in (folder / "blobs").rglob("*"):
        assert path.is_dir() or path.name == hashlib.new(path.parent.name, path.read_bytes()).hexdigest()
    entries = {}
    for entry in index["manifests"]:
        # Of two names outside the grammar that one image has, the second is in no annotation but our own.
        name = entry["annotations"].get(REF_NAME) or entry["annotations"]["dev.ocinb.reference"]
        assert GRAMMAR.fullmatch(name) or REF_NAME not in entry["annotations"]
        assert name not in entries, "umoci and skopeo find two entries of one name ambiguous"
        entries[name] = entry
        whole(folder, entry)
    return entries


def whole(folder: Path, descriptor: dict[str, Any]) -> None:
    """Find a descriptor's blob, and what it names, but for attestations: image-layout.md lets blobs be missing."""
    algorithm, _, encoded = descriptor["digest"].partition(":")
    raw = (folder / "blobs" / algorithm / encoded).read_bytes()
    assert len(raw) == descriptor["size"]
    if not re.search("manifest|index", descriptor["mediaType"]):
        return
    document = json.loads(raw)
    assert document.get("mediaType", descriptor["mediaType"]) == descriptor["mediaType"]
    for child in [*document.get("manifests", []), *filter(None, [document.get("config")]), *document.get("layers", [])]:
        if "vnd.docker.reference.type" not in child.get("annotations", {}):
            whole(folder, child)
