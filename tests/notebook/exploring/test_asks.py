"""What is asked about one image is answered from its views: folders, versions, previews and waste."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.notebook.explore import platform_images, serialize
from ocinb.notebook.explore.backend import MOST_ROWS, Answers, open_answers
from ocinb.notebook.explore.search import KINDS
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import directory, file, hardlink, opaque, symlink, whiteout
from tests.frames.layerfacts import put_layers, steps
from tests.notebook.exploring.asking import ask, every_entry, refused, reply
from tests.notebook.exploring.largeimage import path_of, put_large_image


@pytest.fixture
def shop(registry: SampleRegistry) -> Answers:
    return open_answers(registry.reference("demo/shop:2.0"), platform="amd64")


def names(answer: dict[str, Any]) -> list[str]:
    return [one["name"] for one in answer["entries"]]


def test_pages_of_a_folder_are_the_whole(shop: Answers) -> None:
    whole = ask(shop, "children", path="srv/shop", layer=4)
    assert whole["total"] == len(whole["entries"]) > 3
    parts = [
        ask(shop, "children", path="srv/shop", layer=4, offset=offset, limit=2)["entries"]
        for offset in range(0, whole["total"] + 2, 2)
    ]
    assert [one for part in parts for one in part] == whole["entries"]
    sizes = [one["size_bytes"] for one in whole["entries"]]
    assert sizes == sorted(sizes, reverse=True)
    by_name = names(ask(shop, "children", path="srv/shop", layer=4, sort="name"))
    assert by_name == sorted(by_name)


def test_a_child_is_found_on_its_page(shop: Answers) -> None:
    order = names(ask(shop, "children", path="srv/shop", layer=4))
    for index, name in enumerate(order):
        told = ask(shop, "children", path="srv/shop", layer=4, around=f"srv/shop/{name}", limit=2)
        assert (told["index"], told["offset"]) == (index, index // 2 * 2)
        assert name in names(told)
    for other in ("srv/shop/none", "etc/passwd", "", "srv/shop"):
        told = ask(shop, "children", path="srv/shop", layer=4, around=other, offset=1)
        assert (told["index"], told["offset"]) == (None, 1)


def test_around_a_marker_and_a_file_of_one_name_is_the_file(registry: SampleRegistry) -> None:
    answers = open_answers(
        put_layers(registry, [file("a"), file("b")], [whiteout("a"), file("a", "new"), whiteout("b")])
    )
    told = ask(answers, "children", path="", layer=1, around="a", sort="name")
    assert [one["type"] for one in told["entries"]] == ["whiteout", "file", "whiteout"]
    assert told["entries"][told["index"]]["type"] == "file"
    assert ask(answers, "children", path="", layer=1, around="b", sort="name")["index"] == 2


def test_markers_and_what_is_hidden_stand_in_the_tree_of_a_layer(registry: SampleRegistry) -> None:
    stack = [
        [file("a/x", "xx"), file("b/y", "yyy"), file("k", "k")],
        [opaque("a"), file("a/z"), whiteout("b"), opaque("")],
    ]
    answers = open_answers(put_layers(registry, *stack))
    told = {(one["path"], one["type"]): one for one in every_entry(answers, 1)}
    assert told.keys() == {
        ("", "opaque"),
        ("a", "opaque"),
        ("a", "directory"),
        ("a/z", "file"),
        ("b", "whiteout"),
    }
    assert told["b", "whiteout"]["change"] == "deleted"
    assert told["", "opaque"]["name"] == "/"
    hidden = {one["path"]: one for one in every_entry(answers, 0)}
    assert (hidden["a/x"]["hidden_in"], hidden["a/x"]["reason"], hidden["a/x"]["hidden_bytes"]) == (1, "opaque", 2)
    assert (hidden["b"]["hidden_bytes"], hidden["b"]["size_bytes"], hidden["b"]["position"]) == (3, 3, None)


def test_links_are_told(registry: SampleRegistry) -> None:
    stack = [[file("a", "four"), hardlink("b", "a"), symlink("c", "\x1b[2J"), directory("d", mode=0o1777, owner=7)]]
    answers = open_answers(put_layers(registry, *stack))
    told = {one["name"]: one for one in ask(answers, "children", path="")["entries"]}
    assert (told["b"]["type"], told["b"]["link_target"], told["b"]["size_bytes"], told["b"]["files"]) == (
        "hardlink",
        "a",
        4,
        0,
    )
    assert told["c"]["link_target"] == "\\x1b[2J"
    assert (told["d"]["mode"], told["d"]["uid"], told["d"]["has_children"]) == (0o1777, 7, False)


def test_no_more_rows_are_sent_than_a_page_can_bear(registry: SampleRegistry) -> None:
    answers = open_answers(put_layers(registry, [file(f"d/{number:04}") for number in range(MOST_ROWS + 10)]))
    for limit, sent in ((0, 0), (5, 5), (5.0, 5), (10**12, MOST_ROWS), (None, 200)):
        told = ask(answers, "children", path="d", limit=limit)
        assert len(told["entries"]) == sent
        assert told["total"] == MOST_ROWS + 10
    assert ask(answers, "children", path="d", offset=10**12)["entries"] == []
    assert len(ask(answers, "search", pattern="d", limit=10**9)["entries"]) == MOST_ROWS


def test_a_file_is_shown_as_a_layer_stored_it(shop: Answers) -> None:
    told = ask(shop, "preview", path="/srv/shop/settings.toml")
    assert told["text"] == "port = 8080\ndebug = false\n"
    assert (told["is_binary"], told["is_cut"], told["size_bytes"]) == (False, False, 26)
    assert "secret key" in ask(shop, "preview", path="srv/shop/deploy.key", layer=4)["text"]
    program = ask(shop, "preview", path="usr/bin/python3.11")
    assert (program["text"], program["is_binary"], program["is_cut"]) == (None, True, True)


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


def test_a_search_in_the_end_tells_what_is_not_seen_there(shop: Answers) -> None:
    told = ask(shop, "search", pattern="deploy.key")
    assert (told["total"], told["total_bytes"], told["unseen"]["total"], told["rows"]) == (0, 0, 1, 1)
    [key] = told["entries"]
    assert (key["path"], key["layer"], key["visible"], key["hidden_in"]) == ("srv/shop/deploy.key", 4, False, 5)
    assert told["unseen"]["total_bytes"] == key["size_bytes"] == key["hidden_bytes"]
    inside = ask(shop, "search", pattern="deploy.key", layer=4)
    assert (inside["total"], inside["unseen"], inside["rows"]) == (1, None, 1)
    whole = ask(shop, "search", pattern="*", limit=1000)
    flags = [one["visible"] is not False or one["type"] == "directory" for one in whole["entries"]]
    assert flags == sorted(flags, reverse=True), "what is seen comes first"
    assert flags.count(False) == whole["unseen"]["total"] >= ask(shop, "waste")["total"], "links are there as well"
    assert whole["unseen"]["total_bytes"] == ask(shop, "waste")["hidden_bytes"]
    parts = [ask(shop, "search", pattern="*", offset=at, limit=7)["entries"] for at in range(0, whole["rows"], 7)]
    assert [one for part in parts for one in part] == whole["entries"]


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


def test_an_image_without_anything(registry: SampleRegistry) -> None:
    name = put_layers(registry)
    answers = open_answers(name)
    assert answers.opening["image"]["layers"] == []
    assert answers.opening["image"]["efficiency"] == 1
    assert ask(answers, "children", path="") | {"shown": "", "name": "/"} == {
        "path": "",
        "shown": "",
        "name": "/",
        "total": 0,
        "offset": 0,
        "index": None,
        "entries": [],
        "whole": {"size_bytes": 0, "files": 0, "kinds": dict.fromkeys(KINDS, 0)},
    }
    nothing = {"total": 0, "total_bytes": 0}
    assert ask(answers, "search", pattern="*") == {
        **nothing,
        "unseen": nothing,
        "rows": 0,
        "entries": [],
    }
    assert ask(answers, "copies") == {"duplicate_bytes": 0, "total": 0, "entries": []}
    assert ask(answers, "waste")["entries"] == []
    assert "it has none" in refused(answers, "children", path="", layer=0)[0]


def test_layers_that_history_does_not_fit(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("a", "x")], [whiteout("a")], history=steps("only one"))
    answers = open_answers(name)
    assert [one["instruction"] for one in answers.opening["image"]["layers"]] == [None, None]
    [version, _] = ask(answers, "file", path="a")["versions"]
    assert (version["instruction"], version["hidden_in"], version["hidden_by"]) == (None, 1, None)
    assert ask(answers, "waste")["entries"][0]["stored_by"] is None


def test_a_layer_that_stands_twice(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("a", "xx")], [file("a", "xx")])
    answers = open_answers(name)
    assert [one["hidden_bytes"] for one in answers.opening["image"]["layers"]] == [2, 0]
    assert [one["change"] for one in ask(answers, "file", path="a")["versions"]] == ["added", "modified"]


def test_names_are_sent_twice_as_they_are_and_for_eyes(registry: SampleRegistry) -> None:
    odd = "\u202egnp\x1b[2J\n<script>"
    answers = open_answers(
        put_layers(registry, [file(f"d/{odd}", "x")], [whiteout(f"d/{odd}")], history=steps(odd, odd))
    )
    [entry] = ask(answers, "children", path="d", layer=0)["entries"]
    assert entry["path"] == f"d/{odd}"
    assert entry["shown"] == "d/\\u202egnp\\x1b[2J\\n<script>"
    assert entry["name"] == "\\u202egnp\\x1b[2J\\n<script>"
    told = ask(answers, "file", path=entry["path"])
    assert [one["change"] for one in told["versions"]] == ["added", "deleted"]
    assert told["versions"][0]["hidden_by"] == entry["name"]
    assert ask(answers, "preview", path=entry["path"], layer=0)["text"] == "x"
    assert "\u202e" not in refused(answers, "preview", path=entry["path"])[0]


def test_names_that_are_too_long_are_cut(registry: SampleRegistry) -> None:
    answers = open_answers(put_layers(registry, [file("d/" + "x" * 10_000, "x"), file("/".join("e" * 3000), "x")]))
    told = ask(answers, "children", path="d")["entries"][0]
    assert (len(told["path"]), len(told["shown"]), len(told["name"])) == (4097, 1001, 1001)
    depth, entry = 0, ask(answers, "children", path="", sort="name")["entries"][1]
    while entry["has_children"]:
        [entry], depth = ask(answers, "children", path=entry["path"])["entries"], depth + 1
    assert (depth, len(entry["path"])) == (2048, 4097)


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
