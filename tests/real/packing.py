"""One image in every file that programs write images to: by skopeo, by buildah, and as Docker 25 saves them."""

import gzip
import hashlib
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout
from tests.real.tools import run

NAME = "registry.example/real/shop:1.0"


@dataclass(frozen=True)
class Packed:
    """References of one image, by who wrote it into which kind of file."""

    with_manifest: dict[str, str]  # they keep the manifest, so all their rows are those of the layout
    without: dict[str, str]  # docker-archives


def pack(layout: Layout, place: Path) -> Packed:
    buildah = _Buildah(layout, place)
    kept = {
        "layout": layout.reference,
        "skopeo-oci-archive": _skopeo(layout.reference, f"oci-archive:{place / 'skopeo.oci.tar'}", layout.tag),
        "skopeo-oci-archive-gzipped": f"oci-archive:{_gzipped(place / 'skopeo.oci.tar')}:{layout.tag}",
        "skopeo-by-way-of-a-dir": _by_way_of_a_dir(layout, place),
    }
    bare = {
        "skopeo-docker-archive": _skopeo(layout.reference, f"docker-archive:{place / 'skopeo.docker.tar'}", NAME),
        "skopeo-docker-archive-gzipped": f"docker-archive:{_gzipped(place / 'skopeo.docker.tar')}:{NAME}",
        "skopeo-docker-archive-nameless": _skopeo(layout.reference, f"docker-archive:{place / 'nameless.tar'}", ""),
        "buildah-docker-archive": buildah.push(f"docker-archive:{place / 'buildah.docker.tar'}", NAME),
        "docker-25": f"docker-archive:{_as_docker_saves(layout, place / 'docker.tar', bare=True)}:{NAME}",
        "docker-25-with-containerd": f"docker-archive:{_as_docker_saves(layout, place / 'ctr.tar', bare=False)}:{NAME}",
    }
    return Packed(kept, bare)


def buildah_oci_archive(layout: Layout, place: Path) -> str:
    """Let buildah compress the layers anew, so that what it writes has digests of its own."""
    return _Buildah(layout, place).push(f"oci-archive:{place / 'buildah.oci.tar'}", "1.0")


class _Buildah:
    """A storage of its own, which needs no daemon and no privileges beyond a user's own."""

    def __init__(self, layout: Layout, place: Path) -> None:
        storage = place / "buildah"
        storage.mkdir()
        (storage / "nobody.json").write_text("{}")
        self._nobody = f"--authfile={storage / 'nobody.json'}"
        self._flags = [f"--root={storage / 'root'}", f"--runroot={storage / 'run'}", "--storage-driver=vfs"]
        pulled = run("buildah", *self._flags, "pull", "--quiet", self._nobody, layout.reference)
        self._image = pulled.decode().split()[-1]

    def push(self, target: str, name: str) -> str:
        run("buildah", *self._flags, "push", "--quiet", self._nobody, self._image, f"{target}:{name}")
        return f"{target}:{name}"


def _skopeo(source: str, target: str, name: str) -> str:
    named = f"{target}:{name}" if name else target
    run("skopeo", "--insecure-policy", "copy", "--quiet", source, named)
    return named


def _gzipped(archive: Path) -> Path:
    target = archive.with_suffix(".tar.gz")
    with archive.open("rb") as source, gzip.open(target, "wb", compresslevel=1) as compressed:
        shutil.copyfileobj(source, compressed)
    return target


def _by_way_of_a_dir(layout: Layout, place: Path) -> str:
    _skopeo(layout.reference, f"dir:{place / 'dir'}", "")
    return _skopeo(f"dir:{place / 'dir'}", f"oci:{place / 'again'}", layout.tag)


def _as_docker_saves(layout: Layout, archive: Path, *, bare: bool) -> Path:
    """Make what `docker save` has written since version 25: an OCI layout, and a manifest.json that leads into it.

    With containerd's image store its layers are compressed, without it they are bare tars.
    """
    blobs, place = archive.with_suffix(".blobs"), archive.with_suffix("")
    convert = ["--dest-decompress"] if bare else []
    run("skopeo", "--insecure-policy", "copy", "--quiet", *convert, layout.reference, f"dir:{blobs}")
    (place / "blobs" / "sha256").mkdir(parents=True)
    raw = (blobs / "manifest.json").read_bytes()
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    (place / _path(digest)).write_bytes(raw)
    manifest = json.loads(raw)
    for entry in (manifest["config"], *manifest["layers"]):
        shutil.copyfile(blobs / entry["digest"].removeprefix("sha256:"), place / _path(entry["digest"]))
    names = {"io.containerd.image.name": NAME, "org.opencontainers.image.ref.name": NAME.rpartition(":")[2]}
    descriptor = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(raw), "annotations": names}
    listed = {
        "Config": _path(manifest["config"]["digest"]),
        "RepoTags": [NAME],
        "Layers": [_path(layer["digest"]) for layer in manifest["layers"]],
    }
    for name, document in {
        "index.json": {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor]},
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "manifest.json": [listed],
    }.items():
        (place / name).write_text(json.dumps(document))
    with tarfile.open(archive, "w") as packed:
        for path in sorted(place.rglob("*")):
            packed.add(path, path.relative_to(place).as_posix(), recursive=False)
    return archive


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
