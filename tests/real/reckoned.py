"""What a registry has, read document by document and tar by tar, without any of ocinb's reading."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import pandas as pd
import requests

from ocinb.archive.entries import Columns
from tests.real.trees import text_of
from tests.rootfs.reference import Applied

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ATTESTED = "vnd.docker.reference.type"
_TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "character",
    tarfile.BLKTYPE: "block",
    tarfile.FIFOTYPE: "fifo",
}
_MANIFESTS = [
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
]
Row = dict[str, Any]


@dataclass(frozen=True)
class Layer:
    """A layer, unpacked."""

    digest: str
    raw: bytes = field(repr=False)

    @cached_property
    def tar(self) -> bytes:
        if self.raw.startswith(b"\x1f\x8b"):
            return gzip.decompress(self.raw)
        return zstd.decompress(self.raw) if self.raw.startswith(b"\x28\xb5\x2f\xfd") else self.raw

    @cached_property
    def rows(self) -> list[Row]:
        """Its entries as the table `files` has them."""
        with tarfile.open(fileobj=io.BytesIO(self.tar), encoding="utf-8", errors="surrogateescape") as archive:
            return [_row(archive, member, place) for place, member in enumerate(archive)]

    @property
    def files(self) -> int:
        """How many regular files it stores."""
        return sum(row["type"] == "file" for row in self.rows)

    def read(self, path: str) -> bytes | None:
        """Give the content of a file; None if the layer has none of that name."""
        with tarfile.open(fileobj=io.BytesIO(self.tar)) as archive:
            named = [one for one in archive if one.isreg() and one.name.removeprefix("./") == path]
            content = archive.extractfile(named[-1]) if named else None
            return content.read() if content else None


@dataclass(frozen=True, eq=False)
class Image:
    """An image: its documents, and what an index says of its platform."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    told: dict[str, str]

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The descriptors, from the base up."""
        return list(self.manifest["layers"])

    @property
    def compressed_bytes(self) -> int:
        return sum(layer["size"] for layer in self.layers)

    @property
    def platform(self) -> str:
        """The normal form, for the architectures that are here."""
        told = self.told or self.config
        suffix = f"/{told.get('variant', 'v7')}" if told["architecture"] == "arm" else ""
        return f"{told['os']}/{told['architecture']}{suffix}"

    @property
    def chain(self) -> list[str]:
        """The chain IDs, by image-spec config.md."""
        chain: list[str] = []
        for diff_id in self.config["rootfs"]["diff_ids"]:
            chain.append(digest_of(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
        return chain

    def distribution_of(self, layers: list[Layer]) -> str | None:
        """Say what its os-release file says, which no image here deletes."""
        found = [raw for raw in (layer.read("usr/lib/os-release") for layer in layers) if raw]
        if not found:
            return None
        told = dict(line.split("=", 1) for line in found[-1].decode().splitlines() if "=" in line)
        return f"{told['ID']} {told['VERSION_ID']}".replace('"', "")

    @property
    def steps(self) -> list[str]:
        """What the Dockerfile said for each layer, for the steps that are here."""
        said = [one["created_by"] for one in self.config["history"] if not one.get("empty_layer")]
        return [_instruction(text) for text in said]


@dataclass
class Look:
    """A name that was looked at: what it pointed at, None if it was gone; and when, as the catalogue noted it."""

    repository: str
    tag: str | None
    digest: str | None
    observed_at: datetime | None = None


@dataclass
class Reckoned:
    """All that was found behind some names of one registry."""

    host: str
    looks: list[Look] = field(default_factory=list)
    images: dict[str, Image] = field(default_factory=dict)
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    applied: dict[tuple[str, ...], Applied] = field(default_factory=dict)
    _found: dict[str | None, list[Image]] = field(default_factory=dict)
    _session: requests.Session = field(default_factory=requests.Session)

    def look(self, names: list[str]) -> None:
        """Read what stands behind some names (repository:tag or repository@digest) now."""
        for name in names:
            repository, _, wanted = name.partition("@") if "@" in name else name.rpartition(":")
            raw = self._fetch(repository, "manifests", wanted)
            digest = None if raw is None else digest_of(raw)
            self.looks.append(Look(repository, None if "@" in name else wanted, digest))
            if raw is not None:
                self._read(repository, raw, {})

    def now(self) -> list[Look]:
        """Give what tags pointed at when they were looked at last, and what was asked for by digest."""
        last = {(look.repository, look.tag or look.digest): look for look in self.looks}
        return [look for look in last.values() if look.digest]

    def behind(self, look: Look) -> list[Image]:
        """Give the images of a name."""
        if look.digest not in self._found:
            images = {image.digest: image for image in self._behind(str(look.digest))}
            self._found[look.digest] = list(images.values())
        return self._found[look.digest]

    def current(self) -> list[tuple[Look, Image]]:
        """Give all images that count now, once for each of their names."""
        return [(look, image) for look in self.now() for image in self.behind(look)]

    def in_full(self, look: Look) -> str:
        wanted = f":{look.tag}" if look.tag else f"@{look.digest}"
        return f"{self.host}/{look.repository}{wanted}"

    def applied_to(self, image: Image) -> Applied:
        """Apply the layers of an image in the most obvious way."""
        key = tuple(layer["digest"] for layer in image.layers)
        if key not in self.applied:
            self.applied[key] = Applied([_columns(self.layers[digest].rows) for digest in key])
        return self.applied[key]

    def _behind(self, digest: str) -> Iterator[Image]:
        if digest in self.images:
            yield self.images[digest]
        for entry in self.indexes.get(digest, {}).get("manifests", []):
            if ATTESTED not in entry.get("annotations", {}):
                yield from self._behind(entry["digest"])

    def _read(self, repository: str, raw: bytes, told: dict[str, str]) -> None:
        document = json.loads(raw)
        if "manifests" in document:
            self.indexes[digest_of(raw)] = document
            for entry in document["manifests"]:
                if ATTESTED not in entry.get("annotations", {}):
                    self._read(repository, self._document(repository, entry["digest"]), entry["platform"])
            return
        config = json.loads(self._blob(repository, document["config"]["digest"]))
        known = self.images.get(digest_of(raw))
        if "rootfs" in config and (known is None or (told and not known.told)):
            self.images[digest_of(raw)] = Image(digest_of(raw), document, config, told)
            for layer in document["layers"]:
                self._read_layer(repository, layer["digest"])

    def _read_layer(self, repository: str, digest: str) -> None:
        if digest not in self.layers:
            self.layers[digest] = Layer(digest, self._blob(repository, digest))

    def _document(self, repository: str, digest: str) -> bytes:
        raw = self._fetch(repository, "manifests", digest)
        assert raw is not None, digest
        return raw

    def _blob(self, repository: str, digest: str) -> bytes:
        raw = self._fetch(repository, "blobs", digest)
        assert raw is not None, digest
        return raw

    def _fetch(self, repository: str, kind: str, wanted: str) -> bytes | None:
        url = f"http://{self.host}/v2/{repository}/{kind}/{wanted}"
        answer = self._session.get(url, headers={"Accept": ", ".join(_MANIFESTS)}, timeout=120)
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def _instruction(created_by: str) -> str:
    text = created_by.removesuffix("# buildkit").strip()
    if text.startswith("/bin/sh -c #(nop)"):
        return text.removeprefix("/bin/sh -c #(nop)").strip()
    return f"RUN {text.removeprefix('RUN ').removeprefix('/bin/sh -c ')}" if "/bin/sh -c " in text else text


def _row(archive: tarfile.TarFile, member: tarfile.TarInfo, position: int) -> Row:
    path = text_of(member.name.encode("utf-8", "surrogateescape")).removeprefix("./").strip("/")
    directory, _, name = path.rpartition("/")
    kind = _TYPES[member.type]
    if name == ".wh..wh..opq":
        kind, path = "opaque", directory
    elif name.startswith(".wh."):
        kind, path = "whiteout", f"{directory}/{name.removeprefix('.wh.')}".lstrip("/")
    content = archive.extractfile(member) if kind == "file" else None
    target = text_of(member.linkname.encode("utf-8", "surrogateescape")) if kind in {"symlink", "hardlink"} else None
    return {
        "position": position,
        "path": "" if path == "." else path,
        "type": kind,
        "size_bytes": member.size if kind == "file" else 0,
        "mode": member.mode & 0o7777,
        "uid": member.uid,
        "gid": member.gid,
        "mtime": _moment(member),
        "link_target": target.removeprefix("./").strip("/") if target and kind == "hardlink" else target,
        "sha256": hashlib.sha256(content.read()).hexdigest() if content else None,
    }


def _moment(member: tarfile.TarInfo) -> pd.Timestamp:
    """Cut what is finer than a microsecond, as the text in the header has it."""
    seconds = Decimal(member.pax_headers.get("mtime", str(member.mtime)))
    return pd.Timestamp(math.floor(seconds * 10**6), unit="us", tz="UTC")


def _columns(rows: list[Row]) -> Columns:
    """Give what the reference for layers asks for."""
    found = Columns()
    for row in rows:
        found.path.append(row["path"])
        found.type.append(row["type"])
        found.link_target.append(row["link_target"])
    return found
