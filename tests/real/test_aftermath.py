"""What the tests of pulls ask in the end can be answered with no: also where they were told yes before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ocinb
from tests.real import aftermath
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real


@pytest.fixture
def layout(real_images: RealImages, tmp_path: Path) -> Path:
    """Give a layout that was accepted."""
    ocinb.pull(real_images.busybox_oci, destination=tmp_path / "pulled", progress=False)
    assert accepted(tmp_path / "pulled", real_images)
    return tmp_path / "pulled"


def accepted(layout: Path, real_images: RealImages) -> bool:
    name = real_images.busybox_oci
    return aftermath.accepted_once(layout, name, origin=name)


def test_the_same_bytes_are_shown_once(layout: Path, real_images: RealImages, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(*_: object, **__: object) -> bool:
        raise AssertionError("they were shown again")

    monkeypatch.setattr(aftermath, "accepted_by_peers", shown)
    assert accepted(layout, real_images)
    with pytest.raises(AssertionError, match="shown again"):
        aftermath.accepted_once(layout, real_images.busybox_oci, origin=real_images.busybox_docker)


@pytest.mark.parametrize("number", range(4))
def test_a_blob_that_is_damaged_is_not_accepted(layout: Path, real_images: RealImages, number: int) -> None:
    blobs = sorted(aftermath.blobs_of(layout), key=lambda path: path.stat().st_size)
    blobs[number].write_bytes(b"x" + blobs[number].read_bytes()[1:])
    with pytest.raises(RuntimeError, match="ended with"):
        accepted(layout, real_images)


def test_another_name_is_not_accepted(layout: Path, real_images: RealImages) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0]["annotations"][aftermath.REF_NAME] = "registry.example/other:1"
    (layout / "index.json").write_text(json.dumps(index))
    with pytest.raises(RuntimeError, match="ended with"):
        accepted(layout, real_images)


def test_another_image_under_the_name_is_not_accepted(layout: Path, real_images: RealImages) -> None:
    assert not aftermath.accepted_once(layout, real_images.busybox_oci, origin=real_images.busybox_docker)
