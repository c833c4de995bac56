from __future__ import annotations

import ocinb
from ocinb.notebook.plot.duplicate_figures import stored_files
from ocinb.samples import SampleRegistry


def test_hidden_bytes_are_those_of_efficiency(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in ("demo/shop:1.0", "demo/shop:2.0", "demo/hello", "demo/nested:1")]
    figures = ocinb.efficiency(names, platform="amd64", progress=False).set_index("reference")
    rows = stored_files(ocinb.files(names, platform="amd64", progress=False))
    hidden = rows[rows["is_hidden"]].groupby("reference")["size_bytes"].sum()
    assert rows.groupby("reference")["size_bytes"].sum().to_dict() == figures["stored_bytes"].to_dict()
    assert hidden.reindex(names, fill_value=0).tolist() == figures.loc[names, "hidden_bytes"].tolist()
    assert hidden.sum() > 0
