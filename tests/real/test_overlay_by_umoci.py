"""What umoci unpacks of layers made up at random is what they come to here: each path, each byte, each link."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from ocinb.archive.entries import DIRECTORY, FILE, SYMLINK, Columns
from ocinb.rootfs.filesystem import Overlay, overlay
from ocinb.samples.images import Manifest, Step, make_image, make_layer
from ocinb.samples.tars import Entry
from tests.localfiles import write_layout
from tests.real.randomlayers import random_layers
from tests.real.tools import run
from tests.rootfs.layers import layer_of
from tests.rootfs.reference import Applied

pytestmark = pytest.mark.real

STACKS = 200
AT_ONCE = 50
_TYPES = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK, stat.S_IFIFO: "fifo"}

# Type, size, mode, target, digest, and all names of the same content.
Facts = tuple[str, int, int | None, str | None, str | None, tuple[str, ...]]


@cache
def stack_of(seed: int) -> Sequence[Sequence[Entry]]:
    return random_layers(seed)


@pytest.mark.parametrize("first", range(0, STACKS, AT_ONCE))
def test_random_layers_come_to_what_umoci_unpacks(first: int, tmp_path: Path) -> None:
    stacks = {str(seed): stack_of(seed) for seed in range(first, first + AT_ONCE)}
    layout = write_layout(tmp_path / "layout", {name: _image(stack) for name, stack in stacks.items()})
    for name, stack in stacks.items():
        run("umoci", "raw", "unpack", "--rootless", "--image", f"{layout}:{name}", tmp_path / name)
        layers = [layer_of(*entries) for entries in stack]
        theirs, implied = _walked(tmp_path / name), Applied(layers).implied
        assert {path: facts for path, facts in theirs.items() if path not in implied} == _ours(layers), name
        assert {theirs[path][0] for path in implied} <= {DIRECTORY}, "what no layer stores has no row"


def test_the_layers_have_all_that_is_hard() -> None:
    stacks = [[layer_of(*entries) for entries in stack_of(seed)] for seed in range(STACKS)]
    found = [overlay(layers) for layers in stacks]
    reasons = {reason for one in found for layer in one.reason for reason in layer}
    assert reasons == {None, "overwritten", "replaced", "deleted", "opaque"}
    assert sum(one.owners != one.contents for one in found) > STACKS / 4, "hard links to other entries"
    assert sum(map(_goes_through_links, stacks, found)) > STACKS / 10
    assert sum(bool(Applied(layers).implied) for layers in stacks) > STACKS / 4


def _goes_through_links(layers: Sequence[Columns], found: Overlay) -> bool:
    seen = zip(layers, found.visible, strict=True)
    paths = {path for columns, visible in seen for path, shown in zip(columns.path, visible, strict=True) if shown}
    return not {posixpath.normpath(path) for path in paths if path} <= {*found.paths, "."}


def _image(stack: Sequence[Sequence[Entry]]) -> Manifest:
    steps = [Step("COPY x / # buildkit", "2025-01-02T03:04:05Z", make_layer(entries)) for entries in stack]
    return make_image("linux/amd64", steps).manifest


def _ours(layers: Sequence[Columns]) -> dict[str, Facts]:
    found = overlay(layers)
    names: dict[tuple[int, int], list[str]] = {}
    for path, content in zip(found.paths, found.contents, strict=True):
        names.setdefault(content, []).append(path)
    rows: dict[str, Facts] = {}
    for path, (layer, place) in zip(found.paths, found.contents, strict=True):
        columns = layers[layer]
        kind, digest = columns.type[place], columns.sha256[place]
        rows[path] = (
            kind,
            columns.size_bytes[place],
            None if kind == SYMLINK else columns.mode[place],
            columns.link_target[place],
            digest.hex() if digest else None,
            tuple(names[layer, place]),
        )
    return {path: facts for path, facts in rows.items() if path}


def _walked(root: Path) -> dict[str, Facts]:
    paths = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    found = {path: (root / path).lstat() for path in paths}
    names: dict[int, list[str]] = {}
    for path in paths:
        names.setdefault(found[path].st_ino, []).append(path)
    return {path: _facts(root / path, found[path], names[found[path].st_ino]) for path in paths}


def _facts(path: Path, found: os.stat_result, names: Sequence[str]) -> Facts:
    kind = _TYPES[stat.S_IFMT(found.st_mode)]
    content = path.read_bytes() if kind == FILE else b""
    return (
        kind,
        len(content),
        None if kind == SYMLINK else stat.S_IMODE(found.st_mode),
        str(path.readlink()) if kind == SYMLINK else None,
        hashlib.sha256(content).hexdigest() if kind == FILE else None,
        tuple(names),
    )
