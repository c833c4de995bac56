"""What tags point at now is asked for each time, recorded, and told beside what they pointed at before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb import settings
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry
from tests.frames.facts import records

SHOP = [f"demo/shop:{tag}" for tag in ("1.0", "1.1", "2.0")]


def seen(catalog: ocinb.Catalog) -> list[tuple[object, ...]]:
    frame = catalog.sql("SELECT tag, digest FROM observations ORDER BY observed_at")
    return [(row["tag"], row["digest"]) for row in records(frame)]


def digest_of(registry: SampleRegistry, name: str) -> str:
    return str(ocinb.document(registry.reference(name)).digest)


def test_a_tag_costs_one_head_whatever_is_believed(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in SHOP]
    settings.tag_ttl = 3600
    with ocinb.Catalog() as catalog:
        catalog.add(names)
        before = len(registry.requests)
        for _ in range(2):
            frame = catalog.observe(names)
        asked = sorted((request.method, request.path) for request in registry.requests[before:])
    assert asked == sorted([("HEAD", f"/v2/demo/shop/manifests/{name.partition(':')[2]}") for name in SHOP] * 2)
    assert frame["moved"].tolist() == [False] * 3


def test_what_moved_is_told_and_recorded(registry: SampleRegistry) -> None:
    name, other = (registry.reference(name) for name in SHOP[:2])
    old, new = (digest_of(registry, name) for name in SHOP[:2])
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        registry.tag("demo/shop", "1.0", new)
        frame = catalog.observe([other, name])
        again = catalog.observe(name)
        assert seen(catalog).count(("1.0", new)) == 2
        stays = catalog.sql("SELECT digest, previous_digest FROM tag_history WHERE tag = '1.0' ORDER BY first_seen")
    assert records(frame) == [
        {"reference": other, "digest": new, "previous_digest": None, "moved": None},
        {"reference": name, "digest": new, "previous_digest": old, "moved": True},
    ]
    assert again["moved"].tolist() == [False]
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        "reference": "str",
        "digest": "str",
        "previous_digest": "str",
        "moved": "boolean",
    }
    assert [row["digest"] for row in records(stays)] == [old, new]


def test_what_was_believed_is_believed_no_longer(registry: SampleRegistry) -> None:
    name, new = registry.reference(SHOP[0]), digest_of(registry, SHOP[1])
    settings.tag_ttl = 3600
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        registry.tag("demo/shop", "1.0", new)
        assert catalog.observe(name)["digest"].tolist() == [new]
        assert catalog.add(name)["digest"].tolist() == [new], "or the tag would seem to go back"
        assert catalog.sql("SELECT digest FROM tags")["digest"].unique().tolist() == [new]


def test_a_tag_that_is_gone_and_comes_back(registry: SampleRegistry) -> None:
    name, digest = registry.reference(SHOP[0]), digest_of(registry, SHOP[0])
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        registry.untag("demo/shop", "1.0")
        frames = [catalog.observe(name) for _ in range(2)]
        assert len(catalog.sql("FROM tags")) == 0
        registry.tag("demo/shop", "1.0", digest)
        frames.append(catalog.observe(name))
        assert [one for _, one in seen(catalog)] == [digest, None, None, digest]
        assert len(catalog.sql("FROM failures")) == 0
    assert [records(frame)[0] for frame in frames] == [
        {"reference": name, "digest": None, "previous_digest": digest, "moved": True},
        {"reference": name, "digest": None, "previous_digest": None, "moved": False},
        {"reference": name, "digest": digest, "previous_digest": None, "moved": True},
    ]


def test_what_fails_has_no_row_but_is_told(registry: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    good, never = registry.reference(SHOP[0]), registry.reference("demo/shop:1.O")
    digest = f"{registry.reference('demo/shop')}@{digest_of(registry, SHOP[0])}"
    with ocinb.Catalog() as catalog:
        frame = catalog.observe([never, good, "No Name", digest, None])  # type: ignore[list-item]
        failed = catalog.sql("SELECT reference, stage, error FROM failures")
        assert [tag for tag, _ in seen(catalog)] == ["1.0"]
    assert frame["reference"].tolist() == [good]
    told = frame.attrs["failures"]
    assert [failure["reference"] for failure in told] == [never, "No Name", digest, "None"]
    assert [failure["error"] for failure in told] == failed["error"].tolist()
    for failure, word in zip(told, ("ocinb.tags(", "is not a reference", "never moves", "is not a name"), strict=True):
        assert word in failure["error"]
    assert failed["stage"].tolist() == ["observe"] * 4
    assert len(caplog.records) == 1


def test_nobody_reached_is_no_observation(registry: SampleRegistry) -> None:
    name = registry.reference(SHOP[0])
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        settings.offline = True
        frame = catalog.observe(name)
        assert (len(frame), len(seen(catalog))) == (0, 1)
        assert "offline" in frame.attrs["failures"][0]["error"]
        settings.offline = False
        fault = registry.fault("*/manifests/1.0", method="HEAD", times=None, status=500)
        assert len(catalog.observe(name)) == 0
        fault.cancel()
        assert catalog.add(name)["outcome"].tolist() == ["present"], "what was believed still is"


def test_names_are_tags_and_two_spellings_of_one_are_one_observation(registry: SampleRegistry) -> None:
    names = [registry.reference("demo/hello"), registry.reference("demo/hello:latest")]
    with ocinb.Catalog() as catalog:
        frame = catalog.observe(pd.Series([*names, names[0]]))
        assert len(seen(catalog)) == 1
    assert frame["reference"].tolist() == names
    assert frame["digest"].tolist() == [digest_of(registry, "demo/hello:latest")] * 2


def test_names_in_a_file_are_observed(registry: SampleRegistry, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    ocinb.pull(registry.reference("demo/hello"), destination=folder, progress=False)
    name = f"oci:{folder}:{registry.reference('demo/hello:latest')}"
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        assert catalog.observe([name, f"oci:{folder}"])["digest"].tolist() == [digest_of(registry, "demo/hello")] * 2
        (folder / "index.json").unlink()
        assert len(catalog.observe(f"oci:{folder}:never").attrs["failures"]) == 1


def test_no_names_are_no_observations() -> None:
    with ocinb.Catalog() as catalog:
        frame = catalog.observe([])
        assert len(catalog.sql("FROM observations")) == 0
    assert (frame.shape, frame.attrs["failures"]) == ((0, 4), [])


def test_hundreds_are_observed_side_by_side(registry: SampleRegistry) -> None:
    digest = digest_of(registry, SHOP[0])
    tags = [f"v{number}" for number in range(300)]
    for tag in tags:
        registry.tag("demo/shop", tag, digest)
    before = len(registry.requests)
    with ocinb.Catalog() as catalog:
        frame = catalog.observe([registry.reference(f"demo/shop:{tag}") for tag in tags])
        assert len(seen(catalog)) == 300
    assert [name.rpartition(":")[2] for name in frame["reference"]] == tags
    assert set(frame["digest"]) == {digest}
    assert len(registry.requests) - before == 300


@pytest.mark.parametrize("fault", [{"status": 405}, {"headers": {"Docker-Content-Digest": None}}])
def test_a_registry_that_says_no_digest_or_knows_no_head(registry: SampleRegistry, fault: dict[str, Any]) -> None:
    name, new = registry.reference(SHOP[0]), digest_of(registry, SHOP[1])
    settings.tag_ttl = 3600
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        registry.tag("demo/shop", "1.0", new)
        struck = registry.fault("*/manifests/1.0", method="HEAD", times=None, **fault)
        assert catalog.observe(name)["digest"].tolist() == [new]
        assert struck.hits == 1
        assert catalog.add(name)["digest"].tolist() == [new]


def test_all_is_recorded_or_nothing(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in SHOP]
    with ocinb.Catalog() as catalog:
        catalog.sql("DROP TABLE failures")
        with pytest.raises(InvalidError, match="failures"):
            catalog.observe([*names, "No Name"])
        assert seen(catalog) == []
