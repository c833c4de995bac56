"""Our three figures of dive's are those that dive itself gives, to the last digit."""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb.archive.entries import Columns
from ocinb.archive.limits import TarLimits
from ocinb.archive.tar import Scanner
from ocinb.rootfs.dive import DiveFigures, dive_figures
from ocinb.rootfs.whiteouts import as_layer
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.catalog import nested_image
from ocinb.samples.shop import RELEASES, shop_image
from ocinb.samples.tars import Entry, directory, make_tar, whiteout
from tests.localfiles import write_layout
from tests.real.diving import Dive, find_dive, write_archive
from tests.real.realimages import Layout
from tests.real.tools import run
from tests.rootfs.stacks import KNOWN, Stack, of, random_stack

pytestmark = pytest.mark.real

_LIMITS = TarLimits(entries=10**6, header_bytes=2**20, content_bytes=2**40)
_STACKS = 75


@pytest.fixture(scope="module")
def dive(tmp_path_factory: pytest.TempPathFactory) -> Dive:
    return find_dive(tmp_path_factory.mktemp("dive"))


@pytest.mark.parametrize("name", KNOWN)
def test_the_examples_are_what_dive_says(name: str, dive: Dive, tmp_path: Path) -> None:
    layers, expected = KNOWN[name]
    archive = write_archive(tmp_path / "image.tar", layers)
    assert dive.figures(archive) == expected
    assert _ours(archive) == expected


@pytest.mark.parametrize("part", range(4))
def test_layers_at_random_have_the_figures_of_dive(part: int, dive: Dive, tmp_path: Path) -> None:
    seen = set()
    for seed in range(part * _STACKS, (part + 1) * _STACKS):
        figures = _same(random_stack(seed), dive, tmp_path)
        seen.add(figures)
    assert len(seen) > _STACKS / 4, "they are no trivial ones"


def test_names_of_all_bytes_have_their_order(dive: Dive, tmp_path: Path) -> None:
    # What comes before a whiteout of nothing counts, and what comes after it does not.
    odd = ("\udce9", "\\", "\\x", "x", "\\xe9", "é", "~", "\ud7ff", "\U0001f600", "!", "\x01")
    for first in odd:
        for second in odd:
            layers = [[of("z", 10)], [of(f".w{first}", 5), of(f".wh.{first}", 0), of(f"{first}{second}", 7)]]
            _same(layers, dive, tmp_path)
            layers = [[of("z", 10)], [of(f".wh{first}", 5), of(f".wh.{second}", 0), of(f".wh.{first}.wh./a", 7)]]
            _same(layers, dive, tmp_path)


def test_what_a_ci_compares_is_our_ratio(dive: Dive, tmp_path: Path) -> None:
    for name in ("a file that is written anew", "hard and symbolic links", "a directory that is removed, beside waste"):
        layers, expected = KNOWN[name]
        archive = write_archive(tmp_path / "image.tar", layers)
        assert expected.user_wasted_ratio
        assert dive.user_wasted_percent(archive) == f"{expected.user_wasted_ratio * 100:.4f}"


@pytest.mark.parametrize(("name", "said"), [("a file that is removed", "+Inf"), ("one layer", "NaN")])
def test_a_ci_compares_infinity_or_nothing_where_only_the_base_has_bytes(
    name: str, said: str, dive: Dive, tmp_path: Path
) -> None:
    layers, expected = KNOWN[name]
    assert dive.user_wasted_percent(write_archive(tmp_path / "image.tar", layers)) == said
    assert expected.user_wasted_ratio == (math.inf if said == "+Inf" else None)


def test_the_sample_images_have_the_figures_of_dive(dive: Dive, tmp_path: Path) -> None:
    images = [shop_image(release, platform) for release in RELEASES for platform in PLATFORMS]
    for number, image in enumerate([*images, nested_image("linux/amd64")]):
        layout = write_layout(tmp_path / f"layout-{number}", {"it": image.manifest})
        archive = _copied(f"oci:{layout}:it", tmp_path / f"{number}.tar")
        assert _told(archive) == dive.figures(archive)


@pytest.mark.parametrize("name", ["busybox_layout", "debian_layout", "odd_layout", "names_layout", "built_layout"])
def test_real_images_have_the_figures_of_dive(
    name: str, dive: Dive, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    layout = request.getfixturevalue(name)
    assert isinstance(layout, Layout)
    archive = _copied(layout.reference, tmp_path / "image.tar")
    figures = _told(archive)
    assert figures == dive.figures(archive)
    assert figures.efficiency is not None


def test_many_layers_that_remove_what_they_find(dive: Dive, tmp_path: Path) -> None:
    layers: list[list[Entry]] = []
    for number in range(30):
        made = [directory(f"d{number}"), *(of(f"d{number}/{name}", 10 * number + name) for name in range(20))]
        removed = [whiteout(f"d{number - 2}"), whiteout(f"d{number - 1}/{number % 20}")] if number > 1 else []
        layers.append([*made, *removed])
    _same(layers, dive, tmp_path)


def _same(layers: Stack, dive: Dive, place: Path) -> DiveFigures:
    archive = write_archive(place / "image.tar", layers)
    ours, theirs = dive_figures([_columns(make_tar(layer, mtime=0)) for layer in layers]), dive.figures(archive)
    assert ours == theirs, [[(entry.path, entry.type, len(entry.content)) for entry in layer] for layer in layers]
    return ours


def _copied(source: str, archive: Path) -> Path:
    copy, bare = ("--insecure-policy", "copy", "--quiet"), f"dir:{archive.with_suffix('')}"
    run("skopeo", *copy, "--dest-decompress", source, bare)  # docker-archives know no zstd
    run("skopeo", *copy, bare, f"docker-archive:{archive}:real/image:1")
    return archive


def _told(archive: Path) -> DiveFigures:
    """Give what `efficiency` says of a docker-archive."""
    [row] = ocinb.efficiency(f"docker-archive:{archive}").to_dict("records")
    ratio = row["dive_user_wasted_ratio"]
    return DiveFigures(row["dive_efficiency"], row["dive_wasted_bytes"], None if pd.isna(ratio) else ratio)


def _ours(archive: Path) -> DiveFigures:
    return dive_figures([_columns(raw) for raw in _layers(archive)])


def _layers(archive: Path) -> Sequence[bytes]:
    with tarfile.open(archive) as tar:
        manifest = json.loads(_member(tar, "manifest.json"))
        return [_member(tar, name) for name in manifest[0]["Layers"]]


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    content = tar.extractfile(name)
    assert content
    return content.read()


def _columns(tar: bytes) -> Columns:
    scanner = Scanner(_LIMITS, "a layer")
    scanner.feed(tar)
    scanner.finish()
    return as_layer(scanner.take())
