"""A layer of 100 megabytes is read in about the memory that one of 20 takes, in however many files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from isal import igzip

import ocinb
from ocinb.samples.images import Layer, Manifest, Step, compress_layer, make_image
from ocinb.samples.tars import file, make_tar
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_LAYER
from tests.localfiles import write_layout
from tests.real.children import Child

pytestmark = pytest.mark.real

MB = 10**6
SMALL, LARGE = 20 * MB, 100 * MB
# Rows have to be somewhere, and chunks are on their way between the readers.
MORE_MEGABYTES = 40
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@pytest.fixture(scope="module", params=[1, 3000])
def tars(request: pytest.FixtureRequest) -> Sequence[bytes]:
    """Give a small and a large tar of so many files."""
    return [_tar(size, request.param) for size in (SMALL, LARGE)]


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_memory_hangs_on_no_layers_size(compression: str, tars: Sequence[bytes], tmp_path: Path) -> None:
    peaks = []
    for number, tar in enumerate(tars):
        place = tmp_path / str(number)
        write_layout(place / "layout", {"1": _image(tar, compression)})
        peaks.append(Child(partial(_peak_megabytes, place)).result())
    small, large = peaks
    assert small > 0
    assert large - small <= MORE_MEGABYTES, peaks


def _tar(size: int, files: int) -> bytes:
    each = size // files
    contents = (hashlib.shake_128(b"%d" % number).digest(each) for number in range(files))
    return make_tar((file(f"srv/{number}", content) for number, content in enumerate(contents)), mtime=0)


def _image(tar: bytes, compression: str) -> Manifest:
    if compression == "gzip":  # by who is six times as fast with so much
        layer = Layer(igzip.compress(tar, 0, mtime=0), f"{OCI_LAYER}+gzip", Digest.of(tar))
    else:
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
