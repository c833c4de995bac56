"""Every file of every layer, with all digests, against ISA-L alone, dive, syft and GNU tar; and without the layers.

Ours is `ocinb.files` in an interpreter that runs already: an image whose layers are in the store, and were never read.
It reads the blobs, hashes them again, unpacks them, hashes the tars, which have to be those of the config, and every
file in them, keeps what it found, works out what is visible, and gives the frame. Then the same call once more, in
another session, which reads only what was kept in the store, and in the same one, which has it in memory.

- ISA-L alone is one thread of this interpreter, which reads the same blobs and unpacks them, and nothing else. isal is
  also what ours unpacks with.
- dive is a whole process. It gets a docker-archive of bare tars, unpacks nothing, and hashes by xxhash. It stacks all
  layers below anew for each whiteout, so its time hangs on their number: in one image each layer removes five files of
  the one below, in the other one none. Both have the goal.
- syft is a whole process too. It gets the same gzipped layers in an OCI layout, all layers in its scope, metadata and
  sha256 of all files, and of its package catalogers one that finds nothing here.
- GNU tar lists one layer after another, gzip beside it, and hashes nothing.

Before anything is timed, our rows are compared with the names that GNU tar lists.

Memory is the highest resident size of a process that lists the files of a layer, above what it has when it is idle: of
one whose tar has 2 GB, less that of one of 20 MB. Both have files as long as Debian's in the mean, so the large one has
a hundred times the rows, and they count.

A layer with a table of contents is listed out of a registry, with nothing known; what came over the wire for it is set
against its length. skopeo made the zstd:chunked, our own samples the eStargz.
"""

from __future__ import annotations

import math
import os
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib

import ocinb
from benchmarks.images import push_image
from benchmarks.layouts import GZIP_AND_ITS_HEADER, put_image, put_long_layer
from benchmarks.measuring import Count, Line, Ratio, interleaved, process, said_by
from benchmarks.memory import list_megabytes
from benchmarks.peers import DIVE, DOCKER_REGISTRY, DPKG, GNU_TAR, SKOPEO, SYFT
from benchmarks.trees import KILOBYTE, MEGABYTE, debian_image, layer_bytes
from ocinb.samples.images import Image
from ocinb.samples.seekable_layers import make_estargz
from ocinb.sources.session import close_default_session
from tests.localfiles import podman_archive, tar_bytes
from tests.real.dockerregistry import AS_PACKAGED, serve

PEERS = (GNU_TAR, DIVE, SYFT, DOCKER_REGISTRY, SKOPEO, DPKG)
NEEDED = (DPKG, GNU_TAR)
INFLATE_GOAL, DIVE_GOAL, SYFT_GOAL, TAR_GOAL = 1.5, 0.6, 0.22, 0.5
MEMORY_GOAL = 100
LISTED_GOAL = 2
SHARES = (0.30, 0.16, 0.34, 0.13, 0.05, 0.02)
REMOVED = 5
CHUNK = 2**20
SYFT_SETTINGS = {
    "SYFT_CHECK_FOR_APP_UPDATE": "false",
    "SYFT_FILE_METADATA_SELECTION": "all",
    "SYFT_FILE_METADATA_DIGESTS": "sha256",
}


@dataclass(frozen=True)
class Inputs:
    """How many bytes there are: gzipped in six layers, in two tars, and gzipped in a layer that is not fetched."""

    layers: int = 180 * MEGABYTE
    small_tar: int = 20 * MEGABYTE
    large_tar: int = 2000 * MEGABYTE
    listed: int = 40 * MEGABYTE


def race(runs: int, inputs: Inputs = Inputs()) -> list[Line]:
    """Measure all; what needs a peer that is not here is left out."""
    before = ocinb.settings.store_dir, ocinb.settings.cache_dir
    with tempfile.TemporaryDirectory() as scratch:
        try:
            place = Path(scratch)
            return [*_speed(runs, place, inputs), _memory(runs, place, inputs), *_listed(runs, place, inputs)]
        finally:
            ocinb.settings.store_dir, ocinb.settings.cache_dir = before


