"""Views of files give what one works out by hand."""

from __future__ import annotations

import json
from typing import Any

import ocinb
from tests.catalog.filling import REGISTRY, REPOSITORY, Filling, content, entry
from tests.frames.facts import records

HERE = f"{REGISTRY}/{REPOSITORY}"
BASE = (
    entry("etc", type="directory"),
    entry("etc/passwd", 10),
    entry("etc/empty"),
    entry("bin/sh", 100),
    entry("bin/ash", type="hardlink", link_target="bin/sh"),
)
TOP = (
    entry("etc/passwd", 12, content("another")),
    entry("bin/sh", type="whiteout"),
    entry("srv/shell", 100, content("bin/sh")),
    entry("etc/empty", type="whiteout"),
)


def filled() -> Filling:
    """Fill in three images of one base: with another layer on it, with the same again on it, and one not read."""
    rows = Filling()
    rows.layer("base", *BASE)
    rows.layer("top", *TOP)
    rows.image("one", "base", "top", tags="1")
    rows.overlay("one", 0, 1, hidden=True, hidden_in=1, reason="overwritten")
    rows.overlay("one", 0, 2, hidden=True, hidden_in=1, reason="deleted")
    rows.overlay("one", 0, 3, hidden_in=1, reason="deleted")  # bin/ash still names it
    rows.overlay("one", 1, 0, change="modified", visible=True)
    rows.overlay("one", 1, 1, change="deleted")
    rows.overlay("one", 1, 3, change="deleted")
    rows.image("twice", "base", "base", tags="2")
    for position in range(5):
        is_file = position in (1, 2, 3)
        rows.overlay("twice", 0, position, hidden=is_file, hidden_in=1, reason="overwritten")
        rows.overlay("twice", 1, position, change="modified", visible=True)
    rows.image("unread", "base", tags="3", read=False)
    return rows


def entries(catalog: ocinb.Catalog, image: str, layer: int) -> list[tuple[Any, ...]]:
    found = catalog.sql(
        "SELECT path, type, change, visible FROM layer_files WHERE manifest_digest = ? AND layer = ? ORDER BY position",
        [image, layer],
    )
    return [tuple(row.values()) for row in records(found)]


def test_a_layer_that_images_share_has_its_own_fate_in_each() -> None:
    with filled().catalog() as catalog:
        assert entries(catalog, "one", 0) == [
            ("etc", "directory", "added", True),
            ("etc/passwd", "file", "added", False),
            ("etc/empty", "file", "added", False),
            ("bin/sh", "file", "added", False),
            ("bin/ash", "hardlink", "added", True),
        ]
        assert entries(catalog, "one", 1) == [
            ("etc/passwd", "file", "modified", True),
            ("bin/sh", "whiteout", "deleted", False),
            ("srv/shell", "file", "added", True),
            ("etc/empty", "whiteout", "deleted", False),
        ]
        assert {row[2:] for row in entries(catalog, "twice", 0)} == {("added", False)}
        assert {row[2:] for row in entries(catalog, "twice", 1)} == {("modified", True)}
        assert len(catalog.sql("FROM layer_files")) == 5 + 4 + 5 + 5 + 5


def test_of_an_image_that_was_not_read_nothing_is_said() -> None:
    with filled().catalog() as catalog:
        assert entries(catalog, "unread", 0) == [(one["path"], one["type"], None, None) for one in BASE]
        assert "unread" not in set(catalog.sql("FROM hidden_files")["manifest_digest"])


def test_layer_files_has_all_columns_of_files() -> None:
    rows = Filling()
    rows.layer(
        "base", entry("a", 5, mode=0o4755, uid=1, gid=2, mtime=None), entry("b", type="symlink", link_target="a")
    )
    rows.image("one", "base")
    with rows.catalog() as catalog:
        [first, second] = records(catalog.sql("FROM layer_files ORDER BY position"))
    assert (first["mode"], first["uid"], first["gid"], first["size_bytes"]) == (0o4755, 1, 2, 5)
    assert (first["sha256"], second["link_target"], second["sha256"]) == (content("a"), "a", None)


