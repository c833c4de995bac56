"""What somebody else's documents say does not change the answers about an image."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.filling import REGISTRY, Filling, entry

MOST = 2**63 - 1


def platforms(rows: Filling, digest: str = "good") -> Any:
    with rows.catalog() as catalog:
        return catalog.sql("SELECT platform FROM images WHERE manifest_digest = ?", [digest])["platform"].item()


def listed(rows: Filling, os: str | None, architecture: str | None, variant: str | None = None) -> None:
    """Have an index of another repository list the image."""
    rows.tables["index_entries"].append(
        {"index_digest": "evil", "position": 0, "manifest_digest": "good", "kind": "image"}
        | {"os": os, "architecture": architecture, "variant": variant}
    )
    rows.tables["manifests"].append({"manifest_digest": "evil", "kind": "index"})
    rows.observe("idx", "evil", repository="evil/app")


@pytest.mark.parametrize(
    ("os", "architecture", "variant", "expected"),
    [
        ("aix", "ppc", None, "linux/arm64"),
        ("linux", "amd64", None, "linux/arm64"),
        ("windows", "arm64", None, "linux/arm64"),
        ("linux", "aarch64", "v9", "linux/arm64/v9"),
        ("Linux", "arm64", "v8", "linux/arm64"),
        (None, None, None, "linux/arm64"),
    ],
)
def test_an_index_says_which_variant_but_no_other_machine(
    os: str | None, architecture: str | None, variant: str | None, expected: str
) -> None:
    rows = Filling()
    rows.layer("base")
    rows.image("good", "base", tags="1", architecture="arm64")
    listed(rows, os, architecture, variant)
    assert platforms(rows) == expected


def test_an_index_speaks_for_an_image_that_says_nothing() -> None:
    rows = Filling()
    rows.image("good", tags="1")
    rows.tables["configs"][0].update(os=None, architecture=None)
    listed(rows, "linux", "riscv64")
    assert platforms(rows) == "linux/riscv64"


def test_what_has_the_config_of_an_image_is_none() -> None:
    rows = Filling()
    rows.layer("base", entry("a", 5))
    rows.image("good", "base", tags="1")
    rows.image("artifact", "base", tags="attached")
    rows.tables["manifests"][1].update(kind="artifact", config_digest="config of good")
    with rows.catalog() as catalog:
        assert catalog.sql("FROM images")["manifest_digest"].tolist() == ["good"]
        assert catalog.sql("SELECT images FROM registry_sizes")["images"].tolist() == [1]
        assert catalog.sql("FROM layer_files")["manifest_digest"].tolist() == ["good"]
        tagged = catalog.sql("SELECT tag, manifest_digest FROM tags ORDER BY tag")
        assert tagged["manifest_digest"].fillna("none").tolist() == ["good", "none"]
        assert catalog.what_if(remove=[f"{REGISTRY}/team/app:1"])["freed_bytes"].sum() == 100


def test_sums_that_pass_all_bounds_are_unknown() -> None:
    rows = Filling()
    rows.layer("huge", tar_bytes=MOST)
    rows.layer("large", tar_bytes=MOST)
    rows.tables["layers"][0].update(files=MOST)
    rows.tables["layers"][1].update(files=MOST)
    rows.layer("base", entry("a", 5))
    rows.image("evil", "huge", "large", tags="evil")
    rows.image("good", "base", tags="good")
    with rows.catalog() as catalog:
        found = catalog.sql("SELECT tar_bytes, files FROM images ORDER BY reference")
    assert found.isna().to_numpy().tolist() == [[True, True], [False, False]]
    assert found.iloc[1].tolist() == [1000, 1]


def test_an_image_without_layers_is_empty_though_nobody_read_it() -> None:
    rows = Filling()
    rows.image("scratch", tags="1", read=False)
    with rows.catalog() as catalog:
        [sizes] = catalog.sql("SELECT layers, compressed_bytes, tar_bytes, files FROM images").to_numpy().tolist()
    assert sizes == [0, 0, 0, 0]


def test_the_instruction_of_a_shared_layer_is_that_of_the_image_that_is_named() -> None:
    rows = Filling()
    rows.layer("base")
    rows.image("gone", ("base", "ADD first"))
    rows.image("late", ("base", "COPY x"), tags="b")
    rows.image("named", ("base", None), tags="a")
    rows.image("other", ("base", "ADD other"), tags="c")
    with rows.catalog() as catalog:
        [told] = catalog.sql("SELECT reference, instruction, images FROM layer_sharing").to_numpy().tolist()
    assert told[0].endswith(":a")
    assert told[1] is None or told[1] != told[1]
    assert told[2] == 3


def test_of_many_rebuilds_of_a_base_one_is_looked_at() -> None:
    rows = Filling()
    rows.layer("base")
    for number in range(30):
        rows.image(f"base {number:02}", "base", created=30 - number, tags=f"b{number}")
        rows.layer(f"own {number}")
        rows.image(f"app {number}", "base", f"own {number}", tags=f"a{number}")
    for row in rows.tables["manifest_layers"]:
        row["chain_id"] = row["layer_digest"]
    with rows.catalog() as catalog:
        found = catalog.sql("SELECT base_digest FROM base_images")["base_digest"].tolist()
    assert found == ["base 29"] * 30, "the oldest"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"caf\xe9", [r"caf\xe9"]),
        (r"*f\x*", [r"caf\xe9"]),
        (r"back\\x41", [r"back\\x41"]),
        ("a[*]b", ["a*b"]),
        (".//usr/*", ["usr/tool"]),
        ("//usr/tool", ["usr/tool"]),
        ("./usr/tool", ["usr/tool"]),
    ],
)
def test_a_backslash_is_a_character(pattern: str, found: list[str]) -> None:
    rows = Filling()
    rows.layer("base", *(entry(path, 1) for path in (r"caf\xe9", r"back\\x41", "a*b", "axb", "usr/tool")))
    rows.image("good", "base", tags="1")
    with rows.catalog() as catalog:
        assert catalog.sql("SELECT path FROM find(?)", [pattern])["path"].tolist() == found