def _speed(runs: int, place: Path, inputs: Inputs) -> list[Line]:
    six, plain = _Stored.make(place / "six", inputs, REMOVED), _Stored.make(place / "plain", inputs, 0)
    check_same(six)
    contestants: dict[str, Callable[[], None]] = {
        "inflate": six.inflate,
        "ours": six.ours,
        "anew": six.anew,
        "again": six.again,
        "tar": six.tar,
        "plain ours": plain.ours,
    }
    if DIVE.version:
        contestants |= {"dive": six.dive, "plain dive": plain.dive}
    if SYFT.version:
        contestants["syft"] = six.syft
    interleaved(contestants, runs=1)  # programs and blobs come from the disk once
    times = interleaved(contestants, runs=runs)
    rows: list[tuple[str, str, str, str, float | None]] = [
        (six.what, "ours", "one thread of ISA-L alone", "inflate", INFLATE_GOAL),
        (six.what, "ours", "dive", "dive", DIVE_GOAL),
        (plain.what, "plain ours", "dive", "plain dive", DIVE_GOAL),
        (six.what, "ours", "syft", "syft", SYFT_GOAL),
        (six.what, "ours", "tar -tvzf", "tar", TAR_GOAL),
        (f"{six.what}, in another session", "anew", "the first time", "ours", None),
        (f"{six.what}, once more", "again", "the first time", "ours", None),
    ]
    return [
        Ratio(f"files of {what}", peer, times[ours], times[theirs], goal)
        for what, ours, peer, theirs, goal in rows
        if theirs in times
    ]


@dataclass(frozen=True)
class _Stored:
    """An image in a store, in a layout and in a docker-archive, and the ways to list its files."""

    place: Path
    image: Image
    reference: str
    what: str

    @classmethod
    def make(cls, place: Path, inputs: Inputs, removed: int) -> _Stored:
        image = debian_image([int(inputs.layers * share) for share in SHARES], removed=removed)
        reference = put_image(place / "layout", image)
        (place / "image.tar").write_bytes(tar_bytes(podman_archive(image, ["bench/six:1"])))
        markers = f", {removed * (len(SHARES) - 1)} whiteouts" if removed else ", no whiteout"
        stored = cls(
            place, image, reference, f"{layer_bytes(image) / MEGABYTE:.0f} MB in {len(SHARES)} layers{markers}"
        )
        stored.again()  # now its layers are in the store
        return stored

    @property
    def blobs(self) -> list[Path]:
        """The layers in the store, in their order."""
        return [self.place / "store" / "blobs" / "sha256" / layer.digest.hex for layer in self.image.layers]

    def ours(self) -> None:
        """List the files with no layer read yet: to forget some small tables takes no time to speak of."""
        shutil.rmtree(self.place / "store" / "index")
        self.anew()

    def anew(self) -> None:
        """List them with what the store knows alone."""
        close_default_session()
        self.again()

    def again(self) -> None:
        """List them with all that is known."""
        ocinb.settings.store_dir, ocinb.settings.cache_dir = self.place / "store", self.place / "cache"
        ocinb.files(self.reference, progress=False)

    def inflate(self) -> None:
        """Unpack each layer, and drop what comes."""
        for path in self.blobs:
            unpack = isal_zlib.decompressobj(wbits=GZIP_AND_ITS_HEADER)
            with path.open("rb") as blob:
                while chunk := blob.read(CHUNK):
                    unpack.decompress(chunk)

    def tar(self) -> None:
        """Let GNU tar list each layer."""
        listed = 'for layer in "$@"; do tar -tvzf "$layer" || exit; done >"$0"'
        process("sh", "-c", listed, str(self.place / "listed"), *map(str, self.blobs))()

    def dive(self) -> None:
        """Let dive analyse the docker-archive."""
        said, archive = str(self.place / "dive.json"), str(self.place / "image.tar")
        home = {**os.environ, "HOME": str(self.place)}
        process(DIVE.program, "--json", said, "--source", "docker-archive", archive, **home)()

    def syft(self) -> None:
        """Let syft catalogue all files."""
        layout, said = f"oci-dir:{self.place / 'layout'}", f"syft-json={self.place / 'syft.json'}"
        files_alone = ("--scope", "all-layers", "--override-default-catalogers", "alpm-db-cataloger")
        environment = {**os.environ, "HOME": str(self.place), **SYFT_SETTINGS}
        process(SYFT.program, "scan", "--quiet", layout, *files_alone, "--output", said, **environment)()


