"""What is told of an image is what the frames tell of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.notebook.explore import platform_images
from ocinb.notebook.explore.backend import Answers, open_answers
from ocinb.notebook.explore.summary import lines, summary
from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.images import JSON as JSON_OFFERED
from ocinb.samples.shop import RELEASES, shop_image
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.documents import REPOSITORY, layer, put_image, put_index
from tests.frames.facts import IMAGES, records
from tests.frames.layerfacts import put_layers
from tests.localfiles import legacy_archive, tar_bytes, write_layout
from tests.notebook.exploring.asking import JSON, ask, every_entry, refused

AS_IT_IS = ("path", "type", "size_bytes", "mode", "uid", "gid", "link_target")
ODD: list[list[Entry]] = [
    [file("a/b", "bb"), file("a/c", "ccc"), symlink("l", "a"), file("gone/x", "x"), file("twice", "one")],
    [whiteout("gone"), file("twice", "two!"), hardlink("h", "a/c"), file("l/new", "n"), file("../out", "out")],
    [opaque("a"), directory("a"), file("a/d", "dddd"), file("gone", "back"), file("twice", "three"), opaque("")],
    [],
]


@pytest.fixture(params=[*IMAGES, "odd"])
def opened(request: pytest.FixtureRequest, registry: SampleRegistry) -> tuple[str, str, Answers]:
    is_odd = request.param == "odd"
    name = put_layers(registry, *ODD) if is_odd else registry.reference(request.param)
    platform = ocinb.configs(name, platform="all")["platform"].iloc[-1]
    return name, platform, open_answers(name, platform=platform)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return sorted(({name: row[name] for name in AS_IT_IS} for row in records(frame)), key=str)


def _told(entries: list[JSON]) -> list[dict[str, Any]]:
    """Give the entries that are stored, as a frame has them: the bytes of a directory are those below it."""
    stored = [{**one, "size_bytes": 0} if one["type"] == "directory" else one for one in entries]
    return sorted(({name: one[name] for name in AS_IT_IS} for one in stored if one["position"] is not None), key=str)


def test_the_image_is_that_of_the_frames(opened: tuple[str, str, Answers]) -> None:
    name, platform, answers = opened
    told = answers.opening["image"]
    [figures] = records(ocinb.efficiency(name, platform=platform))
    for key in ("stored_bytes", "visible_bytes", "hidden_bytes", "duplicate_bytes", "efficiency", "compressed_bytes"):
        assert told[key] == figures[key]
    [config] = records(ocinb.configs(name, platform=platform))
    assert (told["user"], told["entrypoint"], told["cmd"]) == (config["user"], config["entrypoint"], config["cmd"])
    layers = records(ocinb.layers(name, platform=platform, depth="files"))
    keys = ("layer", "digest", "instruction", "compressed_bytes", "files", "hidden_bytes")
    assert [[one[key] for key in keys] for one in told["layers"]] == [[one[key] for key in keys] for one in layers]
    assert told["layers"] == ask(answers, "image")["layers"]


def test_the_tree_of_a_layer_has_all_its_entries(opened: tuple[str, str, Answers]) -> None:
    name, platform, answers = opened
    frame = ocinb.files(name, platform=platform)
    hidden = ocinb.hidden(name, platform=platform)
    for number in range(len(answers.opening["image"]["layers"])):
        entries = every_entry(answers, number)
        inside = frame[(frame["layer"] == number) & ~((frame["path"] == "") & (frame["type"] == "directory"))]
        # Of a directory that a layer stores twice, the last one counts.
        inside = inside[(inside["type"] != "directory") | ~inside.duplicated(["path", "type"], keep="last")]
        assert _told(entries) == _rows(inside)
        assert sum(one["hidden_bytes"] for one in entries if one["type"] == "file") == (
            hidden.loc[hidden["stored_in"] == number, "hidden_bytes"].sum()
        )


def test_the_waste_is_what_is_hidden(opened: tuple[str, str, Answers]) -> None:
    name, platform, answers = opened
    told = ask(answers, "waste", limit=1000)
    frame = ocinb.hidden(name, platform=platform).sort_values("hidden_bytes", ascending=False, kind="stable")
    keys = ("path", "hidden_bytes", "reason", "stored_in", "stored_by", "hidden_in", "hidden_by")
    assert [[one[key] for key in keys] for one in told["entries"]] == [
        [row[key] for key in keys] for row in records(frame)
    ]
    assert told["total"] == len(frame)
    assert told["hidden_bytes"] == frame["hidden_bytes"].sum()


def test_versions_are_all_entries_of_a_path(opened: tuple[str, str, Answers]) -> None:
    name, platform, answers = opened
    frame = ocinb.files(name, platform=platform)
    keys = ("layer", *AS_IT_IS, "sha256", "change", "visible")
    for path in frame["path"].unique()[:20]:
        told = [[one[key] for key in keys] for one in ask(answers, "file", path=path)["versions"]]
        assert told == [[row[key] for key in keys] for row in records(frame[frame["path"] == path])]


IMAGE = shop_image(RELEASES[0], PLATFORMS[0])


def put_children(registry: SampleRegistry, *platforms: JSON_OFFERED | None) -> str:
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
