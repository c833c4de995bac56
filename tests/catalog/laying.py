"""Images whose files are added, and what the frames say of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

import ocinb
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, Manifest, Step, make_image
from tests.documents import REPOSITORY

_HIDDEN = "manifest_digest platform path hidden_bytes reason stored_in stored_by hidden_in hidden_by".split()
_FILES = (
    "manifest_digest layer path type size_bytes mode uid gid mtime link_target sha256 change visible position"
).split()


def put(registry: SampleRegistry, manifest: Manifest, tag: str) -> str:
    for blob in manifest.blobs:
        registry.put_blob(blob.raw)
    registry.put_manifest(REPOSITORY, manifest.raw, media_type=manifest.media_type, tag=tag)
    return registry.reference(f"{REPOSITORY}:{tag}")


def put_stack(registry: SampleRegistry, layers: Sequence[Layer], tag: str = "1") -> str:
    """Put an image of some layers, and give its name."""
    made = [Step(f"RUN {number}", "2025-01-01T00:00:00Z", one) for number, one in enumerate(layers)]
    return put(registry, make_image("linux/amd64", made).manifest, tag)


def check_files(catalog: ocinb.Catalog, name: str) -> None:
    """Compare the files of a catalogue, and what became of them, with the frames of an image of all platforms."""
    files = ocinb.files(name, platform="all", progress=False)
    digests = files["manifest_digest"].unique().tolist()
    stored = catalog.sql(
        "SELECT * FROM layer_files WHERE list_contains($digests, manifest_digest) ORDER BY layer, position",
        {"digests": digests},
    )
    assert set(stored) - {"layer_digest"} == set(_FILES)
    for digest in digests:
        _check_same(_of(stored, digest, _FILES[:-1]), _of(files, digest, _FILES[:-1]))
    hidden = ocinb.hidden(name, platform="all", progress=False)
    told = catalog.sql(
        "SELECT hidden_files.* FROM hidden_files JOIN overlay "
        "ON overlay.manifest_digest = hidden_files.manifest_digest AND overlay.layer = stored_in "
        "JOIN manifest_layers ON manifest_layers.manifest_digest = overlay.manifest_digest "
        "AND manifest_layers.layer = stored_in JOIN files USING (layer_digest) "
        "WHERE overlay.hidden AND files.position = overlay.position AND files.path = hidden_files.path "
        "AND files.size_bytes = hidden_bytes AND list_contains($digests, hidden_files.manifest_digest)",
        {"digests": digests},
    ).drop_duplicates()
    for digest in digests:
        left, right = _of(told, digest, _HIDDEN), _of(hidden, digest, _HIDDEN)
        _check_same(_sorted(left), _sorted(right.drop_duplicates()))
    assert catalog.sql(
        "SELECT count(*) AS n FROM overlay WHERE hidden AND list_contains($digests, manifest_digest)",
        {"digests": digests},
    )["n"].tolist() == [len(hidden)]


def _of(frame: pd.DataFrame, digest: str, columns: Sequence[str]) -> pd.DataFrame:
    return frame.loc[frame["manifest_digest"] == digest, list(columns)].reset_index(drop=True)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(_HIDDEN, ignore_index=True)


def _check_same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other)
