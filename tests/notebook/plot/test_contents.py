from __future__ import annotations

import pandas as pd

import ocinb
from ocinb.notebook.plot.duplicate_figures import stored_files
from ocinb.samples import SampleRegistry
from tests.notebook.plot import frames


def test_hidden_bytes_are_those_of_efficiency(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in ("demo/shop:1.0", "demo/shop:2.0", "demo/hello", "demo/nested:1")]
    figures = ocinb.efficiency(names, platform="amd64", progress=False).set_index("reference")
    rows = stored_files(ocinb.files(names, platform="amd64", progress=False))
    hidden = rows[rows["is_hidden"]].groupby("reference")["size_bytes"].sum()
    assert rows.groupby("reference")["size_bytes"].sum().to_dict() == figures["stored_bytes"].to_dict()
    assert hidden.reindex(names, fill_value=0).tolist() == figures.loc[names, "hidden_bytes"].tolist()
    assert hidden.sum() > 0


def test_content_is_seen_as_long_as_a_hard_link_names_it() -> None:
    frame = frames.files(("a", 5, 0, False), ("b", 0, 0, True), ("c", 7, 0, False))
    frame.loc[1, ["type", "link_target"]] = ["hardlink", "a"]
    assert stored_files(frame)["is_hidden"].tolist() == [False, True]


def test_files_of_unknown_size_are_left_out() -> None:
    frame = frames.files(("a", 5, 0, True), ("b", None, 0, True))
    assert stored_files(frame)["path"].tolist() == ["a"]
    assert frame["size_bytes"].tolist() == [5, pd.NA]
