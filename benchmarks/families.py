"""Families: images that share a base, in a registry, with real files: what a registry of applications looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ocinb
from benchmarks.images import push_image
from benchmarks.peers import DOCKER_REGISTRY
from benchmarks.trees import debian_layers, stacked_image
from ocinb.samples.images import Layer
from ocinb.spec.digest import Digest
from tests.real.dockerregistry import AS_PACKAGED, serve

REPOSITORY = "bench/app"
MOST_LAYERS = 4
BASE_LAYERS = 2


@dataclass(frozen=True)
class Shape:
    """How large a family is.

    Attributes
    ----------
    images
        How many there are.
    base, medium, small
        About how many bytes the base has, the first layer of each image, and each further one, compressed.
    """

    images: int
    base: int
    medium: int
    small: int


@dataclass(frozen=True)
class Family:
    """The names of the images, and their distinct layers."""

    references: Sequence[str]
    layers: Sequence[Digest]


@contextmanager
def serve_family(place: Path, shape: Shape) -> Iterator[Family]:
    """Have a registry with images of one base, each with one to four layers of its own: docker's, or the embedded one.

    Parameters
    ----------
    place
        A new folder, where the registry may keep them.
    shape
        How many and how large.
    """
    if DOCKER_REGISTRY.version:
        place.mkdir()
        with serve(place, AS_PACKAGED) as server:
            known: set[Digest] = set()

            def push(tag: str, layers: Sequence[Layer]) -> str:
                pushed = push_image(server.host, f"{REPOSITORY}:{tag}", stacked_image(layers), known)
                known.update(layer.digest for layer in layers)
                return pushed

            yield _fill(shape, push)
    else:
        with ocinb.samples.registry() as embedded:

            def put(tag: str, layers: Sequence[Layer]) -> str:
                embedded.put_image(REPOSITORY, layers, tag=tag)
                return embedded.reference(f"{REPOSITORY}:{tag}")

            yield _fill(shape, put)


def _fill(shape: Shape, put: Callable[[str, Sequence[Layer]], str]) -> Family:
    references: list[str] = []
    digests: dict[Digest, None] = {}
    for number, layers in enumerate(_images(shape)):
        references.append(put(f"1.{number}", layers))
        digests |= dict.fromkeys(layer.digest for layer in layers)
    return Family(references, list(digests))


def _images(shape: Shape) -> Iterator[list[Layer]]:
    """Give the layers of each image; the first of its own overwrites some of the base, the others stand beside it."""
    base = list(debian_layers([shape.base // BASE_LAYERS] * BASE_LAYERS))
    medium = debian_layers([shape.medium] * shape.images)
    small = debian_layers([shape.small] * shape.images * MOST_LAYERS, folder="opt/")
    for number, first in enumerate(medium):
        yield [*base, first, *(next(small) for _ in range(number % MOST_LAYERS))]
