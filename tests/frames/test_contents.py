"""Frames of what stands in images say what is in the tars, what is left of it, and who hides what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer
from ocinb.samples.tars import Entry, directory, file
from ocinb.spec.digest import Digest
from tests.documents import REPOSITORY, descriptor, layer, put, put_image
from tests.frames.facts import images, records
from tests.frames.layerfacts import put_layers

FUNCTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": ocinb.filesystem,
    "hidden": ocinb.hidden,
    "efficiency": ocinb.efficiency,
}


SHOP = "demo/shop:2.0"


READ = ["tar_bytes", "files", "hidden_bytes"]


def told(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in records(frame)]


@pytest.mark.parametrize(
    ("depth", "hint"), [("file", ". Did you mean 'files'?"), ("meta data", ". Did you mean 'metadata'?"), (3, "")]
)
def test_another_depth_is_refused(depth: Any, hint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers([], depth=depth)
    assert str(caught.value) == f"depth takes 'metadata' or 'files', not {depth!r}{hint}"


BASE: list[Entry] = [directory("d"), file("d/a", "one"), file("d/b", "two"), file("e", "three")]


def test_what_leads_out_of_the_root_is_hidden_by_nobody(registry: SampleRegistry) -> None:
    name = put_layers(registry, [file("../../etc/shadow", "bad"), file("a", "")])
    assert told(ocinb.files(name), "path", "visible") == [("../../etc/shadow", False), ("a", True)]
    [row] = records(ocinb.hidden(name))
    assert (row["path"], row["hidden_bytes"]) == ("../../etc/shadow", 3)
    assert (row["reason"], row["hidden_in"], row["hidden_by"]) == (None, None, None)


def test_a_manifest_of_an_unknown_type_is_no_image(registry: SampleRegistry) -> None:
    put(registry, "application/vnd.example.thing+json", tag="odd")
    with pytest.raises(InvalidError, match=r"is of type application/vnd\.example\.thing\+json, and has no files"):
        ocinb.files(registry.reference(f"{REPOSITORY}:odd"))
    assert len(ocinb.layers(registry.reference(f"{REPOSITORY}:odd"), depth="files")) == 0


def test_blobs_of_an_artifact_are_listed_and_not_read(registry: SampleRegistry) -> None:
    chart, hello = registry.reference("demo/chart:0.1"), registry.reference("demo/hello")
    frame = ocinb.layers([chart, hello], depth="files")
    assert frame["reference"].tolist() == [chart, hello]
    assert told(frame, *READ) == [(None, None, None), (10_240, 1, 0)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_names_that_fail_are_left_out_whole(registry: SampleRegistry, name: str) -> None:
    [*_, last] = images(registry, "demo/shop:1.0")
    registry.fault(f"*/blobs/{last.manifest['layers'][0]['digest']}", status=404, times=None)
    names = [registry.reference(one) for one in ("demo/shop:1.0", "demo/gone:1", "demo/nested:1")]
    frame = FUNCTIONS[name](names, platform="all", errors="skip")
    assert set(frame["reference"]) <= {names[2]}
    assert [failure["reference"] for failure in frame.attrs["failures"]] == names[:2]
    with pytest.raises(NotFoundError):
        FUNCTIONS[name](names, platform="all")


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"platform": 7}, "a platform is a text"),
        ({"errors": "ignore"}, "errors takes 'raise' or 'skip', not 'ignore'"),
        ({"progress": "yes"}, "progress"),
    ],
)
def test_what_is_no_argument_is_refused_before_anybody_is_asked(
    registry: SampleRegistry, name: str, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidError, match=message):
        FUNCTIONS[name](registry.reference("demo/hello"), **given)
    assert registry.requests == ()


@pytest.mark.parametrize("path", ["/", "usr", "usr/", "usr/lib", "usr/lib/."])
def test_any_directory_is_refused_with_the_same_words(registry: SampleRegistry, path: str) -> None:
    name = put_layers(registry, [directory("usr/lib"), file("usr/lib/x")])  # of no other is there an entry
    with pytest.raises(InvalidError) as caught:
        ocinb.read(name, path)
    said = "is a directory, which has no content to read. ocinb.filesystem lists what is in it"
    assert str(caught.value) == f"{name}: {path!r} {said}"


WITH_LAYERS: dict[str, Callable[..., Any]] = {
    **FUNCTIONS,
    "layers": lambda name: ocinb.layers(name, depth="files"),
    "read": lambda name: ocinb.read(name, "x"),
}


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_a_layer_that_is_no_tar_is_damaged(registry: SampleRegistry, name: str) -> None:
    text = b"this is no tar" * 100
    put_image(registry, Layer(text, "application/vnd.oci.image.layer.v1.tar", Digest.of(text)))
    with pytest.raises(IntegrityError, match="tar"):
        WITH_LAYERS[name](registry.reference(f"{REPOSITORY}:1"))


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_a_layer_that_passes_a_limit_is_refused_and_the_limit_named(registry: SampleRegistry, name: str) -> None:
    settings.max_tar_entries = 1
    with pytest.raises(InvalidError, match="max_tar_entries"):
        WITH_LAYERS[name](put_layers(registry, [file("x"), file("y")]))


def test_a_tar_that_the_config_does_not_know_is_an_error_whoever_read_it_before(registry: SampleRegistry) -> None:
    right, wrong = layer("x"), layer("y")
    put_image(registry, right, tag="right")
    put_image(registry, right, tag="wrong", rootfs={"type": "layers", "diff_ids": [wrong.diff_id]})
    names = [registry.reference(f"{REPOSITORY}:{tag}") for tag in ("right", "wrong")]
    for references in (names[1], names, names[::-1]):
        with pytest.raises(IntegrityError, match=f"{wrong.diff_id}.*{right.diff_id}") as caught:
            ocinb.files(references)
        assert caught.value.reference == names[1]
    assert len(ocinb.files(names, errors="skip")) == 1
    assert len(ocinb.files(names[0])) == 1


def test_a_foreign_layer_that_is_nowhere_is_an_error(registry: SampleRegistry) -> None:
    kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    config = b'{"os":"windows","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}'
    registry.put_blob(config)
    absent = descriptor(kind, b"far", urls=["https://127.0.0.1:9/layer"])
    media_type = "application/vnd.oci.image.manifest.v1+json"
    put(registry, media_type, config=descriptor("application/vnd.oci.image.config.v1+json", config), layers=[absent])
    settings.retries = 0
    with pytest.raises(ocinb.errors.OcinbError) as caught:
        ocinb.files(registry.reference(f"{REPOSITORY}:1"))
    assert "127.0.0.1:9" in str(caught.value)
