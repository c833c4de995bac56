"""Each frame has the columns and types of the design, with rows and without."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

import ocinb
from ocinb.samples import SampleRegistry

TIME = "datetime64[us, UTC]"
COLUMNS = {
    "repositories": "registry repository reference",
    "tags": "registry repository tag reference kind digest",
    "manifests": "reference index_digest position kind platform os architecture variant os_version digest media_type "
    "artifact_type manifest_bytes subject annotations",
    "layers": "reference platform manifest_digest layer digest diff_id chain_id media_type compression "
    "compressed_bytes tar_bytes files hidden_bytes instruction created_by created",
    "history": "reference platform manifest_digest position layer empty_layer instruction created_by created author "
    "comment layer_digest compressed_bytes",
    "configs": "reference platform manifest_digest digest created author os architecture variant user entrypoint cmd "
    "env labels exposed_ports volumes working_dir stop_signal healthcheck",
    "referrers": "reference subject digest media_type artifact_type manifest_bytes annotations found_via",
    "pull": "reference platform manifest_digest digest media_type blob_bytes fetched_bytes outcome seconds path",
    "files": "reference platform manifest_digest layer path type size_bytes mode uid gid mtime link_target sha256 "
    "change visible",
    "filesystem": "reference platform manifest_digest path type size_bytes mode uid gid mtime link_target sha256 layer",
    "hidden": "reference platform manifest_digest path hidden_bytes reason stored_in stored_by hidden_in hidden_by",
    "efficiency": "reference platform manifest_digest layers compressed_bytes tar_bytes stored_bytes visible_bytes "
    "hidden_bytes efficiency duplicate_bytes dive_efficiency dive_wasted_bytes dive_user_wasted_ratio",
    "shared": "reference platform manifest_digest compressed_bytes unique_bytes shared_bytes layers shared_layers",
}
DTYPES = (
    dict.fromkeys("position layer files manifest_bytes compressed_bytes tar_bytes hidden_bytes".split(), "Int64")
    | dict.fromkeys(("blob_bytes", "fetched_bytes"), "Int64")
    | dict.fromkeys(("unique_bytes", "shared_bytes", "shared_layers"), "Int64")
    | dict.fromkeys("size_bytes mode uid gid stored_in hidden_in".split(), "Int64")
    | dict.fromkeys("layers stored_bytes visible_bytes duplicate_bytes dive_wasted_bytes".split(), "Int64")
    | {"mtime": TIME, "visible": "boolean"}
    | dict.fromkeys(("efficiency", "dive_efficiency", "dive_user_wasted_ratio"), "Float64")
    | {"created": TIME, "empty_layer": "boolean", "seconds": "Float64"}
    | dict.fromkeys("annotations entrypoint cmd env labels exposed_ports volumes healthcheck".split(), "object")
)
CALLS: dict[str, Callable[[str], pd.DataFrame]] = {
    "repositories": lambda name: ocinb.repositories(name.partition("/")[0], errors="skip"),
    "tags": lambda name: ocinb.tags(name, errors="skip"),
    "manifests": lambda name: ocinb.manifests(name, errors="skip"),
    "layers": lambda name: ocinb.layers(name, platform="all", errors="skip"),
    "history": lambda name: ocinb.history(name, platform="all", errors="skip"),
    "configs": lambda name: ocinb.configs(name, platform="all", errors="skip"),
    "referrers": lambda name: ocinb.referrers(name, errors="skip"),
    "pull": lambda name: ocinb.pull(name, platform="all", progress=False, errors="skip"),
    "files": lambda name: ocinb.files(name, platform="all", errors="skip"),
    "filesystem": lambda name: ocinb.filesystem(name, platform="all", errors="skip"),
    "hidden": lambda name: ocinb.hidden(name, platform="all", errors="skip"),
    "efficiency": lambda name: ocinb.efficiency(name, platform="all", errors="skip"),
    "shared": lambda name: ocinb.shared(name, platform="all", errors="skip"),
}


def has_the_form_of(frame: pd.DataFrame, name: str) -> bool:
    expected = {column: DTYPES.get(column, "str") for column in COLUMNS[name].split()}
    return {column: str(dtype) for column, dtype in frame.dtypes.items()} == expected and list(frame) == list(expected)


@pytest.mark.parametrize("name", COLUMNS)
def test_an_empty_frame_has_the_same_columns(registry: SampleRegistry, name: str) -> None:
    registry.fault("*", status=404, times=None)
    frame = CALLS[name](registry.reference("demo/shop:2.0"))
    assert len(frame) == 0
    assert has_the_form_of(frame, name)
    assert len(frame.attrs["failures"]) == 1


@pytest.mark.parametrize("name", COLUMNS)
def test_frames_of_several_calls_go_together(registry: SampleRegistry, name: str) -> None:
    one = CALLS[name](registry.reference("demo/shop:2.0"))
    nothing = CALLS[name](registry.reference("demo/gone:1")) if name != "repositories" else one.iloc[:0]
    assert has_the_form_of(pd.concat([one, nothing], ignore_index=True), name)
