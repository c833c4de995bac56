"""Bases are those that one finds by hand."""

from __future__ import annotations

from typing import Any

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.catalog.making import descriptor, put_index, sized
from tests.catalog.stock import BASE_DIGEST, BASE_NAME, Stock
from tests.frames.facts import images, records

SIZES = dict.fromkeys(["a", "a.gz", "a.zst", "b", "b.gz", "c", "d", "empty"], 1)


def bases(stock: Stock) -> dict[str, tuple[Any, ...]]:
    """Give each image with a base: that, how many layers it has, and whether it is outdated."""
    with stock.catalog() as catalog:
        rows = records(catalog.sql("FROM base_images"))
    return {row["manifest_digest"]: (row["base_digest"], row["base_layers"], row["outdated"]) for row in rows}


def annotated(stock: Stock) -> dict[str, tuple[Any, ...]]:
    with stock.catalog() as catalog:
        rows = records(catalog.sql("FROM base_images"))
    return {row["manifest_digest"]: (row["annotated_name"], row["annotated_digest"]) for row in rows}


def test_the_base_is_the_longest_beginning_that_is_another_image() -> None:
    stock = Stock(SIZES)
    stock.image("debian", "a")
    stock.image("python", "a", "b")
    stock.image("app", "a", "b", "c")
    stock.see("r/debian", "12", "debian")
    stock.see("r/python", "3", "python")
    stock.see("r/app", "1", "app")
    assert bases(stock) == {"python": ("debian", 1, False), "app": ("python", 2, False)}
    with stock.catalog() as catalog:
        [row] = records(catalog.sql("FROM base_images WHERE manifest_digest = 'app'"))
    assert row == {
        "manifest_digest": "app",
        "reference": "r/app:1",
        "platform": "linux/amd64",
        "base_digest": "python",
        "base_reference": "r/python:3",
        "base_layers": 2,
        "annotated_name": None,
        "annotated_digest": None,
        "outdated": False,
    }


def test_an_image_with_other_layers_in_between_has_no_base() -> None:
    stock = Stock(SIZES)
    stock.image("one", "a", "b")
    stock.image("two", "b", "a", "c")
    stock.image("three", "b", "b")
    assert bases(stock) == {}


def test_compression_makes_no_difference() -> None:
    stock = Stock(SIZES)
    stock.image("base", "a.gz")
    stock.image("app", "a.zst", "b")
    assert bases(stock) == {"app": ("base", 1, None)}


def test_the_same_layers_with_another_config_are_no_base() -> None:
    stock = Stock(SIZES)
    stock.image("one", "a", "b")
    stock.image("two", "a", "b")
    stock.image("three", "a.gz", "b.gz")
    assert bases(stock) == {}


def test_an_image_without_layers_is_no_base_and_has_none() -> None:
    stock = Stock(SIZES)
    stock.image("scratch")
    stock.image("app", "a")
    assert bases(stock) == {}


def test_empty_layers_are_layers() -> None:
    stock = Stock(SIZES)
    stock.image("base", "a", "empty")
    stock.image("app", "a", "empty", "empty")
    stock.image("other", "a", "b")
    assert bases(stock) == {"app": ("base", 2, None)}


def test_a_layer_that_stands_twice() -> None:
    stock = Stock(SIZES)
    stock.image("base", "a", "b", "a")
    stock.image("app", "a", "b", "a", "b")
    assert bases(stock) == {"app": ("base", 3, None)}


def test_of_several_bases_the_one_of_the_same_platform_comes_first() -> None:
    stock = Stock(SIZES)
    stock.image("arm", "a", platform="linux/arm64", day=1)
    stock.image("amd", "a", day=2)
    stock.image("on arm", "a", "b", platform="linux/arm64")
    stock.image("on amd", "a", "c")
    stock.see("r/base", "1", "arm")
    assert bases(stock) == {"on arm": ("arm", 1, False), "on amd": ("amd", 1, None)}


