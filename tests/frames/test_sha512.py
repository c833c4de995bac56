"""Whatever has a digest may have one of another algorithm: tags, children, configs, layers, and their places."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from tests.documents import REPOSITORY, layer, put_image, put_index

ALGORITHMS = ["sha512", "sha384"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_all_helpers_show_its_digests(registry: SampleRegistry, algorithm: str) -> None:
    one, two = layer("one"), layer("two")
    child = put_image(registry, one, two, tag="image", algorithm=algorithm)
    platform = {"os": "linux", "architecture": "amd64"}
    put_index(registry, {**child, "platform": platform}, tag="index")
    name = registry.reference(f"{REPOSITORY}:index")
    assert ocinb.manifests(name)["digest"].tolist() == [child["digest"]]
    layers = ocinb.layers(name)
    expected = [f"{algorithm}:{hashlib.new(algorithm, blob.raw).hexdigest()}" for blob in (one, two)]
    assert layers["digest"].tolist() == expected
    assert layers["manifest_digest"].unique().tolist() == [child["digest"]]
    assert layers["diff_id"].tolist() == [one.diff_id, two.diff_id]
    assert ocinb.configs(name)["digest"].str.startswith(f"{algorithm}:").all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_image_is_pulled_into_its_own_folder(registry: SampleRegistry, algorithm: str) -> None:
    child = put_image(registry, layer("one"), layer("two"), tag="image", algorithm=algorithm)
    name = registry.reference(f"{REPOSITORY}:image")
    frame = ocinb.pull(name, progress=False)
    assert frame["outcome"].tolist() == ["downloaded"] * 3
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert path == str(settings.store_dir / "blobs" / algorithm / digest.partition(":")[2])
        with Path(path).open("rb") as file:
            assert hashlib.file_digest(file, algorithm).hexdigest() == digest.partition(":")[2]
    [entry] = json.loads((settings.store_dir / "index.json").read_bytes())["manifests"]
    assert entry["digest"] == child["digest"]
    assert ocinb.pull(name, progress=False, verify="full")["outcome"].tolist() == ["present"] * 3
