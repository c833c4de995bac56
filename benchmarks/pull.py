"""Images with all their blobs, from a docker-registry into an OCI layout, against `skopeo copy docker:// oci:`.

Both ask the same registry for the same image, by tag, and verify it; before anything is timed, their blobs are compared
byte by byte. Each run begins with no store, no cache and no layout, and with a disk that has nothing left to write
(`sync`); none of that is timed. skopeo is a whole process, as people run it, and finds its blob-info-cache as its last
run left it. Ours is one call in an interpreter that runs already, and then a whole process with the start of Python,
compiled before, next to which `import pandas` alone says how much of that is the price of a DataFrame.

The six layers are as uneven as those of a real image; that of one layer is as long as the six together, and has nothing
to be done side by side. Memory is the highest resident size of a process that pulls, above what it has when it is idle
after a first pull: of the six layers, and of one of a gigabyte of noise, as long on the wire as on the disk.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ocinb
from benchmarks.images import push_image
from benchmarks.measuring import Count, Line, Ratio, Times, interleaved, process
from benchmarks.memory import pull_megabytes
from benchmarks.peers import DOCKER_REGISTRY, DPKG, SKOPEO
from benchmarks.trees import KILOBYTE, MEGABYTE, debian_image, layer_bytes, noise_image
from ocinb.samples.images import Image
from tests.real.dockerregistry import AS_PACKAGED, serve

PEERS = (DOCKER_REGISTRY, SKOPEO, DPKG)
NEEDED = (DOCKER_REGISTRY, DPKG)
IN_PROCESS_GOAL = 0.7
WHOLE_PROCESS_GOAL = 1.2
MEMORY_GOAL = 60
SHARES = (0.30, 0.16, 0.34, 0.13, 0.05, 0.02)
MANY = 40
COPY = "skopeo copy"


@dataclass(frozen=True)
class Inputs:
    """How many bytes there are to pull: in one layer and in six, in forty small ones, and in one of noise."""

    large: int = 180 * MEGABYTE
    small: int = 6 * MEGABYTE
    noise: int = 1024 * MEGABYTE

    def images(self) -> Iterator[tuple[str, Image]]:
        """Build the images one after another: together they are too long for memory."""
        yield "one", debian_image([self.large])
        yield "six", debian_image([int(self.large * share) for share in SHARES])
        yield "many", debian_image([self.small // MANY] * MANY)
        yield "noise", noise_image(self.noise)
        yield "tiny", debian_image([KILOBYTE])


def race(runs: int, inputs: Inputs = Inputs()) -> list[Line]:
    """Let both pull what is made for it; without skopeo, only memory is measured."""
    with _pushed(inputs) as pulls:
        against_skopeo = _against_skopeo(runs, pulls) if SKOPEO.version else []
        return [*against_skopeo, *(_memory(runs, pulls["tiny"], pulls[name]) for name in ("six", "noise"))]


def _against_skopeo(runs: int, pulls: Mapping[str, _Pull]) -> list[Line]:
    contestants: dict[str, Callable[[], None]] = {"pandas": process(sys.executable, "-c", "import pandas")}
    for name in ("one", "six", "many"):
        pull = pulls[name]
        check_same(*pull.pull_both())
        contestants |= {f"{name} skopeo": pull.skopeo, f"{name} ours": pull.ours, f"{name} process": pull.process}
    renew = pulls["one"].place.renew
    interleaved(contestants, runs=1, between=renew)  # Python compiles, and programs come from the disk once
    times = interleaved(contestants, runs=runs, between=renew)
    return [
        _line(pulls, times, "one ours"),
        _line(pulls, times, "six ours", IN_PROCESS_GOAL),
        _line(pulls, times, "many ours", IN_PROCESS_GOAL),
        _line(pulls, times, "six process", WHOLE_PROCESS_GOAL),
        _line(pulls, times, "many process"),
        Ratio("import pandas", f"{COPY}, {pulls['six'].what}", times["pandas"], times["six skopeo"]),
    ]


def _line(pulls: Mapping[str, _Pull], times: Times, contestant: str, goal: float | None = None) -> Ratio:
    name, _, way = contestant.partition(" ")
    what = f"pull of {pulls[name].what}{', a whole process' if way == 'process' else ''}"
    return Ratio(what, COPY, times[contestant], times[f"{name} skopeo"], goal)


def _memory(runs: int, small: _Pull, large: _Pull) -> Count:
    counts = []
    for _ in range(runs):
        large.place.renew()
        counts.append(pull_megabytes(small.reference, large.reference, large.place.folder))
    return Count(f"pull of {large.what}: MB of memory above idle", counts, MEMORY_GOAL)


class _Place:
    """A folder that is another one for each run."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._turn = 0
        self.renew()

    @property
    def folder(self) -> Path:
        return self._scratch / str(self._turn)

    def renew(self) -> None:
        """Leave nothing of the last run, on the disk or on its way there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._turn += 1
        self.folder.mkdir()
        os.sync()


@dataclass(frozen=True)
class _Pull:
    """An image in a registry, the ways to have it, and what it is called in the table."""

    reference: str
    what: str
    place: _Place

    def ours(self) -> None:
        """Call the helper function, with nothing known."""
        ocinb.settings.store_dir, ocinb.settings.cache_dir = self._own("store"), self._own("cache")
        ocinb.pull(self.reference, destination=self._own("ours"), progress=False)

    def process(self) -> None:
        """Do the same in an interpreter of its own, its start included."""
        command = (
            f"import ocinb; ocinb.pull({self.reference!r}, destination={str(self._own('ours'))!r}, progress=False)"
        )
        store, cache = str(self._own("store")), str(self._own("cache"))
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process(sys.executable, "-c", command, **environment, OCINB_STORE_DIR=store, OCINB_CACHE_DIR=cache)()

    def skopeo(self) -> None:
        """Let skopeo copy it."""
        source, target = f"docker://{self.reference}", f"oci:{self._own('skopeo')}:copied"
        process("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", source, target)()

    def pull_both(self) -> tuple[Path, Path]:
        """Give the layouts that both make of it."""
        self.place.renew()
        self.ours()
        self.skopeo()
        return self._own("ours"), self._own("skopeo")

    def _own(self, name: str) -> Path:
        return self.place.folder / name


def check_same(ours: Path, theirs: Path) -> None:
    """See that two layouts have the same bytes under the same names.

    Raises
    ------
    RuntimeError
        If they have not: then there is nothing to compare.
    """
    if _contents(ours) != _contents(theirs):
        raise RuntimeError(f"{ours} and {theirs} have different blobs")


def _contents(layout: Path) -> dict[str, str]:
    """Give the hash of every blob, beside the name it lies under."""
    return {path.name: _sha256(path) for path in (layout / "blobs" / "sha256").iterdir()}


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _pushed(inputs: Inputs) -> Iterator[dict[str, _Pull]]:
    """Give the images in a registry, and leave the settings as they were."""
    before = ocinb.settings.store_dir, ocinb.settings.cache_dir
    with tempfile.TemporaryDirectory() as scratch, serve(Path(scratch), AS_PACKAGED) as registry:
        (Path(scratch) / "pulled").mkdir()
        place = _Place(Path(scratch) / "pulled")
        try:
            yield {
                name: _Pull(push_image(registry.host, f"bench/{name}:1", image), _told(image), place)
                for name, image in inputs.images()
            }
        finally:
            ocinb.settings.store_dir, ocinb.settings.cache_dir = before


def _told(image: Image) -> str:
    count = len(image.layers)
    return f"{layer_bytes(image) / MEGABYTE:.0f} MB in {count} layer{'s' if count > 1 else ''}"
