"""What a row of the tables of layers is, and the process with narrow limits that reads each of them.

A process that eats memory, time or disk is ended by the kernel, which no test can mistake for anything else.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

import ocinb
from ocinb.errors import OcinbError
from ocinb.samples.images import Image, Layer, Step, make_image, make_layer
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_LAYER
from tests.localfiles import write_layout
from tests.real.children import Child

MIB = 1024 * 1024
STATUS = Path("/proc/self/status")
DATA_BYTES = 1000 * MIB
FILE_BYTES = 300 * MIB
CPU_SECONDS = 90

FUNCTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": ocinb.filesystem,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
    "layers": partial(ocinb.layers, depth="files"),
}


@dataclass(frozen=True)
class LayerRow:
    """One hostile layer.

    Parameters
    ----------
    name
        What is wrong.
    tar
        Makes the tar.
    error
        The class of the error, exactly; None where the harm is to be borne.
    words
        What the error has to say.
    check
        What has to hold, told in asserts, where there is no error.
    packed
        Makes the blob of the tar; it is stored as it is if nothing is said.
    diff_id
        What the config says the tar is; the truth if nothing is said.
    settings
        Limits that are lowered, so that little is enough to pass them.
    """

    name: str
    tar: Callable[[], bytes]
    error: type[OcinbError] | None = None
    words: str = ""
    check: Callable[[str], object] | None = None
    packed: Callable[[bytes], bytes] = bytes
    diff_id: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def image(self) -> Image:
        """Lay it between two layers that are as they should be."""
        tar = self.tar()
        diff_id = Digest(self.diff_id) if self.diff_id else Digest.of(tar)
        return _image(_honest("below", "kept"), Layer(self.packed(tar), OCI_LAYER, diff_id), _honest("above"))


@dataclass(frozen=True)
class Ended:
    """How a question ended: an error of ours, or some rows."""

    rows: int = 0
    error: str | None = None
    text: str = ""


def start(row: LayerRow, home: Path) -> Child:
    """Let a process of its own read the image of a row."""
    write_layout(home / "layout", {"1": row.image().manifest, "2": make_honest().manifest})
    return Child(partial(_work, row.name, home))


def make_honest() -> Image:
    return _image(_honest("only"))


def _honest(*names: str) -> Layer:
    return make_layer([file(f"honest/{name}", name) for name in names])


def _image(*layers: Layer) -> Image:
    return make_image("linux/amd64", [Step("COPY x / # buildkit", "2025-01-02T03:04:05Z", one) for one in layers])


def _work(name: str, home: Path) -> dict[str, Ended]:
    from tests.hostile.layertables import ROWS  # functions do not travel to another process, names do

    [row] = [row for row in ROWS if row.name == name]
    _narrow()
    os.chdir(home / "work")
    ocinb.settings.store_dir, ocinb.settings.cache_dir = home / "store", home / "cache"
    for setting, value in row.settings.items():
        setattr(ocinb.settings, setting, value)
    reference = f"oci:{home / 'layout'}:1"
    asked = ("files", "layers") if row.error else FUNCTIONS  # all read the layers in one way; only then their ways part
    ended = {function: _ended(partial(FUNCTIONS[function], reference)) for function in asked}
    ended["skipped"] = _ended(partial(ocinb.files, [reference, f"oci:{home / 'layout'}:2"], errors="skip"))
    if row.check and not any(one.error for one in ended.values()):
        row.check(reference)
    return ended


def _ended(ask: Callable[[], pd.DataFrame]) -> Ended:
    try:
        return Ended(len(ask()))
    except OcinbError as error:
        return Ended(error=type(error).__name__, text=str(error))


def _narrow() -> None:
    """Take away from this process what no layer may make it need; only Linux counts its memory so."""
    if not STATUS.exists():
        return
    lines = STATUS.read_text(encoding="ascii").splitlines()
    data = next(int(line.split()[1]) for line in lines if line.startswith("VmData:")) * 1024
    for limit, value in (
        (resource.RLIMIT_DATA, data + DATA_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
    ):
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))