def test_layers_of_an_artifact_are_none_of_an_image() -> None:
    rows = filled()
    rows.tables["manifests"].append({"manifest_digest": "chart", "config_digest": "unknown"})
    rows.tables["manifest_layers"].append({"manifest_digest": "chart", "layer": 0, "layer_digest": "base"})
    with rows.catalog() as catalog:
        assert set(catalog.sql("FROM layer_files")["manifest_digest"]) == {"one", "twice", "unread"}


def test_hidden_files_say_who_stored_and_who_hid_them() -> None:
    with filled().catalog() as catalog:
        found = records(catalog.sql("FROM hidden_files ORDER BY manifest_digest, stored_in, path"))
    about = {"manifest_digest": "one", "reference": f"{HERE}:1", "platform": "linux/amd64"}
    ways = {"stored_in": 0, "stored_by": "RUN base", "hidden_in": 1, "hidden_by": "RUN top"}
    assert found[:2] == [
        {**about, "path": "etc/empty", "hidden_bytes": 0, "reason": "deleted", **ways},
        {**about, "path": "etc/passwd", "hidden_bytes": 10, "reason": "overwritten", **ways},
    ]
    assert [(row["manifest_digest"], row["path"], row["hidden_bytes"], row["hidden_by"]) for row in found[2:]] == [
        ("twice", "bin/sh", 100, "RUN base"),
        ("twice", "etc/empty", 0, "RUN base"),
        ("twice", "etc/passwd", 10, "RUN base"),
    ]


def test_what_never_had_a_place_was_hidden_by_nobody() -> None:
    rows = Filling()
    rows.layer("base", entry("../outside", 3))
    rows.image("one", ("base", None))
    rows.overlay("one", 0, 0, hidden=True)
    with rows.catalog() as catalog:
        [row] = records(catalog.sql("FROM hidden_files"))
    assert (row["path"], row["hidden_bytes"], row["stored_in"]) == ("../outside", 3, 0)
    assert [row[name] for name in ("reason", "stored_by", "hidden_in", "hidden_by")] == [None] * 4


def duplicates(rows: Filling) -> dict[str, tuple[Any, ...]]:
    columns = ("size_bytes", "copies", "layers", "duplicate_bytes", "example_path")
    with rows.catalog() as catalog:
        found = records(catalog.sql("FROM file_duplicates"))
    return {row["sha256"]: tuple(row[name] for name in columns) for row in found}


def test_duplicates_stand_more_than_once_in_distinct_layers() -> None:
    rows = filled()
    # Three images have the base, one of them twice: that is one layer. Hard links are no copies.
    assert duplicates(rows) == {content("bin/sh"): (100, 2, 2, 100, "bin/sh")}
    rows.layer("more", entry("b/sh", 100, content("bin/sh")), entry("a/sh", 100, content("bin/sh")))
    rows.image("three", "more", tags="4")
    assert duplicates(rows) == {content("bin/sh"): (100, 4, 3, 300, "a/sh")}


def test_the_empty_content_is_a_duplicate_of_no_bytes() -> None:
    rows = Filling()
    rows.layer("base", entry("b"), entry("a"), entry("c", type="directory"))
    rows.image("one", "base", tags="1")
    assert duplicates(rows) == {content(""): (0, 2, 1, 0, "a")}


def test_files_whose_content_is_unknown_are_no_duplicates() -> None:
    rows = Filling()
    rows.layer("base", *(entry(name, 5) | {"sha256": None} for name in "ab"), entry("c", 5))
    rows.image("one", "base", tags="1")
    assert duplicates(rows) == {}


def test_only_what_counts_now_is_a_duplicate() -> None:
    rows = Filling()
    for name in ("old", "new", "lone"):
        rows.layer(name, entry("a", 5))
    rows.image("before", "old")
    rows.image("after", "new")
    rows.observe("1", "before", 0)
    rows.observe("1", "after", 1)
    assert duplicates(rows) == {}, "the tag has moved on, and no image has the third layer"
    rows.observe(None, "before", 2)
    assert duplicates(rows) == {content("a"): (5, 2, 2, 5, "a")}, "it was added by digest"


