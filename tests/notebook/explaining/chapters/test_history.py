"""Steps and layers go in pairs, those without a layer are told apart, and the sums are right."""

from __future__ import annotations

import ocinb
from ocinb.notebook.explain.story import Note, plain
from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.shop import RELEASES, shop_image
from tests.documents import REPOSITORY, layer, put_image
from tests.notebook.explaining.replaying import chapter, figures, tables

TITLE = "The history and the layers"
IMAGE = shop_image(RELEASES[-1], PLATFORMS[0])


def test_each_step_is_told_with_its_layer_or_without(registry: SampleRegistry) -> None:
    story = ocinb.explain(registry.reference("demo/shop:2.0"), platform=PLATFORMS[0])
    rows = tables(story, TITLE)["Step by step"].rows
    made = [plain(row.cells[2]).replace("\u00a0", " ") for row in rows]
    numbers = iter(range(len(IMAGE.layers)))
    assert made == [f"layer {next(numbers)}" if step.layer else "no layer" for step in IMAGE.steps]
    assert [row.tone for row in rows] == ["" if step.layer else "aside" for step in IMAGE.steps]
    largest = max(len(one.raw) for one in IMAGE.layers)
    assert [row.share for row in rows] == [
        len(step.layer.raw) / largest if step.layer else None for step in IMAGE.steps
    ]


def test_the_sums_are_those_of_the_blobs(registry: SampleRegistry) -> None:
    told = figures(ocinb.explain(registry.reference("demo/shop:2.0"), platform=PLATFORMS[0]), TITLE)
    assert told["together"].value == sum(len(one.raw) for one in IMAGE.layers)
    assert told["the largest"].value == max(len(one.raw) for one in IMAGE.layers)
    assert told["without a layer"].value == sum(step.layer is None for step in IMAGE.steps)
    assert "each stored once" not in told


def test_a_layer_that_stands_twice_is_stored_once(registry: SampleRegistry) -> None:
    told = figures(ocinb.explain(registry.reference("demo/nested:1"), platform="linux/amd64"), TITLE)
    assert told["each stored once"].value < told["together"].value


def test_where_nothing_can_be_paired_that_is_said(registry: SampleRegistry) -> None:
    one = layer("a")
    put_image(registry, one, rootfs={"diff_ids": [one.diff_id]}, history=[{"created_by": "a"}, {"created_by": "b"}])
    story = ocinb.explain(registry.reference(f"{REPOSITORY}:1"))
    notes = [plain(part.spans) for part in chapter(story, TITLE).parts if isinstance(part, Note)]
    assert any("a guess would blame the wrong step" in note for note in notes)
    assert {plain(row.cells[2]) for row in tables(story, TITLE)["Step by step"].rows} == {"?"}
