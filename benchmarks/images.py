"""Images by code: as many as a race needs, each with a config of its own, in a registry of somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from ocinb._pool import run_all
from ocinb.samples.images import Image, Layer, Step, make_image, make_layer, moment
from ocinb.samples.tars import file, prose
from ocinb.spec.digest import Digest
from tests.real.uploads import put_blob, put_manifest

PLATFORM = "linux/amd64"
REPOSITORIES = 10
SHARED_LAYERS = 4
STEPS_WITHOUT_LAYER = 12
BUILT_AT = datetime(2025, 2, 3, 9, 12, tzinfo=UTC)
WRITERS = 4


@dataclass(frozen=True)
class Pushed:
    """The names of an image in a registry."""

    by_tag: str
    by_digest: str


def push_images(host: str, count: int) -> list[Pushed]:
    """Write small images into a registry: several repositories, each with a base that its images share.

    Parameters
    ----------
    host
        The registry, with its port; it has to speak http.
    count
        How many images.

    Returns
    -------
    list
        Their names; no two have a manifest or a config in common.
    """
    numbers = [range(first, count, REPOSITORIES) for first in range(min(count, REPOSITORIES))]
    return [pushed for part in run_all(lambda part: _push(host, part), numbers, workers=WRITERS) for pushed in part]


def push_image(host: str, name: str, image: Image, known: AbstractSet[Digest] = frozenset()) -> str:
    """Write one image into a registry, without the blobs that are known to be there, and give its reference."""
    registry, repository = f"http://{host}", name.rpartition(":")[0]
    for blob in {blob.digest: blob for blob in (*image.layers, image.config) if blob.digest not in known}.values():
        put_blob(registry, repository, blob.raw)
    put_manifest(registry, name, image.manifest.media_type, image.manifest.raw)
    return f"{host}/{name}"


def _push(host: str, numbers: Sequence[int]) -> list[Pushed]:
    repository = f"bench/app-{numbers[0]}"
    pushed: list[Pushed] = []
    known: set[Digest] = set()
    for number in numbers:
        image = _image(number)
        by_tag = push_image(host, f"{repository}:1.{number}", image, known)
        known.update(layer.digest for layer in image.layers)
        pushed.append(Pushed(by_tag, f"{host}/{repository}@{image.manifest.digest}"))
    return pushed


def _image(number: int) -> Image:
    """Build an image whose documents are about as long as those of an application on a Debian."""
    base = [
        Step(f"RUN /bin/sh -c set -eux; apt-get update; make part-{place} # buildkit", moment(BUILT_AT, place), layer)
        for place, layer in enumerate(_shared_layers(number % REPOSITORIES))
    ]
    settings = [
        Step(f"ENV SETTING_{place}=value-of-setting-{place}", moment(BUILT_AT, 100 + place))
        for place in range(STEPS_WITHOUT_LAYER)
    ]
    own = make_layer([file(f"srv/app/{number}", f"build {number}\n")])
    steps = [*base, *settings, Step("COPY app /srv/app # buildkit", moment(BUILT_AT, 1000 + number), own)]
    return make_image(PLATFORM, steps, settings=_settings(number))


@cache
def _shared_layers(repository: int) -> tuple[Layer, ...]:
    contents = [prose(f"{repository}-{place}", 2_000) for place in range(SHARED_LAYERS)]
    return tuple(make_layer([file(f"usr/share/{place}", content)]) for place, content in enumerate(contents))


def _settings(number: int) -> dict[str, object]:
    variables = [f"SETTING_{place}=value-of-setting-{place}" for place in range(STEPS_WITHOUT_LAYER)]
    return {
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *variables],
        "Entrypoint": ["/usr/bin/python3", "-m", "app"],
        "WorkingDir": "/srv/app",
        "Labels": {"org.opencontainers.image.version": f"1.{number}", "org.opencontainers.image.title": "app"},
    }