def test_then_one_with_a_tag_then_the_oldest_then_the_least_digest() -> None:
    stock = Stock(SIZES)
    stock.image("w", "a", day=None)
    stock.image("x", "a", day=2)
    stock.image("y", "a", day=1)
    stock.image("z", "a", day=1)
    stock.image("app", "a", "b")
    assert bases(stock)["app"] == ("y", 1, None)
    stock.see("r/base", "1", "x")
    assert bases(stock)["app"] == ("x", 1, False)
    stock.see("r/base", "1", "w")
    assert bases(stock)["app"] == ("x", 1, True), "it is older, as far as is known"
    stock.see("r/base", "2", "y")
    assert bases(stock)["app"] == ("y", 1, False)


def test_what_adds_nothing_to_a_base_is_not_taken_for_it() -> None:
    stock = Stock(SIZES)
    stock.image("old", "a", day=1)
    stock.image("labelled", "a", day=2)
    stock.image("app", "a", "b", day=3)
    stock.image("new", "c", day=4)
    stock.see("r/base", "1", "old")
    stock.see("r/mine", "1", "labelled")
    stock.see("r/base", "1", "new")
    assert bases(stock) == {"app": ("old", 1, True)}


def test_a_longer_base_comes_before_all() -> None:
    stock = Stock(SIZES)
    stock.image("short", "a")
    stock.image("long", "a", "b", platform="linux/arm64", day=9)
    stock.image("app", "a", "b", "c")
    stock.see("r/base", "1", "short")
    assert bases(stock)["app"] == ("long", 2, None)


def test_a_base_is_outdated_when_its_tag_points_elsewhere() -> None:
    stock = Stock(SIZES)
    stock.image("old", "a")
    stock.image("new", "b")
    stock.image("app", "a", "c")
    stock.see("r/base", "1", "old")
    assert bases(stock) == {"app": ("old", 1, False)}
    stock.see("r/base", "1", "new")
    assert bases(stock) == {"app": ("old", 1, True)}
    stock.see("r/base", "1.0", "old")
    assert bases(stock) == {"app": ("old", 1, False)}, "another tag still leads there"
    stock.see("r/base", "1.0", None)
    assert bases(stock) == {"app": ("old", 1, True)}
    stock.see("r/base", "1", "not in the catalogue")
    assert bases(stock) == {"app": ("old", 1, True)}
    stock.see("r/base", "1", "old")
    assert bases(stock) == {"app": ("old", 1, False)}, "and back again"


def test_a_base_without_a_tag_is_not_outdated_as_far_as_is_known() -> None:
    stock = Stock(SIZES)
    stock.image("base", "a")
    stock.image("app", "a", "c")
    stock.see("r/base", None, "base")
    assert bases(stock) == {"app": ("base", 1, None)}
    stock.see("r/base", "1", "base")
    stock.see("r/base", "1", None)
    assert bases(stock) == {"app": ("base", 1, None)}, "a tag that is gone did not move on to anything"


def test_a_base_behind_an_index_is_outdated_when_no_index_has_it() -> None:
    stock = Stock(SIZES)
    stock.image("amd", "a")
    stock.image("arm", "b", platform="linux/arm64")
    stock.image("new arm", "d", platform="linux/arm64")
    stock.image("app", "a", "c")
    stock.image("app on arm", "b", "c", platform="linux/arm64")
    stock.index("inner", "amd", "arm")
    stock.index("I", "inner\nindex")
    stock.index("J", "amd", "new arm")
    stock.see("oci:dir", "", "I")
    assert bases(stock) == {"app": ("amd", 1, False), "app on arm": ("arm", 1, False)}
    stock.see("oci:dir", "", "J")
    assert bases(stock) == {"app": ("amd", 1, False), "app on arm": ("arm", 1, True)}


def test_annotations_stand_beside_whether_the_base_is_there_or_not() -> None:
    stock = Stock(SIZES)
    stock.image("base", "a")
    stock.image("app", "a", "b", annotations={BASE_NAME: "r/base:1", BASE_DIGEST: "base"})
    stock.image("web", "c", annotations={BASE_NAME: "r/other:1"})
    stock.image("job", "d", annotations={BASE_DIGEST: "sha256:0"})
    stock.image("odd", "b", annotations={BASE_NAME: "", BASE_DIGEST: ""})
    assert annotated(stock) == {"app": ("r/base:1", "base"), "web": ("r/other:1", None), "job": (None, "sha256:0")}
    assert bases(stock) == {"app": ("base", 1, None), "web": (None, None, None), "job": (None, None, None)}


