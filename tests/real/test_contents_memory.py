"""A layer of 150 megabytes is read in about the memory that one of 20 takes, in however many files."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest

import ocinb
from ocinb.samples.images import Manifest, Step, compress_layer, make_image
from ocinb.samples.tars import file, make_tar
from tests.localfiles import write_layout
from tests.real.children import Child

pytestmark = pytest.mark.real

MB = 10**6
SMALL, LARGE = 20 * MB, 150 * MB
# Rows have to be somewhere, and chunks are on their way between the readers.
MORE_MEGABYTES = 40
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("files", [1, 3000])
def test_memory_hangs_on_no_layers_size(compression: str, files: int, tmp_path: Path) -> None:
    peaks = []
    for size in (SMALL, LARGE):
        place = tmp_path / str(size)
        write_layout(place / "layout", {"1": _image(size, files, compression)})
        peaks.append(Child(partial(_peak_megabytes, place)).result())
    small, large = peaks
    assert small > 0
    assert large - small <= MORE_MEGABYTES, peaks


def _image(size: int, files: int, compression: str) -> Manifest:
    each = size // files
    contents = (hashlib.shake_128(b"%d" % number).digest(each) for number in range(files))
    tar = make_tar((file(f"srv/{number}", content) for number, content in enumerate(contents)), mtime=0)
    layer = compress_layer(tar, compression=compression)
    return make_image("linux/amd64", [Step("COPY srv /srv # buildkit", "2025-01-02T03:04:05Z", layer)]).manifest


def _peak_megabytes(place: Path) -> float:
    """Read the layers, and give how far the process went above what it had before."""
    ocinb.settings.store_dir, ocinb.settings.cache_dir = place / "store", place / "cache"
    _warm(place)
    RESET.write_text("5", encoding="ascii")  # the kernel's high-water mark begins anew; that of getrusage is inherited
    before = _kilobytes("VmRSS")
    frame = ocinb.files(f"oci:{place / 'layout'}:1")
    assert frame["sha256"].notna().all()
    ocinb.layers(f"oci:{place / 'layout'}:1", depth="files")
    return (_kilobytes("VmHWM") - before) * 1024 / MB


def _warm(place: Path) -> None:
    """Read a small image, after which all is in memory that stays there."""
    tiny = compress_layer(make_tar([file("tiny", "tiny")], mtime=0))
    write_layout(
        place / "tiny", {"1": make_image("linux/amd64", [Step("COPY", "2025-01-02T03:04:05Z", tiny)]).manifest}
    )
    ocinb.files(f"oci:{place / 'tiny'}:1")


def _kilobytes(name: str) -> int:
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
