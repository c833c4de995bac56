"""Images on this machine: in an OCI layout, and of a layer that is too long for memory."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

from isal import isal_zlib

from ocinb.samples.images import Image, make_json, platform_fields
from ocinb.samples.tars import noise
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.localfiles import write_layout

PLATFORM = "linux/amd64"
TAG = "1"
GZIP_AND_ITS_HEADER = 31
# So long is a file of Debian in the mean.
FILE_BYTES = 31_000
FOLDER_FILES = 40


def put_image(folder: Path, image: Image) -> str:
    """Write an image into a layout of its own, and give its reference."""
    return f"oci:{write_layout(folder, {TAG: image.manifest})}:{TAG}"


def put_long_layer(folder: Path, tar_bytes: int) -> str:
    """Write an image of one gzipped layer, file by file, and give its reference.

    Parameters
    ----------
    folder
        Where the layout is to be.
    tar_bytes
        About how long the tar is. Each file in it is noise for the most part, and as long as all others.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    diff_id = _write_tar(blobs / "new", tar_bytes // FILE_BYTES)
    layer = _named(blobs / "new", f"{OCI_LAYER}+gzip")
    config = _put(blobs, OCI_CONFIG, _config(diff_id))
    manifest = _put(blobs, OCI_MANIFEST, {"schemaVersion": 2, "config": config, "layers": [layer]})
    entry = manifest | {"annotations": {"org.opencontainers.image.ref.name": TAG}}
    (folder / "index.json").write_bytes(make_json({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_bytes(make_json({"imageLayoutVersion": "1.0.0"}))
    return f"oci:{folder}:{TAG}"


def _config(diff_id: str) -> dict[str, Any]:
    history = [{"created": "2025-02-03T09:12:00Z", "created_by": "COPY srv /srv # buildkit"}]
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]}
    return {**platform_fields(PLATFORM), "config": {}, "history": history, "rootfs": rootfs}


def _write_tar(path: Path, files: int) -> str:
    with path.open("wb") as target:
        zipped = _Gzipped(target)
        with tarfile.open(fileobj=cast("IO[bytes]", zipped), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for entry, content in _files(files):
                tar.addfile(entry, BytesIO(content))
        zipped.end()
    return zipped.hash.hexdigest()


def _files(count: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for number in range(count):
        content = noise(str(number), FILE_BYTES * 3 // 4)
        entry = tarfile.TarInfo(f"srv/{number // FOLDER_FILES}/{number}")
        entry.size = FILE_BYTES
        yield entry, content.ljust(FILE_BYTES, b"\n")


class _Gzipped:
    """What is written is hashed, and goes on compressed."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._compress = isal_zlib.compressobj(1, wbits=GZIP_AND_ITS_HEADER)
        self.hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self._target.write(self._compress.compress(data))
        return len(data)

    def end(self) -> None:
        self._target.write(self._compress.flush())


def _put(blobs: Path, media_type: str, document: dict[str, Any]) -> dict[str, Any]:
    (blobs / "new").write_bytes(make_json(document))
    return _named(blobs / "new", media_type)


def _named(path: Path, media_type: str) -> dict[str, Any]:
    """Give a blob the name of its digest, and describe it."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    size = path.stat().st_size
    path.rename(path.with_name(digest))
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}
