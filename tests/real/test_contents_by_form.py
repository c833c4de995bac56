"""One image as gzip, zstd and zstd:chunked in a registry, in a layout, in archives: the same files in all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from tests.real import packing
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout
from tests.real.tools import run

pytestmark = pytest.mark.real

COMPRESSIONS = ["gzip", "zstd", "zstd:chunked"]
# Of the whole Debian skopeo takes long to make a zstd:chunked image, or for ever: its tars end in many ways.
FORMS = [
    ("debian", "gzip"),
    *(("slim", kind) for kind in ("zstd", "zstd:chunked")),
    *((image, kind) for image in ("busybox", "built", "odd", "names") for kind in COMPRESSIONS),
]
Frames = dict[str, pd.DataFrame]
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


@cache
def rows_of(layout: Layout) -> Frames:
    """Ask everything of the layout that an image was made in, once for all its forms."""
    with tempfile.TemporaryDirectory() as place:
        return frames_of(layout.reference, Path(place, "store"))


def frames_of(reference: str, store: Path) -> Frames:
    """Ask everything of an image, with a store that knows nothing of it yet."""
    assert not store.exists()
    ocinb.settings.store_dir = store
    return {name: function(reference).drop(columns=DIFFERENT, errors="ignore") for name, function in FUNCTIONS.items()}


def assert_same(ours: Frames, others: Frames, what: str) -> None:
    for name, frame in ours.items():
        assert len(frame), f"{name} has no rows, so it says nothing"
        pd.testing.assert_frame_equal(frame, others[name], obj=f"{name} of {what}")


def test_a_registry_gives_the_rows_of_the_layout(form: Form, tmp_path: Path) -> None:
    expected = rows_of(form.layout)
    assert_same(expected, frames_of(form.pushed, tmp_path / "remote"), form.pushed)


def test_what_was_pulled_gives_the_rows_of_the_registry(form: Form, tmp_path: Path) -> None:
    expected = rows_of(form.layout)
    ocinb.pull(form.pushed, destination=tmp_path / "pulled", progress=False)
    pulled = f"oci:{tmp_path / 'pulled'}:{form.pushed}"
    assert_same(expected, frames_of(pulled, tmp_path / "again"), pulled)


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
@pytest.mark.parametrize("image", ["slim", "odd", "names"])
def test_an_archive_gives_the_rows_of_the_layout(
    image: str, transport: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    layout = layout_of(request, image)
    archive = f"{transport}:{tmp_path / 'it.tar'}:registry.example/{image}:1"
    run("skopeo", "--insecure-policy", "copy", "--quiet", layout.reference, archive)
    assert_same(rows_of(layout), frames_of(archive, tmp_path / "again"), archive)


@pytest.mark.parametrize("image", ["busybox", "built"])
def test_archives_give_the_rows_of_the_layout(image: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    layout = layout_of(request, image)
    expected = rows_of(layout)
    place = tmp_path / "packed"
    place.mkdir()
    packed = packing.pack(layout, place)
    for name, reference in (packed.with_manifest | packed.without).items():
        assert_same(expected, frames_of(reference, tmp_path / name), name)


@cache
def some_files_of(layout: Layout) -> dict[str, bytes]:
    """Read a few files, once for all forms: each read begins at the beginning of the file's layer."""
    frame = ocinb.filesystem(layout.reference)
    paths = frame.loc[frame["type"] == "file", "path"].tolist()
    return {path: ocinb.read(layout.reference, path) for path in paths[:: len(paths) // 6 + 1]}


def test_a_file_is_the_same_in_every_form(form: Form, tmp_path: Path) -> None:
    expected = some_files_of(form.layout)
    ocinb.settings.store_dir = tmp_path / "remote"
    assert {path: ocinb.read(form.pushed, path) for path in expected} == expected
    assert expected


def test_one_frame_has_all_in_the_order_in_which_they_were_asked_for(form: Form) -> None:
    references = [form.pushed, form.layout.reference, form.pushed]
    frame = ocinb.filesystem(references)
    assert frame["reference"].unique().tolist() == references[:2]
    assert len(set(frame.groupby("reference").size())) == 1
