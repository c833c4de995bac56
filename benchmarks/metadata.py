"""The documents of many images, cold and again, against `skopeo inspect` in a loop.

Both read the manifest and the config of each image. skopeo does so without the list of tags (`--no-tags`), which it
would ask for else, two processes at a time; ours is one call in an interpreter that runs already, with a store and a
cache that are empty, and then the same by digest, with the store that it filled.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import ocinb
from benchmarks.images import Pushed, push_images
from benchmarks.measuring import Count, Line, Ratio, Times, interleaved, process
from benchmarks.peers import DOCKER_REGISTRY, SKOPEO
from ocinb.network.exchange import Exchange, observed_by
from tests.real.dockerregistry import AS_PACKAGED, serve

PEERS = (DOCKER_REGISTRY, SKOPEO)
NEEDED = (DOCKER_REGISTRY,)
COUNT = 500
COLD_GOAL = 0.4
AGAIN_GOAL = 0.1
AT_A_TIME = 2


def race(runs: int, count: int = COUNT) -> list[Line]:
    """Let both read the images of a registry that is made for it; without skopeo, ours runs against itself."""
    with _pushed(count) as images, _folders() as scratch:
        ours = _Ours(images, scratch)
        contestants = {"cold": ours.cold, "again": ours.again}
        if SKOPEO.version:
            contestants |= {"skopeo": _skopeo(images, scratch), "process": ours.process}
        interleaved(contestants, runs=1)  # pages of programs come from the disk once
        ours.requests.clear()
        times = interleaved(contestants, runs=runs)
    return _lines(f"metadata of {count} images", times, ours.requests)


def _lines(what: str, times: Times, requests: Sequence[int]) -> list[Line]:
    peer, skopeo = f"skopeo inspect, {AT_A_TIME} at a time", times.get("skopeo")
    against_skopeo: list[Line] = []
    if skopeo:
        against_skopeo = [
            Ratio(f"{what}, cold", peer, times["cold"], skopeo, COLD_GOAL),
            Ratio(f"{what}, a whole process", peer, times["process"], skopeo),
        ]
    return [
        *against_skopeo,
        Ratio(f"{what}, again by digest", "the cold run", times["again"], times["cold"], AGAIN_GOAL),
        Count(f"{what}, again: requests", requests, goal=0),
    ]


class _Ours:
    """One call of a helper function for all images."""

    def __init__(self, images: Sequence[Pushed], scratch: Path) -> None:
        self.requests: list[int] = []
        self._images = images
        self._scratch = scratch
        self._turn = 0

    def cold(self) -> None:
        """Ask by tag, with nothing known."""
        self._turn += 1
        ocinb.settings.store_dir = self._place("store")
        ocinb.settings.cache_dir = self._place("cache")
        self._check(ocinb.layers([image.by_tag for image in self._images])["reference"].nunique())

    def again(self) -> None:
        """Ask by digest what was read before, and count what goes over the wire."""
        seen: list[Exchange] = []
        with observed_by(seen.append):
            self._check(ocinb.layers([image.by_digest for image in self._images])["reference"].nunique())
        self.requests.append(sum(not exchange.from_cache for exchange in seen))

    def process(self) -> None:
        """Do what `cold` does in an interpreter of its own, its start included."""
        names = self._scratch / "names"
        names.write_text("\n".join(image.by_tag for image in self._images), encoding="utf-8")
        command = f"import ocinb; ocinb.layers(open({str(names)!r}).read().split())"
        store, cache = str(self._place("process-store")), str(self._place("process-cache"))
        process(sys.executable, "-c", command, **os.environ, OCINB_STORE_DIR=store, OCINB_CACHE_DIR=cache)()

    def _place(self, name: str) -> Path:
        return self._scratch / f"{name}-{self._turn}"

    def _check(self, answered: int) -> None:
        if answered != len(self._images):
            raise RuntimeError(f"{answered} of {len(self._images)} images were answered")


@contextmanager
def _pushed(count: int) -> Iterator[list[Pushed]]:
    with tempfile.TemporaryDirectory() as scratch, serve(Path(scratch), AS_PACKAGED) as registry:
        yield push_images(registry.host, count)


@contextmanager
def _folders() -> Iterator[Path]:
    """Give a place for stores, and leave the settings as they were."""
    before = ocinb.settings.store_dir, ocinb.settings.cache_dir
    try:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
    finally:
        ocinb.settings.store_dir, ocinb.settings.cache_dir = before


def _skopeo(images: Sequence[Pushed], scratch: Path) -> Callable[[], None]:
    names = scratch / "skopeo-names"
    names.write_text("".join(f"docker://{image.by_tag}\n" for image in images), encoding="utf-8")
    inspect = ("skopeo", "inspect", "--no-tags", "--tls-verify=false")
    return process("xargs", f"--arg-file={names}", "--max-args=1", f"--max-procs={AT_A_TIME}", *inspect)
