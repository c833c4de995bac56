"""Every image behind a name can be chosen, from wherever it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.notebook.explore import platform_images
from ocinb.notebook.explore.backend import open_answers
from ocinb.notebook.explore.summary import lines, summary
from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.images import JSON
from ocinb.samples.shop import RELEASES, shop_image
from tests.documents import REPOSITORY, layer, put_image, put_index
from tests.localfiles import legacy_archive, tar_bytes, write_layout
from tests.notebook.exploring.asking import ask, refused

IMAGE = shop_image(RELEASES[0], PLATFORMS[0])


def put_children(registry: SampleRegistry, *platforms: JSON | None) -> str:
    """Put an index of images, each with one file, which is called by its place."""
    children: list[dict[str, Any]] = []
    for number, platform in enumerate(platforms):
        child = put_image(registry, layer(f"file{number}"), tag=f"child{number}")
        children.append({**child, **({"platform": platform} if platform else {})})
    put_index(registry, *children, tag="index")
    return registry.reference(f"{REPOSITORY}:index")


def test_a_platform_of_any_length_is_shown_short_and_can_be_chosen(registry: SampleRegistry) -> None:
    long = {"os": "linux", "architecture": "x" * 20_000}
    answers = open_answers(put_children(registry, {"os": "linux", "architecture": "amd64"}, long, long))
    first, second, third = answers.opening["platforms"]
    assert third == f"{second} (2)"
    assert len(second) > 20_000
    assert ask(answers, "children", path="", platform=third)["entries"][0]["name"] == "file2"
    shown = summary(answers.opening, answers.highlights)
    assert shown.count("xx…xx") == 2
    assert "x" * 60 not in shown + lines(answers.opening, answers.highlights)
    message, hint = refused(answers, "image", platform="windows")
    assert len(message) + len(hint) < 400
    assert first in hint


@pytest.mark.parametrize("place", range(3))
def test_it_outlives_a_block_that_keeps_nothing(places: list[str], place: int) -> None:
    with ocinb.trace(fresh=True):
        answers = open_answers(places[place])
    folder = answers._offered.opened.session.store.root
    assert ask(answers, "preview", path="srv/shop/settings.toml")["text"]
    assert not folder.exists(), "it does not come back"


def test_few_images_are_held(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_images, "_MAX_IMAGES", 2)
    name = put_children(registry, *({"os": "linux", "architecture": f"cpu{number}"} for number in range(4)))
    answers = open_answers(name, platform="linux/cpu0")
    for label in (*answers.opening["platforms"], "linux/cpu0"):
        assert ask(answers, "image", platform=label)["platform"] == label
        assert len(answers._offered._explored) <= 2


@pytest.fixture
def places(registry: SampleRegistry, tmp_path: Path) -> list[str]:
    write_layout(tmp_path / "image", {"shop": IMAGE.manifest})
    docker = tmp_path / "docker.tar"
    docker.write_bytes(tar_bytes(legacy_archive([(IMAGE, ["demo/shop:1.0"])])))
    registered = f"{registry.reference('demo/shop')}@{IMAGE.manifest.digest}"
    return [registered, f"oci:{tmp_path}/image:shop", f"docker-archive:{docker}:demo/shop:1.0"]


def test_it_is_the_same_image_wherever_it_comes_from(places: list[str]) -> None:
    told = [open_answers(name) for name in places]
    trees = [ask(answers, "children", path="srv/shop") for answers in told]
    assert trees[0] == trees[1] == trees[2]
    assert len({ask(answers, "preview", path="srv/shop/settings.toml")["text"] for answers in told}) == 1
    assert [answers.opening["platforms"] for answers in told] == [[PLATFORMS[0]]] * 3
