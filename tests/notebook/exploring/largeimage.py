"""An image of very many small files, as node and Python leave them, in an embedded registry."""

from __future__ import annotations

from collections.abc import Iterator

from ocinb.samples import SampleRegistry
from ocinb.samples.images import Step, make_image, make_layer
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout, with_parents

# So many stand in one folder, as in a cache that nobody cleaned.
CROWDED = 0.2
_CREATED = "2025-06-02T07:05:00Z"


def put_large_image(registry: SampleRegistry, files: int = 100_000, *, name: str = "demo/large") -> str:
    """Put an image of three layers into a registry, and give its reference.

    Parameters
    ----------
    registry
        Where to.
    files
        How many regular files its layers have together, about.
    name
        The repository.
    """
    base, more = int(files * 0.7), files - int(files * 0.7)
    steps = [
        Step("ADD rootfs.tar /", _CREATED, make_layer(_base(base))),
        Step("RUN npm install && rm -r /opt/m0001", _CREATED, make_layer(_install(more, base))),
        Step("RUN rm -rf /var/cache/* && echo yes > /etc/built", _CREATED, make_layer(_cleaned())),
    ]
    image = make_image("linux/amd64", steps)
    for blob in image.manifest.blobs:
        registry.put_blob(blob.raw)
    registry.put_manifest(name, image.manifest.raw, tag="latest")
    return registry.reference(name)


def path_of(number: int) -> str:
    """Give the path of a file of the lowest layer that lies in a tree."""
    return f"opt/m{number // 500:04d}/lib/p{number % 500 // 50}/file{number:06d}.js"


def _content(number: int) -> bytes:
    return b"%d " % number * (number % 7 + 1)


def _base(files: int) -> Iterator[Entry]:
    crowded = int(files * CROWDED)
    yield from with_parents(file(f"var/cache/entry{number:06d}", _content(number)) for number in range(crowded))
    yield from with_parents(file(path_of(number), _content(number)) for number in range(files - crowded))


def _install(files: int, below: int) -> Iterator[Entry]:
    """Overwrite some, delete a folder, and add the rest."""
    yield directory("opt")
    yield whiteout("opt/m0001")
    overwritten = min(files // 10, below // 4)
    yield from (file(path_of(1000 + number), b"new") for number in range(overwritten))
    paths = (f"srv/app/node_modules/n{number % 900}/dist/chunk{number}.js" for number in range(files - overwritten))
    yield from with_parents(file(path, _content(number)) for number, path in enumerate(paths))
    yield symlink("srv/current", "app")
    yield hardlink("srv/app/first.js", "srv/app/node_modules/n0/dist/chunk0.js")


def _cleaned() -> Iterator[Entry]:
    yield directory("var")
    yield directory("var/cache")
    yield opaque("var/cache")
    yield directory("etc")
    yield file("etc/built", "yes\n")
