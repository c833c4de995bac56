"""What images have alone and share: by hand, and against a slow reading of the frame of layers."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ocinb
from ocinb.frames import schemas
from ocinb.frames.relations import _rows, _Stack
from ocinb.samples import SampleRegistry
from tests.catalog.making import sized
from tests.documents import REPOSITORY, descriptor, put, put_image, put_schema1
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


def test_where_a_size_is_unknown_so_is_what_would_contain_it(registry: SampleRegistry) -> None:
    old = f"sha256:{'b' * 64}"
    put_schema1(registry, Step(["ADD"], BASE.digest), Step(["RUN"], old))
    put_image(registry, BASE, APP, tag="new")
    names = [registry.reference(f"{REPOSITORY}:{tag}") for tag in ("old", "new")]
    assert figures(ocinb.shared(names)) == [[None, None, None, 2, 1], [1200, 200, 1000, 2, 1]]
    assert figures(ocinb.shared(names[0])) == [[None, None, 0, 2, 0]]


def test_of_a_manifest_of_an_unknown_type_nothing_is_known(registry: SampleRegistry) -> None:
    put(registry, "application/vnd.example.strange.v1+json", layers=[descriptor("application/x", b"x")])
    frame = ocinb.shared(registry.reference(f"{REPOSITORY}:1"))
    assert figures(frame) == [[None] * 5]


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
