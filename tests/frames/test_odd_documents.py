"""Whatever a manifest is, it is a row: artifacts old and new, unknown types, what is embedded, what nobody sizes."""

from __future__ import annotations

import base64

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError
from ocinb.frames.documents import NoConfigError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import JSON, make_json
from ocinb.spec.mediatypes import (
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    ORAS_ARTIFACT,
)
from tests.documents import REPOSITORY, descriptor, embedded, put, put_image, put_index
from tests.frames.facts import records

STRANGE = "application/vnd.example.strange.v1+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
FILE = descriptor("application/x.file", b"content", annotations={"org.opencontainers.image.title": "a.txt"})
EMPTY = embedded(OCI_EMPTY, b"{}")


def name(registry: SampleRegistry, tag: str = "1") -> str:
    return registry.reference(f"{REPOSITORY}:{tag}")


@pytest.mark.parametrize("media_type", [OCI_ARTIFACT, ORAS_ARTIFACT])
def test_an_artifact_of_old_has_its_blobs_as_rows_and_no_config(registry: SampleRegistry, media_type: str) -> None:
    subject = put_image(registry, tag="image")
    wanted: JSON = {
        "schemaVersion": ...,
        "artifactType": "application/x.sbom",
        "blobs": [FILE, FILE],
        "subject": subject,
    }
    put(registry, media_type, **wanted, annotations={"a": "b"})
    [row] = records(ocinb.manifests(name(registry)))
    assert (row["kind"], row["media_type"]) == ("artifact", media_type)
    assert (row["artifact_type"], row["subject"]) == ("application/x.sbom", subject["digest"])
    assert row["annotations"] == {"a": "b"}
    layers = ocinb.layers(name(registry))
    assert layers["digest"].tolist() == [FILE["digest"]] * 2
    assert layers["compressed_bytes"].tolist() == [7, 7]
    assert len(ocinb.configs(name(registry))) == len(ocinb.history(name(registry))) == 0
    with pytest.raises(NoConfigError, match=r"is an artifact of type application/x\.sbom, which has no config"):
        _ = ocinb.document(name(registry)).config


@pytest.mark.parametrize(
    ("config", "blobs", "kind", "artifact_type"),
    [
        (HELM, ["application/vnd.cncf.helm.chart.content.v1.tar+gzip"], "artifact", None),
        ("application/vnd.wasm.config.v0+json", ["application/wasm"], "artifact", None),
        ("application/vnd.docker.plugin.v1+json", [DOCKER_LAYER], "artifact", None),
        ("application/vnd.unknown.config.v1+json", ["application/x.file"], "artifact", None),
        (CACHE_CONFIG, ["application/vnd.oci.image.layer.v1.tar+zstd"], "artifact", None),
        (OCI_EMPTY, ["application/x.file"], "artifact", "application/x.thing"),
        (OCI_EMPTY, ["application/vnd.dsse.envelope.v1+json"], "attestation", "application/vnd.in-toto+json"),
        (OCI_EMPTY, [BUNDLE], "signature", BUNDLE),
        (OCI_EMPTY, [OCI_EMPTY], "artifact", "application/vnd.example.nothing"),
    ],
)
def test_artifacts_of_today_are_rows(
    registry: SampleRegistry, config: str, blobs: list[str], kind: str, artifact_type: str | None
) -> None:
    stacked = [descriptor(one, b"content") for one in blobs]
    more = {} if artifact_type is None else {"artifactType": artifact_type}
    put(registry, OCI_MANIFEST, config=embedded(config, b"{}"), layers=stacked, **more)
    [row] = records(ocinb.manifests(name(registry)))
    assert (row["kind"], row["artifact_type"]) == (kind, artifact_type or config)
    assert ocinb.layers(name(registry))["media_type"].tolist() == blobs
    assert len(ocinb.configs(name(registry))) == 0
    assert ocinb.document(name(registry)).config.raw == b"{}"
    assert not any("/blobs/" in request.path for request in registry.requests), "the config is embedded"


@pytest.mark.parametrize("served", [STRANGE, "application/octet-stream", "text/plain"])
def test_a_manifest_of_an_unknown_type_is_a_row_without_layers(registry: SampleRegistry, served: str) -> None:
    put(registry, STRANGE, layers=[FILE], config=EMPTY)
    registry.fault("*/manifests/1", headers={"Content-Type": served}, times=None)
    [row] = records(ocinb.manifests(name(registry)))
    assert (row["kind"], row["media_type"], row["artifact_type"]) == ("unknown", STRANGE, None)
    assert len(ocinb.layers(name(registry))) == len(ocinb.history(name(registry))) == 0
    assert len(ocinb.configs(name(registry))) == 0
    assert ocinb.document(name(registry)).media_type == STRANGE
    with pytest.raises(InvalidError, match=r"is no manifest, but application/vnd\.example"):
        _ = ocinb.document(name(registry)).config
    assert len(ocinb.pull(name(registry), progress=False)) == 0


@pytest.mark.parametrize("raw", [b"\x1f\x8b\x08layer", b"", b"[1]", b'"text"'])
def test_a_tag_that_is_answered_by_a_blob_is_refused(registry: SampleRegistry, raw: bytes) -> None:
    registry.put_manifest(REPOSITORY, raw, media_type="application/octet-stream", tag="blob")
    with pytest.raises(InvalidError):
        ocinb.manifests(name(registry, "blob"))


def test_an_index_that_names_another_type_than_its_child_says_is_refused(registry: SampleRegistry) -> None:
    image = put_image(registry, tag="image")
    put_index(registry, {**image, "mediaType": DOCKER_MANIFEST})
    with pytest.raises(InvalidError, match=r"was served as \S+docker\S+, but says that it is \S+oci"):
        ocinb.layers(name(registry))
    plain = put(registry, OCI_MANIFEST, tag="plain", mediaType=..., config=EMPTY, layers=[FILE])
    put(registry, DOCKER_LIST, tag="2", manifests=[{**plain, "mediaType": DOCKER_MANIFEST}])
    assert ocinb.layers(name(registry, "2"), platform="all")["digest"].tolist() == [FILE["digest"]]


def test_embedded_documents_need_no_request_and_are_there_for_pull(registry: SampleRegistry) -> None:
    config = make_json({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}, "author": "ada"})
    put(registry, OCI_MANIFEST, config=embedded(OCI_CONFIG, config), layers=[embedded("application/x", b"small")])
    assert ocinb.configs(name(registry))["author"].tolist() == ["ada"]
    pulled = ocinb.pull(name(registry), progress=False)
    assert pulled["blob_bytes"].tolist() == [len(config), 5]
    assert [settings.store_dir.joinpath(path).read_bytes() for path in pulled["path"]] == [config, b"small"]
    assert [request.path for request in registry.requests if "/blobs/" in request.path] == []


@pytest.mark.parametrize("field", ["config", "layers", "subject", "manifests"])
def test_embedded_bytes_that_are_others_are_refused_wherever_they_stand(registry: SampleRegistry, field: str) -> None:
    wrong = {**EMPTY, "data": base64.b64encode(b"[]").decode()}
    fields: JSON = {"config": EMPTY, "layers": []} | {field: [wrong] if field in {"layers", "manifests"} else wrong}
    if field == "manifests":
        put(registry, OCI_INDEX, manifests=fields[field])
    else:
        put(registry, OCI_MANIFEST, **fields)
    with pytest.raises(IntegrityError, match="is not what it stands for"):
        ocinb.manifests(name(registry))
