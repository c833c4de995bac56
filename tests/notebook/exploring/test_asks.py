"""What is asked about one image is answered from its views: folders, versions, previews and waste."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.notebook.explore import platform_images, serialize
from ocinb.notebook.explore.backend import Answers, open_answers
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import directory, file, hardlink, symlink, whiteout
from tests.frames.layerfacts import put_layers
from tests.notebook.exploring.asking import ask, every_entry, refused, reply
from tests.notebook.exploring.largeimage import path_of, put_large_image


@pytest.fixture
def shop(registry: SampleRegistry) -> Answers:
    return open_answers(registry.reference("demo/shop:2.0"), platform="amd64")


def names(answer: dict[str, Any]) -> list[str]:
    return [one["name"] for one in answer["entries"]]


def test_around_a_marker_and_a_file_of_one_name_is_the_file(registry: SampleRegistry) -> None:
    answers = open_answers(
        put_layers(registry, [file("a"), file("b")], [whiteout("a"), file("a", "new"), whiteout("b")])
    )
    told = ask(answers, "children", path="", layer=1, around="a", sort="name")
    assert [one["type"] for one in told["entries"]] == ["whiteout", "file", "whiteout"]
    assert told["entries"][told["index"]]["type"] == "file"
    assert ask(answers, "children", path="", layer=1, around="b", sort="name")["index"] == 2


def test_a_file_that_is_too_large_is_not_read(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_images, "READ_BYTES", 10)
    monkeypatch.setattr(serialize, "SHOWN_BYTES", 4)
    links = [symlink("link", "large"), hardlink("hard", "large")]
    stack = [[file("small", "0123456789"), file("large", "0123456789a"), *links]]
    answers = open_answers(put_layers(registry, *stack))
    assert ask(answers, "preview", path="small")["text"] == "0123"
    assert "no more than 10 B are read" in refused(answers, "preview", path="large")[0]
    assert "layer=0" in refused(answers, "preview", path="large", layer=0)[1]
    for name in ("link", "hard"):
        for layer in (None, 0):
            assert "the file has 11 B" in refused(answers, "preview", path=name, layer=layer)[0]


def test_kinds_hold_for_folders_and_searches(shop: Answers) -> None:
    at: dict[str, Any] = {"layer": 5, "kinds": ["deleted"]}
    entries = every_entry(shop, **at)
    assert {one["change"] for one in entries if one["type"] != "directory"} == {"deleted"}
    assert (
        sum(one["type"] != "directory" for one in entries)
        == ask(shop, "children", path="", **at)["whole"]["kinds"]["deleted"]
    )
    found = ask(shop, "search", pattern="*apt*", **at)
    assert found["entries"]
    assert {one["change"] for one in found["entries"]} == {"deleted"}
    hidden = ask(shop, "search", pattern="*", kinds=["hidden"])
    unseen = ask(shop, "search", pattern="*")["unseen"]
    assert (hidden["rows"], hidden["total_bytes"]) == (unseen["total"], unseen["total_bytes"])
    assert "no layer 99" in refused(shop, "children", path="", layer=99)[0]
    assert "there is no folder 'var'" in refused(shop, "children", path="var", layer=4, kinds=["added"])[0]


def test_copies_are_listed_and_names_of_one_content_are_none(registry: SampleRegistry, shop: Answers) -> None:
    told = ask(shop, "copies")
    assert sum(one["copied_bytes"] for one in told["entries"]) == told["duplicate_bytes"] > 0
    stack = [[file("a", "xx"), hardlink("b", "a"), file("c", "xx"), file("e", ""), file("f", "")], [file("d", "xx")]]
    [entry] = ask(open_answers(put_layers(registry, *stack)), "copies")["entries"]
    assert (entry["path"], entry["others"], entry["copies"]) == ("a", ["c", "d"], 3)
    assert (entry["size_bytes"], entry["copied_bytes"], len(entry["sha256"])) == (2, 4, 64)


def test_links_tell_where_they_lead_through_other_links(registry: SampleRegistry) -> None:
    links = [symlink("lib", "usr/lib"), symlink("way", "lib/x"), symlink("out", "none"), symlink("gone", "lib/x")]
    stack = [[directory("usr/lib"), file("usr/lib/x"), *links], [whiteout("gone")]]
    answers = open_answers(put_layers(registry, *stack))
    ways = {name: ask(answers, "file", path=name)["versions"][0] for name in ("way", "lib", "out", "gone")}
    assert {name: one.get("link_path", "-") for name, one in ways.items()} == {
        "way": "usr/lib/x",
        "lib": "usr/lib",
        "out": None,
        "gone": "-",
    }


def test_a_large_image(registry: SampleRegistry) -> None:
    answers = open_answers(put_large_image(registry, 5000))
    assert ask(answers, "children", path="var/cache", layer=0)["total"] == 700
    assert ask(answers, "children", path="", sort="name")["total"] == 4
    overwritten = ask(answers, "file", path=path_of(1000))["versions"]
    assert [one["change"] for one in overwritten] == ["added", "modified"]
    assert refused(answers, "children", path="opt/m0001")[0]
    assert (
        ask(answers, "search", pattern="*.js")["total"]
        == reply(answers, {"ask": "search", "pattern": ".js"})["answer"]["total"]
    )
