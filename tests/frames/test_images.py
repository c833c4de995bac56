"""Frames of images say what the raw documents say."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.frames.facts import ATTESTED, IMAGES, INDEX_TYPE, NAMES, Fact, images, index_entries, moment, records, sha256

# The sample images have "+gzip", "+zstd", none, and Docker's own ".gzip" behind "tar".
COMPRESSIONS = {"gzip": "gzip", "zstd": "zstd"}


def chain(diff_ids: list[str]) -> list[str | None]:
    found: list[str | None] = []
    for diff_id in diff_ids:
        found.append(sha256(f"{found[-1]} {diff_id}".encode()) if found else diff_id)
    return found


def made(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in config.get("history", []) if not entry.get("empty_layer")]


def without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_manifests_are_what_the_index_lists(registry: SampleRegistry, name: str) -> None:
    frame = ocinb.manifests(registry.reference(name))
    expected = index_entries(registry, name)
    told = frame[["index_digest", "position", "digest", "media_type", "manifest_bytes"]]
    if expected:
        assert list(told.itertuples(index=False, name=None)) == [
            (index, position, entry["digest"], entry["mediaType"], entry["size"]) for index, position, entry in expected
        ]
        assert frame["annotations"].tolist() == [entry.get("annotations", {}) for _, _, entry in expected]
        assert [records(frame[["os", "architecture", "variant"]])] == [
            [
                {key: (entry.get("platform") or {}).get(key) for key in ("os", "architecture", "variant")}
                for _, _, entry in expected
            ]
        ]
    else:
        assert len(frame) == 1
        assert frame[["index_digest", "position"]].isna().all(axis=None)


@pytest.mark.parametrize("name", NAMES)
def test_kinds_platforms_and_subjects_of_manifests(registry: SampleRegistry, name: str) -> None:
    frame = ocinb.manifests(registry.reference(name))
    entries = index_entries(registry, name)
    attested = [entry.get("annotations", {}).get("vnd.docker.reference.digest") for _, _, entry in entries] or [None]
    assert [row["subject"] for row in records(frame)] == attested
    indexes = [entry["mediaType"] == INDEX_TYPE for _, _, entry in entries] or [False]
    other = "artifact" if name == "demo/chart:0.1" else "image"
    assert frame["kind"].tolist() == [
        "attestation" if subject else "index" if is_index else other
        for subject, is_index in zip(attested, indexes, strict=True)
    ]
    assert frame.loc[frame["kind"] == "image", "platform"].tolist() == [
        fact.platform for fact in images(registry, name) if fact.platform
    ]
    assert frame.loc[frame["kind"] != "image", "platform"].isna().all()


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_those_of_the_manifests(registry: SampleRegistry, name: str) -> None:
    frame = ocinb.layers(registry.reference(name), platform="all")
    expected = [row for fact in images(registry, name) for row in layers_of(registry.reference(name), fact)]
    assert without(records(frame), "instruction") == expected


def layers_of(reference: str, fact: Fact) -> list[dict[str, Any]]:
    stacked = fact.manifest["layers"]
    diff_ids = fact.config.get("rootfs", {}).get("diff_ids", [None] * len(stacked))
    chained = chain(diff_ids) if "rootfs" in fact.config else diff_ids
    steps = made(fact.config) or [{}] * len(stacked)
    return [
        {
            "reference": reference,
            "platform": fact.platform,
            "manifest_digest": fact.digest,
            "layer": number,
            "digest": layer["digest"],
            "diff_id": diff_id,
            "chain_id": chain_id,
            "media_type": layer["mediaType"],
            "compression": COMPRESSIONS.get(layer["mediaType"][-4:], "none"),
            "compressed_bytes": layer["size"],
            "tar_bytes": None,
            "files": None,
            "hidden_bytes": None,
            "created_by": step.get("created_by"),
            "created": moment(step["created"]) if step else None,
        }
        for number, (layer, diff_id, chain_id, step) in enumerate(zip(stacked, diff_ids, chained, steps, strict=True))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_history_is_that_of_the_configs(registry: SampleRegistry, name: str) -> None:
    frame = ocinb.history(registry.reference(name), platform="all")
    expected = [row for fact in images(registry, name) for row in history_of(registry.reference(name), fact)]
    assert without(records(frame), "instruction") == expected


def history_of(reference: str, fact: Fact) -> list[dict[str, Any]]:
    rows, layer = [], 0
    for position, entry in enumerate(fact.config.get("history", [])):
        empty = entry.get("empty_layer", False)
        blob = {} if empty else fact.manifest["layers"][layer]
        rows.append(
            {
                "reference": reference,
                "platform": fact.platform,
                "manifest_digest": fact.digest,
                "position": position,
                "layer": None if empty else layer,
                "empty_layer": empty,
                "created_by": entry["created_by"],
                "created": moment(entry["created"]),
                "author": None,
                "comment": entry.get("comment"),
                "layer_digest": blob.get("digest"),
                "compressed_bytes": blob.get("size"),
            }
        )
        layer += not empty
    return rows


@pytest.mark.parametrize("name", IMAGES)
def test_configs_are_the_documents(registry: SampleRegistry, name: str) -> None:
    reference = registry.reference(name)
    expected = []
    for fact in images(registry, name):
        run = fact.config["config"]
        expected.append(
            {
                "reference": reference,
                "platform": fact.platform,
                "manifest_digest": fact.digest,
                "digest": fact.manifest["config"]["digest"],
                "created": moment(fact.config["created"]),
                "author": None,
                "os": fact.config["os"],
                "architecture": fact.config["architecture"],
                "variant": fact.config.get("variant"),
                "user": run.get("User"),
                "entrypoint": run.get("Entrypoint"),
                "cmd": run.get("Cmd"),
                "env": dict(text.split("=", 1) for text in run.get("Env", [])),
                "labels": run.get("Labels", {}),
                "exposed_ports": list(run["ExposedPorts"]) if "ExposedPorts" in run else None,
                "volumes": None,
                "working_dir": run.get("WorkingDir"),
                "stop_signal": None,
                "healthcheck": run.get("Healthcheck"),
            }
        )
    assert records(ocinb.configs(reference, platform="all")) == expected


def test_instructions_read_as_in_the_dockerfile(registry: SampleRegistry) -> None:
    frame = ocinb.history(registry.reference("demo/shop:2.0"), platform="amd64")
    shown = [text.partition(" && ")[0].partition(";")[0] for text in frame["instruction"]]
    assert shown[1:9] == [
        'CMD ["bash"]',
        "RUN set -eux",
        "ENV SHOP_PORT=8080",
        "RUN apt-get update",
        "WORKDIR /srv/shop",
        "COPY --chown=shop:shop . .",
        "ARG VERSION=2.0",
        "RUN pip install -r requirements.txt",
    ]
    assert shown[0].startswith("ADD file:")
    steps = frame[~frame["empty_layer"]]
    layers = ocinb.layers(registry.reference("demo/shop:2.0"), platform="amd64")
    assert layers["instruction"].tolist() == steps["instruction"].tolist()


def test_an_artifact_has_layers_and_neither_config_nor_history(registry: SampleRegistry) -> None:
    chart = registry.reference("demo/chart:0.1")
    assert len(ocinb.layers(chart)) == 1
    assert (len(ocinb.configs(chart)), len(ocinb.history(chart))) == (0, 0)
    [row] = records(ocinb.manifests(chart))
    assert (row["kind"], row["artifact_type"]) == ("artifact", "application/vnd.cncf.helm.config.v1+json")


def test_an_attestation_by_digest_is_no_image(registry: SampleRegistry) -> None:
    attestations = [
        entry["digest"]
        for _, _, entry in index_entries(registry, "demo/shop:2.0")
        if ATTESTED in entry.get("annotations", {})
    ]
    names = [registry.reference(f"demo/shop@{digest}") for digest in attestations]
    assert ocinb.manifests(names)["kind"].tolist() == ["attestation", "attestation"]
    assert len(ocinb.configs(names)) == 0


def test_tags_and_referrers_of_cosign_are_told_by_kind(registry: SampleRegistry) -> None:
    tags = ocinb.tags(registry.reference("demo/shop"), match="sha256-*")
    kinds = [ocinb.manifests(reference)["kind"].tolist() for reference in tags["reference"]]
    assert ["signature"] in kinds


def test_times_are_utc_with_microseconds(registry: SampleRegistry) -> None:
    created = ocinb.configs(registry.reference("demo/hello"))["created"]
    assert str(created.dtype) == "datetime64[us, UTC]"
    assert created[0] == pd.Timestamp("2025-04-01T12:00:01.518284+00:00"), "nanoseconds are cut, not rounded"


def test_bytes_add_up_to_those_of_the_manifest(registry: SampleRegistry) -> None:
    name = "demo/nested:1"
    sizes = ocinb.layers(registry.reference(name), platform="all").groupby("manifest_digest")["compressed_bytes"].sum()
    assert sizes.to_dict() == {
        fact.digest: sum(layer["size"] for layer in fact.manifest["layers"]) for fact in images(registry, name)
    }
