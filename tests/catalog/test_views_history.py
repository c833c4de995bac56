"""Views of time give what one works out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import ocinb
from tests.catalog.filling import REGISTRY, REPOSITORY, Filling, at
from tests.frames.facts import records

Stay = tuple[str, str | None, float, float]
Layer = tuple[str, str | None, int | None]


def stays(rows: Filling, tag: str = "1") -> list[Stay]:
    """Give digest, previous digest, and the days of the first and the last sight."""
    with rows.catalog() as catalog:
        found = records(catalog.sql("FROM tag_history"))
    assert {(row["registry"], row["repository"]) for row in found} <= {(REGISTRY, REPOSITORY), (None, "oci:/images")}
    days = [
        {name: (row[name] - at(0)).total_seconds() / 86400 for name in ("first_seen", "last_seen")} for row in found
    ]
    return [
        (row["digest"], row["previous_digest"], day["first_seen"], day["last_seen"])
        for row, day in zip(found, days, strict=True)
        if row["tag"] == tag
    ]


def seen(*digests: str | None) -> Filling:
    """Observe one tag day by day."""
    rows = Filling()
    for day, digest in enumerate(digests):
        rows.observe("1", digest, day)
    return rows


@pytest.mark.parametrize(
    ("digests", "expected"),
    [
        (["a"], [("a", None, 0, 0)]),
        (["a", "a", "a"], [("a", None, 0, 2)]),
        (["a", "b", "b"], [("a", None, 0, 0), ("b", "a", 1, 2)]),
        (["a", "b", "a"], [("a", None, 0, 0), ("b", "a", 1, 1), ("a", "b", 2, 2)]),
        ([None], []),
        ([None, "a"], [("a", None, 1, 1)]),
        (["a", "a", None], [("a", None, 0, 1)]),
        (["a", None, "a"], [("a", None, 0, 0), ("a", "a", 2, 2)]),
        (["a", None, None, "b", None], [("a", None, 0, 0), ("b", "a", 3, 3)]),
    ],
)
def test_a_stay_lasts_as_long_as_the_digest_is_the_same(digests: list[str | None], expected: list[Stay]) -> None:
    assert stays(seen(*digests)) == expected


def test_observations_come_in_any_order() -> None:
    rows = seen("a", "a", "b", "a")
    rows.tables["observations"].reverse()
    assert stays(rows) == [("a", None, 0, 1), ("b", "a", 2, 2), ("a", "b", 3, 3)]


def test_each_tag_has_its_own_history() -> None:
    rows = seen("a", "b")
    rows.observe("2", "b", 0)
    rows.observe("2", "b", 5)
    rows.observe("1", "c", 9, registry=None, repository="oci:/images")
    rows.observe(None, "d", 1)
    assert stays(rows, "2") == [("b", None, 0, 5)]
    assert stays(rows, "1") == [("a", None, 0, 0), ("b", "a", 1, 1), ("c", None, 9, 9)]
    with rows.catalog() as catalog:
        assert len(catalog.sql("FROM tag_history")) == 4, "what was added by digest is no stay of a tag"


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_what_was_seen_at_one_instant_ends_where_the_tag_is_now(order: list[str]) -> None:
    rows = Filling()
    for digest in "ab":
        rows.layer(digest)
        rows.image(digest, digest)
    for digest in order:
        rows.observe("1", digest, 3)
    with rows.catalog() as catalog:
        [now] = catalog.sql("SELECT digest FROM current_names")["digest"]
    assert [stay[0] for stay in stays(rows)][-1] == now


def grown(catalog: ocinb.Catalog) -> list[tuple[Any, ...]]:
    """Give tag, total, delta, and which layer grew, by which instruction and how much."""
    columns = ("tag", "compressed_bytes", "delta_bytes", "grown_in", "grown_by", "grown_bytes")
    return [tuple(row[name] for name in columns) for row in records(catalog.sql("FROM size_history"))]


def history(*stacks: Sequence[Layer], days: Sequence[float | None] | None = None) -> Any:
    """Make an image of each stack of (layer, instruction, size), tagged 1, 2, ..., and give what grew."""
    rows = Filling()
    known: set[str] = set()
    for number, stack in enumerate(stacks, start=1):
        for layer, _, size in stack:
            if layer not in known:
                rows.layer(layer, size=size)
                known.add(layer)
        day = days[number - 1] if days else number
        rows.image(f"image {number}", *[(layer, step) for layer, step, _ in stack], tags=str(number), created=day)
    with rows.catalog() as catalog:
        return grown(catalog)


def test_the_first_grew_from_nothing_and_the_next_by_the_layer_that_changed() -> None:
    base, tools = ("base", "ADD base", 1000), ("tools", "RUN apt", 500)
    assert history([base, tools, ("v1", "COPY app", 10)], [base, tools, ("v2", "COPY app", 60)]) == [
        ("1", 1510, None, None, None, None),
        ("2", 1560, 50, 2, "COPY app", 50),
    ]


def test_a_layer_that_changed_place_did_not_grow() -> None:
    unnamed = [("base", None, 1000), ("app", None, 400)]
    assert history(unnamed, [unnamed[0], ("ca", None, 30), unnamed[1]])[1] == ("2", 1430, 30, 1, None, 30)
    base, app = ("base", "ADD base", 1000), ("app", "COPY app", 400)
    assert history([base, app], [base, ("ca", "RUN ca", 30), app])[1] == ("2", 1430, 30, 1, "RUN ca", 30)
    assert history([base, ("a", "A", 5), app], [base, app, ("a", "A", 5)])[1] == ("2", 1405, 0, None, None, None)


def test_a_changed_layer_is_held_against_that_of_its_instruction_else_of_its_number() -> None:
    base = ("base", "ADD base", 1000)
    before = [base, ("app", "COPY app", 400)]
    assert history(before, [base, ("ca", "RUN ca", 30), ("app2", "COPY app", 450)])[1] == (
        "2",
        1480,
        80,
        2,
        "COPY app",
        50,
    )
    assert history(before, [("base2", "ADD base2", 1100), before[1]])[1] == ("2", 1500, 100, 0, "ADD base2", 100)
    assert history(before, [base, ("x", "RUN x", 390), ("y", "RUN y", 20)])[1] == ("2", 1410, 10, 2, "RUN y", 20)
    # The number 1 of before has its like in number 2: what stands at 1 now is new.
    assert history(before, [base, ("x", "RUN x", 90), ("app2", "COPY app", 405)])[1] == ("2", 1495, 95, 1, "RUN x", 90)


def test_where_instructions_are_unknown_the_number_counts() -> None:
    before = [("a", None, 100), ("b", None, 100)]
    assert history(before, [("a2", None, 130), ("b2", None, 110)])[1] == ("2", 240, 40, 0, None, 30)


def test_a_layer_that_stands_twice_is_held_against_itself_once() -> None:
    layer = ("a", "COPY a", 70)
    assert history([layer], [layer, layer])[1] == ("2", 140, 70, 1, "COPY a", 70)
    assert history([layer, layer], [layer])[1] == ("2", 70, -70, None, None, None)


def test_of_layers_that_grew_alike_the_lowest_is_named() -> None:
    assert history([], [("a", "A", 9), ("b", "B", 9)])[1] == ("2", 18, 18, 0, "A", 9)


def test_nothing_grew_where_all_shrank_or_one_size_is_unknown() -> None:
    assert history([("a", "A", 90)], [("b", "A", 80)])[1] == ("2", 80, -10, None, None, None)
    unknown = [("c", "A", None), ("d", "D", 5)]
    assert history([("a", "A", 90)], unknown, [("b", "A", 95)])[1:] == [
        ("2", None, None, None, None, None),
        ("3", 95, None, None, None, None),
    ]


def test_sizes_that_are_lies_are_unknown_and_end_nothing() -> None:
    lies = [("a", "A", 2**63 - 1), ("b", "B", 2**63 - 1)]
    assert history(lies, [("c", "A", 5)], lies[:1])[1:] == [
        ("2", 5, None, None, None, None),
        ("3", 2**63 - 1, 2**63 - 6, 0, "A", 2**63 - 6),
    ]


def test_tags_stand_in_the_order_of_creation_then_of_names_and_unknown_ones_last() -> None:
    stacks = [[(f"layer {number}", "COPY", number)] for number in range(5)]
    told = history(*stacks, days=[None, 3, 1, 3, None])
    assert [(tag, size, delta) for tag, size, delta, *_ in told] == [
        ("3", 2, None),
        ("2", 1, -1),
        ("4", 3, 2),
        ("1", 0, -3),
        ("5", 4, 4),
    ]


def test_platforms_repositories_and_registries_have_each_their_own_line() -> None:
    rows = Filling()
    for number, layer in enumerate("abcd", start=1):
        rows.layer(layer, size=10 * number)
    rows.image("amd 1", "a", created=1)
    rows.image("arm 1", "b", created=1, architecture="arm64")
    rows.image("amd 2", "c", created=2)
    rows.image("arm 2", "d", created=2, architecture="arm64")
    rows.index("index 1", "amd 1", "arm 1", tags="1")
    rows.index("index 2", "amd 2", "arm 2", tags="2")
    rows.observe("1", "amd 2", repository="team/other")
    rows.observe("", "amd 1", registry=None, repository="oci:/images")
    rows.observe("x", "amd 2", registry=None, repository="oci:/images")
    rows.observe(None, "arm 2", repository="team/digests")
    with rows.catalog() as catalog:
        found = records(catalog.sql("FROM size_history"))
    told = [
        tuple(row[name] for name in ("repository", "tag", "platform", "delta_bytes", "grown_bytes")) for row in found
    ]
    assert sorted(told, key=str) == [
        ("oci:/images", "", "linux/amd64", None, None),
        ("oci:/images", "x", "linux/amd64", 20, 20),
        (REPOSITORY, "1", "linux/amd64", None, None),
        (REPOSITORY, "1", "linux/arm64", None, None),
        (REPOSITORY, "2", "linux/amd64", 20, 20),
        (REPOSITORY, "2", "linux/arm64", 20, 20),
        ("team/other", "1", "linux/amd64", None, None),
    ]


def test_a_tag_counts_where_it_points_now() -> None:
    rows = Filling()
    for layer, size in (("a", 10), ("b", 70), ("c", 30)):
        rows.layer(layer, size=size)
        rows.image(layer, layer, created=size)
    for day, (tag, digest) in enumerate([("1", "a"), ("2", "b"), ("2", "c"), ("gone", "b"), ("gone", None)]):
        rows.observe(tag, digest, day)
    with rows.catalog() as catalog:
        assert [(tag, size, delta) for tag, size, delta, *_ in grown(catalog)] == [("1", 10, None), ("2", 30, 20)]


def test_two_tags_on_one_image_are_two_rows_without_growth() -> None:
    rows = Filling()
    rows.layer("a", size=10)
    rows.image("one", "a", tags="latest 1")
    with rows.catalog() as catalog:
        assert grown(catalog) == [("1", 10, None, None, None, None), ("latest", 10, 0, None, None, None)]


def test_of_several_images_of_one_platform_the_newest_counts() -> None:
    rows = Filling()
    for day, layer in enumerate("abc"):
        rows.layer(layer, size=10 * day)
        rows.image(layer, layer, created=None if layer == "c" else day)
    rows.index("index", *"abc", tags="1")
    with rows.catalog() as catalog:
        assert grown(catalog) == [("1", 10, None, None, None, None)]
