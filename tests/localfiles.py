"""Layouts and archives on this machine, in every dialect, written by code that shares nothing with what reads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocinb.samples.images import Image, Manifest, Step, compress_layer, make_image
from ocinb.samples.tars import file, make_tar

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
OWN_NAME = "dev.ocinb.reference"


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def tiny_image(*contents: str, platform: str = "linux/amd64", compression: str = "gzip") -> Image:
    """Make an image with one layer for each text, and a step without one at the end."""
    steps = [
        Step(
            f"COPY {text} / # buildkit",
            f"2025-01-02T03:04:{place:02d}Z",
            compress_layer(make_tar([file(text, text * 300)], mtime=0), compression=compression),
        )
        for place, text in enumerate(contents)
    ]
    last = Step('CMD ["run"]', "2025-01-02T03:05:00Z")
    settings = {"Cmd": ["run"], "Env": ["A=1"], "Labels": {"org.example.name": contents[0] if contents else "none"}}
    return make_image(platform, [*steps, last], settings=settings)


def entry(manifest: Manifest, name: str = "", **notes: str) -> dict[str, Any]:
    """Describe a manifest as the index of a layout does, with a name for skopeo if one is given."""
    keys = {"containerd": CONTAINERD_NAME, "own": OWN_NAME, "attests": "vnd.docker.reference.type"}
    annotations = {keys[key]: text for key, text in notes.items()} | ({REF_NAME: name} if name else {})
    return manifest.descriptor(annotations=annotations or None)


def all_blobs(manifest: Manifest) -> dict[str, bytes]:
    """Give the manifest and all below it by their hex digests."""
    blobs = {blob.digest.hex: blob.raw for blob in manifest.blobs} | {manifest.digest.hex: manifest.raw}
    for child in manifest.children:
        blobs |= all_blobs(child)
    return blobs


def layout_files(manifests: Iterable[Manifest], entries: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Give the files of a layout by their paths in it."""
    files = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": list(entries)}).encode(),
    }
    for manifest in manifests:
        files |= {f"blobs/sha256/{digest}": raw for digest, raw in all_blobs(manifest).items()}
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, raw in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    return folder


def write_layout(folder: Path, named: dict[str, Manifest]) -> Path:
    """Write a layout with some manifests by their names; one named "" has none."""
    entries = [entry(manifest, name) for name, manifest in named.items()]
    return write_files(folder, layout_files(named.values(), entries))


@dataclass(frozen=True)
class Member:
    """A member of a tar as it stands there: bytes, or a link."""

    name: str
    raw: bytes = b""
    type: bytes = tarfile.REGTYPE
    target: str = ""
    pax: dict[str, str] = field(default_factory=dict)


def tar_bytes(members: Iterable[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type, info.linkname, info.pax_headers = member.type, member.target, member.pax
            info.size = len(member.raw) if member.type == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(member.raw))
    return buffer.getvalue()


def members_of(files: dict[str, bytes]) -> list[Member]:
    return [Member(name, raw) for name, raw in files.items()]


def untarred(image: Image) -> list[bytes]:
    return [gzip.decompress(layer.raw) if layer.media_type.endswith("gzip") else layer.raw for layer in image.layers]


def config_name(image: Image) -> str:
    return f"{image.config.digest.hex}.json"


def legacy_archive(images: Sequence[tuple[Image, list[str] | None]]) -> list[Member]:
    """Save as docker before 25 does: a folder for each layer, and links where an equal one stands already."""
    members: list[Member] = []
    listed: list[dict[str, Any]] = []
    stored: dict[str, str] = {}
    for place, (image, tags) in enumerate(images):
        paths = []
        for number, raw in enumerate(untarred(image)):
            folder = sha256(f"{place} {number}".encode())
            path = f"{folder}/layer.tar"
            paths.append(path)
            members += [Member(folder, type=tarfile.DIRTYPE), Member(f"{folder}/VERSION", b"1.0")]
            known = stored.setdefault(sha256(raw), path)
            is_new = known == path
            members.append(Member(path, raw) if is_new else Member(path, type=tarfile.SYMTYPE, target=f"../{known}"))
        members.append(Member(config_name(image), image.config.raw))
        listed.append({"Config": config_name(image), "RepoTags": tags, "Layers": paths})
    return [*members, Member("manifest.json", json.dumps(listed).encode()), Member("repositories", b"{}")]


def hybrid_archive(image: Image, tags: list[str], *, compressed: bool = False) -> list[Member]:
    """Save as docker from 25 on does: an OCI layout with a manifest.json that points into it.

    Its layers are bare tars, or, where containerd keeps the images, as they were pulled.
    """
    layers = [layer.raw for layer in image.layers] if compressed else untarred(image)
    document = json.loads(image.manifest.raw) | {
        "config": image.config.descriptor(),
        "layers": [_layer(raw, compressed=compressed) for raw in layers],
    }
    raw_manifest = json.dumps(document).encode()
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": f"sha256:{sha256(raw_manifest)}",
                "size": len(raw_manifest),
                "annotations": {CONTAINERD_NAME: f"docker.io/library/{tag}", REF_NAME: tag.partition(":")[2]},
            }
            for tag in tags
        ],
    }
    blobs = [image.config.raw, raw_manifest, *layers]
    listed = [
        {
            "Config": f"blobs/sha256/{image.config.digest.hex}",
            "RepoTags": tags,
            "Layers": [f"blobs/sha256/{sha256(raw)}" for raw in layers],
        }
    ]
    return [
        Member("blobs", type=tarfile.DIRTYPE),
        Member("blobs/sha256", type=tarfile.DIRTYPE),
        *(Member(f"blobs/sha256/{sha256(raw)}", raw) for raw in dict.fromkeys(blobs)),
        Member("index.json", json.dumps(index).encode()),
        Member("manifest.json", json.dumps(listed).encode()),
        Member("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
        Member("repositories", b"{}"),
    ]


def crane_archive(image: Image, tags: list[str] | None) -> list[Member]:
    """Save as crane does: layers stay as they were compressed, and the config is called by its digest."""
    names = [f"{layer.digest.hex}.tar.gz" for layer in image.layers]
    layers = dict(zip(names, (layer.raw for layer in image.layers), strict=True))
    listed = [{"Config": str(image.config.digest), "RepoTags": tags, "Layers": names}]
    files = {str(image.config.digest): image.config.raw} | layers | {"manifest.json": json.dumps(listed).encode()}
    return members_of(files)


def podman_archive(image: Image, tags: list[str]) -> list[Member]:
    """Save as podman and skopeo do: layers by their digests, and links in folders for old readers."""
    raws = untarred(image)
    names = [f"{sha256(raw)}.tar" for raw in raws]
    links = [Member(f"{sha256(name.encode())}/layer.tar", type=tarfile.SYMTYPE, target=f"../{name}") for name in names]
    listed = [{"Config": config_name(image), "RepoTags": tags, "Layers": names}]
    plain = [Member(name, raw) for name, raw in dict(zip(names, raws, strict=True)).items()]
    return [
        *plain,
        *links,
        Member(config_name(image), image.config.raw),
        Member("repositories", b"{}"),
        Member("manifest.json", json.dumps(listed).encode()),
    ]


def _layer(raw: bytes, *, compressed: bool) -> dict[str, Any]:
    media_type = "application/vnd.oci.image.layer.v1.tar"
    return {
        "mediaType": f"{media_type}+gzip" if compressed else media_type,
        "digest": f"sha256:{sha256(raw)}",
        "size": len(raw),
    }