def test_an_index_may_say_it_and_the_manifest_says_it_better() -> None:
    stock = Stock(SIZES)
    stock.image("app", "a", annotations={BASE_NAME: "mine"})
    stock.image("web", "b")
    told = {BASE_NAME: "of the index", BASE_DIGEST: "sha256:0"}
    stock.index("I", "app", "web", app=told, web=told)
    stock.index("J", "web", web={BASE_NAME: "of a later one"})
    assert annotated(stock) == {"app": ("mine", None), "web": ("of the index", "sha256:0")}


HOSTILE = ["'; DROP TABLE images; --", "<script>alert(1)</script>", "a\x00b", '"\\', "\u202e\x1b[31m", "x" * 1_000_000]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_annotations_are_what_they_are(text: str) -> None:
    stock = Stock(SIZES)
    stock.image("app", "a", annotations={BASE_NAME: text, BASE_DIGEST: text})
    assert annotated(stock) == {"app": (text, text)}


@pytest.mark.parametrize(
    "raw", ["", "no JSON", "[" * 100_000, '{"annotations": [1]}', '{"annotations": {"\\ud800": ""}}']
)
def test_a_document_that_is_odd_spoils_no_other_answer(raw: str) -> None:
    stock = Stock(SIZES)
    stock.image("base", "a")
    stock.image("app", "a", "b")
    stock.image("odd", "a", "c")
    stock.image("web", "c", annotations={BASE_NAME: "r/base:1"})
    with stock.catalog() as catalog:
        catalog.sql("UPDATE manifests SET raw = $raw WHERE manifest_digest = 'odd'", {"raw": raw})
        rows = records(catalog.sql("SELECT manifest_digest, base_digest, annotated_name FROM base_images"))
    assert sorted((row["manifest_digest"], row["base_digest"], row["annotated_name"]) for row in rows) == [
        ("app", "base", None),
        ("odd", "base", None),
        ("web", None, "r/base:1"),
    ]


def test_many_images_on_one_base_are_soon_found() -> None:
    stock = Stock(dict.fromkeys([f"layer{number}" for number in range(400)], 1))
    stock.image("base", "layer0")
    for number in range(1, 400):
        stock.image(f"on {number}", "layer0", f"layer{number}")
    found = bases(stock)
    assert set(found.values()) == {("base", 1, None)}
    assert len(found) == 399


def test_the_samples_are_built_on_their_base(registry: SampleRegistry) -> None:
    names = ["demo/base:12", "demo/hello:latest", "demo/nested:1", "demo/shop:1.0", "demo/shop:1.1", "demo/shop:2.0"]
    tars = {fact.digest: fact.config["rootfs"]["diff_ids"] for name in names for fact in images(registry, name)}
    expected = {}
    for digest, stack in tars.items():
        below = {
            len(other): one for one, other in tars.items() if other == stack[: len(other)] and len(other) < len(stack)
        }
        if below:
            expected[digest] = (max(below), below[max(below)])
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(name) for name in names])
        rows = records(catalog.sql("FROM base_images"))
    assert {row["manifest_digest"]: (row["base_layers"], row["base_digest"]) for row in rows} == expected
    assert {row["base_reference"] for row in rows} >= {registry.reference("demo/base:12")}
    assert {row["outdated"] for row in rows} == {False}


def test_annotations_of_a_registry(registry: SampleRegistry) -> None:
    digest = registry.put_image("team/app", [sized("a", 10)])
    told = {BASE_NAME: "docker.io/library/debian:12", BASE_DIGEST: "sha256:" + "0" * 64}
    put_index(registry, "team/app", [descriptor(registry, "team/app", digest, annotations=told)], "1")
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("team/app:1"))
        [row] = records(catalog.sql("FROM base_images"))
    assert (row["reference"], row["platform"]) == (registry.reference("team/app:1"), "linux/amd64")
    assert (row["annotated_name"], row["annotated_digest"]) == tuple(told.values())
    assert [row[name] for name in ("base_digest", "base_reference", "base_layers", "outdated")] == [None] * 4
