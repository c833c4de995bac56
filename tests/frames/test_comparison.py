"""What images have alone and share: by hand, and against a slow reading of the frame of layers."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ocinb
from ocinb.errors import NotFoundError
from ocinb.frames import schemas
from ocinb.frames.relations import _rows, _Stack
from ocinb.samples import SampleRegistry
from ocinb.spec.mediatypes import OCI_ARTIFACT, OCI_MANIFEST
from tests.catalog.making import descriptor as descriptor_of
from tests.catalog.making import put_index, sized
from tests.documents import REPOSITORY, descriptor, put, put_image, put_schema1
from tests.frames.facts import NAMES
from tests.spec.signing import Step

BASE, APP, TOOL, OTHER = sized("base", 1000), sized("app", 200), sized("tool", 30), sized("four", 4)
FIGURES = ["compressed_bytes", "unique_bytes", "shared_bytes", "layers", "shared_layers"]


def figures(frame: pd.DataFrame) -> list[list[Any]]:
    return [[None if pd.isna(value) else int(value) for value in row] for row in frame[FIGURES].to_numpy()]


def reckoned(layers: pd.DataFrame) -> pd.DataFrame:
    """Work the figures out by what the frame of layers says, slowly."""
    rows = []
    for (reference, digest), own in layers.groupby(["reference", "manifest_digest"], sort=False):
        others = set(layers.loc[layers["manifest_digest"] != digest, "digest"])
        once = own.drop_duplicates("digest")
        is_shared = once["digest"].isin(others)
        rows.append(
            {
                "reference": reference,
                "manifest_digest": digest,
                "compressed_bytes": own["compressed_bytes"].sum(),
                "unique_bytes": once.loc[~is_shared, "compressed_bytes"].sum(),
                "shared_bytes": once.loc[is_shared, "compressed_bytes"].sum(),
                "layers": len(own),
                "shared_layers": own["digest"].isin(others).sum(),
            }
        )
    return pd.DataFrame(rows)


def test_what_two_images_share_is_told_of_both(registry: SampleRegistry) -> None:
    registry.put_image("demo/a", [BASE, APP], tag="1")
    registry.put_image("demo/b", [BASE, TOOL, OTHER], tag="1")
    names = [registry.reference("demo/a:1"), registry.reference("demo/b:1")]
    frame = ocinb.shared(names)
    assert frame["reference"].tolist() == names
    assert figures(frame) == [[1200, 200, 1000, 2, 1], [1034, 34, 1000, 3, 1]]


def test_one_image_shares_nothing(registry: SampleRegistry) -> None:
    registry.put_image("demo/a", [BASE, APP], tag="1")
    assert figures(ocinb.shared(registry.reference("demo/a:1"))) == [[1200, 1200, 0, 2, 0]]


def test_names_of_one_image_are_one(registry: SampleRegistry) -> None:
    digest = registry.put_image("demo/a", [BASE, APP], tag="1")
    registry.tag("demo/a", "latest", digest)
    registry.put_image("demo/copy", [BASE, APP], tag="1")
    names = [registry.reference(f"demo/{name}") for name in ("a:1", "a:latest", f"a@{digest}", "copy:1")]
    frame = ocinb.shared([*names, names[0]])
    assert frame["reference"].tolist() == names
    assert set(frame["manifest_digest"]) == {digest}
    assert figures(frame) == [[1200, 1200, 0, 2, 0]] * 4


def test_an_image_of_the_same_layers_and_another_config_is_another(registry: SampleRegistry) -> None:
    registry.put_image("demo/a", [BASE, APP], tag="1")
    registry.put_image("demo/a", [BASE, APP], tag="2", settings={"User": "app"})
    frame = ocinb.shared([registry.reference("demo/a:1"), registry.reference("demo/a:2")])
    assert figures(frame) == [[1200, 0, 1200, 2, 2]] * 2


def test_a_layer_that_stands_twice_is_stored_once(registry: SampleRegistry) -> None:
    registry.put_image("demo/a", [BASE, APP, BASE, TOOL, TOOL], tag="1")
    alone = ocinb.shared(registry.reference("demo/a:1"))
    assert figures(alone) == [[2260, 1230, 0, 5, 0]], "twice in one image is not shared"
    registry.put_image("demo/b", [BASE], tag="1")
    both = ocinb.shared([registry.reference("demo/a:1"), registry.reference("demo/b:1")])
    assert figures(both) == [[2260, 230, 1000, 5, 2], [1000, 0, 1000, 1, 1]]


def test_platforms_are_images_of_their_own(registry: SampleRegistry) -> None:
    children = []
    for platform, layers in (("amd64", [BASE, APP]), ("arm64", [BASE, TOOL])):
        digest = registry.put_image("demo/a", layers, platform=f"linux/{platform}")
        where = {"os": "linux", "architecture": platform}
        children.append(descriptor_of(registry, "demo/a", digest, platform=where))
    put_index(registry, "demo/a", children, "1")
    name = registry.reference("demo/a:1")
    every = ocinb.shared(name, platform="all")
    assert every["platform"].tolist() == ["linux/amd64", "linux/arm64"]
    assert figures(every) == [[1200, 200, 1000, 2, 1], [1030, 30, 1000, 2, 1]]
    assert figures(ocinb.shared(name, platform="arm64")) == [[1030, 1030, 0, 2, 0]], "only what was asked for counts"
    assert ocinb.shared(name, platform=["arm64", "amd64"])["platform"].tolist() == ["linux/arm64", "linux/amd64"]


def test_an_image_without_layers_has_zeros(registry: SampleRegistry) -> None:
    registry.put_image("demo/a", [], tag="1")
    assert figures(ocinb.shared(registry.reference("demo/a:1"))) == [[0, 0, 0, 0, 0]]


def test_where_a_size_is_unknown_so_is_what_would_contain_it(registry: SampleRegistry) -> None:
    old = f"sha256:{'b' * 64}"
    put_schema1(registry, Step(["ADD"], BASE.digest), Step(["RUN"], old))
    put_image(registry, BASE, APP, tag="new")
    names = [registry.reference(f"{REPOSITORY}:{tag}") for tag in ("old", "new")]
    assert figures(ocinb.shared(names)) == [[None, None, None, 2, 1], [1200, 200, 1000, 2, 1]]
    assert figures(ocinb.shared(names[0])) == [[None, None, 0, 2, 0]]


@pytest.mark.parametrize("media_type", [OCI_ARTIFACT, OCI_MANIFEST])
def test_blobs_of_an_artifact_are_its_layers(registry: SampleRegistry, media_type: str) -> None:
    blobs = [descriptor("application/x.file", b"one"), descriptor("application/x.file", b"three")]
    kind = "application/x.sbom"
    if media_type == OCI_ARTIFACT:
        put(registry, media_type, schemaVersion=..., artifactType=kind, blobs=blobs)
    else:
        put(registry, media_type, artifactType=kind, config=descriptor(kind, b"{}"), layers=blobs)
    frame = ocinb.shared(registry.reference(f"{REPOSITORY}:1"))
    assert figures(frame) == [[8, 8, 0, 2, 0]]
    assert frame["platform"].isna().all()


def test_of_a_manifest_of_an_unknown_type_nothing_is_known(registry: SampleRegistry) -> None:
    put(registry, "application/vnd.example.strange.v1+json", layers=[descriptor("application/x", b"x")])
    frame = ocinb.shared(registry.reference(f"{REPOSITORY}:1"))
    assert figures(frame) == [[None] * 5]


def test_sizes_that_are_lies_are_no_error(registry: SampleRegistry) -> None:
    lie = {"mediaType": "application/x", "size": 2**63 - 1}
    blobs = [{**lie, "digest": f"sha256:{digit * 64}"} for digit in "ab"]
    put(registry, OCI_MANIFEST, artifactType="application/x", config=descriptor("application/x", b"{}"), layers=blobs)
    assert figures(ocinb.shared(registry.reference(f"{REPOSITORY}:1"))) == [[None, None, 0, 2, 0]]


def test_what_fails_is_left_out_and_shares_nothing(registry: SampleRegistry) -> None:
    registry.put_image("demo/a", [BASE, APP], tag="1")
    names = [registry.reference("demo/a:1"), registry.reference("demo/gone:1"), "no name"]
    frame = ocinb.shared(names, errors="skip")
    assert figures(frame) == [[1200, 1200, 0, 2, 0]]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == names[1:]
    with pytest.raises(NotFoundError, match="demo/gone"):
        ocinb.shared(names[:2])


def test_no_layer_is_read(registry: SampleRegistry) -> None:
    ocinb.shared([registry.reference("demo/shop:1.0"), registry.reference("demo/shop:2.0")], platform="all")
    configs = {request.path for request in registry.requests if "/blobs/" in request.path}
    assert len(configs) == 4, "the configs of four images"


def test_the_samples_are_as_the_frame_of_their_layers_says(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in NAMES]
    frame = ocinb.shared(names, platform="all")
    expected = reckoned(ocinb.layers(names, platform="all"))
    assert figures(frame) == figures(expected)
    named = ["reference", "manifest_digest"]
    assert frame[named].to_dict("records") == expected[named].to_dict("records")
    assert (frame["shared_bytes"] > 0).any()
    assert (frame["unique_bytes"] > 0).any()


@given(stacks=st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_stacks_are_as_a_slow_reading_says(stacks: list[list[str]]) -> None:
    sizes = {digest: 10**place for place, digest in enumerate("abcdef")}
    images = [
        _Stack(
            {"reference": f"name {number}", "manifest_digest": "".join(stack)},
            "".join(stack),
            tuple((digest, sizes[digest]) for digest in stack),
        )
        for number, stack in enumerate(stacks)
        if stack
    ]
    layers = pd.DataFrame(
        [
            {**image.named, "digest": digest, "compressed_bytes": size}
            for image in images
            for digest, size in image.layers or ()
        ]
    )
    expected = reckoned(layers) if images else pd.DataFrame(columns=FIGURES)
    assert figures(schemas.SHARED.frame(_rows(images))) == figures(expected)