def check_same(stored: _Stored) -> None:
    """See that ours lists what GNU tar lists, in the same order.

    Raises
    ------
    RuntimeError
        If it does not: then there is nothing to compare.
    """
    names = [said_by("tar", "-tzf", str(blob), "--quoting-style=literal").splitlines() for blob in stored.blobs]
    if ocinb.files(stored.reference, progress=False)["path"].tolist() != list(_paths(names)):
        raise RuntimeError(f"GNU tar lists other files in {stored.what}")


def _paths(layers: Iterable[Iterable[str]]) -> Iterator[str]:
    for names in layers:
        for path in names:
            folder, name = posixpath.split(path.removesuffix("/"))
            yield posixpath.join(folder, name.removeprefix(".wh."))


def _memory(runs: int, place: Path, inputs: Inputs) -> Count:
    tiny = put_image(place / "tiny", debian_image([KILOBYTE]))
    small, large = (
        put_long_layer(place / name, length)
        for name, length in (("small", inputs.small_tar), ("large", inputs.large_tar))
    )
    counts = [_above_idle(tiny, large, place) - _above_idle(tiny, small, place) for _ in range(runs)]
    what = f"files of a tar of {_told(inputs.large_tar)}: MB of memory more than for {_told(inputs.small_tar)}"
    return Count(what, counts, MEMORY_GOAL)


def _above_idle(tiny: str, reference: str, place: Path) -> int:
    with tempfile.TemporaryDirectory(dir=place) as own:
        return list_megabytes(tiny, reference, Path(own))


def _told(length: int) -> str:
    return f"{length / MEGABYTE:.0f} MB"


def _listed(runs: int, place: Path, inputs: Inputs) -> Iterator[Count]:
    """Count what is fetched of layers with a table of contents."""
    if DOCKER_REGISTRY.version:
        with _registry(place, inputs) as references:
            for name, reference in references.items():
                shares = [_fetched_percent(reference, place / "listed") for _ in range(runs)]
                yield Count(f"files of {name} in a registry: % of the layer fetched", shares, LISTED_GOAL)


@contextmanager
def _registry(place: Path, inputs: Inputs) -> Iterator[dict[str, str]]:
    folder = place / "registry"
    folder.mkdir()
    with serve(folder, AS_PACKAGED) as registry:
        references = {}
        if SKOPEO.version:
            layout = put_image(place / "bare", debian_image([inputs.listed]))
            references["a zstd:chunked"] = registry.push(layout, "bench/chunked:1", compression="zstd:chunked")
        image = debian_image([inputs.listed], pack=make_estargz)
        yield references | {"an eStargz": push_image(registry.host, "bench/estargz:1", image)}


def _fetched_percent(reference: str, place: Path) -> int:
    """List the files of an image with nothing known; give the percents of its layers that came, rounded up."""
    shutil.rmtree(place, ignore_errors=True)
    ocinb.settings.store_dir, ocinb.settings.cache_dir = place / "store", place / "cache"
    layers = ocinb.layers(reference)
    with ocinb.trace() as trace:
        ocinb.files(reference, progress=False)
    exchanges = trace.frame
    fetched = exchanges.loc[exchanges["url"].str.contains("/blobs/"), "transferred_bytes"].sum()
    return math.ceil(100 * int(fetched) / int(layers["compressed_bytes"].sum()))
