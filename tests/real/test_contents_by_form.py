"""One image as gzip, zstd and zstd:chunked in a registry, in a layout, in archives: the same files in all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from tests.real import packing
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout
from tests.real.tools import run

pytestmark = pytest.mark.real

IMAGES = ["busybox", "debian", "built", "odd", "names"]
COMPRESSIONS = ["gzip", "zstd", "zstd:chunked"]
# skopeo takes minutes to make a zstd:chunked image of a hundred megabytes.
FORMS = [(image, kind) for image in IMAGES for kind in COMPRESSIONS if (image, kind) != ("debian", "zstd:chunked")]
FUNCTIONS: dict[str, Callable[[str], pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": ocinb.filesystem,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
    "layers": lambda reference: ocinb.layers(reference, depth="files"),
}
# Where it was asked for, and what hangs on the compression.
DIFFERENT = ["reference", "manifest_digest", "digest", "media_type", "compression", "compressed_bytes"]


@dataclass(frozen=True)
class Form:
    """An image in the layout that all forms of it were made of, and one of these."""

    layout: Layout
    pushed: str


def layout_of(request: pytest.FixtureRequest, name: str) -> Layout:
    layout = request.getfixturevalue(f"{name}_layout")
    assert isinstance(layout, Layout)
    return layout


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def form(request: pytest.FixtureRequest, docker_registry: DockerRegistry) -> Form:
    image, kind = request.param
    layout = layout_of(request, image)
    name = f"contents/{image}:{kind.replace(':', '-')}"
    return Form(layout, docker_registry.push(layout.reference, name, compression=kind))


def frames_of(reference: str, store: Path) -> dict[str, pd.DataFrame]:
    """Ask everything of an image, with a store that knows nothing of it yet."""
    assert not store.exists()
    ocinb.settings.store_dir = store
    return {name: function(reference).drop(columns=DIFFERENT, errors="ignore") for name, function in FUNCTIONS.items()}


def assert_same(ours: dict[str, pd.DataFrame], others: dict[str, pd.DataFrame], what: str) -> None:
    for name, frame in ours.items():
        assert len(frame), f"{name} has no rows, so it says nothing"
        pd.testing.assert_frame_equal(frame, others[name], obj=f"{name} of {what}")


def test_a_registry_gives_the_rows_of_the_layout(form: Form, tmp_path: Path) -> None:
    expected = frames_of(form.layout.reference, tmp_path / "local")
    assert_same(expected, frames_of(form.pushed, tmp_path / "remote"), form.pushed)


def test_what_was_pulled_gives_the_rows_of_the_registry(form: Form, tmp_path: Path) -> None:
    expected = frames_of(form.layout.reference, tmp_path / "local")
    ocinb.pull(form.pushed, destination=tmp_path / "pulled", progress=False)
    pulled = f"oci:{tmp_path / 'pulled'}:{form.pushed}"
    assert_same(expected, frames_of(pulled, tmp_path / "again"), pulled)


@pytest.mark.parametrize("image", ["odd", "names"])
def test_a_docker_archive_gives_the_rows_of_the_layout(
    image: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    layout = layout_of(request, image)
    archive = f"docker-archive:{tmp_path / 'odd.tar'}:registry.example/odd:1"
    run("skopeo", "--insecure-policy", "copy", "--quiet", layout.reference, archive)
    expected = frames_of(layout.reference, tmp_path / "local")
    assert_same(expected, frames_of(archive, tmp_path / "again"), archive)


@pytest.mark.parametrize("image", ["busybox", "built"])
def test_archives_give_the_rows_of_the_layout(image: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    layout = layout_of(request, image)
    expected = frames_of(layout.reference, tmp_path / "local")
    place = tmp_path / "packed"
    place.mkdir()
    packed = packing.pack(layout, place)
    for name, reference in (packed.with_manifest | packed.without).items():
        assert_same(expected, frames_of(reference, tmp_path / name), name)


def test_a_file_is_the_same_in_every_form(form: Form, tmp_path: Path) -> None:
    frame = ocinb.filesystem(form.layout.reference)
    paths = frame.loc[frame["type"] == "file", "path"].tolist()
    for path in paths[:: len(paths) // 10 + 1]:
        expected = ocinb.read(form.layout.reference, path)
        ocinb.settings.store_dir = tmp_path / "remote"
        assert ocinb.read(form.pushed, path) == expected, path
        ocinb.settings.store_dir = tmp_path / "own-store"


def test_one_frame_has_all_in_the_order_in_which_they_were_asked_for(form: Form) -> None:
    references = [form.pushed, form.layout.reference, form.pushed]
    frame = ocinb.filesystem(references)
    assert frame["reference"].unique().tolist() == references[:2]
    assert len(set(frame.groupby("reference").size())) == 1
