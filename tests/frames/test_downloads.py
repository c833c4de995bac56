"""pull brings whole images, each blob once, and says what it did."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.samples import SampleRegistry
from tests.frames.facts import Fact, fetch, images

BLOB = re.compile(r"/v2/[\w/]+/blobs/(sha256:[0-9a-f]{64})")


def blobs_of(fact: Fact) -> dict[str, int]:
    return {blob["digest"]: blob["size"] for blob in (fact.manifest["config"], *fact.manifest["layers"])}


def sent(registry: SampleRegistry, since: int = 0) -> dict[str, int]:
    """Add up what the registry sent of each blob since some request."""
    total: dict[str, int] = {}
    for request in list(registry.requests)[since:]:
        match = BLOB.fullmatch(request.path)
        if match and request.status in {200, 206}:
            size = len(fetch(registry, "demo/shop", "blobs", match[1]))
            start = int((request.header("Range") or "bytes=0-")[6:].partition("-")[0])
            total[match[1]] = total.get(match[1], 0) + size - start
    return total


def test_a_broken_download_is_resumed(registry: SampleRegistry) -> None:
    settings.retries = 0
    reference = registry.reference("demo/shop:2.0")
    layer = max(images(registry, "demo/shop:2.0")[0].manifest["layers"], key=lambda one: one["size"])
    registry.fault(f"*/blobs/{layer['digest']}", cut=100_000)
    with pytest.raises(TransportError):
        ocinb.pull(reference, platform="amd64", progress=False)
    before = len(registry.requests)
    frame = ocinb.pull(reference, platform="amd64", progress=False).set_index("digest")
    row = frame.loc[layer["digest"]]
    assert (row["outcome"], row["blob_bytes"]) == ("resumed", layer["size"])
    assert row["fetched_bytes"] == layer["size"] - 100_000 == sent(registry, before)[layer["digest"]]
    assert "downloaded" not in set(frame.loc[frame["fetched_bytes"] == 0, "outcome"])


def test_a_destination_that_cannot_be_one_is_refused(registry: SampleRegistry, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    wrongs = {f"{tmp_path}/file": "is a file", "a\0b": "has a NUL", "~nobody-here/x": "there is no home"}
    for wrong, told in wrongs.items():
        with pytest.raises(OcinbError, match=told):
            ocinb.pull(registry.reference("demo/hello"), destination=wrong, progress=False)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("wrong", ["", 5, b"folder", "oci:folder", "docker-archive:file.tar"])
def test_what_is_no_folder_is_refused(registry: SampleRegistry, wrong: Any) -> None:
    with pytest.raises(InvalidError, match="destination takes the path of a folder"):
        ocinb.pull(registry.reference("demo/hello"), destination=wrong, progress=False)
    assert not registry.requests
