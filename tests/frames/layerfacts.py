"""What stands in layers, read by tarfile, and images that tests make of a few entries for each layer."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import tarfile
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, make_layer
from ocinb.samples.tars import Entry
from tests.documents import REPOSITORY, put_image
from tests.frames.facts import Fact, fetch

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
OPAQUE = ".wh..wh..opq"


def plain(raw: bytes) -> bytes:
    """Unpack a blob by its magic."""
    if raw.startswith(b"\x1f\x8b"):
        return gzip.decompress(raw)
    return zstd.decompress(raw) if raw.startswith(b"\x28\xb5\x2f\xfd") else raw


def rows_of(tar: bytes) -> list[dict[str, Any]]:
    """Give the entries of a tar as the frame of files has them."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return [_row(archive, member) for member in archive]


def _row(archive: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    folder, _, name = member.name.rpartition("/")
    kind, path = TYPES[member.type], member.name
    if name == OPAQUE:
        kind, path = "opaque", folder
    elif name.startswith(".wh."):
        kind, path = "whiteout", f"{folder}/{name.removeprefix('.wh.')}".lstrip("/")
    content = archive.extractfile(member) if kind == "file" else None
    return {
        "path": path,
        "type": kind,
        "size_bytes": member.size if kind == "file" else 0,
        "mode": member.mode,
        "uid": member.uid,
        "gid": member.gid,
        "mtime": pd.Timestamp(member.mtime, unit="s", tz="UTC"),
        "link_target": member.linkname or None,
        "sha256": hashlib.sha256(content.read()).hexdigest() if content else None,
    }


def tars_of(registry: SampleRegistry, name: str, fact: Fact) -> list[bytes]:
    """Fetch the layers of an image, and unpack them."""
    repository = name.partition(":")[0]
    return [plain(fetch(registry, repository, "blobs", layer["digest"])) for layer in fact.manifest["layers"]]


def put_layers(registry: SampleRegistry, *layers: Sequence[Entry], tag: str = "1", **config: Any) -> str:
    """Put an image of some layers, and give its name."""
    put_image(registry, *map(layer_of, layers), tag=tag, **config)
    return registry.reference(f"{REPOSITORY}:{tag}")


def layer_of(entries: Sequence[Entry]) -> Layer:
    return make_layer(entries, mtime=1_700_000_000)


def steps(*instructions: str) -> list[dict[str, str]]:
    """Write a history in which each step made a layer."""
    return [{"created": "2025-01-01T00:00:00Z", "created_by": instruction} for instruction in instructions]
