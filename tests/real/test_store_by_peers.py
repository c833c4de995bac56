"""After images were removed, umoci and skopeo read all that is left, and umoci finds nothing more to remove."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from tests.real import tools
from tests.real.realimages import Layout, RealImages

pytestmark = pytest.mark.real


def blobs(folder: Path) -> set[str]:
    return {path.name for path in (folder / "blobs" / "sha256").iterdir()}


def umoci_names(folder: Path) -> list[str]:
    return sorted(tools.run("umoci", "ls", "--layout", folder).decode().split())


def check_left(folder: Path, *names: str) -> None:
    """See that others read what is left, and would remove nothing of it."""
    images = ocinb.store.images(destination=folder)
    assert umoci_names(folder) == sorted(images["reference"])
    assert set(names) <= set(images["reference"])
    assert ocinb.store.verify(destination=folder, progress=False).empty
    for name in names:
        assert tools.umoci_stat(folder, name)["history"]
        assert tools.skopeo_inspect(f"oci:{folder}:{name}")["Layers"]
    with tempfile.TemporaryDirectory() as bundle:  # of one alone: a whole Debian takes its time
        tools.run("umoci", "unpack", "--rootless", "--image", f"{folder}:{names[-1]}", bundle)
        assert Path(bundle, "rootfs", "bin").exists()
    before = blobs(folder)
    tools.run("umoci", "gc", "--layout", folder)
    assert blobs(folder) == before


def test_what_is_left_after_a_removal_is_what_umoci_would_leave(real_images: RealImages, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    names = [real_images.busybox_oci, real_images.debian_oci]
    ocinb.pull(names, destination=folder, progress=False)
    ocinb.pull(real_images.index, platform="all", destination=folder, progress=False)
    twin = real_images.index_children["arm64"]
    ocinb.pull(twin, platform="all", destination=folder, progress=False)
    check_left(folder, *names, twin)
    # Its layers are those of busybox, which stays.
    removed = ocinb.store.remove(real_images.index, destination=folder)
    assert len(removed) == 3
    check_left(folder, *names, twin)
    removed = ocinb.store.remove(real_images.debian_oci, destination=folder)
    assert removed["blobs"].tolist() == [7]
    check_left(folder, names[0], twin)
    ocinb.store.remove([names[0], twin], destination=folder)
    assert blobs(folder) == set()
    assert umoci_names(folder) == []


def test_umoci_removing_a_name_frees_what_we_would_free(real_images: RealImages, tmp_path: Path) -> None:
    names = [real_images.busybox_oci, real_images.debian_oci]
    for place in ("ours", "theirs"):
        ocinb.pull(names, destination=tmp_path / place, progress=False)
    ocinb.store.remove(names[0], destination=tmp_path / "ours")
    tools.run("umoci", "rm", "--image", f"{tmp_path / 'theirs'}:{names[0]}")
    tools.run("umoci", "gc", "--layout", tmp_path / "theirs")
    assert blobs(tmp_path / "ours") == blobs(tmp_path / "theirs")


def test_an_image_that_skopeo_put_beside_ours_stays_whole(
    real_images: RealImages, busybox_layout: Layout, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    ours = [real_images.busybox_oci, real_images.debian_oci]
    ocinb.pull(ours, destination=folder, progress=False)
    tools.run("skopeo", "copy", busybox_layout.reference, f"oci:{folder}:theirs")
    frame = ocinb.store.images(destination=folder).set_index("reference")
    assert frame.loc[ours[0], "unique_bytes"] == 0, "it is the same image"
    ocinb.store.remove(ours, destination=folder)
    check_left(folder, "theirs")
    assert tools.skopeo_raw(f"oci:{folder}:theirs") == tools.skopeo_raw(busybox_layout.reference)
    ocinb.store.remove("theirs", destination=folder)
    assert blobs(folder) == set()


def test_a_folder_that_only_others_wrote_is_listed_verified_and_cleaned_up(
    busybox_layout: Layout, tmp_path: Path
) -> None:
    folder = tmp_path / "theirs"
    for tag in (busybox_layout.tag, "arm64"):
        tools.run("skopeo", "copy", f"oci:{busybox_layout.path}:{tag}", f"oci:{folder}:{tag}")
    frame = ocinb.store.images(destination=folder)
    assert frame["reference"].tolist() == [busybox_layout.tag, "arm64"]
    assert frame["layers"].tolist() == [busybox_layout.layers] * 2
    for tag, told in zip(frame["reference"], frame["local_reference"], strict=True):
        sizes = [layer["size"] for layer in json.loads(tools.skopeo_raw(told))["layers"]]
        assert frame.set_index("reference").loc[tag, "compressed_bytes"] > sum(sizes)
    ocinb.store.remove("arm64", destination=folder)
    check_left(folder, busybox_layout.tag)


def test_a_store_of_which_some_images_were_kept_is_whole(real_images: RealImages) -> None:
    names = [real_images.busybox_oci, real_images.debian_oci, real_images.busybox_zstd]
    ocinb.pull(names, progress=False)
    removed = ocinb.store.prune(keep="*/real/busybox:oci").set_index("kind")["entries"]
    assert removed["images"] == 2
    check_left(settings.store_dir, names[0])


def test_what_we_find_damaged_others_refuse_and_read_again_when_it_is_mended(
    real_images: RealImages, tmp_path: Path
) -> None:
    folder = tmp_path / "images"
    pulled = ocinb.pull(real_images.busybox_oci, destination=folder, progress=False)
    path = Path(str(pulled["path"].iloc[-1]))
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with pytest.raises(RuntimeError, match="umoci unpack"):
        tools.run(
            "umoci", "unpack", "--rootless", "--image", f"{folder}:{real_images.busybox_oci}", tmp_path / "bundle"
        )
    findings = ocinb.store.verify(destination=folder, progress=False)
    assert findings[["problem", "digest", "reference"]].to_numpy().tolist() == [
        ["damaged", pulled["digest"].iloc[-1], real_images.busybox_oci]
    ]
    ocinb.pull(findings["reference"], destination=folder, progress=False)
    check_left(folder, real_images.busybox_oci)
