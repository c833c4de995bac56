"""Tags and sizes give the figures that one works out by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ocinb
from ocinb.samples import SampleRegistry
from tests.catalog.making import sized
from tests.catalog.stock import BEGINNING, Stock
from tests.frames.facts import records

SIZES = {"base": 1000, "one": 200, "two": 30, "other": 7}


def figures(stock: Stock, view: str, *names: str) -> list[tuple[Any, ...]]:
    """Give some columns of a view, sorted."""
    with stock.catalog() as catalog:
        rows = records(catalog.sql(f"FROM {view}"))
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)


def registries(stock: Stock) -> list[tuple[Any, ...]]:
    names = ("registry", "repositories", "tags", "images", "logical_bytes", "deduplicated_bytes")
    return figures(stock, "registry_sizes", *names)


def repositories(stock: Stock) -> list[tuple[Any, ...]]:
    names = ("repository", "tags", "images", "logical_bytes", "deduplicated_bytes", "unique_bytes")
    return figures(stock, "repository_sizes", *names)


def tags(stock: Stock) -> list[tuple[Any, ...]]:
    names = ("repository", "tag", "digest", "platforms", "logical_bytes", "reclaimable_bytes")
    return figures(stock, "tag_sizes", *names)


def test_two_repositories_on_one_base() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.image("B", "base", "two")
    stock.image("C", "base", "other")
    stock.see("r/app", "1", "A")
    stock.see("r/app", "2", "B")
    stock.see("r/web", "1", "C")
    assert registries(stock) == [("r", 2, 3, 3, 3237, 1237)]  # 1200 + 1030 + 1007; 1000 + 200 + 30 + 7
    assert repositories(stock) == [("app", 2, 2, 2230, 1230, 230), ("web", 1, 1, 1007, 1007, 7)]
    assert tags(stock) == [
        ("app", "1", "A", 1, 1200, 200),
        ("app", "2", "B", 1, 1030, 30),
        ("web", "1", "C", 1, 1007, 7),
    ]


def test_a_layer_that_stands_twice_in_an_image_is_stored_once() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one", "base")
    stock.see("r/app", "1", "A")
    assert registries(stock) == [("r", 1, 1, 1, 2200, 1200)]
    assert repositories(stock) == [("app", 1, 1, 2200, 1200, 1200)]
    assert tags(stock) == [("app", "1", "A", 1, 2200, 1200)]


def test_tags_of_one_image_free_nothing_alone() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base")
    for tag in ("1", "1.0", "latest"):
        stock.see("r/app", tag, "A")
    assert registries(stock) == [("r", 1, 3, 1, 1000, 1000)]
    assert repositories(stock) == [("app", 3, 1, 1000, 1000, 1000)]
    assert [row[4:] for row in tags(stock)] == [(1000, 0)] * 3


def test_one_image_in_two_repositories_is_stored_once_and_unique_to_none() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base")
    stock.see("r/app", "1", "A")
    stock.see("r/copy", "1", "A")
    assert registries(stock) == [("r", 2, 2, 1, 1000, 1000)], "an image counts once"
    assert repositories(stock) == [("app", 1, 1, 1000, 1000, 0), ("copy", 1, 1, 1000, 1000, 0)]
    assert [row[5] for row in tags(stock)] == [0, 0]


def test_registries_share_nothing() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.see("r/app", "1", "A")
    stock.see("s/app", "1", "A")
    assert registries(stock) == [("r", 1, 1, 1, 1200, 1200), ("s", 1, 1, 1, 1200, 1200)]
    assert repositories(stock) == [("app", 1, 1, 1200, 1200, 1200)] * 2
    assert tags(stock) == [("app", "1", "A", 1, 1200, 1200)] * 2


def test_files_share_nothing_and_are_no_registry() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.image("B", "base", "two")
    stock.see("oci:dir", "1", "A")
    stock.see("oci:dir", "2", "B")
    stock.see("oci-archive:file.tar", "", "A")
    assert registries(stock) == []
    assert repositories(stock) == [
        ("oci-archive:file.tar", 1, 1, 1200, 1200, 1200),
        ("oci:dir", 2, 2, 2230, 1230, 1230),
    ]
    assert tags(stock) == [
        ("oci-archive:file.tar", "", "A", 1, 1200, 1200),
        ("oci:dir", "1", "A", 1, 1200, 200),
        ("oci:dir", "2", "B", 1, 1030, 30),
    ]


def test_a_file_called_like_a_registry_shares_nothing_with_it() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base")
    stock.see("oci:5000", "1", "A")
    stock.see("docker://oci:5000/app", "1", "A")
    assert [row[5] for row in repositories(stock)] == [1000, 1000]
    assert [row[5] for row in tags(stock)] == [1000, 1000]


def test_platforms_share_their_layers_behind_one_tag() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.image("B", "base", "two", platform="linux/arm64")
    stock.image("note", "other", platform=None)
    stock.index("I", "A", "B", "note\nattestation")
    stock.see("r/app", "1", "I")
    assert registries(stock) == [("r", 1, 1, 2, 2230, 1230)]
    assert tags(stock) == [("app", "1", "I", 2, 2230, 1230)], "each layer is freed once"
    names = ("tag", "reference", "digest", "manifest_digest", "platform", "compressed_bytes")
    assert figures(stock, "tags", *names) == [
        ("1", "r/app:1", "I", "A", "linux/amd64", 1200),
        ("1", "r/app:1", "I", "B", "linux/arm64", 1030),
    ]


def test_indexes_that_share_a_child() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.image("B", "base", "two", platform="linux/arm64")
    stock.image("C", "base", "other", platform="linux/arm64")
    stock.index("inner", "B")
    stock.index("I", "A", "inner\nindex")
    stock.index("J", "A", "C")
    stock.see("r/app", "1", "I")
    stock.see("r/app", "2", "J")
    assert repositories(stock) == [("app", 2, 3, 3237, 1237, 1237)]
    assert tags(stock) == [("app", "1", "I", 2, 2230, 30), ("app", "2", "J", 2, 2207, 7)]


def test_two_images_of_one_platform_are_one_platform() -> None:
    stock = Stock(SIZES)
    stock.image("A", "one", platform="windows/amd64")
    stock.image("B", "two", platform="windows/amd64")
    stock.index("I", "A", "B")
    stock.see("r/app", "1", "I")
    assert tags(stock) == [("app", "1", "I", 1, 230, 230)]


def test_a_tag_counts_where_it_points_now() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.image("B", "base", "two")
    stock.see("r/app", "1", "A")
    stock.see("r/app", "1", "B")
    stock.see("r/app", "2", "A")
    stock.see("r/app", "2", None)
    assert registries(stock) == [("r", 1, 1, 1, 1030, 1030)]
    assert repositories(stock) == [("app", 1, 1, 1030, 1030, 1030)]
    assert tags(stock) == [("app", "1", "B", 1, 1030, 1030)]
    shown = figures(stock, "tags", "tag", "digest", "created", "observed_at")
    assert shown == [("1", "B", BEGINNING, BEGINNING + timedelta(hours=1))]


def test_an_image_added_by_digest_needs_its_layers() -> None:
    stock = Stock(SIZES)
    stock.image("A", "base", "one")
    stock.image("B", "base", "two")
    stock.see("r/app", "1", "A")
    for _ in range(2):
        stock.see("r/app", None, "B")
    stock.see("r/old", None, "A")
    assert registries(stock) == [("r", 2, 1, 2, 2230, 1230)]
    assert repositories(stock) == [("app", 1, 2, 2230, 1230, 30), ("old", 0, 1, 1200, 1200, 0)]
    assert tags(stock) == [("app", "1", "A", 1, 1200, 0)]
    assert figures(stock, "tags", "tag", "manifest_digest") == [("1", "A")], "it has no tag"


def test_a_tag_of_what_is_not_in_the_catalogue() -> None:
    stock = Stock(SIZES)
    stock.see("r/app", "1", "elsewhere")
    names = ("registry", "tag", "reference", "digest", "manifest_digest", "platform", "created", "compressed_bytes")
    assert figures(stock, "tags", *names) == [("r", "1", "r/app:1", "elsewhere", None, None, None, None)]
    assert registries(stock) == repositories(stock) == tags(stock) == [], "nobody knows how large it is"


def test_an_image_without_layers_takes_nothing() -> None:
    stock = Stock(SIZES)
    stock.image("A")
    stock.see("r/app", "1", "A")
    assert registries(stock) == [("r", 1, 1, 1, 0, 0)]
    assert repositories(stock) == [("app", 1, 1, 0, 0, 0)]
    assert tags(stock) == [("app", "1", "A", 1, 0, 0)]


def test_where_one_size_is_unknown_so_is_the_sum() -> None:
    stock = Stock({**SIZES, "old": None})
    stock.image("A", "base", "old")
    stock.image("B", "base", "two")
    stock.see("r/app", "1", "A")
    stock.see("r/app", "2", "B")
    stock.see("r/web", "1", "A")
    assert registries(stock) == [("r", 2, 3, 2, None, None)]
    assert repositories(stock) == [("app", 2, 2, None, None, 30), ("web", 1, 1, None, None, 0)]
    assert tags(stock) == [("app", "1", "A", 1, None, 0), ("app", "2", "B", 1, 1030, 30), ("web", "1", "A", 1, None, 0)]


def test_sizes_that_are_lies_spoil_no_other_answer() -> None:
    largest = 2**63 - 1
    stock = Stock({**SIZES, "huge": largest, "vast": largest})
    stock.image("A", "huge", "vast")
    stock.image("B", "base")
    stock.see("r/app", "1", "A")
    stock.see("r/web", "1", "B")
    assert registries(stock) == [("r", 2, 2, 2, None, None)]
    assert repositories(stock) == [("app", 1, 1, None, None, None), ("web", 1, 1, 1000, 1000, 1000)]
    assert tags(stock) == [("app", "1", "A", 1, None, None), ("web", "1", "B", 1, 1000, 1000)]


def test_an_index_that_is_in_itself_has_an_end() -> None:
    stock = Stock(SIZES)
    stock.image("A", "one")
    stock.index("I", "A", "J\nindex")
    stock.index("J", "I\nindex")
    stock.see("r/app", "1", "J")
    assert tags(stock) == [("app", "1", "J", 1, 200, 200)]


def test_an_empty_catalogue_has_no_rows() -> None:
    assert registries(Stock()) == repositories(Stock()) == tags(Stock()) == figures(Stock(), "tags", "tag") == []


def test_what_is_deduplicated_is_what_sharing_saves(registry: SampleRegistry) -> None:
    base, one, two = sized("base", 1000), sized("one", 200), sized("two", 30)
    registry.put_image("team/app", [base, one], tag="1")
    registry.put_image("team/app", [base, two], tag="2")
    registry.put_image("team/copy", [base, one], tag="1")
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(name) for name in ("team/app:1", "team/app:2", "team/copy:1")])
        [row] = records(catalog.sql("FROM registry_sizes"))
        saved = catalog.sql("SELECT sum(saved_bytes) AS saved FROM layer_sharing")["saved"].tolist()
    assert (row["registry"], row["logical_bytes"], row["deduplicated_bytes"]) == (registry.host, 2230, 1230)
    assert saved == [2230 - 1230]


def test_each_view_says_what_its_figures_are() -> None:
    with ocinb.Catalog() as catalog:
        tables = catalog.tables().set_index("name")["description"]
    assert "once however many tags" in tables["repository_sizes"]
    assert "if this tag alone went" in tables["tag_sizes"]
