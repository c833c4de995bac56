"""`demo/lazy` is one image in three forms; a list of its files shows what each form costs, and nobody waits for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pandas as pd
import pytest

import ocinb
from ocinb.notebook.trace.trace import Trace
from ocinb.samples import SampleRegistry, registry
from ocinb.samples.catalog import sample_content
from ocinb.samples.images import Manifest
from ocinb.samples.registry_content import Content
from ocinb.samples.seekable_layers import FORMS, Seekable, lazy_image
from ocinb.samples.tars import noise
from tests.samples.asking import get

LAZY = ["estargz", "zstd-chunked"]


@pytest.fixture
def local() -> Iterator[SampleRegistry]:
    with registry() as running:
        yield running


def blob_exchanges(trace: Trace, form: str) -> pd.DataFrame:
    """Give what was asked of the one layer of a form."""
    [layer] = lazy_image(form).layers
    return trace.frame[trace.frame["url"].str.endswith(f"/blobs/{layer.digest}")]


@pytest.mark.parametrize(("form", "requests"), [("estargz", 2), ("zstd-chunked", 1)])
def test_a_list_of_files_costs_a_fiftieth_of_the_layer(local: SampleRegistry, form: str, requests: int) -> None:
    [layer] = lazy_image(form).layers
    with ocinb.trace() as trace:
        frame = ocinb.files(local.reference(f"demo/lazy:{form}"))
    asked = blob_exchanges(trace, form)
    assert asked["status"].tolist() == [206] * requests
    assert all("range" in headers for headers in asked["request_headers"])
    assert 0 < asked["transferred_bytes"].sum() <= 0.02 * len(layer.raw)
    assert (frame["type"] == "file").sum() == 401


def test_a_plain_layer_comes_as_a_whole(local: SampleRegistry) -> None:
    [layer] = lazy_image("gzip").layers
    with ocinb.trace() as trace:
        ocinb.files(local.reference("demo/lazy:gzip"))
    asked = blob_exchanges(trace, "gzip")
    assert asked["status"].tolist() == [200]
    assert asked["transferred_bytes"].tolist() == [len(layer.raw)]


@pytest.mark.parametrize("form", LAZY)
def test_a_picture_costs_little_more_than_itself(local: SampleRegistry, form: str) -> None:
    reference = local.reference(f"demo/lazy:{form}")
    with ocinb.trace() as trace:
        picture = ocinb.read(reference, "srv/pictures/0007.jpg")
    assert picture == noise("picture 7", 3_259)
    [layer] = lazy_image(form).layers
    assert blob_exchanges(trace, form)["transferred_bytes"].sum() <= len(picture) + 100 + 0.02 * len(layer.raw)


@pytest.mark.parametrize("form", LAZY)
def test_all_forms_have_the_same_files(local: SampleRegistry, form: str) -> None:
    plain, lazy = (ocinb.files(local.reference(f"demo/lazy:{tag}")) for tag in ("gzip", form))
    names = ["reference", "manifest_digest"]
    assert len(plain) == 403
    pd.testing.assert_frame_equal(lazy.drop(columns=names), plain.drop(columns=names))


@pytest.mark.parametrize("form", LAZY)
def test_tables_are_a_fiftieth_at_most(form: str) -> None:
    [layer] = lazy_image(form).layers
    assert isinstance(layer, Seekable)
    assert 0.01 < len(layer.table) / len(layer.raw) < 0.018
    assert json.loads(lazy_image(form).manifest.raw)["layers"][0]["annotations"] == layer.annotations


def test_nobody_builds_it_who_does_not_ask_for_it(local: SampleRegistry) -> None:
    for path in ("_catalog", "demo/shop/tags/list", "demo/none/tags/list", "demo/hello/manifests/latest"):
        get(local, f"/v2/{path}")
    assert "demo/lazy" not in local._content.repositories
    assert "demo/lazy" not in sample_content().repositories
    assert get(local, "/v2/demo/lazy/tags/list").json()["tags"] == sorted(FORMS)
    assert "demo/lazy" in local._content.repositories
    assert "demo/lazy" not in sample_content().repositories


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_whoever_knows_a_digest_needs_no_tag(local: SampleRegistry, kind: str) -> None:
    image = lazy_image("gzip")
    digest = image.manifest.digest if kind == "manifests" else image.config.digest
    assert get(local, f"/v2/demo/lazy/{kind}/{digest}").status_code == 200


def test_it_may_be_changed_before_anybody_asked_for_it(local: SampleRegistry) -> None:
    digest = local.put_manifest("demo/lazy", b"{}", tag="gzip")
    local.untag("demo/lazy", "estargz")
    assert get(local, "/v2/demo/lazy/tags/list").json()["tags"] == ["gzip", "zstd-chunked"]
    assert get(local, "/v2/demo/lazy/manifests/gzip").headers["Docker-Content-Digest"] == digest


def test_a_promise_is_kept_once_in_each_copy() -> None:
    built: list[Content] = []

    def build(content: Content) -> None:
        built.append(content)
        content.add("late", Manifest(b"{}", "text/plain"), "1")

    content = Content()
    content.promise("late", build)
    copy = content.copy()
    for one in (copy, copy, content):
        repository = one.find("late")
        assert repository is not None
        assert list(repository.tags) == ["1"]
        assert one.names == ["late"]
    assert [id(one) for one in built] == [id(copy), id(content)]


def test_many_who_ask_at_once_get_the_same(local: SampleRegistry) -> None:
    said: list[bytes] = []
    ask = [
        threading.Thread(target=lambda: said.append(get(local, "/v2/demo/lazy/manifests/gzip").content))
        for _ in range(8)
    ]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    assert said == [lazy_image("gzip").manifest.raw] * 8
