"""`demo/lazy` is one image in three forms; a list of its files shows what each form costs, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

import ocinb
from ocinb.notebook.trace.trace import Trace
from ocinb.samples import SampleRegistry, registry
from ocinb.samples.seekable_layers import lazy_image
from ocinb.samples.tars import noise

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
