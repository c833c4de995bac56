"""The entries of every layer are those that GNU tar lists, and contain what sha256sum makes of them."""

from __future__ import annotations

import pytest

import ocinb
from tests.real import tools
from tests.real.realimages import Layout
from tests.real.tarlists import digests, listed, plain_layers
from tests.real.trees import facts_of

pytestmark = pytest.mark.real

SMALL = ["busybox", "built", "odd", "names", "unpadded"]


def layout_of(request: pytest.FixtureRequest, name: str) -> Layout:
    layout = request.getfixturevalue(f"{name}_layout")
    assert isinstance(layout, Layout)
    return layout


def tars_of(layout: Layout) -> list[bytes]:
    return plain_layers(layout.path, tools.skopeo_inspect(layout.reference)["Layers"])


@pytest.mark.parametrize("name", [*SMALL, "debian"])
def test_entries_are_those_that_gnu_tar_lists(name: str, request: pytest.FixtureRequest) -> None:
    layout = layout_of(request, name)
    frame = ocinb.files(layout.reference)
    for layer, tar in enumerate(tars_of(layout)):
        ours = facts_of(frame[frame["layer"] == layer])
        theirs = listed(tar)
        assert [path for path, _ in ours] == [path for path, _ in theirs]
        for (path, said), (_, seen) in zip(ours, theirs, strict=True):
            assert said._replace(sha256=None) == seen, path
        assert len(theirs)
    assert frame["layer"].nunique() == layout.layers


@pytest.mark.parametrize("name", SMALL)
def test_contents_are_those_of_sha256sum(name: str, request: pytest.FixtureRequest) -> None:
    layout = layout_of(request, name)
    frame = ocinb.files(layout.reference)
    for layer, tar in enumerate(tars_of(layout)):
        theirs = {path: digest for path, digest in digests(tar).items() if ".wh." not in path}
        files = frame[(frame["layer"] == layer) & (frame["type"] == "file")]
        assert dict(zip(files["path"], files["sha256"], strict=True)) == theirs
    assert frame.loc[frame["type"] != "file", "sha256"].isna().all()


@pytest.mark.parametrize("name", [*SMALL, "debian"])
def test_layers_count_what_gnu_tar_lists(name: str, request: pytest.FixtureRequest) -> None:
    layout = layout_of(request, name)
    layers = ocinb.layers(layout.reference, depth="files")
    tars = tars_of(layout)
    assert layers["tar_bytes"].tolist() == [len(tar) for tar in tars]
    assert layers["files"].tolist() == [sum(facts.type == "file" for _, facts in listed(tar)) for tar in tars]
    hidden = ocinb.hidden(layout.reference).groupby("stored_in")["hidden_bytes"].sum()
    assert layers["hidden_bytes"].tolist() == [hidden.get(layer, 0) for layer in range(layout.layers)]
    [figures] = ocinb.efficiency(layout.reference).to_dict("records")
    assert figures["tar_bytes"] == sum(map(len, tars))
    assert figures["compressed_bytes"] == layers["compressed_bytes"].sum()
    assert figures["hidden_bytes"] == layers["hidden_bytes"].sum()
    assert figures["layers"] == layout.layers


@pytest.mark.parametrize("name", SMALL)
def test_the_layer_of_a_path_is_the_last_that_gnu_tar_lists_with_it(name: str, request: pytest.FixtureRequest) -> None:
    layout = layout_of(request, name)
    last = {path: layer for layer, tar in enumerate(tars_of(layout)) for path, facts in listed(tar) if _stores(facts)}
    frame = ocinb.filesystem(layout.reference)
    known = frame[frame["path"].isin(last)]  # behind a link an entry has another name in its tar
    assert dict(zip(known["path"], known["layer"], strict=True)) == {path: last[path] for path in known["path"]}
    assert len(known) > len(frame) * 0.9


def _stores(facts: object) -> bool:
    return getattr(facts, "type", None) not in {"whiteout", "opaque"}
