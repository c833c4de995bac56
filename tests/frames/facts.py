"""What the samples are, read from the registry without any of ocinb's own reading."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import requests

from ocinb.samples import SampleRegistry
from tests.patience import SECONDS

NAMES = ["demo/base:12", "demo/chart:0.1", "demo/hello:latest", "demo/nested:1", "demo/shop:1.0", "demo/shop:2.0"]
IMAGES = [name for name in NAMES if name != "demo/chart:0.1"]
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
ATTESTED = "vnd.docker.reference.type"


@dataclass(frozen=True)
class Fact:
    """An image or artifact: its digest, its documents, and the descriptor by which an index names it."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    descriptor: dict[str, Any]

    @property
    def platform(self) -> str | None:
        """The normal form, for the architectures that the samples have."""
        told = self.descriptor.get("platform") or self.config
        if "os" not in told:
            return None
        suffix = f"/{told['variant']}" if told["architecture"] == "arm" else ""
        return f"{told['os']}/{told['architecture']}{suffix}"


def sha256(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def fetch(registry: SampleRegistry, repository: str, kind: str, wanted: str) -> bytes:
    answer = requests.get(f"http://{registry.host}/v2/{repository}/{kind}/{wanted}", timeout=SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.content


def index_entries(registry: SampleRegistry, name: str) -> list[tuple[str, int, dict[str, Any]]]:
    """Give index digest, position and descriptor of all that stands in an index and those in it, in order."""
    repository, _, tag = name.partition(":")
    raw = fetch(registry, repository, "manifests", tag)
    entries = []
    for position, descriptor in enumerate(json.loads(raw).get("manifests", [])):
        entries.append((sha256(raw), position, descriptor))
        if descriptor["mediaType"] == INDEX_TYPE:
            entries.extend(index_entries(registry, f"{repository}:{descriptor['digest']}"))
    return entries


def images(registry: SampleRegistry, name: str) -> list[Fact]:
    """Read the images and artifacts behind a name, no attestations."""
    repository, _, tag = name.partition(":")
    raw = fetch(registry, repository, "manifests", tag)
    if "manifests" not in json.loads(raw):
        return [_fact(registry, repository, raw, {})]
    return [
        _fact(registry, repository, fetch(registry, repository, "manifests", descriptor["digest"]), descriptor)
        for _, _, descriptor in index_entries(registry, name)
        if descriptor["mediaType"] != INDEX_TYPE and ATTESTED not in descriptor.get("annotations", {})
    ]


def _fact(registry: SampleRegistry, repository: str, raw: bytes, descriptor: dict[str, Any]) -> Fact:
    manifest = json.loads(raw)
    config = json.loads(fetch(registry, repository, "blobs", manifest["config"]["digest"]))
    return Fact(sha256(raw), manifest, config, descriptor)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows with None for NA, so that they can be compared."""
    return [{str(name): known(value) for name, value in row.items()} for row in frame.to_dict("records")]


def known(value: Any) -> Any:
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def moment(text: str) -> pd.Timestamp:
    """Read a time of the samples, all in UTC, and cut what is finer than a microsecond."""
    assert text.endswith("Z")
    return pd.Timestamp(f"{text[:26].rstrip('Z')}+00:00")
