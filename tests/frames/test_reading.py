"""Layers are fetched and read once; those with a table of contents are not fetched for their list, nor for a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.frames import layer_reader
from ocinb.rootfs.toc import find_toc
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, Manifest, Step, make_image, make_layer
from ocinb.samples.seekable_layers import make_estargz, make_zstd_chunked, toc_image
from ocinb.samples.tars import file, hardlink, noise, symlink, whiteout
from ocinb.spec.toc_annotations import toc_digests
from tests.documents import REPOSITORY, put_schema1
from tests.frames.layerfacts import layer_of, put_layers
from tests.spec.signing import Step as OldStep

FUNCTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": ocinb.filesystem,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
    "layers": lambda *names, **more: ocinb.layers(*names, depth="files", **more),
}
LISTS = ["files", "filesystem", "hidden"]
BASE = [
    *(file(f"srv/{number}", noise(str(number), 40_000)) for number in range(30)),
    file("key", "secret"),
    hardlink("again", "srv/7"),
    symlink("link", "/srv/8"),
]
TOP = [whiteout("key"), file("srv/9", "nine"), file("big", noise("big", 200_000))]
MAKERS: dict[str, Callable[..., Layer]] = {"estargz": make_estargz, "zstd:chunked": make_zstd_chunked}


def put(registry: SampleRegistry, manifest: Manifest, tag: str) -> str:
    for blob in manifest.blobs:
        registry.put_blob(blob.raw)
    registry.put_manifest(REPOSITORY, manifest.raw, media_type=manifest.media_type, tag=tag)
    return registry.reference(f"{REPOSITORY}:{tag}")


def put_stack(registry: SampleRegistry, layers: Sequence[Layer], tag: str = "1") -> str:
    made = [Step(f"RUN {number}", "2025-01-01T00:00:00Z", one) for number, one in enumerate(layers)]
    return put(registry, make_image("linux/amd64", made).manifest, tag)


def stack(form: str, mtime: int = 1_700_000_000) -> list[Layer]:
    return [MAKERS[form](entries, mtime=mtime) for entries in (BASE, TOP)]


def sent_of(registry: SampleRegistry, layers: Sequence[Layer], since: int = 0) -> list[tuple[int, str | None]]:
    """Give for each question about a layer which one it was, and what part was asked for."""
    numbers = {str(layer.digest): number for number, layer in enumerate(layers)}
    asked = [(request.path.rpartition("/")[2], request) for request in list(registry.requests)[since:]]
    return [(numbers[digest], request.header("Range")) for digest, request in asked if digest in numbers]


@pytest.mark.parametrize("form", MAKERS)
def test_tables_of_contents_are_asked_for_once(registry: SampleRegistry, form: str) -> None:
    reference = put_stack(registry, stack(form))
    frames = {name: FUNCTIONS[name](reference) for name in LISTS}
    before = len(registry.requests)
    settings.offline = True
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(FUNCTIONS[name](reference), frame)
    with pytest.raises(TransportError, match="offline"):
        ocinb.read(reference, "srv/7")
    assert len(registry.requests) == before
    settings.offline = False
    assert ocinb.read(reference, "srv/7") == noise("7", 40_000)
    assert len(registry.requests) == before + 1


@pytest.mark.parametrize("form", MAKERS)
def test_tables_of_contents_go_with_the_images_that_promise_them(registry: SampleRegistry, form: str) -> None:
    layers = stack(form)
    promised = {digest.hex for layer in layers for digest in toc_digests(layer.annotations)}
    reference = put_stack(registry, layers)
    ocinb.files(reference)
    ocinb.pull(reference, progress=False)
    blobs = settings.store_dir / "blobs/sha256"
    assert promised <= {path.name for path in blobs.iterdir()}
    assert ocinb.store.verify(progress=False).empty
    assert ocinb.store.images()["missing_blobs"].tolist() == [0]
    ocinb.store.prune(keep_bytes=0)
    assert promised <= {path.name for path in blobs.iterdir()}, "what has a name needs them"
    ocinb.store.remove(reference)
    assert not any(blobs.iterdir())


@pytest.mark.parametrize("form", MAKERS)
def test_a_registry_without_ranges_gives_the_whole_layer(registry: SampleRegistry, form: str) -> None:
    layers = stack(form)
    reference = put_stack(registry, layers)
    registry.fault("*/blobs/*", ignore_range=True, times=None)
    assert ocinb.files(reference)["path"].tolist()[: len(BASE)] == [entry.path for entry in BASE]
    assert ocinb.read(reference, "srv/9") == b"nine"
    assert all((settings.store_dir / "blobs/sha256" / layer.digest.hex).exists() for layer in layers)


def test_a_registry_that_gives_no_parts_any_more_gives_the_whole_layer(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = stack("estargz")
    reference = put_stack(registry, layers)

    def find_and_lose(*given: Any, **more: Any) -> Any:
        toc = find_toc(*given, **more)
        if len(sent_of(registry, layers)) >= 2:
            registry.fault("*/blobs/*", ignore_range=True, times=None)
        return toc

    monkeypatch.setattr(layer_reader, "find_toc", find_and_lose)
    assert ocinb.read(reference, "srv/9") == b"nine"


def test_a_table_of_contents_may_stand_in_another_image(registry: SampleRegistry) -> None:
    layers = [make_estargz(entries, mtime=1_700_000_000, outside=True) for entries in (BASE, TOP)]
    reference = put_stack(registry, layers, "lazy")
    put(registry, toc_image(layers), "lazy-esgztoc")
    assert len(ocinb.files(reference)) == len(BASE) + len(TOP)
    assert all(part for _, part in sent_of(registry, layers))


def test_a_table_of_contents_that_is_another_one_is_an_error(registry: SampleRegistry) -> None:
    lazy = stack("estargz")
    notes = {**lazy[0].annotations, "containerd.io/snapshot/stargz/toc.digest": f"sha256:{'0' * 64}"}
    wrong = Layer(lazy[0].raw, lazy[0].media_type, lazy[0].diff_id, notes)
    reference = put_stack(registry, [wrong, lazy[1]])
    with pytest.raises(IntegrityError) as caught:
        ocinb.files(reference)
    assert caught.value.reference == reference


def rename(toc: dict[str, Any]) -> dict[str, Any]:
    """Say that a file has another name."""
    return toc | {"entries": [row | {"name": row["name"].replace("tool", "other")} for row in toc["entries"]]}


@pytest.mark.parametrize("own", [False, True], ids=["another image promises nothing", "another image has its own"])
def test_a_table_is_believed_for_the_image_that_promises_it_alone(registry: SampleRegistry, *, own: bool) -> None:
    entries = [file("usr/tool", "good" * 100)]
    honest, lying = make_estargz(entries, outside=True), make_estargz(entries, outside=True, edit=rename)
    assert honest.digest == lying.digest, "each has its table beside it"
    liar = put_stack(registry, [lying], "liar")
    put(registry, toc_image([lying]), "liar-esgztoc")
    right = put_stack(registry, [honest if own else replace(honest, annotations={})], "right")
    put(registry, toc_image([honest]), "right-esgztoc")
    frame = ocinb.files([liar, right])
    assert frame["path"].tolist() == ["usr/other", "usr/tool"]
    assert ocinb.read(right, "usr/tool") == b"good" * 100


@pytest.mark.parametrize("fault", [{"ignore_range": True}, {}])
def test_a_size_that_nobody_says_is_an_error_and_else_it_is_that_of_the_whole(
    registry: SampleRegistry, fault: dict[str, Any]
) -> None:
    layer = layer_of(BASE)
    registry.put_blob(layer.raw)
    put_schema1(registry, OldStep(["/bin/sh"], str(layer.digest)))
    reference = registry.reference(f"{REPOSITORY}:old")
    if fault:
        registry.fault("*/blobs/*", times=None, **fault)
        assert len(ocinb.files(reference)) == len(BASE)
        return
    registry.fault("*/blobs/*", headers={"Content-Range": "bytes 0-0/*"}, times=None)
    with pytest.raises(TransportError, match=f"nobody says how large the layer {layer.digest} is"):
        ocinb.files(reference)


@pytest.mark.parametrize("form", ["plain", *MAKERS])
def test_a_layer_counts_as_often_as_it_stands_in_an_image(registry: SampleRegistry, form: str) -> None:
    entries = [file(f"d/{number}", str(number)) for number in range(100)]
    layer = layer_of(entries) if form == "plain" else MAKERS[form](entries)
    reference = put_stack(registry, [layer] * 3, "thrice")
    settings.max_tar_entries = 299
    for _ in range(2):  # read, and then known
        with pytest.raises(InvalidError, match="more entries together than max_tar_entries = 299") as caught:
            ocinb.files(reference)
        assert caught.value.reference == reference
    assert ocinb.read(reference, "d/7", layer=1) == b"7"
    settings.max_tar_entries = 300
    assert len(ocinb.files(reference)) == 300


@pytest.mark.parametrize("form", ["plain", *MAKERS])
def test_no_more_layers_are_read_when_those_that_were_have_too_many_entries(
    registry: SampleRegistry, form: str
) -> None:
    contents = [[file(f"{name}/{number}", "x") for number in range(100)] for name in "abcdefghijkl"]
    layers = [layer_of(entries) if form == "plain" else MAKERS[form](entries) for entries in contents]
    reference = put_stack(registry, layers)
    settings.max_tar_entries, settings.concurrency = 500, 1
    with pytest.raises(InvalidError, match="more entries together than max_tar_entries = 500") as caught:
        ocinb.files(reference)
    assert caught.value.reference == reference
    assert ocinb.store.usage().set_index("kind")["entries"].to_dict()["index"] <= 6


def test_a_broken_layer_is_told_with_its_name_and_the_others_go_on(registry: SampleRegistry) -> None:
    cut = make_layer([file("a", noise("a", 5000))], compression="none")
    broken = Layer(cut.raw[:3000], cut.media_type, cut.diff_id)
    names = [put_stack(registry, [broken], "broken"), put_layers(registry, BASE, tag="whole")]
    with pytest.raises(IntegrityError) as caught:
        ocinb.files(names[0])
    assert caught.value.reference == names[0]
    frame = ocinb.files(names, errors="skip")
    assert frame["reference"].unique().tolist() == names[1:]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == names[:1]
