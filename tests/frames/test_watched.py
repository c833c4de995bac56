"""What is told of blobs is their size, and the step that made them where that is known."""

from __future__ import annotations

from ocinb.frames.resolve import blob_tasks, counted_names
from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.shop import RELEASES, shop_image
from ocinb.sources.images import read_image
from tests.documents import REPOSITORY, put_schema1
from tests.spec.signing import Step
from tests.transferring import open_repository


def test_layers_are_told_with_their_steps_and_a_config_with_its_type(registry: SampleRegistry) -> None:
    made, source = shop_image(RELEASES[0], PLATFORMS[0]), open_repository(registry)
    image = read_image(source, source.read(made.manifest.digest), None)
    config = image.manifest.config
    assert config is not None
    tasks = blob_tasks(image, [config, *image.manifest.layers])
    assert [(task.key, task.total) for task in tasks] == [
        (blob.digest, len(blob.raw)) for blob in (made.config, *made.layers)
    ]
    assert tasks[0].detail == "application/vnd.oci.image.config.v1+json"
    assert [tasks[4].detail, tasks[5].detail] == ["WORKDIR /srv/shop", "COPY --chown=shop:shop . ."]
    assert tasks[0].label == made.config.digest.hex[:12]


def test_a_size_that_is_not_known_is_none(registry: SampleRegistry) -> None:
    digest = put_schema1(registry, Step(["/bin/sh"], f"sha256:{'b' * 64}"))
    source = open_repository(registry, REPOSITORY)
    image = read_image(source, source.read(digest), None)
    [task] = blob_tasks(image, image.manifest.layers)
    assert (task.total, task.detail) == (0, "/bin/sh")


def test_one_name_is_told_and_more_are_counted() -> None:
    assert counted_names(["a"]) == "a"
    assert counted_names([str(number) for number in range(1200)]) == "1,200 references"
