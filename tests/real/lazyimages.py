"""Images whose layers have a table of contents, of this machine's own Debian files, in registries of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from benchmarks.trees import debian_image
from ocinb.samples.images import Image
from ocinb.samples.seekable_layers import Seekable, make_estargz
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, whiteout
from tests.real import uploads
from tests.real.dockerregistry import DockerRegistry

CLOCK: Final = 1_700_000_000
_LAYER_BYTES = 1_500_000
# What the files of a machine have not.
_ODD = [
    directory("odd", mode=0o1777),
    file("odd/café", "coffee", mode=0o4755, owner=7),
    file("odd/empty"),
    file("odd/long", b"long " * 60_000),
    hardlink("odd/another", "odd/long"),
    whiteout("odd/gone"),
    opaque("srv"),
]
# One member for each file; files in many chunks; and many small files in one member.
PACKINGS: Final[dict[str, Callable[..., Seekable]]] = {
    "plain": make_estargz,
    "chunks": partial(make_estargz, chunk_bytes=30_000),
    "members": partial(make_estargz, member_bytes=60_000),
}


@dataclass(frozen=True)
class Lazy:
    """An image of one eStargz layer, in a registry."""

    reference: str
    image: Image

    @property
    def raw(self) -> bytes:
        return self.image.layers[0].raw

    @property
    def table_digest(self) -> str:
        """What the manifest says, read from its JSON."""
        [layer] = json.loads(self.image.manifest.raw)["layers"]
        digest: str = layer["annotations"]["containerd.io/snapshot/stargz/toc.digest"]
        return digest


@cache
def lazy_image(packing: str) -> Image:
    def pack(entries: Iterable[Entry]) -> Seekable:
        return PACKINGS[packing]([*entries, *_ODD], mtime=CLOCK)

    return debian_image([_LAYER_BYTES], pack=pack)


def push(registry: DockerRegistry, packing: str) -> Lazy:
    image, name = lazy_image(packing), f"lazy/debian:{packing}"
    for blob in image.manifest.blobs:
        uploads.put_blob(f"http://{registry.host}", "lazy/debian", blob.raw)
    return Lazy(registry.put_manifest(name, image.manifest.media_type, image.manifest.raw), image)