def test_what_aufs_left_is_no_file_unless_a_link_names_it() -> None:
    rows = Filling()
    same = content("same")
    rows.layer(
        "base",
        entry("a", 5, same),
        entry(".wh..wh.plnk/1", 5, same),
        entry(".wh..wh.plnk/2", 5, same),
        entry(".wh..wh.other", 5, same),
        entry("b", type="hardlink", link_target=".wh..wh.plnk/2"),
    )
    rows.layer("other", entry("c", type="hardlink", link_target=".wh..wh.plnk/1"))
    rows.image("one", "base", "other", tags="1")
    assert duplicates(rows) == {same: (5, 3, 1, 10, ".wh..wh.other")}


def test_bytes_beyond_what_a_number_holds_are_unknown() -> None:
    rows = Filling()
    rows.layer("base", *(entry(name, 2**62, content("huge")) for name in "abc"))
    rows.image("one", "base", tags="1")
    assert duplicates(rows) == {content("huge"): (2**62, 3, 1, None, "a")}  # 2 * 2**62 is one too many


def asked_of_files(catalog: ocinb.Catalog, query: str) -> str:
    """Give the conditions under which rows leave the table files."""
    [plan] = catalog.sql(f"EXPLAIN (FORMAT json) {query}")["explain_value"]
    nodes = json.loads(plan)
    while nodes:
        node = nodes.pop()
        if node["extra_info"].get("Table", "").endswith("files"):
            return str(node["extra_info"].get("Filters", ""))
        nodes += node["children"]
    raise AssertionError(plan)


def test_what_is_asked_of_files_is_asked_of_that_table_first() -> None:
    with filled().catalog() as catalog:
        asked = asked_of_files(catalog, "FROM layer_files WHERE path LIKE '%passwd' AND size_bytes > 11 AND visible")
        assert "passwd" in asked
        assert "size_bytes" in asked
        assert "log4j" in asked_of_files(catalog, "FROM find('*log4j*.jar') WHERE reference LIKE 'a%'")


def found_by(catalog: ocinb.Catalog, pattern: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in records(catalog.sql("FROM find(?)", [pattern])))


def test_find_gives_the_entries_whose_path_matches() -> None:
    rows = Filling()
    jar = content("jar")
    rows.layer("base", entry("opt/lib/log4j-core-2.14.1.jar", 9, jar), entry("opt/lib/log4j-api.jar", 3))
    rows.layer("top", entry("opt/lib/log4j-core-2.14.1.jar", type="whiteout"))
    rows.image("one", "base", "top", tags="1")
    rows.overlay("one", 0, 0, hidden=True, hidden_in=1, reason="deleted")
    rows.overlay("one", 1, 0, change="deleted")
    rows.image("two", "base", tags="latest 2", architecture="arm64")
    rows.image("unread", "base", read=False)
    rows.observe(None, "unread")
    path = "opt/lib/log4j-core-2.14.1.jar"
    expected = [
        (f"{HERE}:1", "linux/amd64", 0, path, 9, jar, False),  # deleted, and still in the image
        (f"{HERE}:2", "linux/arm64", 0, path, 9, jar, True),
        (f"{HERE}@unread", "linux/amd64", 0, path, 9, jar, None),
    ]
    with rows.catalog() as catalog:
        for pattern in ("*log4j-core*.jar", "/opt/lib/log4j-core*", "./opt/*/log4j-core-?.14.1.jar", path):
            assert found_by(catalog, pattern) == expected, pattern
        for pattern in ("log4j-core*.jar", "*LOG4J-core*.jar", "opt/lib", ""):
            assert found_by(catalog, pattern) == [], "the whole path has to match, letter by letter"
        asked = "SELECT path FROM find('*log4j-api*') WHERE visible"
        assert catalog.sql(asked)["path"].tolist() == ["opt/lib/log4j-api.jar"] * 2


def test_a_pattern_full_of_quotes_is_a_pattern() -> None:
    with filled().catalog() as catalog:
        assert found_by(catalog, "'); DROP TABLE files; --") == []
        assert len(found_by(catalog, "*etc/passwd")) == 5
